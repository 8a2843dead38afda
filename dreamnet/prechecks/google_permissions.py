"""The permissions on Google Cloud that the declared types need, and whether the identity has them.

Discovery documents name no permissions. Google's naming rule does: `service.resource.verb`, after the API and
the collection; `google_permission_names` holds what keeps to no rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from dreamnet.clouds import google_rest
from dreamnet.clouds.google import GoogleAccount
from dreamnet.clouds.google_rest import Refused
from dreamnet.prechecks import google_permission_names as names
from dreamnet.prechecks.findings import Finding, listed
from dreamnet.prechecks.google_offers import located
from dreamnet.resources.google import iam
from dreamnet.resources.google.discovery import Collection, load_type
from dreamnet.resources.model import Resource

#: Permissions that one testIamPermissions may ask about (cloudresourcemanager.v3, Cloud Resource Manager
#: "Testing permissions", November 2026).
BATCH = 100

#: Permissions' verbs with the methods that ask for them.
_VERBS: Mapping[str, tuple[str, ...]] = {
    "create": ("create", "insert"),
    "get": ("get",),
    "list": ("list",),
    "update": ("patch", "update"),
    "delete": ("delete",),
    "setLabels": ("setLabels",),
}

#: Asked of the billing account, not of the project.
_ON_BILLING_ACCOUNT = "billing.budgets."

_INVALID = re.compile(r"[Pp]ermission '?([\w./]+?)'? is not valid")


def needed_permissions(resources: Iterable[Resource]) -> tuple[str, ...]:
    """Every permission that creating, reading, changing and deleting these takes, and the gameplan's own."""
    found = set(names.OPERATIONS)
    for type_name in {resource.type for resource in resources if resource.cloud == "google"}:
        found |= set(of_type(type_name))
    return tuple(sorted(found))


def of_type(type_name: str) -> tuple[str, ...]:
    """The permissions that one type takes.

    Raises:
        ConfigurationError: Google has no such type.
    """
    access = iam.is_member(type_name)
    collection = load_type(type_name.removesuffix(iam.SUFFIX))
    prefix = _prefix(collection)
    if access:
        return f"{prefix}.getIamPolicy", f"{prefix}.setIamPolicy"
    own = names.OWN.get(collection.key) or tuple(
        f"{prefix}.{verb}"
        for verb, methods in _VERBS.items()
        if any(method in collection.methods for method in methods)
    )
    api = collection.api
    places = [f"{_service(collection)}.locations.list"] if located(api.name, api.version) else []
    beside = [
        *names.BESIDE.get(collection.key, ()),
        *names.AFTERWARDS.get(collection.key, ()),
        *names.WAITING.get(api.name, ()),
    ]
    return (*own, *beside, *(places if api.name not in names.LISTS_FREELY else ()))


def _service(collection: Collection) -> str:
    return names.SERVICES.get(collection.api.name, collection.api.name)


def _prefix(collection: Collection) -> str:
    return f"{_service(collection)}.{names.RESOURCES.get(collection.key, collection.name.rsplit('.', 1)[-1])}"


def check_permissions(account: GoogleAccount, resources: Iterable[Resource]) -> Iterator[Finding]:
    """Whether the identity has every permission that the selection takes, on the project and, for budgets,
    on their billing account."""
    resources = [resource for resource in resources if resource.cloud == "google"]
    needed = needed_permissions(resources)
    on_project = [one for one in needed if not one.startswith(_ON_BILLING_ACCOUNT)]
    yield from _tested(account, f"projects/{account.project}", on_project)
    budgets = [one for one in needed if one.startswith(_ON_BILLING_ACCOUNT)]
    for parent in sorted({r.parent for r in resources if r.type.startswith("billingbudgets.")}):
        yield from _tested(account, parent, budgets)


def _tested(account: GoogleAccount, target: str, needed: list[str]) -> Iterator[Finding]:
    batches = [needed[start : start + BATCH] for start in range(0, len(needed), BATCH)]
    with ThreadPoolExecutor(max_workers=8, thread_name_prefix="permissions") as pool:
        answers = list(pool.map(lambda batch: _held(account, target, batch), batches))
    held = {one for answer, _ in answers for one in answer}
    untestable = sorted({one for _, unknown in answers for one in unknown})
    missing = [one for one in needed if one not in held and one not in untestable]
    if untestable:
        yield Finding(
            "google", "permissions", "to do", f"Google does not test on {target}: {listed(untestable)}."
        )
    if not missing:
        yield Finding(
            "google",
            "permissions",
            "fine",
            f"All {len(needed) - len(untestable)} permissions are granted on {target}.",
        )
        return
    sentence = (
        f"{len(missing)} of the {len(needed)} permissions needed on {target} are missing: {listed(missing)}."
    )
    yield Finding("google", "permissions", "blocks", sentence, *_remedy(account, target))


def _remedy(account: GoogleAccount, target: str) -> tuple[str, str]:
    member = f"serviceAccount:{getattr(account.credentials, 'service_account_email', 'EMAIL')}"
    if not target.startswith("projects/"):
        name = target.rsplit("/", 1)[-1]
        return (
            f"https://console.cloud.google.com/billing/{name}/manage",
            f"gcloud billing accounts add-iam-policy-binding {name} --member={member}"
            " --role=roles/billing.costsManager",
        )
    project = account.project
    return (
        f"https://console.cloud.google.com/iam-admin/roles?project={project}",
        "python -m dreamnet.prechecks policies policies && gcloud iam roles create dreamnetGameplan"
        f" --project={project} --file=policies/google-role.yaml && gcloud projects add-iam-policy-binding"
        f" {project} --member={member} --role=projects/{project}/roles/dreamnetGameplan",
    )


def _held(account: GoogleAccount, target: str, permissions: list[str]) -> tuple[set[str], set[str]]:
    """(those that the identity has, those that can't be tested there) of at most a hundred."""
    if target.startswith("projects/"):
        root = account.root("cloudresourcemanager", "https://cloudresourcemanager.googleapis.com/")
        url = f"{root}v3/{target}:testIamPermissions"
    else:
        root = account.root("cloudbilling", "https://cloudbilling.googleapis.com/")
        url = f"{root}v1/{target}:testIamPermissions"
    asked, untestable = list(permissions), set[str]()
    while asked:
        try:
            answer = google_rest.call(account, "POST", url, what="Permissions", body={"permissions": asked})
            return set(answer.get("permissions", [])), untestable
        except Refused as refused:  # one unknown name refuses them all
            unknown = _INVALID.search(refused.problem)
            if not unknown or unknown[1] not in asked:
                raise
            untestable.add(unknown[1])
            asked.remove(unknown[1])
    return set(), untestable
