"""GKE's: Google's Custom Metrics Stackdriver Adapter, which reads Cloud Monitoring.

``|`` stands for ``/`` in names (github.com/GoogleCloudPlatform/k8s-stackdriver, read November 2026).
"""

from __future__ import annotations

import datetime
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence

from localcloud.kubernetes.adapters.base import Sample, Source, Unavailable
from localcloud.kubernetes.storage import Object
from localcloud.state import State

TIMEOUT_SECONDS = 5.0
_PROMETHEUS = re.compile(r"prometheus\.googleapis\.com[|/]([A-Za-z_:][A-Za-z0-9_:]*)[|/](counter|gauge)")


class StackdriverAdapter:
    """Names and values as that adapter has them."""

    def __init__(self, state: State) -> None:
        self._state = state

    def custom(self, series: Mapping[str, str]) -> dict[str, Source]:
        """Every counter and gauge, as Managed Service for Prometheus names them."""
        return {
            f"prometheus.googleapis.com|{name}|{kind}": Source(name, kind == "counter")
            for name, kind in series.items()
            if kind in ("counter", "gauge")
        }

    def source(self, metric: str) -> Source | None:
        """Of ``prometheus.googleapis.com|NAME|counter``; counters are answered as rates."""
        match = _PROMETHEUS.fullmatch(metric)
        return Source(match[1], match[2] == "counter") if match else None

    def external(self) -> Sequence[str]:
        """One name stands for all that Cloud Monitoring has."""
        return ("externalmetrics",)

    def read(self, metric: str, labels: Mapping[str, str]) -> list[Sample]:
        """The newest point of each series of the local Cloud Monitoring."""
        google = self._state.endpoints().get("google", {})
        if "monitoring" not in google:
            raise Unavailable("the local Google does not run: start it with `python -m localcloud up`")
        conditions = [f'metric.type="{metric.replace("|", "/")}"']
        conditions += [f'{name}="{value}"' for name, value in labels.items()]
        now = datetime.datetime.now(datetime.UTC)
        stamps = [
            at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            for at in (now - datetime.timedelta(minutes=5), now + datetime.timedelta(seconds=1))
        ]
        query = {
            "filter": " AND ".join(conditions),
            "interval.startTime": stamps[0],
            "interval.endTime": stamps[1],
        }
        issued = self._state.credentials()
        root = str(google["monitoring"]).rstrip("/")
        url = f"{root}/v3/projects/{issued.google_project}/timeSeries?{urllib.parse.urlencode(query)}"
        found = _json(url, {"Authorization": f"Bearer {issued.google_access_token}"})
        return [_point(series) for series in found.get("timeSeries", ())]


def _point(series: Object) -> Sample:
    value = series["points"][0]["value"]
    number = value.get("int64Value", value.get("doubleValue", 0))
    resource, metric = series.get("resource", {}), series.get("metric", {})
    labels = {"resource.type": str(resource.get("type", ""))}
    labels |= {f"resource.labels.{k}": str(v) for k, v in resource.get("labels", {}).items()}
    labels |= {f"metric.labels.{k}": str(v) for k, v in metric.get("labels", {}).items()}
    return Sample(float(number), labels)


def _json(url: str, headers: Mapping[str, str]) -> Object:
    try:
        request = urllib.request.Request(url, headers=dict(headers))
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            found: Object = json.load(answer)
    except urllib.error.HTTPError as error:
        raise Unavailable(error.read().decode(errors="replace")[:300]) from error
    except (OSError, ValueError) as error:
        raise Unavailable(str(error)) from error
    return found
