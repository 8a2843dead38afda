"""The eviction subresource: a Pod goes when its disruption budget lets it."""

from __future__ import annotations

from typing import Any

from localcloud.kubernetes import errors
from localcloud.kubernetes.kinds import Kind
from localcloud.kubernetes.selectors import matches_selector
from localcloud.kubernetes.storage import Object
from localcloud.kubernetes.verbs import DeleteOptions, Verbs

BUDGETS = "poddisruptionbudgets.policy"


def evict(verbs: Verbs, kind: Kind, namespace: str, name: str, body: Any) -> Object:
    """Delete a Pod unless a disruption budget forbids it.

    Raises:
        ApiError: 429 when the budget has no disruption left, 500 for a Pod of several budgets.
    """
    pod = verbs.get(kind, namespace, name)
    labels = pod["metadata"].get("labels") or {}
    given = (body or {}).get("deleteOptions") or {}
    dry_run = bool(given.get("dryRun"))
    budgets = [
        b for b in verbs.store.list(BUDGETS, namespace) if matches_selector(b["spec"].get("selector"), labels)
    ]
    if len(budgets) > 1:
        text = (
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        )
        raise errors.ApiError(500, "InternalError", text)
    if budgets and not _free(pod, budgets[0]):
        _spend(verbs, budgets[0], dry_run)
    verbs.delete(kind, namespace, name, DeleteOptions(grace=given.get("gracePeriodSeconds"), dry_run=dry_run))
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def _free(pod: Object, budget: Object) -> bool:
    """Whether the Pod's eviction costs its budget nothing."""
    status = pod.get("status", {})
    if status.get("phase") in ("Succeeded", "Failed", "Pending") or pod["metadata"].get("deletionTimestamp"):
        return True
    if any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", ())):
        return False
    counted = budget.get("status", {})
    healthy = counted.get("currentHealthy", 0) >= counted.get("desiredHealthy", 0) > 0
    return healthy or budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow"


def _spend(verbs: Verbs, budget: Object, dry_run: bool) -> None:
    """Take one disruption from the budget, so that evictions in a row cannot exceed it."""
    status, name = budget.get("status", {}), budget["metadata"]["name"]
    allowed = status.get("disruptionsAllowed", 0)
    observed = status.get("observedGeneration", 0) >= budget["metadata"]["generation"]
    if allowed < 1 or not observed:
        text = (
            f"The disruption budget {name} needs {status.get('desiredHealthy', 0)} healthy pods and has "
            f"{status.get('currentHealthy', 0)} currently"
            if observed
            else f"The disruption budget {name} is still being processed by the server."
        )
        details = {"causes": [{"reason": "DisruptionBudget", "message": text}]}
        message = "Cannot evict pod as it would violate the pod's disruption budget."
        raise errors.ApiError(429, "TooManyRequests", message, details)
    if not dry_run:
        verbs.set_status(BUDGETS, budget, status | {"disruptionsAllowed": allowed - 1})
