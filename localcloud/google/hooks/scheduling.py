"""Cloud Scheduler, Cloud Tasks and Eventarc. A scheduled job really publishes or calls when it is run; its
clock doesn't run here. Queues are kept, tasks aren't dispatched. Eventarc's triggers are kept; Pub/Sub's
reach functions by their own."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, ClassVar

import httpx

from localcloud.google.data import topics
from localcloud.google.hooks import Hook, Refusal, invalid, precondition, verb
from localcloud.google.store import Stored
from localcloud.google.times import now

if TYPE_CHECKING:
    from localcloud.google.calls import Call

#: Five fields of cron, or App Engine's English (cloud.google.com/scheduler/docs/configuring,
#: November 2026).
_SCHEDULE = re.compile(r"(\S+\s+){4}\S+|every\s.+")


class Jobs(Hook):
    """Scheduled jobs."""

    collection: ClassVar[str] = "cloudscheduler/projects.locations.jobs"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Complete, or refuse."""
        _check_job(call, body)
        body.setdefault("timeZone", "Etc/UTC")
        body.setdefault("state", "ENABLED")
        body["userUpdateTime"] = now()

    def updating(self, call: Call, resource: Stored, body: dict[str, Any]) -> None:
        """The same rules."""
        _check_job(call, body)
        body["userUpdateTime"] = now()

    @verb("pause", "resume")
    def switch(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Off, or on again."""
        job = resource or call.resource()
        job.body["state"] = "PAUSED" if call.method.name == "pause" else "ENABLED"
        call.context.store.put(job)
        return job.body

    @verb("run")
    def run(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Do it now: publish the message, or make the call."""
        job = resource or call.resource()
        job.body["lastAttemptTime"] = now()
        job.body["status"] = _attempt(call, job)
        call.context.store.put(job)
        return job.body


def _check_job(call: Call, body: dict[str, Any]) -> None:
    if not _SCHEDULE.fullmatch(str(body.get("schedule", ""))):
        raise invalid("Schedule or time zone is invalid.")
    targets = [kind for kind in ("httpTarget", "pubsubTarget", "appEngineHttpTarget") if kind in body]
    if len(targets) != 1:
        raise invalid("Exactly one target must be set.")
    if "pubsubTarget" in body:
        topics.require_topic(call.context, body["pubsubTarget"].get("topicName", ""))
    uri = body.get("httpTarget", {}).get("uri")
    if "httpTarget" in body and not str(uri).startswith(("http://", "https://")):
        raise invalid(f"HttpTarget.uri {uri} is no URL.")


def _attempt(call: Call, job: Stored) -> dict[str, Any]:
    """Try once; a google.rpc.Status, {} for success."""
    target = job.body.get("pubsubTarget")
    if target:
        data = base64.b64decode(target.get("data", ""))
        topics.broker(call.context).publish(target["topicName"], [(data, target.get("attributes", {}), "")])
        return {}
    target = job.body["httpTarget"]
    try:
        answer = httpx.request(
            target.get("httpMethod", "POST"),
            target["uri"],
            content=base64.b64decode(target.get("body", "")),
            headers=target.get("headers", {}),
            timeout=30,
        )
    except httpx.HTTPError as error:
        return {"code": 14, "message": str(error)}
    return {} if answer.is_success else {"code": 2, "message": f"HTTP {answer.status_code}"}


class Queues(Hook):
    """Queues of Cloud Tasks."""

    collection: ClassVar[str] = "cloudtasks/projects.locations.queues"
    ready: ClassVar[dict[str, Any]] = {"state": "RUNNING"}

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """As the API completes it."""
        limits = body.setdefault("rateLimits", {})
        limits.setdefault("maxDispatchesPerSecond", 500)
        limits.setdefault("maxConcurrentDispatches", 1000)
        limits.setdefault("maxBurstSize", max(1, int(float(limits["maxDispatchesPerSecond"]) // 5)))
        retry = body.setdefault("retryConfig", {})
        retry.setdefault("maxAttempts", 100)

    @verb("pause", "resume")
    def switch(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Hold back, or go on."""
        queue = resource or call.resource()
        queue.body["state"] = "PAUSED" if call.method.name == "pause" else "RUNNING"
        call.context.store.put(queue)
        return queue.body


class Tasks(Hook):
    """Tasks aren't dispatched, and therefore aren't taken."""

    collection: ClassVar[str] = "cloudtasks/projects.locations.queues.tasks"
    unsupported: ClassVar[tuple[str, ...]] = ("create", "run")


class Triggers(Hook):
    """Eventarc's triggers."""

    collection: ClassVar[str] = "eventarc/projects.locations.triggers"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Where the events go must be there, and so must what sends them."""
        kinds = [one.get("value") for one in body.get("eventFilters", []) if one.get("attribute") == "type"]
        if len(kinds) != 1:
            raise invalid("Exactly one event filter must name the type.")
        target = body.get("destination", {}).get("cloudRun")
        if target:
            path = f"projects/{call.context.project}/locations/{target.get('region')}/services"
            if call.sibling(f"{path}/{target.get('service')}", "run") is None:
                raise Refusal(404, f"The Cloud Run service {target.get('service')} was not found.")
        bucket = next((one["value"] for one in body["eventFilters"] if one["attribute"] == "bucket"), None)
        if bucket and call.sibling(f"b/{bucket}", "storage") is None:
            raise precondition(f"The bucket {bucket} was not found.")

    def created(self, call: Call, resource: Stored) -> None:
        """The transport that Eventarc would make."""
        topic = f"projects/{call.context.project}/topics/eventarc-{resource.name}"
        resource.body.setdefault("transport", {}).setdefault("pubsub", {}).setdefault("topic", topic)
        resource.body.setdefault("eventDataContentType", "application/json")
