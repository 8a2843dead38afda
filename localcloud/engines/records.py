"""What is written on disk about each real server, so that any process can find it and act on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from dreamnet.errors import ConfigurationError
from localcloud.state import State, read_json, write_json

#: `running`; `stopped` on request; `failed` by `kill` or `fail_region`; `down`: ran when the whole local
#: cloud was stopped, and starts again with it.
Status = Literal["running", "stopped", "failed", "down"]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}")


@dataclass
class Record:
    """One server, as DIR/engines/NAME/engine.json holds it (0600: the spec may hold passwords).

    Attributes:
        kind: `postgresql`, `valkey`, `kubernetes`, `backend`, or the name that a caller of `process` gave.
        region: the region whose failure takes it down; `global` for what no region's failure touches.
        argv, environment: how its process is started. The environment is what is added to the inherited
        basics. ready_url: answers below 500 once it serves; without one, an accepted TCP connection means
        ready. spec: what it was asked to be, for PostgreSQL the settings, roles and the primary.
        pid, created: its process and that process's creation time (seconds since the epoch), which
            together name it for good: a process number alone is given away again.
    """

    name: str
    kind: str
    region: str
    host: str
    port: int
    argv: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    ready_url: str | None = None
    spec: dict[str, Any] = field(default_factory=dict, repr=False)
    pid: int | None = None
    created: float | None = None
    status: Status = "stopped"


@dataclass(frozen=True)
class Endpoint:
    """Where a server listens."""

    name: str
    kind: str
    region: str
    host: str
    port: int
    pid: int | None = None
    status: Status = "running"

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class PostgresEndpoint:
    """A PostgreSQL server and the owner role that its cloud would hand out (no superuser)."""

    name: str
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str = "postgres"
    region: str = "global"
    replica_of: str | None = None
    status: Status = "running"

    @property
    def dsn(self) -> str:
        """A connection URL; holds the password."""
        user, password = quote(self.user, safe=""), quote(self.password, safe="")
        return f"postgresql://{user}:{password}@{self.host}:{self.port}/{quote(self.database, safe='')}"


@dataclass(frozen=True)
class KubernetesEndpoint:
    """A cluster's API server."""

    name: str
    server: str
    ca_certificate_pem: str = field(repr=False)
    kubeconfig: Path
    region: str
    host: str
    port: int


class Records:
    """The records of one state directory."""

    def __init__(self, state: State) -> None:
        self._state = state

    def directory(self, name: str) -> Path:
        """The folder of one server."""
        if not _NAME.fullmatch(name):
            raise ConfigurationError(
                f"{name!r} cannot name an engine.",
                "Use up to 63 letters, digits, dots, underscores and hyphens.",
            )
        return self._state.engines / name

    def load(self, name: str) -> Record | None:
        """The record of `name`; None where there is none."""
        content = read_json(self.directory(name) / "engine.json")
        return Record(**content) if content else None

    def require(self, name: str) -> Record:
        """The record of `name`.

        Raises:
            ConfigurationError: there is no such engine.
        """
        record = self.load(name)
        if record is None:
            raise ConfigurationError(
                f"There is no engine {name!r} in {self._state.dir}.",
                f"`python -m localcloud status --state {self._state.dir}` lists those there are.",
            )
        return record

    def save(self, record: Record) -> None:
        """Write the record."""
        directory = self.directory(record.name)
        directory.mkdir(parents=True, exist_ok=True)
        write_json(directory / "engine.json", asdict(record))

    def all(self) -> Iterator[Record]:
        """Every record, by name."""
        for path in sorted(self._state.engines.glob("*/engine.json")):
            record = self.load(path.parent.name)
            if record is not None:
                yield record
