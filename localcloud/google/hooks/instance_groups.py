"""Managed instance groups: those of GKE's node pools, which GKE makes, resizes and removes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.google import instance_groups
from localcloud.google.hooks import Hook, not_in_the_rehearsal
from localcloud.google.hooks.container import counts

if TYPE_CHECKING:
    from localcloud.google.calls import Call
    from localcloud.google.store import Stored


class InstanceGroupManagers(Hook):
    """What GKE shows of its machines."""

    collection: ClassVar[str] = instance_groups.TYPE
    backing: ClassVar[str] = "kubernetes"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Groups of one's own have no machines here."""
        raise not_in_the_rehearsal("A managed instance group beside those of GKE")

    def shown(self, call: Call, resource: Stored) -> dict[str, Any]:
        """With the number of nodes that it has now: the autoscaler's, where there is one."""
        cluster, _, pool = resource.private["pool"].partition("/nodePools/")
        found = call.context.store.get(cluster)
        size = counts(call.context, found).get((pool, resource.private["zone"]), 0) if found else 0
        return resource.body | {"targetSize": size}
