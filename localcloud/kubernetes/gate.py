"""Whether a request may pass: who calls (also on behalf of whom), and what RBAC says to it."""

from __future__ import annotations

from typing import Any

from localcloud.kubernetes import patching
from localcloud.kubernetes.auth import Authenticator
from localcloud.kubernetes.rbac import GROUP, Access, Authorizer
from localcloud.kubernetes.routing import Request, Target
from localcloud.kubernetes.storage import Store
from localcloud.kubernetes.users import ACCOUNT, MASTERS, User, named

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}
_BY_NAME = "metadata.name="


class Gate:
    """Authentication, impersonation and authorization of requests."""

    def __init__(self, authenticator: Authenticator, authorizer: Authorizer, store: Store) -> None:
        self._authenticator, self._authorizer, self._store = authenticator, authorizer, store

    def caller(self, request: Request, rehearsal: bool) -> User:
        """Who calls, or whom the caller acts as (``kubectl --as``).

        Raises:
            ApiError: 401, or 403 for a caller who may not act as others.
        """
        user = self._authenticator.user(request.headers.get("authorization", ""), rehearsal)
        name = request.headers.get("impersonate-user", "")
        if not name:
            return user
        groups = tuple(
            g.strip() for g in request.headers.get("impersonate-group", "").split(",") if g.strip()
        )
        wanted = Access("impersonate", resource="users", name=name)
        parts = name.removeprefix(ACCOUNT).split(":")
        if name.startswith(ACCOUNT) and len(parts) == 2:
            wanted = Access("impersonate", resource="serviceaccounts", namespace=parts[0], name=parts[1])
        self._authorizer.require(user, wanted)
        for group in groups:
            self._authorizer.require(user, Access("impersonate", resource="groups", name=group))
        return named(name, groups)

    def require_path(self, request: Request, path: str) -> None:
        """403 unless the caller may use a path that is no resource."""
        self._authorizer.require(request.user, Access(request.method.lower(), path=path))

    def require(self, request: Request, target: Target) -> None:
        """403 unless the caller may do this to the resource."""
        if MASTERS in request.user.groups:
            return
        access = _access(request, target)
        self._authorizer.require(request.user, access)
        if request.method == "PATCH" and request.content_type == patching.APPLY:
            live = self._store.get(target.kind.resource, target.namespace, target.name)
            if live is None:
                # An apply that makes the object is a create as well.
                self._authorizer.require(request.user, _access(request, target, "create"))

    @staticmethod
    def grants(user: User, target: Target) -> bool:
        """Whether a write of this kind hands out permissions, so that the caller's own are to be compared."""
        return target.kind.group == GROUP and MASTERS not in user.groups

    def require_grant(self, user: User, target: Target, body: Any) -> None:
        """403 on a role or binding that would give more than the caller has."""
        if self.grants(user, target):
            self._authorizer.check_write(user, target.kind.resource, target.namespace, body)


def _access(request: Request, target: Target, verb: str = "") -> Access:
    kind, name = target.kind, target.name
    if not verb:
        verb = _VERBS.get(request.method) or _read_or_delete(request, name)
    selector = request.query.get("fieldSelector", "")
    if not name and selector.startswith(_BY_NAME) and "," not in selector:
        # A list or watch of one object counts as one of that name.
        name = selector.removeprefix(_BY_NAME).lstrip("=")
    namespace = name if kind.resource == "namespaces" else target.namespace
    return Access(verb, kind.group, kind.plural, target.subresource, namespace, name)


def _read_or_delete(request: Request, name: str) -> str:
    if request.method == "DELETE":
        return "delete" if name else "deletecollection"
    if name:
        return "get"
    return "watch" if request.flag("watch") else "list"
