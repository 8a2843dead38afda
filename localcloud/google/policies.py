"""IAM policies of any resource: read, replaced under their etag, and asked about.

A policy is kept with its resource and goes with it; the project's own stands for the project. The one service
account that is let in owns the project: it has every permission. What a policy grants is kept, not enforced.
"""

from __future__ import annotations

import re
import uuid
import zlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.google.calls import Call
from localcloud.google.faults import denied
from localcloud.google.hooks import Refusal, invalid
from localcloud.google.store import Stored

PROJECTS = "cloudresourcemanager/projects"

#: The etag of a policy that nobody has written yet.
FIRST = "ACAB"

_MEMBER = re.compile(
    r"allUsers|allAuthenticatedUsers|(user|serviceAccount|group|domain|project(Owner|Editor|Viewer)):\S+"
    r"|principal(Set)?://\S+|deleted:\S+"
)
_ROLE = re.compile(r"roles/[A-Za-z0-9_.]+|(projects|organizations)/[^/]+/roles/[A-Za-z0-9_.]+")


def get(call: Call) -> dict[str, Any]:
    """The policy, without conditional bindings where an older version is asked for."""
    policy: dict[str, Any] = _about(call).private.get("policy") or {"etag": FIRST}
    asked = call.body.get("options", {}).get("requestedPolicyVersion") or next(
        (value for name, value in call.query.items() if name.endswith("equestedPolicyVersion")), 0
    )
    bindings = [one for one in policy.get("bindings", []) if int(asked) >= 3 or not one.get("condition")]
    conditional = any(one.get("condition") for one in bindings)
    shown = {"version": 3 if conditional else 1, **policy, "bindings": bindings}
    if not bindings:
        del shown["bindings"]
    return {"kind": "storage#policy", **shown} if call.api.name == "storage" else shown


def put(call: Call) -> dict[str, Any]:
    """Replace the policy.

    Raises:
        Refusal: 409 (Cloud Storage: 412), it was changed in between; 400, it names what isn't there.
    """
    policy: dict[str, Any] = dict(call.body if call.method.http == "PUT" else call.body.get("policy", {}))
    with call.context.lock:
        resource = _about(call)
        present = resource.private.get("policy") or {"etag": FIRST}
        if policy.get("etag") and policy["etag"] != present["etag"]:
            message = "There were concurrent policy changes. Please retry the whole read-modify-write."
            if call.api.name == "storage":
                raise Refusal(412, message, "conditionNotMet")
            raise Refusal(409, message, "ABORTED")
        for binding in policy.get("bindings", []):
            _check(call, binding, int(policy.get("version") or 0))
        policy["etag"] = b64encode(zlib.crc32(uuid.uuid4().bytes).to_bytes(4, "big") * 2).decode()
        policy.pop("kind", None)
        policy.pop("resourceId", None)
        resource.private["policy"] = policy
        call.context.store.put(resource)
    return policy


def test(call: Call) -> dict[str, Any]:
    """Of the permissions asked about, those that one has: all but what a fault takes away."""
    asked = call.body.get("permissions", [])
    if any("*" in one for one in asked):
        raise invalid("Wildcards are not allowed in permissions.")
    held = [one for one in asked if not denied(call.context, one)]
    return {"permissions": held} if held else {}


METHODS: Mapping[str, Callable[[Call], dict[str, Any]]] = {
    "getIamPolicy": get,
    "setIamPolicy": put,
    "testIamPermissions": test,
}


def _about(call: Call) -> Stored:
    path = call.item_path
    found = call.hook.about(call, path)
    if found is None and path == f"projects/{call.context.project}":
        return Stored(call.key(path), PROJECTS, {})
    if found is None:
        raise Refusal(404, f"Resource '{path}' was not found.")
    return found


def _check(call: Call, binding: Mapping[str, Any], version: int) -> None:
    role = str(binding.get("role", ""))
    if not _ROLE.fullmatch(role):
        raise invalid(f"Role {role} is not supported for this resource.")
    if role.startswith("projects/"):
        known = call.sibling(role, "iam")
        if known is None or known.body.get("deleted"):
            raise invalid(f"Role {role} does not exist in the resource's hierarchy.")
    if binding.get("condition") and version < 3:
        raise invalid("A policy with conditions must have version 3.")
    for member in binding.get("members", []):
        _check_member(call, member)


def _check_member(call: Call, member: str) -> None:
    if not _MEMBER.fullmatch(member):
        raise invalid(f"Invalid member {member}.")
    project = call.context.project
    own = re.fullmatch(rf"serviceAccount:([^@\s]+@{project}\.iam\.gserviceaccount\.com)", member)
    if own is None or own[1] == call.context.identity.email:
        return
    if call.sibling(f"projects/{project}/serviceAccounts/{own[1]}", "iam") is None:
        raise invalid(f"Service account {own[1]} does not exist.")
