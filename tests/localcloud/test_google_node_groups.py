"""What a node pool's body means for its nodes."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.google.node_groups import node_group


def pool(autoscaling: dict[str, Any] | None = None, **config: Any) -> dict[str, Any]:
    given = {"machineType": "e2-standard-2", "diskType": "pd-balanced"} | config
    found: dict[str, Any] = {"locations": ["us-central1-a", "us-central1-b"], "config": given}
    return found | ({"autoscaling": autoscaling} if autoscaling else {})


@pytest.mark.parametrize(
    ("autoscaling", "expected"),
    [
        (None, (None, None)),
        ({"enabled": False, "minNodeCount": 1, "maxNodeCount": 3}, (None, None)),
        ({"enabled": True, "minNodeCount": 1, "maxNodeCount": 3}, (2, 6)),
        ({"enabled": True, "maxNodeCount": 3}, (0, 6)),
        ({"enabled": True, "totalMinNodeCount": 1, "totalMaxNodeCount": 5}, (1, 5)),
    ],
)
def test_bounds_count_the_nodes_of_all_zones(autoscaling: Any, expected: tuple[Any, Any]) -> None:
    found = node_group(pool(autoscaling), 1)
    assert (found["min"], found["max"]) == expected
    assert found["count"] == 2


def test_a_spot_pools_nodes_say_so_and_keep_the_pools_own_labels_and_taints() -> None:
    taint = {"key": "cloud.google.com/gke-spot", "value": "true", "effect": "NO_SCHEDULE"}
    found = node_group(pool(spot=True, labels={"dreamnet/pool": "spot"}, taints=[taint]), None)
    assert found["labels"] == {
        "cloud.google.com/gke-boot-disk": "pd-balanced",
        "cloud.google.com/gke-provisioning": "spot",
        "cloud.google.com/gke-spot": "true",
        "cloud.google.com/machine-family": "e2",
        "dreamnet/pool": "spot",
    }
    assert found["taints"] == [taint | {"effect": "NoSchedule"}]
    assert "count" not in found


def test_nodes_with_gpus_are_tainted_by_gke_unless_the_pool_does_it() -> None:
    cards = [{"acceleratorType": "nvidia-l4", "acceleratorCount": "1"}]
    own = {"key": "nvidia.com/gpu", "value": "mine", "effect": "NO_EXECUTE"}
    found = node_group(pool(machineType="g2-standard-4", accelerators=cards), 1)
    assert found["taints"] == [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]
    assert found["labels"]["cloud.google.com/gke-accelerator"] == "nvidia-l4"
    (taint,) = node_group(pool(machineType="g2-standard-4", accelerators=cards, taints=[own]), 1)["taints"]
    assert taint == own | {"effect": "NoExecute"}
