"""Cloud Spanner's admin API: instances and databases with their statements. The statements are kept, not
run: data needs Google's own emulator."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.google.hooks import Hook, invalid, precondition, verb

if TYPE_CHECKING:
    from localcloud.google.calls import Call
    from localcloud.google.store import Stored

_STATEMENT = re.compile(r"(?i)\s*(CREATE|ALTER|DROP|GRANT|REVOKE|RENAME|ANALYZE)\b")


class Instances(Hook):
    """Instances."""

    collection: ClassVar[str] = "spanner/projects.instances"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Complete, or refuse: nodes or processing units, and each says the other."""
        _size(body)
        body.setdefault("edition", "STANDARD")
        body.setdefault("defaultBackupScheduleType", "AUTOMATIC")

    def updating(self, call: Call, resource: Stored, body: dict[str, Any]) -> None:
        """The same."""
        if body.get("config") != resource.body.get("config"):
            raise invalid("An instance's config can't be changed by an update: it is moved.")
        nodes = body.get("nodeCount") != resource.body.get("nodeCount")
        body.pop("processingUnits" if nodes else "nodeCount", None)
        _size(body)


def _size(body: dict[str, Any]) -> None:
    units = int(body.get("processingUnits") or 1000 * int(body.get("nodeCount") or 0))
    if not units and not body.get("autoscalingConfig"):
        raise invalid("Either nodeCount or processingUnits must be specified.")
    if units % (100 if units < 1000 else 1000):
        raise invalid("processingUnits must be a multiple of 100 below 1000, and of 1000 from there.")
    body["processingUnits"] = units
    body["nodeCount"] = units // 1000


class Databases(Hook):
    """Databases: the creation's statements, and those of later changes."""

    collection: ClassVar[str] = "spanner/projects.instances.databases"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """What the creation says beside the name."""
        _check(call.body.get("extraStatements") or [])
        body["databaseDialect"] = call.body.get("databaseDialect") or "GOOGLE_STANDARD_SQL"
        body["versionRetentionPeriod"] = "1h"
        body["enableDropProtection"] = False

    def created(self, call: Call, resource: Stored) -> None:
        """Keep the statements."""
        resource.private["statements"] = call.body.get("extraStatements") or []

    def shown(self, call: Call, resource: Stored) -> dict[str, Any]:
        """Without drop protection where it is off, as the API leaves defaults out."""
        off = not resource.body.get("enableDropProtection")
        return {
            key: value for key, value in resource.body.items() if not (off and key == "enableDropProtection")
        }

    @verb("getDdl")
    def ddl(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """All statements so far."""
        return {"statements": (resource or call.resource()).private.get("statements", [])}

    @verb("updateDdl")
    def change(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Further statements."""
        database = resource or call.resource()
        statements = call.body.get("statements") or []
        _check(statements)

        def work(draft: Stored) -> None:
            draft.private.setdefault("statements", []).extend(statements)

        return call.operation(database, work, seconds=self.seconds)

    @verb("dropDatabase")
    def drop(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Gone at once, unless it is protected."""
        database = resource or call.resource()
        if database.body.get("enableDropProtection"):
            raise precondition(f"Database {database.path} is protected: set enable_drop_protection to false.")
        call.context.store.remove(database.key)
        return {}


def _check(statements: list[str]) -> None:
    for statement in statements:
        if not _STATEMENT.match(statement):
            raise invalid(f"Error parsing Spanner DDL statement: {statement[:80]}")
