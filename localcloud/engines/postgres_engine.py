"""PostgreSQL servers as engines: from what is wanted to a running, registered server."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dreamnet.errors import ConfigurationError
from localcloud.engines import postgresql, processes
from localcloud.engines.records import PostgresEndpoint, Record, Records
from localcloud.engines.system_user import postgres_account
from localcloud.ports import free_port

if TYPE_CHECKING:
    from localcloud.engines.registry import Engines


@dataclass(frozen=True)
class Wanted:
    """What a caller asks of `Engines.postgres`."""

    region: str
    user: str
    password: str = field(repr=False)
    database: str
    host: str
    port: int | None
    settings: Mapping[str, str]
    replica_of: str | None


def ensure(engines: Engines, records: Records, name: str, wanted: Wanted) -> None:
    """Bring the server `name` to what is wanted. The caller holds its lock."""
    record = records.load(name)
    if record is None:
        _make(engines, records, name, wanted)
        return
    _refuse_other(record, wanted)
    spec = record.spec
    if spec["settings"] != dict(wanted.settings):
        spec["settings"] = dict(wanted.settings)
        engines._stop(record)
    if processes.find(record.pid, record.created) is None:
        start(engines, record)
    if not spec["replica_of"] and _owner(spec) != (wanted.user, wanted.password, wanted.database):
        spec.update(user=wanted.user, password=wanted.password, database=wanted.database)
        _set_up_owner(record)
    records.save(record)
    _announce(engines, record)


def start(engines: Engines, record: Record) -> None:
    """Start a server whose data exists. The caller holds its lock."""
    spec, port = record.spec, record.port
    postgresql.configure(
        spec["data"], sockets=spec["sockets"], host=record.host, port=port, settings=spec["settings"]
    )
    postgresql.forget_process(spec)
    record.argv = [postgresql.binary("postgres"), "-D", spec["data"]]
    engines.launch(record, lambda: postgresql.is_ready(spec, port), user=postgres_account())
    _announce(engines, record)


def ensure_role(record: Record, user: str, password: str) -> None:
    """Create an owner role, or set its password."""
    with postgresql.connect(record.spec, record.port) as connection:
        postgresql.ensure_role(connection, user, password)


def ensure_database(record: Record, database: str, owner: str | None) -> None:
    """Create a database, or hand it to `owner`."""
    with postgresql.connect(record.spec, record.port) as connection:
        postgresql.ensure_database(connection, database, owner or record.spec["user"])


def promote(records: Records, record: Record) -> None:
    """Make a standby a primary."""
    postgresql.promote(record.spec, record.port, record.name)
    record.spec["replica_of"] = None
    records.save(record)


def rejoin(engines: Engines, records: Records, record: Record, primary: str) -> None:
    """Replace a stopped server's data by a streaming copy of `primary`, and start it."""
    shutil.rmtree(record.spec["data"])
    postgresql.make_directories(records.directory(record.name))
    record.spec["replica_of"] = primary
    _copy_primary(engines.postgres_endpoint(primary), record)
    start(engines, record)


def remove(records: Records, record: Record) -> None:
    """Delete a stopped server's data, and the slot that its primary keeps for it."""
    primary = records.load(record.spec["replica_of"]) if record.spec["replica_of"] else None
    if primary is not None and processes.find(primary.pid, primary.created) is not None:
        with postgresql.connect(primary.spec, primary.port) as connection:
            _drop_slot(connection, record.name)
    postgresql.remove_directories(record.spec)


def _make(engines: Engines, records: Records, name: str, wanted: Wanted) -> None:
    spec: dict[str, Any] = {
        "user": wanted.user,
        "password": wanted.password,
        "database": wanted.database,
        "settings": dict(wanted.settings),
        "replica_of": wanted.replica_of,
    }
    port = wanted.port or free_port(wanted.host)
    record = Record(name, "postgresql", wanted.region, wanted.host, port, spec=spec)
    spec.update(postgresql.make_directories(records.directory(name)))
    try:
        if wanted.replica_of:
            _take_owner_of_primary(engines, record)
            _copy_primary(engines.postgres_endpoint(wanted.replica_of), record)
        else:
            postgresql.initialise(spec["data"])
        start(engines, record)
        if not wanted.replica_of:
            _set_up_owner(record)
    except BaseException:
        # Half a server must not be found by the next call.
        process = processes.find(record.pid, record.created)
        if process is not None:
            processes.kill(process)
        postgresql.remove_directories(spec)
        (records.directory(name) / "engine.json").unlink(missing_ok=True)
        raise


def _take_owner_of_primary(engines: Engines, record: Record) -> None:
    primary = engines.postgres_endpoint(record.spec["replica_of"])
    record.spec.update(user=primary.user, password=primary.password, database=primary.database)


def _copy_primary(primary: PostgresEndpoint, record: Record) -> None:
    slot = _slot(record.name)
    postgresql.base_backup(
        record.spec["data"],
        host=primary.host,
        port=primary.port,
        user=primary.user,
        password=primary.password,
        slot=slot,
    )


def _set_up_owner(record: Record) -> None:
    spec = record.spec
    ensure_role(record, spec["user"], spec["password"])
    ensure_database(record, spec["database"], spec["user"])


def _announce(engines: Engines, record: Record) -> None:
    endpoint = engines.postgres_endpoint(record.name)
    engines.state.update_endpoints({"postgres": {record.name: endpoint.dsn}})


def _refuse_other(record: Record, wanted: Wanted) -> None:
    differs = [
        what
        for what, have, want in (
            ("kind", record.kind, "postgresql"),
            ("region", record.region, wanted.region),
            ("host", record.host, wanted.host),
            ("port", record.port, wanted.port or record.port),
            ("replica_of", record.spec.get("replica_of"), wanted.replica_of),
        )
        if have != want
    ]
    if differs:
        raise ConfigurationError(
            f"The engine {record.name!r} exists with another {', '.join(differs)}.", "Delete it first."
        )


def _owner(spec: Mapping[str, Any]) -> tuple[str, str, str]:
    return spec["user"], spec["password"], spec["database"]


def _slot(name: str) -> str:
    """A replication slot's name: letters, digits and underscores."""
    return "standby_" + "".join(c if c.isalnum() else "_" for c in name.lower())[:50]


def _drop_slot(connection: Any, name: str) -> None:
    connection.execute(
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
        " WHERE slot_name = %s AND NOT active",
        (_slot(name),),
    )
