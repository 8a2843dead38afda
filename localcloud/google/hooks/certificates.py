"""Certificate Manager: a managed certificate becomes active once the record that proves its domain stands
in the project's own DNS; no certificate is issued. What is in use stays."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.google.hooks import Hook, Refusal, invalid, precondition
from localcloud.google.hooks.dns import RECORDS

if TYPE_CHECKING:
    from localcloud.google.calls import Call
    from localcloud.google.store import Stored


class _Used(Hook):
    """What others of this API name by its path stays."""

    def deleting(self, call: Call, resource: Stored) -> None:
        """Refuse while somebody refers to it."""
        for other in call.context.store.everything():
            known = (
                other.type.startswith(("certificatemanager/", "compute/"))
                and "operation" not in other.private
            )
            inside = other.key.startswith(f"{resource.key}/") or other.key == resource.key
            if known and not inside and resource.path in _texts(other.body):
                raise precondition(f"can't delete {resource.path}: it is in use by {other.path}.")


def _texts(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {text for one in value.values() for text in _texts(one)}
    if isinstance(value, list):
        return {text for one in value for text in _texts(one)}
    return {value.removeprefix("//certificatemanager.googleapis.com/")} if isinstance(value, str) else set()


class Authorizations(_Used):
    """DNS authorizations."""

    collection: ClassVar[str] = "certificatemanager/projects.locations.dnsAuthorizations"

    def created(self, call: Call, resource: Stored) -> None:
        """The record that proves the domain."""
        body = resource.body
        body.setdefault("type", "FIXED_RECORD")
        body["dnsResourceRecord"] = {
            "name": f"_acme-challenge.{body['domain']}.",
            "type": "CNAME",
            "data": f"{uuid.uuid4()}.0.authorize.certificatemanager.goog.",
        }


class Certificates(_Used):
    """Certificates."""

    collection: ClassVar[str] = "certificatemanager/projects.locations.certificates"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Complete, or refuse."""
        managed = body.get("managed")
        if not managed and not body.get("selfManaged"):
            raise invalid("A certificate is managed, or its own.")
        for name in (managed or {}).get("dnsAuthorizations", []):
            if call.sibling(name) is None:
                raise Refusal(404, f"Resource '{name}' was not found.")
        if managed:
            body["sanDnsnames"] = list(managed.get("domains", []))

    def shown(self, call: Call, resource: Stored) -> dict[str, Any]:
        """With its state as the zone's records have it now."""
        managed = resource.body.get("managed")
        if not managed:
            return resource.body
        proven = [_proven(call, name) for name in managed.get("dnsAuthorizations", [])]
        state = "ACTIVE" if proven and all(proven) else "PROVISIONING"
        return {**resource.body, "managed": {**managed, "state": state}}


def _proven(call: Call, authorization: str) -> bool:
    found = call.sibling(authorization)
    record = found.body["dnsResourceRecord"] if found else {}
    return any(
        one.body["name"] == record.get("name") and one.body.get("rrdatas") == [record.get("data")]
        for one in call.context.store.of_type(RECORDS)
    )


class Maps(_Used):
    """Certificate maps."""

    collection: ClassVar[str] = "certificatemanager/projects.locations.certificateMaps"

    def deleting(self, call: Call, resource: Stored) -> None:
        """Neither in use nor with entries."""
        super().deleting(call, resource)
        if call.context.store.children(resource.key):
            raise precondition(f"can't delete {resource.path}: it has entries.")


class Entries(Hook):
    """What a map says for a name."""

    collection: ClassVar[str] = "certificatemanager/projects.locations.certificateMaps.certificateMapEntries"
    ready: ClassVar[dict[str, Any]] = {"state": "ACTIVE"}

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Refuse certificates that aren't there."""
        if bool(body.get("hostname")) is bool(body.get("matcher")):
            raise invalid("An entry has a hostname or a matcher.")
        for name in body.get("certificates", []):
            if call.sibling(name) is None:
                raise Refusal(404, f"Resource '{name}' was not found.")
