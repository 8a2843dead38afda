"""The project itself: what it is, which APIs are enabled, whether it is billed, what one may do there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.credentials import GOOGLE_BILLING_ACCOUNT, GOOGLE_PROJECT_NUMBER
from localcloud.google.hooks import Hook, Refusal, invalid, not_in_the_rehearsal, verb
from localcloud.google.store import Stored

if TYPE_CHECKING:
    from localcloud.google.calls import Call

#: Of the one local project; Google gives each one twelve digits.
NUMBER = GOOGLE_PROJECT_NUMBER

BILLING_ACCOUNT = f"billingAccounts/{GOOGLE_BILLING_ACCOUNT}"

CREATED = "2025-01-27T00:00:00.000Z"


class Projects(Hook):
    """Cloud Resource Manager, v1 and v3. The one service account owns the project: it may do everything."""

    collection: ClassVar[str] = "cloudresourcemanager/projects"

    @verb("get")
    def get(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """What the project is."""
        project = call.context.project
        if call.api.version == "v1":
            return {
                "projectId": project,
                "projectNumber": NUMBER,
                "name": project,
                "lifecycleState": "ACTIVE",
                "createTime": CREATED,
            }
        return {
            "name": f"projects/{NUMBER}",
            "projectId": project,
            "displayName": project,
            "state": "ACTIVE",
            "createTime": CREATED,
        }


class Billing(Hook):
    """Cloud Billing's view of the project."""

    collection: ClassVar[str] = "cloudbilling/projects"

    @verb("getBillingInfo")
    def get(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """Billed, to an account that exists only here."""
        project = call.context.project
        return {
            "name": f"projects/{project}/billingInfo",
            "projectId": project,
            "billingAccountName": BILLING_ACCOUNT,
            "billingEnabled": True,
        }


class Services(Hook):
    """Service Usage. Enabling and disabling take effect at once. An API that nobody has touched counts as
    disabled, and answers nevertheless; one that was disabled here refuses."""

    collection: ClassVar[str] = "serviceusage/services"

    @verb("get")
    def get(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """One API's state."""
        return _service(call, call.path.rsplit("/", 1)[-1])

    @verb("list")
    def list_(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """The APIs that were enabled or disabled here, by state where the filter asks for one."""
        wanted = call.query.get("filter", "")
        if wanted not in ("", "state:ENABLED", "state:DISABLED"):
            raise not_in_the_rehearsal(f"{call.method.id} with the filter {wanted}")
        found = call.context.store.of_type(self.collection)
        services = [one.body for one in found if wanted in ("", f"state:{one.body['state']}")]
        return {"services": services} if services else {}

    @verb("batchGet")
    def batch_get(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """Several APIs' states (`names` once; repeated ones are not in the rehearsal)."""
        return {"services": [_service(call, call.query["names"].rsplit("/", 1)[-1])]}

    @verb("batchEnable")
    def batch_enable(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """Enable several."""
        names = call.body.get("serviceIds") or []
        if not 0 < len(names) <= 20:
            raise invalid("Between 1 and 20 services can be enabled in one batch.")
        services = [_set(call, name, "ENABLED") for name in names]
        return _done("BatchEnableServicesResponse", {"services": services})

    @verb("enable")
    def enable(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """Enable one."""
        name = call.path.rsplit("/", 1)[-1].split(":")[0]
        return _done("EnableServiceResponse", {"service": _set(call, name, "ENABLED")})

    @verb("disable")
    def disable(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """Disable one."""
        name = call.path.rsplit("/", 1)[-1].split(":")[0]
        return _done("DisableServiceResponse", {"service": _set(call, name, "DISABLED")})


def _service(call: Call, name: str) -> dict[str, Any]:
    _check_name(name)
    path = f"projects/{call.context.project}/services/{name}"
    found = call.sibling(path)
    return found.body if found else _body(path, name, "DISABLED")


def _set(call: Call, name: str, state: str) -> dict[str, Any]:
    _check_name(name)
    path = f"projects/{call.context.project}/services/{name}"
    body = _body(path, name, state)
    call.context.store.put(Stored(call.key(path), Services.collection, body))
    return body


def _body(path: str, name: str, state: str) -> dict[str, Any]:
    return {
        "name": path.replace(path.split("/")[1], NUMBER, 1),
        "parent": f"projects/{NUMBER}",
        "config": {"name": name},
        "state": state,
    }


def _check_name(name: str) -> None:
    if not name.endswith(".googleapis.com"):
        raise Refusal(404, f"Service {name} was not found.")


def _done(kind: str, response: dict[str, Any]) -> dict[str, Any]:
    """The operation as Google answers where there is nothing left to wait for."""
    package = "type.googleapis.com/google.api.serviceusage.v1"
    return {
        "name": "operations/noop.DONE_OPERATION",
        "done": True,
        "response": {"@type": f"{package}.{kind}", **response},
    }
