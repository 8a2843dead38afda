"""EKS addons: versions, health and the pod identities that come with them. No pod runs for them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from localcloud.aws.services.eks_access import PodIdentities
from localcloud.aws.services.eks_state import EksState, Record, new_update, page, tags_of
from localcloud.aws.wire import Answer, AwsError, Call

#: Seconds until an addon has settled.
_SECONDS = 0.15


@dataclass(frozen=True)
class _Offer:
    """An addon that AWS publishes: its build, whether it needs a node to run on, and its service account."""

    build: str
    needs_nodes: bool = False
    kind: str = "networking"
    needs_permissions: bool = False


#: The usual ones (docs.aws.amazon.com/eks, "AWS add-ons", November 2026). Builds are the rehearsal's own: AWS
#: publishes new ones every few weeks.
_OFFERS = {
    "vpc-cni": _Offer("v1.20.4"),
    "kube-proxy": _Offer("v{minor}.0"),
    "coredns": _Offer("v1.12.4", needs_nodes=True),
    "eks-pod-identity-agent": _Offer("v1.3.10", kind="security"),
    "aws-ebs-csi-driver": _Offer("v1.52.1", needs_nodes=True, kind="storage", needs_permissions=True),
    "aws-efs-csi-driver": _Offer("v2.1.13", needs_nodes=True, kind="storage", needs_permissions=True),
    "snapshot-controller": _Offer("v8.3.0", needs_nodes=True, kind="storage"),
    "metrics-server": _Offer("v0.8.0", needs_nodes=True, kind="observability"),
    "eks-node-monitoring-agent": _Offer("v1.4.1", kind="observability"),
    "amazon-cloudwatch-observability": _Offer("v4.5.0", kind="observability", needs_permissions=True),
    "adot": _Offer("v0.131.0", needs_nodes=True, kind="observability", needs_permissions=True),
}


def versions(name: str, minor: str) -> list[str]:
    """What may be installed on a cluster of that minor version, the default first."""
    build = _OFFERS[name].build.format(minor=minor)
    return [f"{build}-eksbuild.2", f"{build}-eksbuild.1"]


@dataclass(frozen=True)
class Addons:
    """The addons' operations."""

    state: EksState
    pods: PodIdentities

    def operations(self) -> dict[str, Callable[[Call], Answer]]:
        """By the API's names."""
        return {
            "CreateAddon": self._create,
            "DescribeAddon": self._describe,
            "UpdateAddon": self._update,
            "DeleteAddon": self._delete,
            "ListAddons": self._list,
            "DescribeAddonVersions": self._versions,
        }

    def _create(self, call: Call) -> Answer:
        content, name = call.json(), call.parameters["name"]
        cluster, addon = self.state.active(call.region, name), content["addonName"]
        records = self.state.records(cluster, "addons")
        if addon not in _OFFERS:
            raise AwsError("InvalidParameterException", f"Addon {addon} specified is not supported")
        if addon in records:
            raise AwsError("ResourceInUseException", f"Addon already exists with name {addon}.", 409)
        version = self._version(addon, cluster, content.get("addonVersion"))
        record = {
            "addonName": addon,
            "clusterName": name,
            "status": "CREATING",
            "addonVersion": version,
            "health": {"issues": []},
            "addonArn": self.state.arn(call.region, f"addon/{name}/{addon}/{_uuid()}"),
            "createdAt": time.time(),
            "modifiedAt": time.time(),
            "tags": tags_of(call),
            "publisher": "eks",
            "owner": "aws",
            "podIdentityAssociations": [],
            **{k: content[k] for k in ("serviceAccountRoleArn", "configurationValues") if content.get(k)},
        }
        self._identities(call, cluster, record, content.get("podIdentityAssociations") or [])
        records[addon] = record
        return Answer.json({"addon": record})

    def _version(self, addon: str, cluster: Any, wanted: str | None) -> str:
        offered = versions(addon, cluster.version)
        if wanted and wanted not in offered:
            raise AwsError("InvalidParameterException", f"Addon version {wanted} specified is not supported")
        return wanted or offered[0]

    def _identities(self, call: Call, cluster: Any, record: Record, wanted: list[Record]) -> None:
        """The pod identities that the addon owns become the wanted ones."""
        self.pods.forget_owned(cluster, record["addonArn"])
        namespace = "kube-system"
        record["podIdentityAssociations"] = [
            self.pods.make(
                call.region,
                cluster,
                {
                    "namespace": namespace,
                    "serviceAccount": one["serviceAccount"],
                    "roleArn": one["roleArn"],
                },
                owner=record["addonArn"],
            )["associationArn"]
            for one in wanted
        ]

    def _shown(self, cluster: Any, record: Record) -> Record:
        """The record with its health as it is now: what needs a node is degraded without one."""
        nodes = sum(group.scaling_config["desiredSize"] for group in cluster.nodegroups.values())
        if time.time() < record["modifiedAt"] + _SECONDS:
            return record
        record = {**record, "status": "ACTIVE"}
        if nodes or not _OFFERS[record["addonName"]].needs_nodes:
            return record
        issue = {
            "code": "InsufficientNumberOfReplicas",
            "message": "The add-on is unhealthy because it doesn't have the desired number of replicas.",
            "resourceIds": [],
        }
        return {**record, "status": "DEGRADED", "health": {"issues": [issue]}}

    def _found(self, call: Call) -> tuple[Any, Record]:
        cluster, addon = (
            self.state.cluster(call.region, call.parameters["name"]),
            call.parameters["addonName"],
        )
        return cluster, self.state.record(cluster, "addons", addon, f"No addon: {addon} found in cluster.")

    def _describe(self, call: Call) -> Answer:
        return Answer.json({"addon": self._shown(*self._found(call))})

    def _update(self, call: Call) -> Answer:
        cluster, record = self._found(call)
        content = call.json()
        if content.get("addonVersion"):
            record["addonVersion"] = self._version(record["addonName"], cluster, content["addonVersion"])
        for key in ("serviceAccountRoleArn", "configurationValues"):
            if key in content:
                record[key] = content[key]
        if "podIdentityAssociations" in content:
            self._identities(call, cluster, record, content["podIdentityAssociations"])
        record["status"], record["modifiedAt"] = "UPDATING", time.time()
        update = new_update(self.state, cluster, "AddonUpdate", {"AddonVersion": record["addonVersion"]})
        update["status"] = "Successful"
        return Answer.json({"update": update})

    def _delete(self, call: Call) -> Answer:
        cluster, record = self._found(call)
        self.pods.forget_owned(cluster, record["addonArn"])
        del self.state.records(cluster, "addons")[record["addonName"]]
        return Answer.json({"addon": {**record, "status": "DELETING"}})

    def _list(self, call: Call) -> Answer:
        cluster = self.state.cluster(call.region, call.parameters["name"])
        return page(call, "addons", sorted(self.state.records(cluster, "addons")))

    def _versions(self, call: Call) -> Answer:
        query = {key: values[-1] for key, values in parse_qs(call.query).items()}
        minor, only = query.get("kubernetesVersion", "1.35"), query.get("addonName")
        shown = [
            {
                "addonName": name,
                "type": offer.kind,
                "publisher": "eks",
                "owner": "aws",
                "addonVersions": [
                    {
                        "addonVersion": version,
                        "architecture": ["amd64", "arm64"],
                        "compatibilities": [
                            {
                                "clusterVersion": minor,
                                "platformVersions": ["*"],
                                "defaultVersion": position == 0,
                            }
                        ],
                        "requiresConfiguration": False,
                        "requiresIamPermissions": offer.needs_permissions,
                    }
                    for position, version in enumerate(versions(name, minor))
                ],
            }
            for name, offer in _OFFERS.items()
            if only in (None, name)
        ]
        return page(call, "addons", shown)


def _uuid() -> str:
    return f"{secrets.token_hex(4)}-{secrets.token_hex(2)}-{secrets.token_hex(6)}"
