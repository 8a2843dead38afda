"""Rules that need more than the schema: namespaces, references, immutable fields, allocated addresses."""

from __future__ import annotations

import ipaddress
from typing import Any

from localcloud.kubernetes import claim_rules, errors, priorities
from localcloud.kubernetes.checks.causes import Cause
from localcloud.kubernetes.checks.objects import check_new, check_update
from localcloud.kubernetes.checks.services import NODE_PORTS
from localcloud.kubernetes.kinds import Kind
from localcloud.kubernetes.limits import LimitRanges
from localcloud.kubernetes.quota import Quotas
from localcloud.kubernetes.storage import Store

Object = dict[str, Any]
_IMMORTAL = ("default", "kube-system", "kube-public")
SERVICE_RANGE = ipaddress.ip_network("10.96.0.0/16")


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
        if kind.resource == "secrets":
            _string_data(obj)
        _refuse(kind, obj, check_new(kind, obj))
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
        if kind.resource == "secrets":
            _string_data(new)
        if kind.resource == "services":
            self._keep_service(live, new)
        _refuse(kind, new, check_update(kind, live, new))
        if kind.resource == "persistentvolumeclaims":
            claim_rules.check_change(self._store, live, new)
        if live != new:
            self._quotas.admit(kind, new, live)
        if kind.resource == "services":
            self._allocate_service(new, dry_run)

    @staticmethod
    def delete(kind: Kind, name: str) -> None:
        """403 for the namespaces that a cluster cannot be without."""
        if kind.resource == "namespaces" and name in _IMMORTAL:
            raise errors.forbidden(kind.resource, name, "this namespace may not be deleted")

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
            free = iter(port for port in NODE_PORTS if port not in used)
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


def _refuse(kind: Kind, obj: Object, causes: list[Cause]) -> None:
    if causes:
        raise errors.invalid(kind.kind, kind.group, obj["metadata"]["name"], causes)


def _string_data(obj: Object) -> None:
    import base64

    for name, text in (obj.pop("stringData", None) or {}).items():
        obj.setdefault("data", {})[name] = base64.b64encode(text.encode()).decode()
