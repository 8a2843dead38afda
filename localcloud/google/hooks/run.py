"""Cloud Run: services and jobs as resources. No container runs here: the backend that the rehearsal runs is
on the clusters. A function's service appears as Google shows it."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.credentials import GOOGLE_PROJECT_NUMBER
from localcloud.google.hooks import Hook, Refusal, invalid, not_in_the_rehearsal, verb
from localcloud.google.store import Stored
from localcloud.google.times import now

if TYPE_CHECKING:
    from localcloud.google.calls import Call, Context

SERVICES = "run/projects.locations.services"
KNATIVE = "serving.knative.dev/v1"


class Services(Hook):
    """Services."""

    collection: ClassVar[str] = SERVICES

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Complete, or refuse."""
        if call.api.version == "v1":
            raise not_in_the_rehearsal("Writing a service through Knative's API")
        template = body.setdefault("template", {})
        _check_containers(call, template)
        body.setdefault("ingress", "INGRESS_TRAFFIC_ALL")
        body.setdefault("launchStage", "GA")
        template.setdefault("timeout", "300s")
        template.setdefault("maxInstanceRequestConcurrency", 80)
        template.setdefault("scaling", {}).setdefault("maxInstanceCount", 100)
        if int(template["scaling"].get("minInstanceCount") or 0) > int(
            template["scaling"]["maxInstanceCount"]
        ):
            raise invalid("min_instance_count can't be above max_instance_count.")
        if not 1 <= int(template["maxInstanceRequestConcurrency"]) <= 1000:
            raise invalid("max_instance_request_concurrency must be between 1 and 1000.")
        kind = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
        body.setdefault("traffic", [{"type": kind, "percent": 100}])

    def shown(self, call: Call, resource: Stored) -> dict[str, Any]:
        """In the shape of the API that asks: gcloud reads Knative's, the older one."""
        return _knative(resource) if call.api.version == "v1" else resource.body

    def created(self, call: Call, resource: Stored) -> None:
        """Its address and first revision."""
        _revise(resource)

    def updating(self, call: Call, resource: Stored, body: dict[str, Any]) -> None:
        """The same rules."""
        self.default(call, body)

    def updated(self, call: Call, resource: Stored, before: dict[str, Any]) -> None:
        """One revision more."""
        _revise(resource)

    def deleting(self, call: Call, resource: Stored) -> None:
        """A function's service goes with the function."""
        if resource.private.get("function"):
            raise Refusal(400, f"{resource.path} belongs to a function: delete that.", "FAILED_PRECONDITION")


class Jobs(Hook):
    """Jobs; none is executed."""

    collection: ClassVar[str] = "run/projects.locations.jobs"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Complete, or refuse."""
        template = body.setdefault("template", {})
        template.setdefault("taskCount", 1)
        task = template.setdefault("template", {})
        _check_containers(call, task)
        task.setdefault("maxRetries", 3)
        task.setdefault("timeout", "600s")
        body.setdefault("launchStage", "GA")

    def created(self, call: Call, resource: Stored) -> None:
        """Ready."""
        resource.body.update(generation="1", observedGeneration="1", terminalCondition=_ready())

    @verb("run")
    def run(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Containers don't run here."""
        raise Refusal(501, f"{call.method.id} is not in the rehearsal: no container runs.")


def add_function(context: Context, path: str, url: str) -> None:
    """Show the service behind a function of this path (`projects/.../services/NAME`)."""
    body = {"name": path, "uri": url, "ingress": "INGRESS_TRAFFIC_ALL", "terminalCondition": _ready()}
    known = context.store.get(f"run/{path}")
    private = {**(known.private if known else {}), "function": True}
    context.store.put(Stored(f"run/{path}", SERVICES, body, private=private, backing="functions-framework"))


def remove_function(context: Context, path: str) -> None:
    """It is gone."""
    context.store.remove(f"run/{path}")


def _revise(resource: Stored) -> None:
    generation = int(resource.body.get("generation") or 0) + 1
    revision = f"{resource.path}/revisions/{resource.name}-{generation:05d}-rhl"
    location = resource.path.split("/")[3]
    digest = f"{zlib.crc32(resource.path.encode()):08x}"
    resource.body.update(
        generation=str(generation),
        observedGeneration=str(generation),
        latestReadyRevision=revision,
        latestCreatedRevision=revision,
        uri=f"https://{resource.name}-{digest}.{location}.run.app",
        terminalCondition=_ready(),
    )


def _ready() -> dict[str, Any]:
    return {"type": "Ready", "state": "CONDITION_SUCCEEDED", "lastTransitionTime": now()}


def _check_containers(call: Call, template: dict[str, Any]) -> None:
    containers = template.get("containers") or []
    if not containers or not all(one.get("image") for one in containers):
        raise invalid("template.containers: each needs an image, and there must be one.")
    account = template.get("serviceAccount", "")
    project = call.context.project
    own = account.endswith(f"@{project}.iam.gserviceaccount.com") and account != call.context.identity.email
    if own and call.sibling(f"projects/{project}/serviceAccounts/{account}", "iam") is None:
        raise invalid(f"Service account {account} does not exist.")
    for container in containers:
        for variable in container.get("env", []):
            secret = variable.get("valueSource", {}).get("secretKeyRef", {}).get("secret")
            name = f"projects/{project}/secrets/{str(secret).rsplit('/', 1)[-1]}"
            if secret and call.sibling(name, "secretmanager") is None:
                raise invalid(f"Secret {name} was not found.")


def _knative(service: Stored) -> dict[str, Any]:
    body, template = service.body, service.body.get("template", {})
    labels = {**body.get("labels", {}), "cloud.googleapis.com/location": service.path.split("/")[3]}
    ready = {
        "type": "Ready",
        "status": "True",
        "lastTransitionTime": body["terminalCondition"]["lastTransitionTime"],
    }
    return {
        "apiVersion": KNATIVE,
        "kind": "Service",
        "metadata": {
            "name": service.name,
            "namespace": GOOGLE_PROJECT_NUMBER,
            "labels": labels,
            "annotations": {"serving.knative.dev/lastModifier": "rehearsal"},
            "creationTimestamp": body.get("createTime", now()),
            "generation": int(body.get("generation") or 1),
        },
        "spec": {
            "template": {
                "metadata": {"annotations": {}, "labels": {}},
                "spec": {
                    "containerConcurrency": template.get("maxInstanceRequestConcurrency", 80),
                    "containers": [{"image": one["image"]} for one in template.get("containers", [])],
                    "serviceAccountName": template.get("serviceAccount", ""),
                },
            },
        },
        "status": {
            "url": body.get("uri", ""),
            "conditions": [ready],
            "latestReadyRevisionName": str(body.get("latestReadyRevision", "")).rsplit("/", 1)[-1],
        },
    }
