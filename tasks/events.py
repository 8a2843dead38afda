"""The events that start functions, and what watches over both."""

from __future__ import annotations

from prefect import task

from dreamnet.errors import VerificationError
from dreamnet.events import dreams
from dreamnet.events.delivery import code_versions
from dreamnet.monitoring.check import check_dashboard_and_alert
from dreamnet.report import Clock, Step
from tasks.support import CLOUD_TASK, aws_account, google_account, progress, publish

#: The variable that names the version of the code that a cloud's event goes through.
CODE = {"google": "code.google.dream_processed", "aws": "code.aws.dream_events"}
TOPIC, BUS, TABLE = "dream-events", "dreamnet", "dreamnet-processed-events"


@task(task_run_name="event to function on {cloud}", **CLOUD_TASK)
def prove_event(profile: str, run: str, cloud: str) -> Step:
    """Send one dream event and wait until the function has recorded it; it is never sent twice."""
    event_id = f"gameplan-{profile}-{code_versions()[CODE[cloud]]}"
    event = dreams.dream_event({"id": event_id, "title": "the gameplan reached week 3"}, event_id)
    if cloud == "google":
        clock = Clock("Pub/Sub to Cloud Function")
        google = google_account(profile)
        bucket = f"{google.project}-lake"
        try:
            dreams.wait_processed_google(google, bucket, event_id, timeout=0.0)
            return clock.unchanged(f"Event {event_id} was processed before.")
        except VerificationError:
            progress()(f"Sending event {event_id} to topic {TOPIC}")
        dreams.send_dream_event_google(google, TOPIC, event)
        dreams.wait_processed_google(google, bucket, event_id)
        return clock.done(f"Event {event_id} went through topic {TOPIC} and was recorded in gs://{bucket}.")
    clock = Clock("EventBridge to SQS to Lambda")
    aws = aws_account(profile)
    try:
        dreams.wait_processed_aws(aws, TABLE, event_id, timeout=0.0)
        return clock.unchanged(f"Event {event_id} was processed before.")
    except VerificationError:
        progress()(f"Sending event {event_id} to bus {BUS}")
    dreams.send_dream_event_aws(aws, BUS, event)
    dreams.wait_processed_aws(aws, TABLE, event_id)
    return clock.done(f"Event {event_id} went through bus {BUS} and was recorded in table {TABLE}.")


@task(task_run_name="check monitoring", **CLOUD_TASK)
def check_monitoring(profile: str, run: str) -> Step:
    """Read back the dashboard and the alert of each cloud, and link to them."""
    clock = Clock("Dashboards and alerts")
    watches = check_dashboard_and_alert(google_account(profile), aws_account(profile))
    links = "\n".join(f"- {watch.cloud} {watch.kind}: [{watch.name}]({watch.url})" for watch in watches)
    publish(f"monitoring {profile}", links, "Where to look")
    return clock.unchanged(", ".join(f"{watch.cloud} {watch.kind} {watch.name}" for watch in watches))
