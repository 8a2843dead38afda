"""The billing account behind the project, as far as one is asked what one may do there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.google.hooks import Hook, Refusal, verb
from localcloud.google.hooks.project import BILLING_ACCOUNT
from localcloud.google.store import Stored

if TYPE_CHECKING:
    from localcloud.google.calls import Call


class BillingAccounts(Hook):
    """The one billing account. The service account may do everything with it."""

    collection: ClassVar[str] = "cloudbilling/billingAccounts"

    @verb("testIamPermissions")
    def test(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """Of the permissions asked about, those that one has: all."""
        if call.path.split(":")[0] != BILLING_ACCOUNT:
            raise Refusal(403, "The caller does not have permission")
        permissions = call.body.get("permissions", [])
        return {"permissions": permissions} if permissions else {}
