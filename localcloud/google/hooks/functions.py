"""Cloud Functions, second generation: the source really runs, in Google's own functions-framework.

Deploying unpacks the archive from its bucket and starts a server process. A Pub/Sub trigger makes a
subscription of
its own and sends each message as a CloudEvent over HTTP, as Eventarc does; a 2xx answer acknowledges it,
any other
one has it delivered again.

Not rehearsed: the build. Nothing of `requirements.txt` is installed; the function runs in this Python
environment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.google.data import runtime, topics
from localcloud.google.data.triggers import Triggers
from localcloud.google.hooks import Hook, Refusal, invalid, not_in_the_rehearsal
from localcloud.google.hooks.run import add_function, remove_function
from localcloud.google.times import now

if TYPE_CHECKING:
    from localcloud.google.calls import Call, Context
    from localcloud.google.store import Stored

FUNCTIONS = "cloudfunctions/projects.locations.functions"

#: What a Pub/Sub trigger asks for (https://cloud.google.com/eventarc/docs/reference/supported-events).
MESSAGE_PUBLISHED = "google.cloud.pubsub.topic.v1.messagePublished"

_TRIGGERS = Triggers()


def start(context: Context) -> None:
    """After a restart: run again what was deployed."""
    for one in context.store.everything():
        if one.type == FUNCTIONS and one.body.get("state") == "ACTIVE":
            try:
                runtime.run(context, one)
                _follow(context, one)
            except Refusal as refusal:  # the others run all the same
                context.report(f"Function {one.name}", refusal)


def stop(context: Context) -> None:
    """Deliver nothing more; the functions' processes are engines and stay."""
    _TRIGGERS.stop_all()


class Functions(Hook):
    """Functions."""

    collection: ClassVar[str] = FUNCTIONS
    backing: ClassVar[str] = "functions-framework"
    pending: ClassVar[dict[str, Any]] = {"state": "DEPLOYING"}
    ready: ClassVar[dict[str, Any]] = {"state": "ACTIVE"}

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Complete, or refuse."""
        _check(call.context, body)
        body.setdefault("environment", "GEN_2")
        service = body.setdefault("serviceConfig", {})
        service.setdefault("timeoutSeconds", 60)
        service.setdefault("availableMemory", "256M")
        service.setdefault("maxInstanceCount", 100)
        service.setdefault("ingressSettings", "ALLOW_ALL")

    def created(self, call: Call, resource: Stored) -> None:
        """Unpack, run, subscribe."""
        runtime.deploy(call.context, resource)
        add_function(call.context, _service(resource), resource.body["serviceConfig"]["uri"])
        resource.body["serviceConfig"]["service"] = _service(resource)
        _subscribe(call.context, resource)
        _follow(call.context, resource)

    def updating(self, call: Call, resource: Stored, body: dict[str, Any]) -> None:
        """Refuse what cannot run."""
        _check(call.context, body)

    def updated(self, call: Call, resource: Stored, before: dict[str, Any]) -> None:
        """Deploy again, from the archive as it is now."""
        _TRIGGERS.stop(resource.key)
        runtime.deploy(call.context, resource)
        _subscribe(call.context, resource)
        _follow(call.context, resource)
        resource.body["updateTime"] = now()

    def deleted(self, call: Call, resource: Stored) -> None:
        """Stop delivering, unsubscribe, stop the process."""
        _TRIGGERS.stop(resource.key)
        if subscription := resource.private.get("subscription"):
            topics.remove_subscription(call.context, subscription)
        remove_function(call.context, _service(resource))
        runtime.remove(call.context, resource)


def _service(resource: Stored) -> str:
    """The Cloud Run service that Google makes of a function."""
    return resource.path.replace("/functions/", "/services/")


def _check(context: Context, body: dict[str, Any]) -> None:
    build = body.get("buildConfig", {})
    if not str(build.get("runtime", "")).startswith("python"):
        raise not_in_the_rehearsal(f"A function with the runtime {build.get('runtime')}")
    source = build.get("source", {}).get("storageSource", {})
    if not (source.get("bucket") and source.get("object")):
        raise not_in_the_rehearsal("A function whose source is not an object in a bucket")
    if not build.get("entryPoint"):
        raise invalid("Invalid value at 'build_config.entry_point': it is required.")
    trigger = body.get("eventTrigger")
    if trigger and trigger.get("eventType") != MESSAGE_PUBLISHED:
        raise not_in_the_rehearsal(f"A function triggered by {trigger.get('eventType')}")
    if trigger:
        topics.require_topic(context, trigger.get("pubsubTopic", ""))


def _subscribe(context: Context, resource: Stored) -> None:
    """Make the trigger's subscription, named as Eventarc names it, unless it exists."""
    trigger = resource.body.get("eventTrigger")
    if not trigger:
        return
    region, short = resource.path.split("/")[3], resource.name
    path = f"projects/{context.project}/subscriptions/eventarc-{region}-{short}-sub"
    resource.private["subscription"] = path
    trigger.setdefault("triggerRegion", region)
    trigger["trigger"] = f"projects/{context.project}/locations/{region}/triggers/{short}"
    if context.store.get(f"pubsub/{path}") is None:
        timeout = int(resource.body["serviceConfig"]["timeoutSeconds"])
        body = {
            "name": path,
            "topic": trigger["pubsubTopic"],
            "ackDeadlineSeconds": min(600, max(10, timeout)),
            "retryPolicy": {"minimumBackoff": "1s", "maximumBackoff": "600s"},
        }
        topics.add(context, topics.SUBSCRIPTIONS, body)


def _follow(context: Context, resource: Stored) -> None:
    """Deliver the trigger's messages from now on."""
    trigger = resource.body.get("eventTrigger")
    if trigger:
        _TRIGGERS.follow(
            resource.key,
            topics.broker(context),
            subscription=resource.private["subscription"],
            topic=trigger["pubsubTopic"],
            url=runtime.address(context, resource),
            timeout=float(resource.body["serviceConfig"]["timeoutSeconds"]),
            retry=trigger.get("retryPolicy") == "RETRY_POLICY_RETRY",
        )
