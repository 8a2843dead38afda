"""CloudFront's cache, origin request and response headers policies; no request is ever cached by them."""

from __future__ import annotations

import secrets
import uuid
from datetime import UTC, datetime
from typing import Any

from localcloud.aws.services.kept import Kept
from localcloud.aws.services.modelled import Given, Operation
from localcloud.aws.wire import AwsError, Call

_KINDS = ("CachePolicy", "OriginRequestPolicy", "ResponseHeadersPolicy")


class EdgePolicies(Kept):
    """The three kinds of policy, each with the same five operations."""

    worldwide = True

    def table(self) -> dict[str, Operation]:
        """The operations by name."""
        operations: dict[str, Operation] = {}
        for kind in _KINDS:
            operations |= self._operations_of(kind)
        return operations

    def _operations_of(self, kind: str) -> dict[str, Operation]:
        config, plural = f"{kind}Config", f"List{kind[:-1]}ies"

        def create(call: Call, given: Given) -> Given:
            name = given[config]["Name"]
            if any(one[config]["Name"] == name for one in self._policies(call, kind)):
                raise AwsError(f"{kind}AlreadyExists", f"There is a policy named {name}.", 409)
            policy = {"Id": str(uuid.uuid4()), "LastModifiedTime": datetime.now(UTC), config: given[config]}
            record = {"policy": policy, "etag": _etag()}
            self.shelf(call, kind)[str(policy["Id"])] = record
            return _shown(kind, record)

        def update(call: Call, given: Given) -> Given:
            record = self._at(call, kind, given)
            record["policy"] |= {config: given[config], "LastModifiedTime": datetime.now(UTC)}
            record["etag"] = _etag()
            return _shown(kind, record)

        def delete(call: Call, given: Given) -> Given:
            self._at(call, kind, given)
            self._refuse_used(kind, given["Id"])
            self.shelf(call, kind).pop(given["Id"])
            return {}

        def listed(call: Call, given: Given) -> Given:
            items = [{"Type": "custom", kind: one} for one in self._policies(call, kind)]
            return {f"{kind}List": {"MaxItems": 100, "Quantity": len(items), "Items": items}}

        return {
            f"Create{kind}": create,
            f"Get{kind}": lambda call, given: _shown(kind, self._record(call, kind, given["Id"])),
            f"Update{kind}": update,
            f"Delete{kind}": delete,
            plural: listed,
        }

    def _policies(self, call: Call, kind: str) -> list[dict[str, Any]]:
        return [record["policy"] for record in self.shelf(call, kind).values()]

    def _record(self, call: Call, kind: str, identifier: str) -> dict[str, Any]:
        record: dict[str, Any] | None = self.shelf(call, kind).get(identifier)
        if record is None:
            raise AwsError(f"NoSuch{kind}", f"The policy {identifier} does not exist.", 404)
        return record

    def _at(self, call: Call, kind: str, given: Given) -> dict[str, Any]:
        """The record, if the caller has seen its latest version."""
        record = self._record(call, kind, given["Id"])
        if given.get("IfMatch") != record["etag"]:
            code = "InvalidIfMatchVersion" if not given.get("IfMatch") else "PreconditionFailed"
            raise AwsError(code, "The If-Match version is missing or not the latest.", 412)
        return record

    def _refuse_used(self, kind: str, identifier: str) -> None:
        from moto.cloudfront.models import cloudfront_backends

        backend = cloudfront_backends[self.account_id]["aws"]
        if any(identifier in str(_plain(one.distribution_config)) for one in backend.distributions.values()):
            raise AwsError(f"{kind}InUse", f"A distribution uses the policy {identifier}.", 409)


def _plain(value: Any) -> Any:
    """An object of moto's with everything below it, as dictionaries."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "__dict__"):
        return {key: _plain(item) for key, item in vars(value).items()}
    return value


def _shown(kind: str, record: dict[str, Any]) -> Given:
    return {kind: record["policy"], "ETag": record["etag"]}


def _etag() -> str:
    return f"E{secrets.token_hex(6).upper()}"
