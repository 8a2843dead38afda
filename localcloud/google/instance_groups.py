"""The managed instance groups behind GKE's node pools: one a zone, as Compute Engine shows them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from localcloud.google.store import Stored

if TYPE_CHECKING:
    from localcloud.google.calls import Context

TYPE = "compute/instanceGroupManagers"


def make(context: Context, pool: Stored) -> list[str]:
    """Show a pool's groups; returns their URLs. How many nodes each has is looked up when it is read."""
    urls = []
    for zone in pool.body["locations"]:
        name = _name(pool, zone)
        base = f"projects/{context.project}/zones/{zone}"
        path = f"{base}/instanceGroupManagers/{name}"
        url = f"{context.base_url}/compute/compute/v1/{path}"
        body = {
            "kind": "compute#instanceGroupManager",
            "name": name,
            "baseInstanceName": name.removesuffix("-grp"),
            "zone": f"{context.base_url}/compute/compute/v1/{base}",
            "selfLink": url,
            "instanceGroup": url.replace("/instanceGroupManagers/", "/instanceGroups/"),
        }
        private = {"pool": pool.key, "zone": zone}
        context.store.put(Stored(f"compute/{path}", TYPE, body, private, backing="kubernetes"))
        urls.append(url)
    return urls


def remove(context: Context, pool: Stored) -> None:
    """Remove what was shown of a pool, in whichever zones."""
    for one in context.store.of_type(TYPE):
        if one.private["pool"] == pool.key:
            context.store.remove(one.key)


def _name(pool: Stored, zone: str) -> str:
    """As GKE names them: the cluster, the pool, eight digits."""
    cluster = pool.path.split("/")[5]
    digits = hashlib.sha256(f"{pool.path}/{zone}".encode()).hexdigest()[:8]
    return f"gke-{cluster[:20]}-{pool.name[:20]}-{digits}-grp"
