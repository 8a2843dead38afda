"""Who may do what: one member of one role on one resource, declared like a resource of its own.

IAM has no such resource: a policy is read, changed and written as a whole, guarded by its etag
(cloud.google.com/iam/docs/policies, November 2026). A declaration's type is the collection of the resource
that the access is to, with `.iamMembers` behind it (`cloudresourcemanager.v3/projects.iamMembers`,
`storage.v1/buckets.iamMembers`); its parent is that resource's full name, its name a word for people, its
body `role`, `member` and, where wanted, `condition`. What others put into the policy stays as it is.

There is no state: a declaration whose role or member is changed grants the new access and knows nothing of
the earlier one, which is to be taken back before (destroy it, then change it).
"""

from __future__ import annotations

import copy
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dreamnet.clouds.google_rest import Refused
from dreamnet.errors import ConfigurationError
from dreamnet.resources.google.discovery import Collection, Method, load_type
from dreamnet.resources.google.requests import Request
from dreamnet.resources.google.validation import REFERENCE
from dreamnet.resources.model import Live, Problem, Resource
from dreamnet.resources.once import Once

Send = Callable[[Collection, Request, str], dict[str, Any]]

SUFFIX = ".iamMembers"

#: Seconds during which a policy that others write too is tried again, and during which a new service account
#: may not be known yet (both eventually consistent, for a minute or so).
PATIENCE = 120.0

#: Roles: predefined, or custom ones of a project or an organization.
_ROLE = re.compile(r"(roles|projects/[^/]+/roles|organizations/\d+/roles)/[A-Za-z0-9_.]+")

#: Members (cloud.google.com/iam/docs/principal-identifiers, November 2026).
_MEMBER = re.compile(
    r"allUsers|allAuthenticatedUsers|(user|serviceAccount|group):[^@\s]+@[^@\s]+|domain:[^@\s]+"
    r"|serviceAccount:[^@\s\[]+\.svc\.id\.goog\[[^/\]]+/[^/\]]+\]|principal(Set)?://\S+"
    r"|project(Owner|Editor|Viewer):\S+"
)

#: The newest version of policies, the only one that shows conditions.
VERSION = 3

_FIELDS = frozenset({"role", "member", "condition"})
_CONDITION = frozenset({"title", "description", "expression"})


def is_member(type_name: str) -> bool:
    """Whether the type is one of this module's."""
    return type_name.endswith(SUFFIX)


def target(resource: Resource) -> Collection:
    """The collection of what the access is to.

    Raises:
        ConfigurationError: there is none, or its resources have no policies.
    """
    collection = load_type(resource.type.removesuffix(SUFFIX))
    if not {"getIamPolicy", "setIamPolicy"} <= set(collection.methods):
        raise ConfigurationError(
            f"{collection} has no IAM policies.", "Grant the access on the resource above it."
        )
    return collection


def problems(resource: Resource) -> Iterator[Problem]:
    """Everything wrong with the declaration, offline."""
    try:
        collection = target(resource)
    except ConfigurationError as error:
        yield Problem(resource.source, "/type", str(error))
        return
    depth = len(_policy_path(collection, collection.methods["getIamPolicy"], "").split("/"))
    parent = REFERENCE.sub("x", resource.parent)
    if depth > 1 and len(parent.split("/")) != depth:
        template = collection.methods["getIamPolicy"].template.split("/", 1)[-1].split(":")[0]
        yield Problem(resource.source, "/parent", f"is {resource.parent}; it must read like {template}")
    for key in sorted(set(resource.body) - _FIELDS):
        yield Problem(resource.source, f"/body/{key}", "is no field here; there are condition, member, role")
    for key, form in (("role", _ROLE), ("member", _MEMBER)):
        value = resource.body.get(key)
        if not isinstance(value, str):
            yield Problem(resource.source, f"/body/{key}", "is required, and is text")
        elif not REFERENCE.search(value) and not form.fullmatch(value):
            yield Problem(resource.source, f"/body/{key}", f"is {value!r}, which is no {key} of IAM's")
    yield from _condition_problems(resource)


def _condition_problems(resource: Resource) -> Iterator[Problem]:
    condition = resource.body.get("condition")
    if condition is None:
        return
    if not isinstance(condition, Mapping) or not {"title", "expression"} <= set(condition) <= _CONDITION:
        message = "must hold title and expression, and may hold a description"
        yield Problem(resource.source, "/body/condition", message)


class Members:
    """Reads and writes members of policies.

    Args:
        send: makes one call.
        once: where reads may share one answer.
    """

    def __init__(self, send: Send, once: Once | None = None) -> None:
        self._send = send
        self._once = once
        self._lock = threading.Lock()

    def read(self, resource: Resource) -> Live | None:
        """The member as the live policy has it, or None: it isn't in the policy, or what the policy is of
        doesn't exist."""
        question = (resource.type, resource.parent)
        try:
            policy = (
                self._once.get(question, lambda: self._policy(resource))
                if self._once
                else self._policy(resource)
            )
        except Refused as refused:
            if refused.status == 404:
                return None
            raise
        binding = _binding(policy, resource)
        if binding is None or resource.body["member"] not in binding.get("members", []):
            return None
        body = {"role": binding["role"], "member": resource.body["member"]}
        if binding.get("condition"):
            body["condition"] = binding["condition"]
        return Live(f"{resource.parent} {body['role']} {body['member']}", body, owned=True)

    def create(self, resource: Resource) -> Live:
        """Put the member into the role's binding; the others stay."""
        self._change(resource, _add)
        return Live(
            f"{resource.parent} {resource.body['role']} {resource.body['member']}",
            dict(resource.body),
            owned=True,
        )

    def delete(self, resource: Resource) -> None:
        """Take the member out of the role's binding; a policy that is gone is no error."""
        try:
            self._change(resource, _remove)
        except Refused as refused:
            if refused.status != 404:
                raise

    def _change(self, resource: Resource, change: Callable[[dict[str, Any], Resource], bool]) -> None:
        """Read, change, write; again where somebody else wrote in between."""
        deadline, pause = time.monotonic() + PATIENCE, 0.2
        while True:
            try:
                with self._lock:  # our own threads needn't collide
                    policy = copy.deepcopy(self._policy(resource))
                    if change(policy, resource):
                        self._write(resource, policy)
                return
            except Refused as refused:
                if time.monotonic() > deadline or not _passing(refused):
                    raise
            time.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, 10.0)

    def _policy(self, resource: Resource) -> dict[str, Any]:
        collection = target(resource)
        method = collection.methods["getIamPolicy"]
        path = _policy_path(collection, method, resource.parent)
        query = {name: VERSION for name in method.query if name.endswith("equestedPolicyVersion")}
        body: dict[str, Any] | None = None
        if method.http == "POST" and not query:
            body = {"options": {"requestedPolicyVersion": VERSION}} if method.request else {}
        return self._send(collection, Request(method, path, query, body), resource.id)

    def _write(self, resource: Resource, policy: dict[str, Any]) -> None:
        collection = target(resource)
        method = collection.methods["setIamPolicy"]
        policy["version"] = VERSION
        body = policy if method.http == "PUT" else {"policy": policy}  # PUT: Cloud Storage's
        path = _policy_path(collection, method, resource.parent)
        self._send(collection, Request(method, path, {}, body), resource.id)


def _policy_path(collection: Collection, method: Method, parent: str) -> str:
    """A method's path for the resource that the declaration's parent names: `projects/P`, or `b/BUCKET`."""
    version = collection.version_prefix
    tail = method.template.removeprefix(version)
    if not parent:
        return tail.split(":")[0] if ":" in tail else tail.rsplit("/", 1)[0]
    verb = f":{tail.rsplit(':', 1)[1]}" if ":" in tail else f"/{tail.rsplit('/', 1)[1]}"
    return f"{version}{parent}{verb}"


def _same_condition(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    return (one or {}) == (other or {})


def _binding(policy: Mapping[str, Any], resource: Resource) -> dict[str, Any] | None:
    """The role's binding under the declared condition: of several, the one that holds the member."""
    wanted = resource.body
    fits = [
        one
        for one in policy.get("bindings", [])
        if one["role"] == wanted["role"] and _same_condition(one.get("condition"), wanted.get("condition"))
    ]
    holding = [one for one in fits if wanted["member"] in one.get("members", [])]
    return next(iter(holding or fits), None)


def _add(policy: dict[str, Any], resource: Resource) -> bool:
    binding = _binding(policy, resource)
    if binding is None:
        binding = {"role": resource.body["role"], "members": []}
        if resource.body.get("condition"):
            binding["condition"] = dict(resource.body["condition"])
        policy.setdefault("bindings", []).append(binding)
    members = binding.setdefault("members", [])
    if resource.body["member"] in members:
        return False
    members.append(resource.body["member"])
    return True


def _remove(policy: dict[str, Any], resource: Resource) -> bool:
    binding = _binding(policy, resource)
    if binding is None or resource.body["member"] not in binding.get("members", []):
        return False
    binding["members"].remove(resource.body["member"])
    if not binding["members"]:
        policy["bindings"].remove(binding)
    return True


def _passing(refused: Refused) -> bool:
    """Whether the same change may succeed a little later: somebody wrote the policy in between, or a new
    service account or role isn't known everywhere yet."""
    unknown = refused.status == 400 and "does not exist" in refused.problem
    return refused.status in (409, 412) or unknown
