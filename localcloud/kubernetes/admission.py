"""Rules that need more than the schema: namespaces, references, immutable fields, allocated addresses."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from localcloud.kubernetes import claim_rules, errors, priorities
from localcloud.kubernetes.job_rules import check_job
from localcloud.kubernetes.kinds import Kind
from localcloud.kubernetes.limits import LimitRanges
from localcloud.kubernetes.quota import Quotas
from localcloud.kubernetes.schedules import check_schedule
from localcloud.kubernetes.selectors import matches_selector
from localcloud.kubernetes.storage import Store
from localcloud.kubernetes.validation import immutable

Object = dict[str, Any]
Cause = tuple[str, str, str]
SERVICE_RANGE = ipaddress.ip_network("10.96.0.0/16")
QUANTITY = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([EPTGMk]i?|Ki|[numKMGTPE]|[eE][+-]?\d+)?$")
#: What a Pod's spec may change (kubernetes.io/docs/concepts/workloads/pods, read November 2026).
_CHANGEABLE = ("activeDeadlineSeconds", "schedulingGates", "tolerations")
_POD_CHANGES = (
    "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions "
    "to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
    "previously negative)"
)
_SELECTED = ("deployments.apps", "replicasets.apps", "statefulsets.apps", "daemonsets.apps")


class Admission:
    """Checks before a write, and what the API server allocates."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._limits, self._quotas = LimitRanges(store), Quotas(store)

    def namespace_open(self, kind: Kind, namespace: str) -> None:
        """404 in a namespace that is not there, 403 in one that is being deleted."""
        if not kind.namespaced:
            return
        found = self._store.get("namespaces", "", namespace)
        if found is None:
            raise errors.not_found("namespaces", namespace)
        if found["metadata"].get("deletionTimestamp"):
            message = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise errors.ApiError(403, "Forbidden", message)

    def create(self, kind: Kind, obj: Object, dry_run: bool) -> None:
        """Check a new object and allocate what it needs."""
        self._check(kind, obj)
        if kind.resource == "pods":
            priorities.admit(self._store, obj)
        if kind.resource in claim_rules.PROTECTION:
            claim_rules.admit(self._store, kind.resource, obj)
        self._limits.admit(kind.resource, obj)
        self._quotas.admit(kind, obj)
        if kind.resource == "services":
            self._allocate_service(obj, dry_run)

    def update(self, kind: Kind, live: Object, new: Object, dry_run: bool) -> None:
        """Check a changed object."""
        name = new["metadata"]["name"]
        if kind.resource in _SELECTED and live["spec"]["selector"] != new["spec"].get("selector"):
            raise immutable(kind, name, "spec.selector")
        if kind.resource == "jobs.batch" and live["spec"]["template"] != new["spec"].get("template"):
            raise immutable(kind, name, "spec.template")
        if kind.resource == "pods" and _fixed(live["spec"]) != _fixed(new["spec"]):
            raise errors.invalid(kind.kind, kind.group, name, [("spec", "FieldValueForbidden", _POD_CHANGES)])
        if live.get("immutable") and any(
            live.get(k) != new.get(k) for k in ("data", "stringData", "binaryData")
        ):
            raise immutable(kind, name, "data")
        if kind.resource == "services":
            self._keep_service(live, new)
        if kind.resource == "persistentvolumeclaims":
            claim_rules.check_change(self._store, live, new)
        if live != new:
            self._check(kind, new)
            self._quotas.admit(kind, new, live)
        if kind.resource == "services":
            self._allocate_service(new, dry_run)

    def _check(self, kind: Kind, obj: Object) -> None:
        causes: list[Cause] = []
        if kind.resource in _SELECTED:
            causes += _selected(obj)
        if kind.resource == "horizontalpodautoscalers.autoscaling":
            causes += _autoscaler(obj)
        if kind.resource == "cronjobs.batch":
            causes += check_schedule(obj["spec"])
            causes += check_job(obj["spec"]["jobTemplate"]["spec"], "spec.jobTemplate.spec")
        if kind.resource == "jobs.batch":
            causes += check_job(obj["spec"])
        template = obj.get("spec", {}).get("template", {}) if kind.resource != "pods" else obj
        if kind.resource in (*_SELECTED, "jobs.batch", "pods"):
            causes += _pod(
                template.get("spec", {}), "spec" if kind.resource == "pods" else "spec.template.spec"
            )
        if kind.resource == "secrets":
            _string_data(obj)
        if kind.resource == "services":
            causes += _service(obj)
        if causes:
            raise errors.invalid(kind.kind, kind.group, obj["metadata"]["name"], causes)

    # Services

    def _taken(self) -> set[str]:
        return {s["spec"].get("clusterIP", "") for s in self._store.list("services")}

    def _allocate_service(self, obj: Object, dry_run: bool) -> None:
        spec = obj["spec"]
        if spec["type"] == "ExternalName":
            return
        if not spec.get("clusterIP"):
            taken = self._taken() | {"10.96.0.1", "10.96.0.10"}
            address = next(str(ip) for ip in SERVICE_RANGE.hosts() if str(ip) not in taken)
            spec["clusterIP"] = address
        spec.setdefault("clusterIPs", [spec["clusterIP"]])
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
        if spec["type"] in ("NodePort", "LoadBalancer"):
            used = {
                p.get("nodePort") for s in self._store.list("services") for p in s["spec"].get("ports", ())
            }
            free = iter(port for port in range(30000, 32768) if port not in used)
            for port in spec.get("ports", ()):
                port.setdefault("nodePort", next(free))

    @staticmethod
    def _keep_service(live: Object, new: Object) -> None:
        """Allocated addresses stay when an update leaves them out."""
        for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            if name in live["spec"]:
                new["spec"].setdefault(name, live["spec"][name])
        ports = {p["port"]: p.get("nodePort") for p in live["spec"].get("ports", ())}
        if new["spec"]["type"] in ("NodePort", "LoadBalancer"):
            for port in new["spec"].get("ports", ()):
                if ports.get(port["port"]):
                    port.setdefault("nodePort", ports[port["port"]])


def _fixed(spec: Object) -> Object:
    """What of a Pod's spec never changes."""
    fixed = {k: v for k, v in spec.items() if k not in _CHANGEABLE}
    for part in ("containers", "initContainers"):
        fixed[part] = [{k: v for k, v in c.items() if k != "image"} for c in spec.get(part) or ()]
    return fixed


def _string_data(obj: Object) -> None:
    import base64

    for name, text in (obj.pop("stringData", None) or {}).items():
        obj.setdefault("data", {})[name] = base64.b64encode(text.encode()).decode()


def _selected(obj: Object) -> list[Cause]:
    spec = obj["spec"]
    labels = spec["template"].get("metadata", {}).get("labels", {})
    if matches_selector(spec.get("selector"), labels) and spec["selector"]:
        return []
    text = "Invalid value: `selector` does not match template `labels`"
    return [("spec.template.metadata.labels", "FieldValueInvalid", text)]


def _autoscaler(obj: Object) -> list[Cause]:
    spec = obj["spec"]
    if spec["maxReplicas"] < 1:
        return [
            (
                "spec.maxReplicas",
                "FieldValueInvalid",
                f"Invalid value: {spec['maxReplicas']}: must be greater than 0",
            )
        ]
    if spec["maxReplicas"] < spec["minReplicas"]:
        text = f"Invalid value: {spec['maxReplicas']}: must be greater than or equal to `minReplicas`"
        return [("spec.maxReplicas", "FieldValueInvalid", text)]
    return []


def _pod(spec: Object, path: str) -> list[Cause]:
    causes: list[Cause] = []
    if not spec.get("containers"):
        return [(f"{path}.containers", "FieldValueRequired", "Required value")]
    for i, container in enumerate(spec["containers"]):
        where = f"{path}.containers[{i}]"
        if not container.get("image"):
            causes.append((f"{where}.image", "FieldValueRequired", "Required value"))
        for group in ("requests", "limits"):
            for name, value in container.get("resources", {}).get(group, {}).items():
                if not QUANTITY.match(str(value)):
                    text = f'Invalid value: "{value}": quantities must match the regular expression'
                    causes.append((f"{where}.resources.{group}[{name}]", "FieldValueInvalid", text))
    return causes


def _service(obj: Object) -> list[Cause]:
    spec = obj["spec"]
    if not spec.get("ports") and spec.get("clusterIP") != "None" and spec["type"] != "ExternalName":
        return [("spec.ports", "FieldValueRequired", "Required value")]
    bad = [p["port"] for p in spec.get("ports", ()) if not 1 <= p["port"] <= 65535]
    return [
        ("spec.ports", "FieldValueInvalid", f"Invalid value: {p}: must be between 1 and 65535, inclusive")
        for p in bad
    ]
