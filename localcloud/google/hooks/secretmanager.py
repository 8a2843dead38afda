"""Secret Manager: secrets with versions, whose payloads lie in the server's private store."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any, ClassVar

import google_crc32c

from localcloud.google.hooks import Hook, Refusal, invalid, precondition, verb
from localcloud.google.store import Stored
from localcloud.google.times import now

if TYPE_CHECKING:
    from localcloud.google.calls import Call

VERSIONS = "secretmanager/projects.secrets.versions"

#: Bytes of a payload (cloud.google.com/secret-manager/quotas, November 2026).
LARGEST = 64 * 1024


class Secrets(Hook):
    """Secrets."""

    collection: ClassVar[str] = "secretmanager/projects.secrets"
    backing: ClassVar[str] = "secret store"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """A secret says where it is replicated."""
        if not body.get("replication"):
            raise invalid("Secret.replication is required.")

    @verb("addVersion")
    def add_version(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """A new version, enabled at once; its number is one more than the last."""
        secret = resource or call.resource()
        payload = call.body.get("payload") or {}
        data = _decoded(payload.get("data", ""))
        given = payload.get("dataCrc32c")
        if given is not None and int(given) != google_crc32c.value(data):
            raise invalid("The payload's checksum does not match its data.")
        with call.context.lock:
            number = int(secret.private.get("versions", 0)) + 1
            secret.private["versions"] = number
            call.context.store.put(secret)
        path = f"{secret.path}/versions/{number}"
        body = {
            "name": path,
            "createTime": now(),
            "state": "ENABLED",
            "replicationStatus": {"automatic": {}},
            "clientSpecifiedPayloadChecksum": given is not None,
        }
        private = {"data": b64encode(data).decode()}
        call.context.store.put(Stored(call.key(path), VERSIONS, body, private, backing=self.backing))
        return body


class Versions(Hook):
    """Versions of a secret."""

    collection: ClassVar[str] = VERSIONS
    backing: ClassVar[str] = "secret store"

    @verb("get")
    def get(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """One version, by number or `latest`."""
        return _version(call).body

    @verb("access")
    def access(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """A version's payload with its checksum."""
        version = _version(call)
        if version.body["state"] != "ENABLED":
            raise precondition(f"Secret Version [{version.path}] is in {version.body['state']} state.")
        data = version.private["data"]
        checksum = str(google_crc32c.value(b64decode(data)))
        return {"name": version.path, "payload": {"data": data, "dataCrc32c": checksum}}

    @verb("disable")
    def disable(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """No access until it is enabled again."""
        return _set(call, "DISABLED")

    @verb("enable")
    def enable(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """Access again."""
        return _set(call, "ENABLED")

    @verb("destroy")
    def destroy(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """The payload is gone for good."""
        return _set(call, "DESTROYED")


def _decoded(data: str) -> bytes:
    try:
        # Clients write either alphabet, as protobuf's JSON mapping allows.
        decoded = b64decode(data.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid("SecretPayload.data is not base64.") from error
    if not decoded or len(decoded) > LARGEST:
        raise invalid("The secret payload must be between 1 and 65536 bytes.")
    return decoded


def _version(call: Call) -> Stored:
    parts = call.item_path.split("/")
    secret = call.sibling("/".join(parts[:4]))
    if secret is None:
        raise Refusal(404, f"Secret [{'/'.join(parts[:4])}] not found.")
    number = str(secret.private.get("versions", 0)) if parts[-1] == "latest" else parts[-1]
    found = call.sibling(f"{secret.path}/versions/{number}")
    if found is None:
        raise Refusal(404, f"Secret Version [{secret.path}/versions/{parts[-1]}] not found.")
    return found


def _set(call: Call, state: str) -> dict[str, Any]:
    version = _version(call)
    if version.body["state"] == "DESTROYED" and state != "DESTROYED":
        raise precondition(f"Secret Version [{version.path}] is in DESTROYED state.")
    version.body["state"] = state
    if state == "DESTROYED":
        version.private.pop("data", None)
        version.body.setdefault("destroyTime", now())
    call.context.store.put(version)
    return version.body
