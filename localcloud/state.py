"""The state directory: where everything is, what runs, and who may call it.

    DIR/endpoints.json     addresses of everything that runs (0600: it holds the rehearsal's own passwords)
    DIR/credentials.json   the rehearsal's identities (see `localcloud.credentials`)
    DIR/logs/NAME.log      what each process printed
    DIR/engines/NAME/      a server's record and its data (see `localcloud.engines`)

Several processes share one directory (the two clouds' servers, the command line, the tests), so every change
is made under a file lock and replaces the file in one step: a reader never sees half a file.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamnet.errors import ConfigurationError

if TYPE_CHECKING:
    from localcloud.credentials import LocalCredentials

#: Where the state lies unless `--state` says otherwise.
DEFAULT_DIRECTORY = ".rehearsal"


class State:
    """One local cloud on disk. Cheap to make; creates the directory when it is absent.

    Args:
        directory: any path; made absolute, so that child processes agree on it.
    """

    def __init__(self, directory: Path | str = DEFAULT_DIRECTORY) -> None:
        self.dir = Path(directory).expanduser().absolute()
        self.logs = self.dir / "logs"
        self.engines = self.dir / "engines"
        self._endpoints = self.dir / "endpoints.json"
        try:
            for path in (self.dir, self.logs, self.engines):
                path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"The state directory {self.dir} cannot be made ({error.strerror}).",
                "Name a directory that you may write with --state.",
            ) from error

    def __repr__(self) -> str:
        return f"State({str(self.dir)!r})"

    def log(self, name: str) -> Path:
        """The log file of one process."""
        return self.logs / f"{name}.log"

    def endpoints(self) -> dict[str, Any]:
        """All addresses known now, in the form of `endpoints.json`; empty before anything has started."""
        return read_json(self._endpoints)

    def update_endpoints(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Merge `changes` into the addresses, level by level, and return the result."""
        with self.lock("endpoints"):
            merged = _merge(self.endpoints(), changes)
            write_json(self._endpoints, merged)
        return merged

    def remove_endpoint(self, *path: str) -> None:
        """Forget the address at `path`, such as `("postgres", "neon")`; an absent one is no error."""
        with self.lock("endpoints"):
            endpoints = self.endpoints()
            parent: Any = endpoints
            for key in path[:-1]:
                parent = parent.get(key) if isinstance(parent, dict) else None
            if isinstance(parent, dict) and parent.pop(path[-1], None) is not None:
                write_json(self._endpoints, endpoints)

    def credentials(self) -> LocalCredentials:
        """The rehearsal's identities; made on the first call and the same ever after."""
        # Imported here: making the key needs `cryptography`, which most readers of a state do not.
        from localcloud.credentials import load_or_make

        with self.lock("credentials"):
            return load_or_make(self.dir / "credentials.json")

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the lock `name` of this directory, across threads and processes. Not reentrant."""
        locks = self.dir / ".locks"
        locks.mkdir(exist_ok=True)
        descriptor = os.open(locks / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty where the file is absent."""
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ConfigurationError(
            f"{path} is not JSON ({error}).", "Run `python -m localcloud down --wipe` and start again."
        ) from error
    return dict(content)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a JSON file in one step; only the owner may read it."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as stream:
            json.dump(content, stream, indent=2, sort_keys=True)
            stream.write("\n")
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _merge(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(old)
    for key, value in new.items():
        before = merged.get(key)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        merged[key] = _merge(before, value) if both else value  # type: ignore[arg-type]
    return merged
