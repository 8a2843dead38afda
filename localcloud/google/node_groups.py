"""What a GKE node pool's body says of its nodes, in the words of the local Kubernetes server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.google.hooks import invalid

_EFFECTS = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}


def node_group(pool: Mapping[str, Any], per_zone: int | None) -> dict[str, Any]:
    """Machine, labels, taints, zones and bounds, as `PUT /_rehearsal/nodegroups/NAME` has them.

    Args:
        per_zone: how many nodes each zone is to have; None leaves as many as there are.
    """
    zones, config = pool["locations"], pool["config"]
    low, high = _bounds(pool.get("autoscaling") or {}, len(zones))
    count = {} if per_zone is None else {"count": per_zone * len(zones)}
    return count | {
        "machine_type": config["machineType"],
        "labels": _labels(config) | config.get("labels", {}),
        "taints": _taints(config),
        "zones": list(zones),
        "min": low,
        "max": high,
    }


def check_bounds(autoscaling: Mapping[str, Any]) -> None:
    """Refuse an autoscaling whose bounds are missing or out of order.

    Raises:
        Refusal: 400.
    """
    if not autoscaling.get("enabled"):
        return
    low, high = _bounds(autoscaling, 1)
    if not high:
        raise invalid("Autoscaling.max_node_count or total_max_node_count must be greater than zero.")
    if low > high:
        raise invalid("Autoscaling.min_node_count must not be greater than max_node_count.")


def _bounds(autoscaling: Mapping[str, Any], zones: int) -> tuple[Any, Any]:
    """Nodes of the whole pool: the plain bounds are each zone's, the total ones not (NodePoolAutoscaling)."""
    if not autoscaling.get("enabled"):
        return None, None
    if autoscaling.get("totalMaxNodeCount"):
        return int(autoscaling.get("totalMinNodeCount", 0)), int(autoscaling["totalMaxNodeCount"])
    low, high = (int(autoscaling.get(f"{end}NodeCount", 0)) for end in ("min", "max"))
    return low * zones, high * zones


def _labels(config: Mapping[str, Any]) -> dict[str, str]:
    """What GKE puts on a node besides the pool's own labels (cloud.google.com/kubernetes-engine/docs, "Spot
    VMs", "About GPUs", "Node auto-provisioning", read November 2026)."""
    spot = bool(config.get("spot"))
    labels = {
        "cloud.google.com/gke-boot-disk": config["diskType"],
        "cloud.google.com/gke-provisioning": "spot" if spot else "standard",
        "cloud.google.com/machine-family": config["machineType"].split("-")[0],
    }
    if spot:
        labels["cloud.google.com/gke-spot"] = "true"
    if config.get("preemptible"):
        labels |= {
            "cloud.google.com/gke-preemptible": "true",
            "cloud.google.com/gke-provisioning": "preemptible",
        }
    for card in config.get("accelerators", ()):
        labels["cloud.google.com/gke-accelerator"] = card["acceleratorType"]
    return labels


def _taints(config: Mapping[str, Any]) -> list[dict[str, str]]:
    """The pool's taints, and the one that GKE puts on nodes with GPUs by itself."""
    taints = [
        {"key": one["key"], "value": one.get("value", ""), "effect": _EFFECTS[one["effect"]]}
        for one in config.get("taints", ())
    ]
    if config.get("accelerators") and not any(one["key"] == "nvidia.com/gpu" for one in taints):
        taints.append({"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"})
    return taints
