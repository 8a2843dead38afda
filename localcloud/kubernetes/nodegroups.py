"""Node groups: the machines behind a node pool (GKE) or a managed node group (EKS), as Node objects.

The cloud's API resizes them through ``/_rehearsal/nodegroups/NAME``. Nodes are simulated and say so.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from localcloud.kubernetes import apply as server_side
from localcloud.kubernetes.config import ClusterOptions
from localcloud.kubernetes.controllers.runtime import MANAGER
from localcloud.kubernetes.errors import bad_request, not_found
from localcloud.kubernetes.storage import Object
from localcloud.kubernetes.verbs import DeleteOptions, Verbs, random_suffix

#: vCPU, GiB and GPUs (cloud.google.com/compute/docs and aws.amazon.com/ec2/instance-types, November 2026).
MACHINES: dict[str, tuple[float, float, int]] = {
    "e2-micro": (0.25, 1, 0),
    "e2-small": (0.5, 2, 0),
    "e2-medium": (1, 4, 0),
    "g2-standard-4": (4, 16, 1),
    "g2-standard-8": (8, 32, 1),
    "t3.micro": (2, 1, 0),
    "t3.small": (2, 2, 0),
    "t3.medium": (2, 4, 0),
    "t3.large": (2, 8, 0),
    "t3.xlarge": (4, 16, 0),
    "t4g.medium": (2, 4, 0),
    "m5.large": (2, 8, 0),
    "m5.xlarge": (4, 16, 0),
    "m6i.large": (2, 8, 0),
    "m7i.large": (2, 8, 0),
    "c5.large": (2, 4, 0),
    "g4dn.xlarge": (4, 16, 1),
    "g4dn.2xlarge": (8, 32, 1),
    "g5.xlarge": (4, 16, 1),
}
#: GiB a vCPU in Google's predefined families.
_FAMILIES = {"standard": 4, "highmem": 8, "highcpu": 1}
_LABELS = {
    "google": ("cloud.google.com/gke-nodepool", "gke"),
    "aws": ("eks.amazonaws.com/nodegroup", "ip"),
}
MAX_NODES = 100
SIMULATED = "dreamnet.rehearsal/simulated"


def machine(name: str) -> tuple[float, float, int]:
    """vCPU, GiB and GPUs of a machine type.

    Raises:
        ApiError: 400 on one the rehearsal does not know.
    """
    if name in MACHINES:
        return MACHINES[name]
    match = re.fullmatch(r"[a-z]\d[a-z]?-(standard|highmem|highcpu)-(\d+)", name)
    if match is None:
        raise bad_request(
            f"machine type {name!r} is not in the rehearsal: add it to localcloud/kubernetes/nodegroups.py"
        )
    cpus = int(match[2])
    return cpus, cpus * _FAMILIES[match[1]], 0


class NodeGroups:
    """The cluster's node groups, kept as a ConfigMap-like record in the store."""

    RESOURCE = "_nodegroups"

    def __init__(self, verbs: Verbs, options: ClusterOptions) -> None:
        self._verbs, self._options = verbs, options
        kind = verbs.kinds.find("", "v1", "nodes")
        assert kind is not None
        self._kind = kind

    @property
    def autoscaler_runs(self) -> bool:
        """Whether what moves the groups has a place: on EKS it is a Pod, on GKE part of the control plane."""
        return self._options.cloud == "google" or bool(self._verbs.store.list("nodes"))

    def all(self) -> list[Object]:
        """Every group with its nodes' names."""
        return [self._shown(g) for g in self._verbs.store.list(self.RESOURCE)]

    def get(self, name: str) -> Object:
        """One group.

        Raises:
            ApiError: 404.
        """
        found = self._verbs.store.get(self.RESOURCE, "", name)
        if found is None:
            raise not_found("nodegroups", name)
        return self._shown(found)

    def _shown(self, group: Object) -> Object:
        nodes = self.nodes(group["metadata"]["name"])
        zones = Counter(n["metadata"]["labels"]["topology.kubernetes.io/zone"] for n in nodes)
        names = [n["metadata"]["name"] for n in nodes]
        return {"name": group["metadata"]["name"], **group["spec"], "nodes": names, "sizes": dict(zones)}

    def start(self) -> None:
        """Make the groups of the command line, on the cluster's first start only."""
        if not self._verbs.store.list(self.RESOURCE):
            for group in self._options.node_groups:
                self.put(group.name, dict(group.spec))

    def put(self, name: str, body: Any) -> Object:
        """Create or change a group: what the body leaves out stays as it is.

        ``{"count": 2, "machine_type": "...", "labels": {}, "taints": [], "zones": []}``. With ``min`` and
        ``max`` the cluster autoscaler keeps it between them; both null take them away. Labels and taints
        change on the nodes that are there, as both clouds do it (GKE's "Update Kubernetes node labels and
        taints for node pools", EKS's UpdateNodegroupConfig, read November 2026); another machine type
        means other nodes.
        """
        live = self._verbs.store.get(self.RESOURCE, "", name)
        if not isinstance(body, dict):
            raise bad_request("a JSON object is expected")
        before = live["spec"] if live else {}
        spec = {"labels": {}, "taints": [], "zones": []} | before | body
        _check(spec)
        machine(str(spec["machine_type"]))
        self._keep(name, spec)
        replaced = live is not None and before["machine_type"] != spec["machine_type"]
        nodes = self.nodes(name)
        staying = [] if replaced else nodes[: spec["count"]]
        for node in nodes[len(staying) :]:
            self._remove(node)
        for node in staying:
            self._dress(node, before, spec)
        for _ in range(spec["count"] - len(staying)):
            self._add(name, spec)
        return self.get(name)

    def _keep(self, name: str, spec: Object) -> None:
        metadata = {"name": name, "uid": f"nodegroup-{name}"}
        self._verbs.store.put(self.RESOURCE, {"metadata": metadata, "spec": spec})

    def _dress(self, node: Object, before: Object, spec: Object) -> None:
        """Give a node its group's labels and taints, in place of those that the group had."""
        labels = {k: v for k, v in node["metadata"]["labels"].items() if k not in before["labels"]}
        others = [t for t in node["spec"].get("taints", ()) if t not in before["taints"]]
        taints = [*others, *(t for t in spec["taints"] if t not in others)]
        rest = {k: v for k, v in node["spec"].items() if k != "taints"}
        changed = node | {
            "metadata": node["metadata"] | {"labels": labels | spec["labels"]},
            "spec": rest | ({"taints": taints} if taints else {}),
        }
        if changed != node:
            self._verbs.store.put("nodes", changed)

    def delete(self, name: str) -> Object:
        """Remove a group and its nodes."""
        shown = self.get(name)
        for node in self.nodes(name):
            self._remove(node)
        self._verbs.store.remove(self.RESOURCE, "", name)
        return shown

    def remove(self, name: str, node: Object) -> None:
        """Take one node out of a group, which has one less from then on."""
        live = self._verbs.store.get(self.RESOURCE, "", name)
        assert live is not None
        self._keep(name, live["spec"] | {"count": live["spec"]["count"] - 1})
        self._remove(node)

    def samples(self, group: Object, count: int) -> list[Object]:
        """Nodes that a group would get next, for trying out what they would take."""
        name = group["metadata"]["name"]
        taken = self._indexes(name)
        free = [i for i in range(MAX_NODES + count) if i not in taken][:count]
        return [self._node(name, group["spec"], i, f"sample-{name}-{i}") for i in free]

    def nodes(self, group: str) -> list[Object]:
        """A group's nodes, the oldest index first."""
        label = _LABELS[self._options.cloud][0]
        nodes = [
            n for n in self._verbs.store.list("nodes") if n["metadata"].get("labels", {}).get(label) == group
        ]
        return sorted(nodes, key=lambda n: int(n["metadata"]["annotations"]["dreamnet.rehearsal/index"]))

    def _remove(self, node: Object) -> None:
        self._verbs.delete(self._kind, "", node["metadata"]["name"], DeleteOptions())

    def _indexes(self, group: str) -> set[int]:
        return {int(n["metadata"]["annotations"]["dreamnet.rehearsal/index"]) for n in self.nodes(group)}

    def _add(self, group: str, spec: Object) -> None:
        _, prefix = _LABELS[self._options.cloud]
        indexes = self._indexes(group)
        index = next(i for i in range(MAX_NODES + 1) if i not in indexes)
        if self._options.cloud == "google":
            # As GKE names them, within the 63 characters of a label value.
            name = f"{prefix}-{self._options.name[:20]}-{group[:20]}-{random_suffix(8)}".replace(
                "_", "-"
            ).lower()
        else:
            taken = {n["metadata"]["name"] for n in self._verbs.store.list("nodes")}
            hosts = (
                f"ip-10-0-{i // 250}-{i % 250 + 4}.{self._options.region}.compute.internal"
                for i in range(500)
            )
            name = next(host for host in hosts if host not in taken)
        self._verbs.create(self._kind, "", self._node(group, spec, index, name), MANAGER)

    def _node(self, group: str, spec: Object, index: int, name: str) -> Object:
        label = _LABELS[self._options.cloud][0]
        dash = "-" if self._options.cloud == "google" else ""
        zones = spec["zones"] or [f"{self._options.region}{dash}{letter}" for letter in "abc"]
        machine_type = str(spec["machine_type"])
        labels = {
            label: group,
            "kubernetes.io/hostname": name,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "arm64" if re.match(r"(t4g|m\dg|c\dg)", machine_type) else "amd64",
            "node.kubernetes.io/instance-type": machine_type,
            "topology.kubernetes.io/region": self._options.region,
            "topology.kubernetes.io/zone": zones[index % len(zones)],
        }
        return {
            "metadata": {
                "name": name,
                "labels": labels | spec["labels"],
                "annotations": {SIMULATED: "true", "dreamnet.rehearsal/index": str(index)},
            },
            "spec": {"taints": spec["taints"]} if spec["taints"] else {},
            "status": self._status(machine_type, index),
        }

    def _status(self, machine_type: str, index: int) -> Object:
        cpus, gibibytes, gpus = machine(machine_type)
        now = server_side.timestamp()
        google = self._options.cloud == "google"
        capacity = {
            "cpu": str(cpus) if cpus >= 1 else f"{int(cpus * 1000)}m",
            "memory": f"{int(gibibytes * 1024 * 1024)}Ki",
        }
        capacity |= {"ephemeral-storage": "98831908Ki", "pods": "110" if google else "58"}
        if gpus:
            capacity["nvidia.com/gpu"] = str(gpus)
        # What kubelet and system reserve: about 6 % of a core, 100 MiB and a tenth of memory.
        memory = int(gibibytes * 1024 * 1024 * 0.9 - 100 * 1024)
        allocatable = capacity | {"cpu": f"{int(cpus * 1000 - 60)}m", "memory": f"{memory}Ki"}
        kinds = (
            ("MemoryPressure", "False"),
            ("DiskPressure", "False"),
            ("PIDPressure", "False"),
            ("Ready", "True"),
        )
        conditions = [
            {
                "type": kind,
                "status": status,
                "reason": "KubeletReady" if kind == "Ready" else f"KubeletHasNo{kind}",
                "message": "simulated by the rehearsal",
                "lastHeartbeatTime": now,
                "lastTransitionTime": now,
            }
            for kind, status in kinds
        ]
        arm = bool(re.match(r"(t4g|m\dg|c\dg)", machine_type))
        return {
            "capacity": capacity,
            "allocatable": allocatable,
            "conditions": conditions,
            "addresses": [{"type": "InternalIP", "address": f"10.0.{index // 250}.{index % 250 + 4}"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "images": [],
            "nodeInfo": {
                "architecture": "arm64" if arm else "amd64",
                "bootID": "rehearsal",
                "containerRuntimeVersion": "rehearsal://1",
                "kernelVersion": "rehearsal",
                "kubeProxyVersion": "",
                "kubeletVersion": f"v{self._options.minor}.0",
                "machineID": "rehearsal",
                "operatingSystem": "linux",
                "osImage": "simulated",
                "systemUUID": "rehearsal",
            },
        }


_FIELDS = {"count", "machine_type", "labels", "taints", "min", "max", "zones"}


def _check(spec: Object) -> None:
    """400 unless a group's fields are what they should be; the count is brought within the bounds."""
    unknown, count = spec.keys() - _FIELDS, spec.get("count")
    if unknown or not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MAX_NODES:
        raise bad_request(
            f"a node group has count (0 to {MAX_NODES}), machine_type, labels, taints, zones, min and max; "
            f"unknown: {sorted(unknown)}"
        )
    if "machine_type" not in spec:
        raise bad_request("machine_type is required")
    low, high = spec.get("min"), spec.get("max")
    if low is None and high is None:
        return
    if type(low) is not int or type(high) is not int or not 0 <= low <= high:
        raise bad_request("min and max of a node group are whole numbers, 0 <= min <= max")
    spec["count"] = min(max(count, low), high, MAX_NODES)


class LostNodes:
    """Removes Pods whose node has gone, so that their owners make new ones."""

    def __init__(self, verbs: Verbs) -> None:
        self._verbs = verbs

    def keys(self, change: Any) -> Any:
        """Removed nodes."""
        if change.resource == "nodes" and change.deleted:
            yield change.key

    def reconcile(self, key: tuple[str, str]) -> float | None:
        """Delete the node's Pods at once: nothing is left that could stop them gracefully."""
        if self._verbs.store.get("nodes", *key) is not None:
            return None
        for pod in self._verbs.store.list("pods"):
            if pod["spec"].get("nodeName") == key[1]:
                self._verbs.store.remove("pods", pod["metadata"]["namespace"], pod["metadata"]["name"])
        return None
