"""Our own metrics, written to Cloud Monitoring and CloudWatch."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dreamnet.clouds import google_rest
from dreamnet.clouds.aws import aws_errors

if TYPE_CHECKING:
    from dreamnet.clouds.aws import AwsAccount
    from dreamnet.clouds.google import GoogleAccount

#: Cloud Monitoring's domain of a project's own metrics
#: (https://cloud.google.com/monitoring/custom-metrics, November 2026).
CUSTOM = "custom.googleapis.com/"

_MONITORING = "https://monitoring.googleapis.com/"


def write_metric(
    account: GoogleAccount, metric_type: str, value: float, labels: Mapping[str, str] | None = None
) -> None:
    """Write one point of a gauge, now, for the project as a whole.

    Args:
        metric_type: such as `dreamnet/dreams_processed`; made on its first point.
        value: any unit; always stored as a double.
        labels: tell series of the same metric apart.

    Raises:
        CredentialsError, UnreachableError, Refused: Google refuses.
    """
    series = {
        "metric": {"type": _full(metric_type), "labels": dict(labels or {})},
        "resource": {"type": "global", "labels": {"project_id": account.project}},
        "metricKind": "GAUGE",
        "valueType": "DOUBLE",
        "points": [
            {
                "interval": {"endTime": dt.datetime.now(dt.UTC).isoformat().replace("+00:00", "Z")},
                "value": {"doubleValue": float(value)},
            }
        ],
    }
    url = f"{account.root('monitoring', _MONITORING)}v3/projects/{account.project}/timeSeries"
    google_rest.call(account, "POST", url, what=f"Metric {metric_type}", body={"timeSeries": [series]})


def _full(metric_type: str) -> str:
    return metric_type if ".googleapis.com/" in metric_type else CUSTOM + metric_type


def write_metric_aws(
    account: AwsAccount,
    namespace: str,
    name: str,
    value: float,
    dimensions: Mapping[str, str] | None = None,
    unit: str = "None",
) -> None:
    """Write one point to CloudWatch, now.

    Args:
        namespace: such as `DreamNet`.
        unit: one of CloudWatch's StandardUnit words.

    Raises:
        CredentialsError, UnreachableError, ResourceError: AWS refuses.
    """
    datum = {
        "MetricName": name,
        "Value": float(value),
        "Unit": unit,
        "Timestamp": dt.datetime.now(dt.UTC),
        "Dimensions": [{"Name": key, "Value": text} for key, text in sorted((dimensions or {}).items())],
    }
    with aws_errors(f"Metric {namespace}/{name}"):
        account.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[datum])
