"""The aggregated APIs ``custom.metrics.k8s.io/v1beta2`` and ``external.metrics.k8s.io/v1beta1``."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

from localcloud.kubernetes import apply as server_side
from localcloud.kubernetes.adapters.base import Adapter, Sample, Source, Unavailable
from localcloud.kubernetes.adapters.scraping import Scraper
from localcloud.kubernetes.errors import ApiError, bad_request
from localcloud.kubernetes.kinds import Kind, Kinds
from localcloud.kubernetes.selectors import matches_selector, parse_labels
from localcloud.kubernetes.storage import Object, Store

CUSTOM, EXTERNAL = "custom.metrics.k8s.io", "external.metrics.k8s.io"
_VERSIONS = {CUSTOM: "v1beta2", EXTERNAL: "v1beta1"}
_EQUAL = re.compile(r"^([^\s!=,()]+)\s*==?\s*([^\s!=,()]*)$")
#: Kinds of what a custom metric may be asked of.
_DESCRIBED = {"pods": ("", "v1", "Pod"), "services": ("", "v1", "Service")}
_VALUES = "MetricValueList"


def is_metrics_path(path: str) -> bool:
    """Whether a path is one of a value of these APIs, below their discovery."""
    parts = path.strip("/").split("/")
    return parts[0] == "apis" and len(parts) > 3 and parts[1] in _VERSIONS


def milli(value: float) -> str:
    """A value as a quantity: whole, else in thousandths."""
    return str(round(value)) if abs(value - round(value)) < 5e-4 else f"{round(value * 1000)}m"


def labels_of(selector: Object | None) -> dict[str, str]:
    """The labels that a metric's selector asks for; adapters of both clouds are asked for equality only.

    Raises:
        Unavailable: it asks for more.
    """
    if selector and selector.get("matchExpressions"):
        raise Unavailable("a metric selector with matchExpressions is not in the rehearsal")
    return dict((selector or {}).get("matchLabels") or {})


class MetricsApis:
    """Values of custom and external metrics, for callers of the API and for the autoscaler."""

    def __init__(self, store: Store, kinds: Kinds, scraper: Scraper, adapter: Adapter) -> None:
        self._store, self._kinds, self._scraper, self._adapter = store, kinds, scraper, adapter

    # Discovery

    def list_kinds(self) -> None:
        """Let discovery list the metrics that there are now."""
        found: dict[str, list[str]] = {}
        for name, source in self._adapter.custom(self._scraper.series()).items():
            for resource in source.resources:
                found.setdefault(resource, []).append(name)
        custom = [
            # Without verbs of its own: only the metrics below it are resources.
            Kind(CUSTOM, _VERSIONS[CUSTOM], _VALUES, plural, subresources=tuple(sorted(names)), verbs=())
            for plural, names in (found or {"pods": []}).items()
        ]
        external = [
            Kind(EXTERNAL, _VERSIONS[EXTERNAL], "ExternalMetricValueList", name, verbs=("get",))
            for name in sorted(self._adapter.external()) or ["externalmetrics"]
        ]
        self._kinds.replace_group(CUSTOM, custom)
        self._kinds.replace_group(EXTERNAL, external)

    # Values

    def of_pods(self, metric: str, pods: list[Object], selector: Object | None = None) -> dict[str, float]:
        """A custom metric of each of these Pods that has one, by name.

        Raises:
            Unavailable: there is no such metric of Pods.
        """
        source = self._source(metric, "pods")
        values = {
            p["metadata"]["name"]: self._scraper.value(p, source.series, source.rate, selector) for p in pods
        }
        return {name: value for name, value in values.items() if value is not None}

    def of_object(
        self, metric: str, namespace: str, resource: str, name: str, selector: Object | None = None
    ) -> float:
        """A custom metric of one object: a Pod's own, or the sum over a Service's Pods.

        Raises:
            Unavailable: there is no such metric or object.
        """
        self._source(metric, resource)
        obj = self._store.get(resource, namespace, name)
        text = f"the server could not find the metric {metric} for {resource} {name}"
        if obj is None:
            raise Unavailable(text)
        pods = [obj] if resource == "pods" else self._pods_of(obj)
        source = self._source(metric, resource)
        values = [self._scraper.value(p, source.series, source.rate, selector) for p in pods]
        known = [value for value in values if value is not None]
        if not known:
            raise Unavailable(text)
        return sum(known)

    def _pods_of(self, service: Object) -> list[Object]:
        labels = service["spec"].get("selector")
        if not labels:
            return []
        return [
            p
            for p in self._store.list("pods", service["metadata"]["namespace"])
            if matches_selector({"matchLabels": labels}, p["metadata"].get("labels") or {})
        ]

    def _source(self, metric: str, resource: str) -> Source:
        source = self._adapter.source(metric)
        if source is None or resource not in source.resources:
            raise Unavailable(f"the server could not find the metric {metric} for {resource}")
        return source

    async def external(self, metric: str, labels: Mapping[str, str]) -> list[Sample]:
        """An external metric's values.

        Raises:
            Unavailable: it cannot be read now.
        """
        return await asyncio.to_thread(self._adapter.read, metric, labels)

    # The API

    async def answer(self, path: str, query: Mapping[str, str]) -> Object:
        """``GET`` of a value.

        Raises:
            ApiError: 404 for a metric or object that there is not.
        """
        _, group, version, *rest = path.strip("/").split("/")
        if version != _VERSIONS[group]:
            raise ApiError(404, "NotFound", "the server could not find the requested resource")
        try:
            if group == EXTERNAL and len(rest) == 3 and rest[0] == "namespaces":
                return await self._external(rest[2], query.get("labelSelector", ""))
            if group == CUSTOM and len(rest) == 5 and rest[0] == "namespaces":
                return self._custom(rest[1], rest[2], rest[3], rest[4], query)
        except Unavailable as error:
            raise ApiError(404, "NotFound", str(error)) from error
        raise ApiError(404, "NotFound", "the server could not find the requested resource")

    async def _external(self, metric: str, selector: str) -> Object:
        labels = {}
        for part in filter(None, selector.split(",")):
            match = _EQUAL.match(part.strip())
            if match is None:
                raise bad_request(f"{part}: external metrics are selected by equality in the rehearsal")
            labels[match[1]] = match[2]
        now = server_side.timestamp()
        items = [
            {
                "metricName": metric,
                "metricLabels": dict(s.labels),
                "timestamp": now,
                "value": milli(s.value),
            }
            for s in await self.external(metric, labels)
        ]
        return {
            "kind": "ExternalMetricValueList",
            "apiVersion": f"{EXTERNAL}/{_VERSIONS[EXTERNAL]}",
            "metadata": {},
            "items": items,
        }

    def _custom(
        self, namespace: str, resource: str, name: str, metric: str, query: Mapping[str, str]
    ) -> Object:
        if resource not in _DESCRIBED:
            raise Unavailable(f"the server could not find the metric {metric} for {resource}")
        names = [name]
        if name == "*":
            selected = parse_labels(query.get("labelSelector", ""))
            known = self._store.list(resource, namespace)
            names = [o["metadata"]["name"] for o in known if selected(o["metadata"].get("labels") or {})]
        self._source(metric, resource)
        items = []
        for one in names:
            try:
                value = self.of_object(metric, namespace, resource, one)
            except Unavailable:
                if name != "*":
                    raise
                continue
            items.append(self._value(namespace, resource, one, metric, value))
        return {
            "kind": _VALUES,
            "apiVersion": f"{CUSTOM}/{_VERSIONS[CUSTOM]}",
            "metadata": {},
            "items": items,
        }

    def _value(self, namespace: str, resource: str, name: str, metric: str, value: float) -> Object:
        _, version, kind = _DESCRIBED[resource]
        described = {"kind": kind, "namespace": namespace, "name": name, "apiVersion": f"/{version}"}
        return {
            "describedObject": described,
            "metric": {"name": metric, "selector": None},
            "timestamp": server_side.timestamp(),
            "windowSeconds": max(1, round(self._scraper.window)),
            "value": milli(value),
        }
