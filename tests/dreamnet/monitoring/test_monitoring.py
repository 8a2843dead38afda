"""Metrics written and dashboards read back, against answers of the APIs' documented shapes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dreamnet.clouds import google_rest
from dreamnet.errors import VerificationError
from dreamnet.monitoring import (
    check_aws,
    check_dashboard_and_alert,
    check_google,
    write_metric,
    write_metric_aws,
)

GOOGLE: Any = SimpleNamespace(project="p", root=lambda api, default: default)
TILE = {"widget": {"title": "t"}}


def answering(monkeypatch: pytest.MonkeyPatch, boards: list[Any], policies: list[Any]) -> list[Any]:
    asked: list[Any] = []

    def call(account: Any, method: str, url: str, **rest: Any) -> dict[str, Any]:
        asked.append((method, url, rest))
        if url.endswith("/dashboards"):
            # One a page, to see that all pages are read.
            at = int((rest.get("parameters") or {}).get("pageToken") or 0)
            more = {"nextPageToken": str(at + 1)} if at + 1 < len(boards) else {}
            return {"dashboards": boards[at : at + 1], **more}
        return {"alertPolicies": policies} if url.endswith("/alertPolicies") else {}

    monkeypatch.setattr(google_rest, "call", call)
    return asked


def board(name: str = "DreamNet", tiles: int = 2) -> dict[str, Any]:
    layout = {"tiles": [TILE] * tiles}
    return {"name": f"projects/1/dashboards/{name}-id", "displayName": name, "mosaicLayout": layout}


def policy(**changes: Any) -> dict[str, Any]:
    given = {"name": "projects/p/alertPolicies/7", "displayName": "dreamnet-undelivered-events"}
    return {**given, "enabled": True, "conditions": [{}], **changes}


def cloudwatch(**changes: Any) -> Any:
    alarm = {"AlarmName": "dreamnet-dead-letters", "ActionsEnabled": True}
    client = {
        "list_dashboards": lambda DashboardNamePrefix: {"DashboardEntries": [{"DashboardName": "dreamnet"}]},
        "get_dashboard": lambda DashboardName: {"DashboardBody": '{"widgets": [{}, {}, {}]}'},
        "describe_alarms": lambda AlarmNames: {"MetricAlarms": [alarm]},
        **changes,
    }
    return SimpleNamespace(region="us-east-1", client=lambda _: SimpleNamespace(**client))


def test_all_four_are_read_back_with_their_consoles_links(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, [board("other"), board()], [policy()])
    found = check_dashboard_and_alert(GOOGLE, cloudwatch())
    assert [(one.cloud, one.kind, one.widgets) for one in found] == [
        ("google", "dashboard", 2),
        ("google", "alert", 1),
        ("aws", "dashboard", 3),
        ("aws", "alert", 1),
    ]
    assert (
        found[0].url == "https://console.cloud.google.com/monitoring/dashboards/builder/DreamNet-id?project=p"
    )
    assert "us-east-1" in found[3].url
    assert "dreamnet-dead-letters" in found[3].url


@pytest.mark.parametrize(
    ("boards", "policies", "said"),
    [
        ([board("other")], [policy()], "no dashboard DreamNet on google"),
        ([board(tiles=0)], [policy()], "dashboard DreamNet on google is empty"),
        ([board()], [], "no alert policy"),
        ([board()], [policy(enabled=False)], "is disabled"),
        ([board()], [policy(conditions=[])], "alert policy .* is empty"),
    ],
)
def test_google_s_missing_parts_are_named(
    monkeypatch: pytest.MonkeyPatch, boards: list[Any], policies: list[Any], said: str
) -> None:
    answering(monkeypatch, boards, policies)
    with pytest.raises(VerificationError, match=said):
        check_google(GOOGLE)


def test_aws_s_missing_parts_are_named() -> None:
    with pytest.raises(VerificationError, match="no dashboard dreamnet on aws"):
        check_aws(cloudwatch(list_dashboards=lambda DashboardNamePrefix: {"DashboardEntries": []}))
    with pytest.raises(VerificationError, match="no alarm"):
        check_aws(cloudwatch(describe_alarms=lambda AlarmNames: {"MetricAlarms": []}))


def test_a_metric_is_one_double_point_of_a_gauge(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch, [], [])
    write_metric(GOOGLE, "dreamnet/dreams", 3, {"region": "r"})
    (method, url, rest) = asked[0]
    (series,) = rest["body"]["timeSeries"]
    assert (method, url) == ("POST", "https://monitoring.googleapis.com/v3/projects/p/timeSeries")
    assert series["metric"] == {"type": "custom.googleapis.com/dreamnet/dreams", "labels": {"region": "r"}}
    assert series["points"][0]["value"] == {"doubleValue": 3.0}


def test_a_metric_on_aws_has_sorted_dimensions() -> None:
    sent: dict[str, Any] = {}
    client = SimpleNamespace(put_metric_data=lambda **given: sent.update(given))
    account: Any = SimpleNamespace(client=lambda _: client)
    write_metric_aws(account, "DreamNet", "Dreams", 2, {"b": "2", "a": "1"}, "Count")
    assert sent["Namespace"] == "DreamNet"
    assert sent["MetricData"][0]["Dimensions"] == [{"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}]
