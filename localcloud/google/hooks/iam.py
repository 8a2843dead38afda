"""IAM: service accounts, custom roles and identity pools. Deleted roles, pools and providers are kept, with
their ids."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.google.hooks import Hook, Refusal, invalid, verb

if TYPE_CHECKING:
    from localcloud.google.calls import Call
    from localcloud.google.store import Stored

_ACCOUNT = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
_ROLE = re.compile(r"[A-Za-z0-9_.]{3,64}")
_PERMISSION = re.compile(r"[a-z]+(\.[A-Za-z]+){2}")


class ServiceAccounts(Hook):
    """Service accounts, addressed by their e-mail addresses."""

    collection: ClassVar[str] = "iam/projects.serviceAccounts"

    def named(self, call: Call, name: str) -> str:
        """The e-mail address."""
        if not _ACCOUNT.fullmatch(name):
            raise invalid(f'The account ID "{name}" does not have a length between 6 and 30.')
        return f"{name}@{call.context.project}.iam.gserviceaccount.com"

    def created(self, call: Call, resource: Stored) -> None:
        """What IAM adds."""
        identifier = str(random.randrange(10**20, 10**21))
        resource.body.update(
            projectId=call.context.project,
            email=resource.name,
            uniqueId=identifier,
            oauth2ClientId=identifier,
        )

    @verb("enable", "disable")
    def switch(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Let it sign in, or not."""
        account = resource or call.resource()
        account.body["disabled"] = call.method.name == "disable"
        call.context.store.put(account)
        return {}


class Roles(Hook):
    """A project's custom roles."""

    collection: ClassVar[str] = "iam/projects.roles"
    kept_as: ClassVar[tuple[str, Any]] = ("deleted", True)

    def named(self, call: Call, name: str) -> str:
        """Refuse ids that roles can't have."""
        if not _ROLE.fullmatch(name):
            raise invalid(f"The role ID {name} must match the pattern [a-zA-Z0-9_.]{{3,64}}.")
        return name

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Permissions must read like some."""
        for permission in body.get("includedPermissions", []):
            if not _PERMISSION.fullmatch(permission):
                raise invalid(f"Permission {permission} is not valid.")
        body.setdefault("stage", "GA")


class Pools(Hook):
    """Workload identity pools."""

    collection: ClassVar[str] = "iam/projects.locations.workloadIdentityPools"
    kept_as: ClassVar[tuple[str, Any]] = ("state", "DELETED")


class Providers(Hook):
    """The providers in a pool."""

    collection: ClassVar[str] = "iam/projects.locations.workloadIdentityPools.providers"
    kept_as: ClassVar[tuple[str, Any]] = ("state", "DELETED")

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """One kind of issuer, in a pool that isn't deleted."""
        if sum(kind in body for kind in ("aws", "oidc", "saml", "x509")) != 1:
            raise invalid("Exactly one of aws, oidc, saml and x509 must be set.")
        pool = call.sibling(call.path.rsplit("/", 1)[0])
        if pool and pool.body.get("state") == "DELETED":
            raise Refusal(400, f"The pool {pool.path} is deleted.", "FAILED_PRECONDITION")
