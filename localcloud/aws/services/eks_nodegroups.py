"""Managed node groups of EKS: moto keeps the record, the cluster's own API server has the nodes.

The bounds count only where a Cluster Autoscaler runs, for EKS itself moves no group. The sign of one is what
the cloud knows of it: the pod identity association of `kube-system/cluster-autoscaler`.
"""

from __future__ import annotations

import json
import ssl
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError

from localcloud.aws.services.background import Background
from localcloud.aws.services.eks_state import EksState, new_update
from localcloud.aws.wire import Answer, AwsError, Call
from localcloud.engines import Engines

_EFFECTS = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}
_AUTOSCALER = ("kube-system", "cluster-autoscaler")
#: What UpdateNodegroupConfig changes here.
_CHANGEABLE = frozenset({"scalingConfig", "updateConfig", "labels", "taints", "nodeRepairConfig"})


@dataclass(frozen=True)
class NodeGroups:
    """Makes, changes and removes the nodes of groups, and takes over what the autoscaler made of their size.

    Attributes:
        token: with which the local Kubernetes APIs let the cloud itself in.
    """

    state: EksState
    engines: Engines
    background: Background
    token: str

    def created(self, region: str, cluster_name: str, name: str) -> None:
        """Make a new group's nodes."""
        group = self._group(region, cluster_name, name)
        group.status = "CREATING"
        group.version = self.state.cluster(region, cluster_name).version
        group.release_version = f"{group.version}.0-rehearsal"

        def run() -> None:
            self.apply(region, cluster_name, group)
            group.status = "ACTIVE"

        def failed() -> None:
            group.status = "CREATE_FAILED"

        self.background.run(run, failed)

    def deleted(self, region: str, cluster_name: str, name: str) -> None:
        """Take the nodes away."""
        self._ask(region, cluster_name, name, "DELETE")

    def change(self, call: Call) -> Answer:
        """UpdateNodegroupConfig: scaling, labels and taints, for real."""
        cluster_name, content = call.parameters["name"], call.json()
        other = content.keys() - _CHANGEABLE - {"clientRequestToken"}
        if other:
            raise AwsError.not_in_rehearsal("eks", f"UpdateNodegroupConfig of {sorted(other)}")
        name = call.parameters["nodegroupName"]
        self.follow(call.region, cluster_name, name)
        group = self._group(call.region, cluster_name, name)
        scaling = {**group.scaling_config, **content.get("scalingConfig", {})}
        check_scaling(scaling)
        group.scaling_config = scaling
        group.update_config = content.get("updateConfig", group.update_config)
        group.node_repair_config = content.get("nodeRepairConfig", group.node_repair_config)
        _change_labels(group, content.get("labels") or {})
        _change_taints(group, content.get("taints") or {})
        self.apply(call.region, cluster_name, group)
        cluster = self.state.cluster(call.region, cluster_name)
        params = {key[:1].upper() + key[1:]: value for key, value in scaling.items()}
        update = new_update(self.state, cluster, "ConfigUpdate", params)
        update["status"], update["nodegroup"] = "Successful", group.nodegroup_name
        self.background.changed()
        return Answer.json({"update": {key: value for key, value in update.items() if key != "nodegroup"}})

    def apply(self, region: str, cluster_name: str, group: Any) -> None:
        """Bring the nodes to what the record says."""
        scaling = group.scaling_config
        self._ask(
            region,
            cluster_name,
            group.nodegroup_name,
            "PUT",
            {
                "count": scaling["desiredSize"],
                "machine_type": (group.instance_types or ["t3.medium"])[0],
                "labels": {
                    **(group.labels or {}),
                    "eks.amazonaws.com/capacityType": group.capacity_type or "ON_DEMAND",
                },
                "taints": [_taint(one) for one in group.taints or ()],
                "zones": sorted(set(self._zones(region, group.subnets or ()))),
                **self._bounds(region, cluster_name, scaling),
            },
        )

    def set_bounds(self, region: str, cluster_name: str) -> None:
        """Tell the groups of a cluster whether an autoscaler moves them, since that has changed."""
        for name, group in self.state.cluster(region, cluster_name).nodegroups.items():
            if group.status == "ACTIVE":
                bounds = self._bounds(region, cluster_name, group.scaling_config)
                self._ask(region, cluster_name, name, "PUT", bounds)

    def follow(self, region: str, cluster_name: str, name: str) -> None:
        """Take over the size that the autoscaler gave a group: EKS shows it as desiredSize."""
        group = self._group(region, cluster_name, name)
        if group.status == "ACTIVE" and self._autoscaled(region, cluster_name):
            live = self._ask(region, cluster_name, name, "GET")
            if live is not None:
                group.scaling_config = {**group.scaling_config, "desiredSize": live["count"]}

    def _group(self, region: str, cluster_name: str, name: str) -> Any:
        group = self.state.cluster(region, cluster_name).nodegroups.get(name)
        if group is None:
            raise AwsError("ResourceNotFoundException", f"No node group found for name: {name}.", 404)
        return group

    def _autoscaled(self, region: str, cluster_name: str) -> bool:
        pods = self.state.records(self.state.cluster(region, cluster_name), "pods").values()
        return any((one["namespace"], one["serviceAccount"]) == _AUTOSCALER for one in pods)

    def _bounds(self, region: str, cluster_name: str, scaling: Mapping[str, int]) -> dict[str, int | None]:
        moved = self._autoscaled(region, cluster_name)
        return {
            "min": scaling["minSize"] if moved else None,
            "max": scaling["maxSize"] if moved else None,
        }

    def _zones(self, region: str, subnets: Any) -> Iterator[str]:
        from moto.ec2.models import ec2_backends

        for by_id in ec2_backends[self.state.account_id][region].subnets.values():
            yield from (by_id[one].availability_zone for one in subnets if one in by_id)

    def _ask(
        self, region: str, cluster_name: str, group: str, method: str, content: Any = None
    ) -> dict[str, Any] | None:
        """Ask the cluster's API server about a group; None where it, or the group, is not there."""
        cluster = self._endpoint(region, cluster_name)
        if cluster is None:
            return None
        server, certificate = cluster
        request = urllib.request.Request(
            f"{server}/_rehearsal/nodegroups/{group}",
            data=None if content is None else json.dumps(content).encode(),
            method=method,
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        context = ssl.create_default_context(cadata=certificate)
        try:
            with urllib.request.urlopen(request, context=context, timeout=20) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except HTTPError as error:
            if error.code != 404:
                raise
            return None

    def _endpoint(self, region: str, cluster_name: str) -> tuple[str, str] | None:
        """Address and certificate while the engine runs; a cluster that is being deleted has none."""
        found = self.engines.get(engine_name(region, cluster_name))
        if found is None or found.status != "running":
            return None
        certificate = (self.engines.state.engines / found.name / "ca.crt").read_text()
        return f"https://{found.host}:{found.port}", certificate


def engine_name(region: str, cluster: str) -> str:
    """The engine behind a cluster."""
    return f"eks-{region}-{cluster}"


def check_scaling(scaling: Mapping[str, int]) -> None:
    """Refuse sizes that are out of order.

    Raises:
        AwsError: InvalidParameterException.
    """
    if not scaling["minSize"] <= scaling["desiredSize"] <= scaling["maxSize"]:
        message = "desired capacity must be between minSize and maxSize"
        raise AwsError("InvalidParameterException", message)


def _taint(taint: Mapping[str, str]) -> dict[str, str]:
    value = {"value": taint["value"]} if taint.get("value") else {}
    return {"key": taint["key"], **value, "effect": _EFFECTS[taint["effect"]]}


def _change_labels(group: Any, change: dict[str, Any]) -> None:
    kept = dict(group.labels or {})
    kept |= change.get("addOrUpdateLabels") or {}
    group.labels = {
        key: value for key, value in kept.items() if key not in (change.get("removeLabels") or ())
    }


def _change_taints(group: Any, change: dict[str, Any]) -> None:
    def which(taint: dict[str, str]) -> tuple[str, str]:
        return taint["key"], taint["effect"]

    kept = {which(taint): taint for taint in group.taints or ()}
    kept |= {which(taint): taint for taint in change.get("addOrUpdateTaints") or ()}
    for taint in change.get("removeTaints") or ():
        kept.pop(which(taint), None)
    group.taints = list(kept.values())
