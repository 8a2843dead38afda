"""Memorystore for Redis: an instance is a real Valkey server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.google.hooks import Hook, invalid, not_in_the_rehearsal

if TYPE_CHECKING:
    from localcloud.google.calls import Call
    from localcloud.google.store import Stored


class Instances(Hook):
    """Instances; one server each, in the standard tier too (its standby is simulated)."""

    collection: ClassVar[str] = "redis/projects.locations.instances"
    backing: ClassVar[str] = "valkey"
    pending: ClassVar[dict[str, str]] = {"state": "CREATING"}
    ready: ClassVar[dict[str, str]] = {"state": "READY"}

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Fill in what the API fills in (redis v1 reference, November 2026)."""
        if not body.get("memorySizeGb"):
            raise invalid("memory_size_gb is required.")
        if body.get("authEnabled") or body.get("transitEncryptionMode") == "SERVER_AUTHENTICATION":
            raise not_in_the_rehearsal("An instance with AUTH or TLS")
        location = call.path.split("/")[3]
        body.setdefault("tier", "BASIC")
        body.setdefault("redisVersion", "REDIS_7_2")
        body.setdefault("connectMode", "DIRECT_PEERING")
        body.setdefault("transitEncryptionMode", "DISABLED")
        body.setdefault("locationId", f"{location}-a")
        body.setdefault("authorizedNetwork", f"projects/{call.context.project}/global/networks/default")

    def created(self, call: Call, resource: Stored) -> None:
        """Start the server."""
        region = resource.path.split("/")[3]
        endpoint = call.context.engines.valkey(engine(resource.name), region=region)
        resource.private["engine"] = engine(resource.name)
        resource.body.update(host=endpoint.host, port=endpoint.port)
        resource.body["currentLocationId"] = resource.body["locationId"]

    def deleted(self, call: Call, resource: Stored) -> None:
        """Stop the server."""
        call.context.engines.delete(engine(resource.name))


def engine(instance: str) -> str:
    """The engine's name."""
    return f"memorystore-{instance}"
