"""Node pools of GKE clusters and managed node groups of EKS clusters.

A cluster that holds a workload which is kept also keeps its nodes, or the workload would have nowhere to run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any

from dreamnet.clouds import google_rest
from dreamnet.errors import ResourceError
from dreamnet.kubernetes.cluster import Cluster
from dreamnet.resources.model import Progress
from dreamnet.scaling.snapshot import KEEP, NIGHT, NIGHT_GOOGLE, Item, Stage, State, describe
from dreamnet.scaling.waiting import USUAL, Patience
from dreamnet.scaling.workloads import Workloads

if TYPE_CHECKING:
    from dreamnet.clouds.aws import AwsAccount
    from dreamnet.clouds.google import GoogleAccount

CONTAINER = "https://container.googleapis.com/"
COMPUTE = "https://compute.googleapis.com/"


@dataclass(frozen=True)
class GkePools:
    """The node pools of one GKE cluster.

    A pool's autoscaling is switched off before it shrinks to 0 (it would bring nodes back for pods that wait)
    and restored after it has grown. Sizes count nodes per zone, as setSize does ("the new size represents the
    number of nodes in the node pool per zone", gcloud container clusters resize, read November 2026).
    """

    account: GoogleAccount = field(repr=False)
    cluster: Cluster
    patience: Patience = USUAL
    stage: Stage = Stage.NODES

    @property
    def name(self) -> str:
        """For messages."""
        return f"node pools of {self.cluster.key}"

    def items(self) -> list[Item]:
        """Pools with nodes per zone and autoscaling; none where GKE runs the nodes itself (Autopilot)."""
        if (self._call("GET", "").get("autopilot") or {}).get("enabled"):
            return []
        pools = self._call("GET", "/nodePools").get("nodePools", [])
        reason = kept_workloads(self.cluster) if pools else ""
        return [self._item(pool, reason) for pool in pools]

    def night(self, original: Item) -> State:
        """No nodes, no autoscaling."""
        return {"nodes": 0, "autoscaling": None}

    def sleep(self, originals: Sequence[Item], progress: Progress) -> None:
        """One pool after the other: GKE runs one operation a cluster at a time."""
        for original in originals:
            if original.state["autoscaling"]:
                self._operate(original, ":setAutoscaling", {"autoscaling": {"enabled": False}}, progress)
            self._operate(original, ":setSize", {"nodeCount": 0}, progress)
            progress(f"{original.id}: {describe(original.state)} -> 0 nodes")

    def wake(self, originals: Sequence[Item], progress: Progress) -> None:
        """Sizes first, then autoscaling, then wait until the nodes are ready."""
        live = {item.id: item for item in self.items()}
        for original in originals:
            now, wanted = live[original.id].state, original.state
            if now["nodes"] == 0 and wanted["nodes"] > 0:
                self._operate(original, ":setSize", {"nodeCount": wanted["nodes"]}, progress)
                progress(f"{original.id}: 0 -> {wanted['nodes']} nodes a zone")
            if wanted["autoscaling"] != now["autoscaling"]:
                body = {"autoscaling": wanted["autoscaling"] or {"enabled": False}}
                self._operate(original, ":setAutoscaling", body, progress)
        due = _due(originals, self.items())
        self.patience.until(
            f"{self.name} ready",
            lambda: _not_ready(self.cluster, "cloud.google.com/gke-nodepool", due),
            progress,
            "Look for quota or capacity errors on the node pool in the console.",
        )

    def differences(self, original: Item, live: Item) -> list[str]:
        """Autoscaling exactly; the size exactly, or within its bounds where the autoscaler moves it."""
        before, now = original.state, live.state
        found = []
        scaling = before["autoscaling"]
        if scaling != now["autoscaling"]:
            found.append(f"autoscaling {scaling} is now {now['autoscaling']}")
        low = high = before["nodes"]
        if scaling:
            # A pool that was empty may have grown for what woke; one that was not must not be empty.
            low = min(low, max(scaling.get("minNodeCount", 0), 1 if low else 0))
            high = max(high, scaling.get("maxNodeCount") or scaling.get("totalMaxNodeCount", 0))
        fits = low <= now["nodes"] <= high
        return found if fits else [*found, f"{before['nodes']} nodes a zone are now {now['nodes']}"]

    def _item(self, pool: dict[str, Any], reason: str) -> Item:
        autoscaling = pool.get("autoscaling") or {}
        config = pool.get("config") or {}
        labels = config.get("resourceLabels") or {}
        marked = f"it is labelled {NIGHT_GOOGLE}: {KEEP}" if labels.get(NIGHT_GOOGLE) == KEEP else ""
        zones = max(1, len(pool.get("locations") or []))
        nodes = self._size(pool, zones)
        return Item(
            id=f"{self.cluster.key}/nodepool/{pool['name']}",
            state={"nodes": nodes, "autoscaling": dict(autoscaling) if autoscaling.get("enabled") else None},
            kept=marked or reason,
            details={
                "machine_type": config.get("machineType", ""),
                "spot": bool(config.get("spot")),
                "nodes": nodes * zones,
                "region": self.cluster.region,
            },
        )

    def _size(self, pool: dict[str, Any], zones: int) -> int:
        """Nodes per zone. The API gives none: the managed instance groups' target is the truth, and where the
        pool names no groups, the nodes that have joined."""
        groups = pool.get("instanceGroupUrls") or []
        if groups:
            return max(self._group_target(url) for url in groups)
        selector = f"cloud.google.com/gke-nodepool={pool['name']}"
        nodes = self.cluster.items(self.cluster.kind("v1", "Node").path(None), selector)
        return ceil(len(nodes) / zones)

    def _group_target(self, url: str) -> int:
        path = url.split("/projects/", 1)[1].replace("/instanceGroups/", "/instanceGroupManagers/")
        root = self.account.root("compute", COMPUTE)
        group = google_rest.call(self.account, "GET", f"{root}compute/v1/projects/{path}", what=path)
        return int(group["targetSize"])

    def _operate(self, original: Item, verb: str, body: dict[str, Any], progress: Progress) -> None:
        pool = original.id.rsplit("/", 1)[1]
        self._settle(pool, progress)
        operation = self._call("POST", f"/nodePools/{pool}{verb}", body)
        root = self.account.root("container", CONTAINER)
        url = f"{root}v1/projects/{self.account.project}/locations/{self.cluster.region}/operations/"

        def look() -> str:
            now = google_rest.call(self.account, "GET", url + operation["name"], what=original.id)
            if now.get("error"):
                raise ResourceError(
                    f"{original.id}: {now['error'].get('message')}.", "Correct it and run again."
                )
            return "" if now["status"] == "DONE" else str(now["status"]).lower()

        self.patience.until(
            original.id, look, progress, "Look at the operation in the console, then run again."
        )

    def _settle(self, pool: str, progress: Progress) -> None:
        """An interrupted run may have left an operation at work; GKE would refuse another one beside it."""

        def look() -> str:
            status = str(self._call("GET", f"/nodePools/{pool}").get("status", "RUNNING"))
            return status.lower() if status in ("PROVISIONING", "RECONCILING", "STOPPING") else ""

        self.patience.until(
            f"node pool {pool}", look, progress, "Look at the pool in the console, then run again."
        )

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        root = self.account.root("container", CONTAINER)
        place = (
            f"projects/{self.account.project}/locations/{self.cluster.region}/clusters/{self.cluster.name}"
        )
        return google_rest.call(self.account, method, f"{root}v1/{place}{path}", what=self.name, body=body)


@dataclass(frozen=True)
class EksGroups:
    """The managed node groups of one EKS cluster. maxSize stays: EKS wants it to be at least 1."""

    account: AwsAccount = field(repr=False)
    cluster: Cluster
    patience: Patience = USUAL
    stage: Stage = Stage.NODES

    @property
    def name(self) -> str:
        """For messages."""
        return f"node groups of {self.cluster.key}"

    def items(self) -> list[Item]:
        """Node groups with their scalingConfig."""
        names: list[str] = []
        with self._errors():
            for page in self._eks.get_paginator("list_nodegroups").paginate(clusterName=self.cluster.name):
                names += page["nodegroups"]
        reason = kept_workloads(self.cluster) if names else ""
        return [self._item(self._group(name), reason) for name in sorted(names)]

    def night(self, original: Item) -> State:
        """No nodes."""
        return {**original.state, "min": 0, "desired": 0}

    def sleep(self, originals: Sequence[Item], progress: Progress) -> None:
        """All groups at once, then wait; first for what an interrupted run may have left at work."""
        self._settle(originals, progress)
        for original in originals:
            self._resize(original, self.night(original))
            progress(f"{original.id}: {describe(original.state)} -> 0 nodes")
        self._settle(originals, progress)

    def wake(self, originals: Sequence[Item], progress: Progress) -> None:
        """All groups at once, then wait until the nodes are ready."""
        self._settle(originals, progress)
        live = {item.id: item for item in self.items()}
        for original in originals:
            if live[original.id].state != original.state:
                self._resize(original, original.state)
                progress(f"{original.id}: {describe(original.state)} again")
        self._settle(originals, progress)
        due = _due(originals, self.items())
        self.patience.until(
            f"{self.name} ready",
            lambda: _not_ready(self.cluster, "eks.amazonaws.com/nodegroup", due),
            progress,
            "Look at the node group's health issues in the console: capacity, subnets, launch template.",
        )

    def differences(self, original: Item, live: Item) -> list[str]:
        """minSize and maxSize exactly; desiredSize within them, for a cluster autoscaler moves it."""
        before, now = original.state, live.state
        found = [
            f"{key}Size {before[key]} is now {now[key]}" for key in ("min", "max") if before[key] != now[key]
        ]
        low = min(before["desired"], max(before["min"], 1 if before["desired"] else 0))
        if not low <= now["desired"] <= before["max"]:
            found.append(f"desiredSize {before['desired']} is now {now['desired']}")
        return found

    @property
    def _eks(self) -> Any:
        return self.account.client("eks", self.cluster.region)

    def _errors(self) -> Any:
        from dreamnet.clouds.aws import aws_errors

        return aws_errors(self.name)

    def _group(self, name: str) -> dict[str, Any]:
        with self._errors():
            answer = self._eks.describe_nodegroup(clusterName=self.cluster.name, nodegroupName=name)
        return dict(answer["nodegroup"])

    def _item(self, group: dict[str, Any], reason: str) -> Item:
        scaling = group["scalingConfig"]
        tags = group.get("tags") or {}
        return Item(
            id=f"{self.cluster.key}/nodegroup/{group['nodegroupName']}",
            state={"min": scaling["minSize"], "max": scaling["maxSize"], "desired": scaling["desiredSize"]},
            kept=f"it is tagged {NIGHT}: {KEEP}" if tags.get(NIGHT) == KEEP else reason,
            details={
                "machine_type": next(iter(group.get("instanceTypes") or []), ""),
                "spot": group.get("capacityType") == "SPOT",
                "nodes": scaling["desiredSize"],
                "region": self.cluster.region,
            },
        )

    def _resize(self, original: Item, state: State) -> None:
        with self._errors():
            self._eks.update_nodegroup_config(
                clusterName=self.cluster.name,
                nodegroupName=original.id.rsplit("/", 1)[1],
                scalingConfig={
                    "minSize": state["min"],
                    "maxSize": max(1, state["max"]),
                    "desiredSize": state["desired"],
                },
            )

    def _settle(self, originals: Sequence[Item], progress: Progress) -> None:
        names = [original.id.rsplit("/", 1)[1] for original in originals]

        def look() -> str:
            states = {name: str(self._group(name)["status"]) for name in names}
            return ", ".join(f"{name} {state.lower()}" for name, state in states.items() if state != "ACTIVE")

        self.patience.until(
            self.name, look, progress, "Look at the node group's health issues in the console."
        )


def kept_workloads(cluster: Cluster) -> str:
    """Why a cluster's nodes have to stay: a workload that is kept and runs. Empty where there is none."""
    for item in Workloads(cluster).items():
        if item.kept and item.state["replicas"]:
            return f"{'/'.join(item.id.split('/')[-2:])} runs on it, and {item.kept}"
    return ""


def _due(originals: Sequence[Item], live: Sequence[Item]) -> dict[str, int]:
    """How many nodes each pool has to have ready: what it had, or what an autoscaler wants by now, if fewer.

    On GKE the sizes are a zone's: at least one zone's worth. A pool that had nodes has to have one.
    """
    now = {item.id: item.state for item in live}

    def size(state: State) -> int:
        return int(state.get("nodes", state.get("desired", 0)))

    due = {}
    for one in originals:
        before = size(one.state)
        due[one.id.rsplit("/", 1)[1]] = min(before, max(size(now[one.id]), 1)) if one.id in now else before
    return due


def _not_ready(cluster: Cluster, label: str, wanted: Mapping[str, int]) -> str:
    """Which pools have fewer ready nodes than are due."""
    missing = []
    for name, due in wanted.items():
        nodes = cluster.items(cluster.kind("v1", "Node").path(None), f"{label}={name}")
        ready = sum(
            condition["type"] == "Ready" and condition["status"] == "True"
            for node in nodes
            for condition in node.get("status", {}).get("conditions", [])
        )
        if ready < due:
            missing.append(f"{name} has {ready} of {due} nodes")
    return ", ".join(missing)
