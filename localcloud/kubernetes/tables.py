"""Server-side tables: the columns ``kubectl get`` prints."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

Object = dict[str, Any]
Columns = list[tuple[str, Callable[[Object], Any]]]


def _age(obj: Object) -> str:
    created = obj["metadata"].get("creationTimestamp")
    if not created:
        return "<unknown>"
    seconds = int(
        (datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(created)).total_seconds()
    )
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{max(seconds, 0)}s"


def _status(obj: Object, name: str) -> Any:
    return obj.get("status", {}).get(name, 0)


def _ratio(ready: str, wanted: Callable[[Object], Any]) -> Callable[[Object], str]:
    return lambda o: f"{_status(o, ready)}/{wanted(o)}"


def _replicas(obj: Object) -> int:
    return int(obj["spec"].get("replicas", 0))


def pod_status(obj: Object) -> str:
    """What the STATUS column of a Pod says."""
    status = obj.get("status", {})
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    for container in status.get("containerStatuses", ()):
        state = container.get("state", {})
        for phase in ("waiting", "terminated"):
            if state.get(phase, {}).get("reason"):
                return str(state[phase]["reason"])
    return str(status.get("phase", "Unknown"))


def _ready_containers(obj: Object) -> str:
    statuses = obj.get("status", {}).get("containerStatuses", ())
    return f"{sum(bool(s.get('ready')) for s in statuses)}/{len(obj['spec']['containers'])}"


def _node_status(obj: Object) -> str:
    conditions = obj.get("status", {}).get("conditions", ())
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return ("Ready" if ready else "NotReady") + (
        ",SchedulingDisabled" if obj["spec"].get("unschedulable") else ""
    )


def _external(obj: Object) -> str:
    ingress = obj.get("status", {}).get("loadBalancer", {}).get("ingress", ())
    if ingress:
        return ",".join(i.get("ip") or i.get("hostname", "") for i in ingress)
    return "<pending>" if obj["spec"].get("type") == "LoadBalancer" else "<none>"


def _ports(obj: Object) -> str:
    def one(port: Object) -> str:
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        return f"{port['port']}{node}/{port['protocol']}"

    return ",".join(one(p) for p in obj["spec"].get("ports", ())) or "<none>"


def _targets(obj: Object) -> str:
    shown = []
    current = {
        m.get("resource", {}).get("name"): m for m in obj.get("status", {}).get("currentMetrics") or ()
    }
    for metric in obj["spec"]["metrics"]:
        resource = metric.get("resource")
        if resource is None:
            continue
        now = current.get(resource["name"], {}).get("resource", {}).get("current", {})
        if "averageUtilization" in resource["target"]:
            have = f"{now['averageUtilization']}%" if "averageUtilization" in now else "<unknown>"
            shown.append(f"{resource['name']}: {have}/{resource['target']['averageUtilization']}%")
        else:
            shown.append(
                f"{resource['name']}: {now.get('averageValue', '<unknown>')}"
                f"/{resource['target'].get('averageValue')}"
            )
    return ", ".join(shown)


_COLUMNS: dict[str, Columns] = {
    "pods": [
        ("Ready", _ready_containers),
        ("Status", pod_status),
        (
            "Restarts",
            lambda o: sum(s.get("restartCount", 0) for s in o.get("status", {}).get("containerStatuses", ())),
        ),
    ],
    "deployments.apps": [
        ("Ready", _ratio("readyReplicas", _replicas)),
        ("Up-to-date", lambda o: _status(o, "updatedReplicas")),
        ("Available", lambda o: _status(o, "availableReplicas")),
    ],
    "replicasets.apps": [
        ("Desired", _replicas),
        ("Current", lambda o: _status(o, "replicas")),
        ("Ready", lambda o: _status(o, "readyReplicas")),
    ],
    "statefulsets.apps": [("Ready", _ratio("readyReplicas", _replicas))],
    "daemonsets.apps": [
        ("Desired", lambda o: _status(o, "desiredNumberScheduled")),
        ("Current", lambda o: _status(o, "currentNumberScheduled")),
        ("Ready", lambda o: _status(o, "numberReady")),
    ],
    "jobs.batch": [("Completions", _ratio("succeeded", lambda o: o["spec"].get("completions", 1)))],
    "cronjobs.batch": [
        ("Schedule", lambda o: o["spec"]["schedule"]),
        ("Suspend", lambda o: o["spec"]["suspend"]),
    ],
    "services": [
        ("Type", lambda o: o["spec"]["type"]),
        ("Cluster-IP", lambda o: o["spec"].get("clusterIP", "None")),
        ("External-IP", _external),
        ("Port(s)", _ports),
    ],
    "nodes": [
        ("Status", _node_status),
        ("Roles", lambda o: "<none>"),
        ("Version", lambda o: o["status"]["nodeInfo"]["kubeletVersion"]),
    ],
    "namespaces": [("Status", lambda o: o["status"]["phase"])],
    "horizontalpodautoscalers.autoscaling": [
        (
            "Reference",
            lambda o: f"{o['spec']['scaleTargetRef']['kind']}/{o['spec']['scaleTargetRef']['name']}",
        ),
        ("Targets", _targets),
        ("MinPods", lambda o: o["spec"]["minReplicas"]),
        ("MaxPods", lambda o: o["spec"]["maxReplicas"]),
        ("Replicas", lambda o: _status(o, "currentReplicas")),
    ],
    "secrets": [("Type", lambda o: o.get("type", "")), ("Data", lambda o: len(o.get("data", {})))],
    "configmaps": [("Data", lambda o: len(o.get("data", {})))],
    "events": [
        ("Type", lambda o: o.get("type", "")),
        ("Reason", lambda o: o.get("reason", "")),
        (
            "Object",
            lambda o: f"{o['involvedObject'].get('kind', '').lower()}/{o['involvedObject'].get('name', '')}",
        ),
        ("Message", lambda o: o.get("message", "")),
    ],
}


#: Columns that ``-o wide`` adds.
_WIDE: dict[str, Columns] = {
    "pods": [
        ("IP", lambda o: o.get("status", {}).get("podIP", "<none>")),
        ("Node", lambda o: o["spec"].get("nodeName", "<none>")),
    ],
    "nodes": [
        ("Internal-IP", lambda o: o["status"]["addresses"][0]["address"]),
        ("OS-Image", lambda o: o["status"]["nodeInfo"]["osImage"]),
    ],
}


def table(resource: str, objects: list[Object], list_metadata: Object) -> Object:
    """A ``meta.k8s.io/v1`` Table."""
    shown: Columns = [("Name", lambda o: o["metadata"]["name"]), *_COLUMNS.get(resource, []), ("Age", _age)]
    columns = shown + _WIDE.get(resource, [])
    definitions = [
        {
            "name": n,
            "type": "string",
            "format": "name" if n == "Name" else "",
            "description": n,
            "priority": int(i >= len(shown)),
        }
        for i, (n, _) in enumerate(columns)
    ]
    rows = [
        {
            "cells": [cell(o) for _, cell in columns],
            "object": {
                "kind": "PartialObjectMetadata",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": o["metadata"],
            },
        }
        for o in objects
    ]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": list_metadata,
        "columnDefinitions": definitions,
        "rows": rows,
    }
