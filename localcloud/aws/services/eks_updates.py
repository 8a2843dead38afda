"""Changes of an EKS cluster that moto lacks: its version, a minor at a time, and its settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from localcloud.aws.services.background import Background
from localcloud.aws.services.eks_state import VERSIONS, EksState, Record, new_update, page
from localcloud.aws.wire import Answer, AwsError, Call

#: Kept beside moto's description and shown with it.
SETTINGS = ("accessConfig", "upgradePolicy", "deletionProtection", "zonalShiftConfig")
_MODES = ("CONFIG_MAP", "API_AND_CONFIG_MAP", "API")
#: How many minor versions nodes may be behind their control plane (kubernetes.io, "Version Skew Policy").
_SKEW = 3


@dataclass(frozen=True)
class Updates:
    """The update operations.

    Attributes:
        restart: runs the cluster's API server with its present version.
        roll: makes a node group's nodes anew.
    """

    state: EksState
    background: Background
    restart: Callable[[str, Any], None]
    roll: Callable[[str, str, Any], None]

    def operations(self) -> dict[str, Callable[[Call], Answer]]:
        """By the API's names."""
        return {
            "UpdateClusterVersion": self._version,
            "UpdateClusterConfig": self._config,
            "UpdateNodegroupVersion": self._nodegroup_version,
            "DescribeUpdate": self._describe,
            "ListUpdates": self._list,
        }

    def _version(self, call: Call) -> Answer:
        cluster = self.state.active(call.region, call.parameters["name"])
        wanted = str(call.json()["version"])
        if wanted not in VERSIONS:
            raise AwsError("InvalidParameterException", f"unsupported Kubernetes version {wanted}")
        if wanted == cluster.version:
            message = f"Cluster is already at the desired configuration with version: {wanted}"
            raise AwsError("InvalidRequestException", message)
        if _minor(wanted) != _minor(cluster.version) + 1:
            message = (
                "Unsupported Kubernetes minor version update from "
                f"{cluster.version} to {wanted}: one minor version at a time, and never down"
            )
            raise AwsError("InvalidParameterException", message)
        for group in cluster.nodegroups.values():
            if _minor(wanted) - _minor(group.version) > _SKEW:
                message = f"Nodegroup {group.nodegroup_name} must be updated first: it is at {group.version}"
                raise AwsError("InvalidRequestException", message)
        update = new_update(self.state, cluster, "VersionUpdate", {"Version": wanted})
        before, cluster.version = cluster.version, wanted

        def run() -> None:
            self.restart(call.region, cluster)

        def failed() -> None:
            cluster.version = before

        self._run(cluster, update, run, failed)
        return Answer.json({"update": update})

    def _run(
        self, thing: Any, update: Record, work: Callable[[], None], failed: Callable[[], None] | None = None
    ) -> None:
        """Show `UPDATING` while the work goes on."""
        thing.status = "UPDATING"

        def run() -> None:
            work()
            thing.status, update["status"] = "ACTIVE", "Successful"

        def broken() -> None:
            if failed is not None:
                failed()
            error = {
                "errorCode": "Unknown",
                "errorMessage": "the engine did not come up",
                "resourceIds": [],
            }
            thing.status, update["status"], update["errors"] = "ACTIVE", "Failed", [error]

        self.background.run(run, broken)

    def _config(self, call: Call) -> Answer:
        cluster = self.state.active(call.region, call.parameters["name"])
        content = {key: value for key, value in call.json().items() if key != "clientRequestToken"}
        if len(content) != 1:  # "only one type of update can succeed at a time"
            raise AwsError("InvalidParameterException", "exactly one setting can be updated in a call")
        ((name, value),) = content.items()
        change = {
            "logging": self._logging,
            "resourcesVpcConfig": self._vpc,
            "accessConfig": self._access,
        }.get(name, self._setting if name in SETTINGS else None)
        if change is None:
            raise AwsError.not_in_rehearsal("eks", f"UpdateClusterConfig of {name}")
        kind = change(cluster, name, value)
        update = new_update(self.state, cluster, kind, {name[:1].upper() + name[1:]: value})
        self._run(cluster, update, lambda: None)
        return Answer.json({"update": update})

    def _logging(self, cluster: Any, name: str, value: Any) -> str:
        cluster.logging = value
        return "LoggingUpdate"

    def _vpc(self, cluster: Any, name: str, value: Any) -> str:
        merged = {**cluster.resources_vpc_config, **value}
        if not (merged.get("endpointPublicAccess", True) or merged.get("endpointPrivateAccess", False)):
            message = "Private and public endpoint access cannot be false at the same time"
            raise AwsError("InvalidParameterException", message)
        cluster.resources_vpc_config = merged
        return (
            "VpcConfigUpdate" if {"subnetIds", "securityGroupIds"} & value.keys() else "EndpointAccessUpdate"
        )

    def _access(self, cluster: Any, name: str, value: Any) -> str:
        settings = self.state.records(cluster, "settings")
        now = (settings.get("accessConfig") or {}).get("authenticationMode", "CONFIG_MAP")
        wanted = value.get("authenticationMode", now)
        if _MODES.index(wanted) < _MODES.index(now):
            message = f"The authentication mode can't go back from {now} to {wanted}"
            raise AwsError("InvalidParameterException", message)
        settings["accessConfig"] = {"authenticationMode": wanted}
        return "AccessConfigUpdate"

    def _setting(self, cluster: Any, name: str, value: Any) -> str:
        self.state.records(cluster, "settings")[name] = value
        return {
            "upgradePolicy": "UpgradePolicyUpdate",
            "deletionProtection": "DeletionProtectionUpdate",
            "zonalShiftConfig": "ZonalShiftConfigUpdate",
        }[name]

    def _nodegroup_version(self, call: Call) -> Answer:
        cluster = self.state.active(call.region, call.parameters["name"])
        name = call.parameters["nodegroupName"]
        group = cluster.nodegroups.get(name)
        if group is None:
            raise AwsError("ResourceNotFoundException", f"No node group found for name: {name}.", 404)
        wanted = str(call.json().get("version") or cluster.version)
        if _minor(wanted) > _minor(cluster.version) or _minor(wanted) < _minor(group.version):
            message = f"Nodegroup Kubernetes version {wanted} must be between its own and the cluster's"
            raise AwsError("InvalidParameterException", message)
        group.version, group.release_version = wanted, f"{wanted}.0-rehearsal"
        update = new_update(self.state, cluster, "VersionUpdate", {"Version": wanted})
        update["nodegroup"] = name
        self._run(group, update, lambda: self.roll(call.region, cluster.name, group))
        return Answer.json({"update": _shown(update)})

    def _describe(self, call: Call) -> Answer:
        cluster = self.state.cluster(call.region, call.parameters["name"])
        identifier = call.parameters["updateId"]
        found = self.state.record(cluster, "updates", identifier, f"No update found for ID: {identifier}")
        return Answer.json({"update": _shown(found)})

    def _list(self, call: Call) -> Answer:
        cluster = self.state.cluster(call.region, call.parameters["name"])
        group = parse_qs(call.query).get("nodegroupName", [None])[0]
        updates = self.state.records(cluster, "updates").items()
        return page(call, "updateIds", [key for key, one in updates if one.get("nodegroup") == group])


def _minor(version: str) -> int:
    return int(version.split(".")[1])


def _shown(update: Record) -> Record:
    return {key: value for key, value in update.items() if key != "nodegroup"}
