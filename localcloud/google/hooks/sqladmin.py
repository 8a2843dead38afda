"""Cloud SQL for PostgreSQL: an instance is a real server on an address of its own, port 5432.

Creating the instance starts the server, `activationPolicy: NEVER` stops it, a replica is a streaming standby,
databases and users are made in it.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import psycopg
from psycopg import sql

from localcloud.engines import postgresql
from localcloud.engines.records import Records
from localcloud.google.hooks import Hook, Refusal, invalid, not_in_the_rehearsal, verb
from localcloud.google.times import now
from localcloud.ports import free_loopback

if TYPE_CHECKING:
    from localcloud.google.calls import Call
    from localcloud.google.store import Stored

#: Cloud SQL has no choice of port (cloud.google.com/sql/docs/postgres/connect-instance, November 2026).
PORT = 5432

#: Flags of Cloud SQL that aren't PostgreSQL's: what they stand for is always on in our servers.
OWN_FLAGS = frozenset(
    {"cloudsql.logical_decoding", "cloudsql.iam_authentication", "cloudsql.enable_pglogical"}
)

REPLICA, PRIMARY = "READ_REPLICA_INSTANCE", "CLOUD_SQL_INSTANCE"


def engine(instance: str) -> str:
    """The engine's name."""
    return f"cloudsql-{instance}"


class Instances(Hook):
    """Instances and their replicas."""

    collection: ClassVar[str] = "sqladmin/instances"
    backing: ClassVar[str] = "postgresql"
    pending: ClassVar[dict[str, str]] = {"state": "PENDING_CREATE"}
    ready: ClassVar[dict[str, str]] = {"state": "RUNNABLE"}

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Refuse what can't be, fill in what the API fills in (sqladmin v1 reference, November 2026)."""
        settings = body.setdefault("settings", {})
        if not settings.get("tier"):
            raise invalid("Invalid request: settings.tier is required.")
        master = _master(body)
        if master:
            _check_master(call, body, master)
        if not str(body.get("databaseVersion", "")).startswith("POSTGRES_"):
            raise not_in_the_rehearsal(f"Cloud SQL with {body.get('databaseVersion', 'MySQL')}")
        body.setdefault("region", "us-central1")
        body.setdefault("gceZone", f"{body['region']}-a")
        body["instanceType"] = REPLICA if master else PRIMARY
        body["backendType"] = "SECOND_GEN"
        body["project"] = call.context.project
        body["connectionName"] = f"{call.context.project}:{body['region']}:{body['name']}"
        settings.setdefault("activationPolicy", "ALWAYS")
        settings.setdefault("availabilityType", "ZONAL")
        settings.setdefault("dataDiskSizeGb", "10")
        settings.setdefault("dataDiskType", "PD_SSD")
        settings["settingsVersion"] = "1"
        settings["kind"] = "sql#settings"

    def created(self, call: Call, resource: Stored) -> None:
        """Start the server."""
        body = resource.body
        password = body.pop("rootPassword", None) or secrets.token_urlsafe(18)
        master = _master(body)
        endpoint = call.context.engines.postgres(
            engine(resource.name),
            region=body["region"],
            user="postgres",
            password=password,
            host=free_loopback(PORT),
            port=PORT,
            settings=_flags(body),
            replica_of=engine(master) if master else None,
        )
        resource.private.update(engine=engine(resource.name))
        body["ipAddresses"] = [{"type": "PRIMARY", "ipAddress": endpoint.host}]
        if master:
            _relate(call, master, resource.name, add=True)
            _inherit(call, master, resource)

    def updating(self, call: Call, resource: Stored, body: dict[str, Any]) -> None:
        """What Cloud SQL refuses."""
        policy = (body.get("settings") or {}).get("activationPolicy")
        if policy == "NEVER" and resource.body.get("instanceType") == REPLICA:
            raise invalid("Invalid request: the activation policy of a read replica cannot be NEVER.")
        if body.get("region") != resource.body.get("region"):
            raise invalid("Invalid request: the region of an instance cannot be changed.")

    def updated(self, call: Call, resource: Stored, before: dict[str, Any]) -> None:
        """Stop or start the server; restart it with other flags."""
        body, engines = resource.body, call.context.engines
        settings = body["settings"]
        settings["settingsVersion"] = str(int(before["settings"].get("settingsVersion", "1")) + 1)
        password = body.pop("rootPassword", None)
        name, policy = engine(resource.name), settings.get("activationPolicy")
        if policy == "NEVER":
            engines.stop(name)
            return
        if before["settings"].get("activationPolicy") == "NEVER":
            engines.start(name)
        if _flags(body) != _flags(before) or password:
            _reconfigure(call, name, _flags(body), password)

    def deleting(self, call: Call, resource: Stored) -> None:
        """Deletion protection; a primary goes after its replicas."""
        if (resource.body.get("settings") or {}).get("deletionProtectionEnabled"):
            raise invalid("The instance is protected. Please disable the deletion protection and try again.")
        if resource.body.get("replicaNames"):
            raise invalid("Invalid request: the instance has replicas; delete them first.")

    def deleted(self, call: Call, resource: Stored) -> None:
        """Stop the server and delete its data."""
        call.context.engines.delete(engine(resource.name))
        master = _master(resource.body)
        if master:
            _relate(call, master, resource.name, add=False)

    @verb("restart")
    def restart(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Stop and start."""
        found = resource or call.resource()
        _require_running(found)

        def work(draft: Stored) -> None:
            call.context.engines.stop(engine(draft.name))
            call.context.engines.start(engine(draft.name))

        return call.operation(found, work, verb="RESTART")

    @verb("promoteReplica")
    def promote(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Make a replica a primary of its own."""
        found = resource or call.resource()
        if found.body.get("instanceType") != REPLICA:
            raise invalid("Invalid request: the instance is not a replica.")

        def work(draft: Stored) -> None:
            call.context.engines.promote(engine(draft.name))
            master = _master(draft.body)
            del draft.body["masterInstanceName"]
            draft.body["instanceType"] = PRIMARY
            _relate(call, master, draft.name, add=False)

        return call.operation(found, work, verb="PROMOTE_REPLICA")

    @verb("switchover")
    def switchover(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Exchange a primary and its replica without loss: the primary stops, the replica takes over."""
        found = resource or call.resource()
        if found.body.get("instanceType") != REPLICA:
            raise invalid("Invalid request: the instance is not a replica.")
        if (found.body.get("settings") or {}).get("edition") != "ENTERPRISE_PLUS":
            raise invalid("Invalid request: switchover needs the edition ENTERPRISE_PLUS.")
        master = _master(found.body)

        def work(draft: Stored) -> None:
            engines = call.context.engines
            engines.stop(engine(master))
            engines.promote(engine(draft.name))
            engines.rejoin(engine(master), engine(draft.name))
            _exchange(call, draft, master)

        return call.operation(found, work, verb="SWITCHOVER")


class Databases(Hook):
    """Databases, really made in the instance."""

    collection: ClassVar[str] = "sqladmin/databases"
    backing: ClassVar[str] = "postgresql"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Where it belongs."""
        instance = _instance(call)
        _require_running(instance)
        body.update(instance=instance.name, project=call.context.project)
        body.setdefault("charset", "UTF8")
        body.setdefault("collation", "en_US.UTF8")

    def created(self, call: Call, resource: Stored) -> None:
        """CREATE DATABASE."""
        call.context.engines.ensure_database(engine(_instance(call).name), resource.name)

    def deleted(self, call: Call, resource: Stored) -> None:
        """DROP DATABASE, which PostgreSQL refuses while somebody is connected."""
        _execute(call, sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(resource.name)))


class Users(Hook):
    """Users, really made in the instance."""

    collection: ClassVar[str] = "sqladmin/users"
    backing: ClassVar[str] = "postgresql"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Only users with a password: there is no IAM to ask."""
        instance = _instance(call)
        _require_running(instance)
        if body.get("type", "BUILT_IN") != "BUILT_IN":
            raise not_in_the_rehearsal(f"A database user of type {body['type']}")
        if not body.get("password"):
            raise invalid("Invalid request: the user needs a password.")
        body.update(instance=instance.name, project=call.context.project, kind="sql#user")
        body.setdefault("host", "")

    def created(self, call: Call, resource: Stored) -> None:
        """CREATE ROLE."""
        password = resource.body.pop("password")
        call.context.engines.ensure_role(engine(_instance(call).name), resource.name, password)
        # As every user of Cloud SQL belongs to cloudsqlsuperuser, which owns the databases made by the API.
        grant = sql.SQL("GRANT postgres TO {}").format(sql.Identifier(resource.name))
        if resource.name != "postgres":
            _execute(call, grant)

    @verb("update")
    def update(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """Another password."""
        found = _user(call)
        password = call.body.get("password")

        def work(draft: Stored) -> None:
            if password:
                call.context.engines.ensure_role(engine(_instance(call).name), draft.name, password)

        return call.operation(found, work, verb="UPDATE_USER", seconds=self.seconds)

    @verb("delete")
    def delete(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """DROP ROLE, which PostgreSQL refuses while it owns something."""
        found = _user(call)

        def work(draft: Stored) -> None:
            _execute(call, sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(draft.name)))

        return call.context.operations.start(call, found, work, verb="DELETE_USER", removes=True)


def _instance(call: Call) -> Stored:
    name = call.variables["instance"]
    found = call.sibling(f"projects/{call.context.project}/instances/{name}")
    if found is None:
        raise Refusal(404, f"The Cloud SQL instance {name} does not exist.")
    return found


def _user(call: Call) -> Stored:
    name = call.query.get("name", "")
    found = call.sibling(f"{_instance(call).path}/users/{name}")
    if found is None:
        raise Refusal(404, f"The user {name} does not exist.")
    return found


def _require_running(instance: Stored) -> None:
    """Its `state` is RUNNABLE even when its owner has stopped it (the schema says so)."""
    stopped = instance.body["settings"].get("activationPolicy") == "NEVER"
    if stopped or instance.body.get("state") != "RUNNABLE":
        raise invalid("Invalid request: the instance or operation is not in an appropriate state.")


def _check_master(call: Call, body: dict[str, Any], master: str) -> None:
    found = call.sibling(f"projects/{call.context.project}/instances/{master}")
    if found is None:
        raise Refusal(404, f"The Cloud SQL instance {master} does not exist.")
    _require_running(found)
    body.setdefault("databaseVersion", found.body["databaseVersion"])
    if body["databaseVersion"] != found.body["databaseVersion"]:
        raise invalid("Invalid request: the replica's database version differs from its master's.")
    body["masterInstanceName"] = f"{call.context.project}:{master}"


def _master(body: dict[str, Any]) -> str:
    """The master's short name, empty for a primary."""
    return str(body.get("masterInstanceName") or "").rsplit(":", 1)[-1]


def _exchange(call: Call, replica: Stored, master: str) -> None:
    """Write down that the replica is the primary now, and its master its replica."""
    former = call.sibling(f"projects/{call.context.project}/instances/{master}")
    if former is None:
        raise Refusal(404, f"The Cloud SQL instance {master} does not exist.")
    others = [name for name in former.body.pop("replicaNames", []) if name != replica.name]
    former.body.update(
        instanceType=REPLICA, masterInstanceName=f"{call.context.project}:{replica.name}", updateTime=now()
    )
    call.context.store.put(former)
    del replica.body["masterInstanceName"]
    replica.body.update(instanceType=PRIMARY, replicaNames=[*others, master])


def _relate(call: Call, master: str, replica: str, *, add: bool) -> None:
    """Keep the master's list of its replicas."""
    found = call.sibling(f"projects/{call.context.project}/instances/{master}")
    if found is None:
        return
    names = [name for name in found.body.get("replicaNames", []) if name != replica]
    found.body["replicaNames"] = [*names, replica] if add else names
    if not found.body["replicaNames"]:
        del found.body["replicaNames"]
    found.body["updateTime"] = now()
    call.context.store.put(found)


def _inherit(call: Call, master: str, replica: Stored) -> None:
    """A replica holds its master's databases and users; its lists show them."""
    found = call.sibling(f"projects/{call.context.project}/instances/{master}")
    if found is None:
        return
    for child in call.context.store.children(found.key):
        body = {key: value for key, value in child.body.items() if key != "selfLink"}
        if "instance" in body:
            body["instance"] = replica.name
        call.context.store.put(
            replace(child, key=child.key.replace(found.key, replica.key, 1), body=body, busy=False)
        )


def _flags(body: dict[str, Any]) -> dict[str, str]:
    """PostgreSQL's own settings among the instance's flags."""
    given = (body.get("settings") or {}).get("databaseFlags") or []
    return {one["name"]: str(one["value"]) for one in given if one["name"] not in OWN_FLAGS}


def _reconfigure(call: Call, name: str, flags: dict[str, str], password: str | None) -> None:
    engines = call.context.engines
    known = engines.postgres_endpoint(name)
    engines.postgres(
        name,
        region=known.region,
        user=known.user,
        password=password or known.password,
        database=known.database,
        host=known.host,
        port=known.port,
        settings=flags,
        replica_of=known.replica_of,
    )


def _execute(call: Call, statement: sql.Composed) -> None:
    """Run a statement as the server's superuser, as Cloud SQL's own agent does."""
    record = Records(call.context.state).require(engine(_instance(call).name))
    try:
        with postgresql.connect(record.spec, record.port) as connection:
            connection.execute(statement)
    except psycopg.Error as error:
        raise invalid(f"Invalid request: {str(error).splitlines()[0]}.") from error
