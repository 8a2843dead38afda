"""That dashboards and alerts exist, are on, and where a person finds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dreamnet.clouds import google_rest
from dreamnet.clouds.aws import aws_errors
from dreamnet.errors import VerificationError

if TYPE_CHECKING:
    from dreamnet.clouds.aws import AwsAccount
    from dreamnet.clouds.google import GoogleAccount

#: Names that infrastructure/*/services/monitoring.yaml gives.
GOOGLE_DASHBOARD, GOOGLE_ALERT = "DreamNet", "dreamnet-undelivered-events"
AWS_DASHBOARD, AWS_ALARM = "dreamnet", "dreamnet-dead-letters"

_MONITORING = "https://monitoring.googleapis.com/"
_REMEDY = "Apply infrastructure/{0}/services (flow week3-services does)."


@dataclass(frozen=True)
class Watch:
    """One dashboard or alert that was read back.

    Attributes:
        kind: `dashboard` or `alert`.
        url: where the vendor's console shows it.
        widgets: how many a dashboard has; conditions of an alert.
    """

    cloud: str
    kind: str
    name: str
    url: str
    widgets: int


def check_dashboard_and_alert(google: GoogleAccount, aws: AwsAccount) -> list[Watch]:
    """Read back the dashboard and the alert of each cloud.

    Raises:
        VerificationError: one is missing, empty or off.
        CredentialsError, UnreachableError, ResourceError: a cloud refuses.
    """
    return [*check_google(google), *check_aws(aws)]


def check_google(
    account: GoogleAccount, dashboard: str = GOOGLE_DASHBOARD, alert: str = GOOGLE_ALERT
) -> list[Watch]:
    """Google's dashboard and alert policy, by display name. Raises as `check_dashboard_and_alert`."""
    board = _named(_pages(account, "v1", "dashboards"), dashboard, "dashboard", "google")
    policy = _named(_pages(account, "v3", "alertPolicies"), alert, "alert policy", "google")
    if policy.get("enabled", True) is False:
        raise VerificationError(f"The alert policy {alert} is disabled.", "Enable it in Cloud Monitoring.")
    widgets, conditions = _widgets(board), len(policy.get("conditions", []))
    _require_content("dashboard", dashboard, widgets, "google")
    _require_content("alert policy", alert, conditions, "google")
    return [
        Watch("google", "dashboard", dashboard, _google_url(account, "dashboards/builder", board), widgets),
        Watch("google", "alert", alert, _google_url(account, "alerting/policies", policy), conditions),
    ]


def check_aws(account: AwsAccount, dashboard: str = AWS_DASHBOARD, alarm: str = AWS_ALARM) -> list[Watch]:
    """CloudWatch's dashboard and alarm. Raises as `check_dashboard_and_alert`."""
    import json

    client = account.client("cloudwatch")
    with aws_errors("CloudWatch's dashboards"):
        found = client.list_dashboards(DashboardNamePrefix=dashboard)["DashboardEntries"]
        _named([{"displayName": one["DashboardName"]} for one in found], dashboard, "dashboard", "aws")
        body = json.loads(client.get_dashboard(DashboardName=dashboard)["DashboardBody"])
    with aws_errors("CloudWatch's alarms"):
        alarms = client.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
    state = _named([{**one, "displayName": one["AlarmName"]} for one in alarms], alarm, "alarm", "aws")
    if not state.get("ActionsEnabled", True):
        raise VerificationError(f"The actions of the alarm {alarm} are off.", "Enable them in CloudWatch.")
    widgets = len(body.get("widgets", []))
    _require_content("dashboard", dashboard, widgets, "aws")
    console = f"https://{account.region}.console.aws.amazon.com/cloudwatch/home?region={account.region}"
    return [
        Watch("aws", "dashboard", dashboard, f"{console}#dashboards/dashboard/{quote(dashboard)}", widgets),
        Watch("aws", "alert", alarm, f"{console}#alarmsV2:alarm/{quote(alarm)}", 1),
    ]


def _pages(account: GoogleAccount, version: str, collection: str) -> Iterator[Mapping[str, Any]]:
    url = f"{account.root('monitoring', _MONITORING)}{version}/projects/{account.project}/{collection}"
    token = ""
    while True:
        parameters = {"pageToken": token} if token else {}
        page = google_rest.call(account, "GET", url, what=f"Monitoring's {collection}", parameters=parameters)
        yield from page.get(collection, [])
        token = page.get("nextPageToken", "")
        if not token:
            return


def _named(found: Any, name: str, kind: str, cloud: str) -> Mapping[str, Any]:
    for one in found:
        if one.get("displayName") == name:
            return dict(one)
    raise VerificationError(f"There is no {kind} {name} on {cloud}.", _REMEDY.format(cloud))


def _require_content(kind: str, name: str, count: int, cloud: str) -> None:
    if not count:
        raise VerificationError(f"The {kind} {name} on {cloud} is empty.", _REMEDY.format(cloud))


def _widgets(board: Mapping[str, Any]) -> int:
    """Widgets of a dashboard, in whichever of its four layouts."""
    layouts = (
        board.get("mosaicLayout", {}).get("tiles", []),
        board.get("gridLayout", {}).get("widgets", []),
        [w for row in board.get("rowLayout", {}).get("rows", []) for w in row.get("widgets", [])],
        [w for one in board.get("columnLayout", {}).get("columns", []) for w in one.get("widgets", [])],
    )
    return sum(len(one) for one in layouts)


def _google_url(account: GoogleAccount, page: str, resource: Mapping[str, Any]) -> str:
    short = str(resource["name"]).rsplit("/", 1)[-1]
    return f"https://console.cloud.google.com/monitoring/{page}/{short}?project={account.project}"
