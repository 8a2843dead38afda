"""Fleets, Backup for GKE and Cloud Deploy, as resources: no mesh is installed, no backup taken, no release
rolled out."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.google.hooks import Hook, Refusal, invalid

if TYPE_CHECKING:
    from localcloud.google.calls import Call
    from localcloud.google.store import Stored

#: The features of a fleet (cloud.google.com/kubernetes-engine/fleet-management/docs, November 2026).
FEATURES = frozenset(
    [
        "appdevexperience",
        "clusterupgrade",
        "configmanagement",
        "dataplanev2",
        "fleetobservability",
        "identityservice",
        "metering",
        "multiclusteringress",
        "multiclusterservicediscovery",
        "policycontroller",
        "rbacrolebindingactuation",
        "servicemesh",
        "workloadidentity",
        "workloadcertificate",
    ]
)

_CLUSTER = re.compile(r"(?://container\.googleapis\.com/)?(projects/[^/]+/locations/[^/]+/clusters/[^/]+)")


def require_cluster(call: Call, link: str) -> None:
    """Refuse a link to a cluster that isn't there.

    Raises:
        Refusal: 400, it is no link; 404, there is no such cluster.
    """
    found = _CLUSTER.fullmatch(link)
    if found is None:
        raise invalid(f"'{link}' is no GKE cluster.")
    if call.sibling(found[1], "container") is None:
        raise Refusal(404, f"Resource '{found[1]}' was not found.")


class Memberships(Hook):
    """A fleet's clusters."""

    collection: ClassVar[str] = "gkehub/projects.locations.memberships"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """The cluster must be there, and in no other membership."""
        link = ((body.get("endpoint") or {}).get("gkeCluster") or {}).get("resourceLink", "")
        require_cluster(call, link)
        for other in call.context.store.of_type(self.collection):
            if other.body.get("endpoint", {}).get("gkeCluster", {}).get("resourceLink") == link:
                raise Refusal(409, f"The cluster is in the fleet already, as {other.path}.")

    def created(self, call: Call, resource: Stored) -> None:
        """Ready."""
        resource.body.update(state={"code": "READY"}, uniqueId=str(uuid.uuid4()), clusterTier="STANDARD")


class Features(Hook):
    """A fleet's features."""

    collection: ClassVar[str] = "gkehub/projects.locations.features"

    def named(self, call: Call, name: str) -> str:
        """Only features that there are."""
        if name not in FEATURES:
            raise invalid(f"The feature {name} is not known.")
        return name

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Memberships must be there."""
        member = ((body.get("spec") or {}).get("multiclusteringress") or {}).get("configMembership")
        for name in [*(body.get("membershipSpecs") or {}), *([member] if member else [])]:
            path = re.sub(r"^projects/[^/]+", f"projects/{call.context.project}", name)
            if call.sibling(path) is None:
                raise invalid(f"The membership {name} was not found.")

    def created(self, call: Call, resource: Stored) -> None:
        """Active."""
        resource.body["resourceState"] = {"state": "ACTIVE"}


class BackupPlans(Hook):
    """Plans of Backup for GKE."""

    collection: ClassVar[str] = "gkebackup/projects.locations.backupPlans"
    ready: ClassVar[dict[str, Any]] = {"state": "READY"}

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """The cluster must be there, and what is backed up be said."""
        require_cluster(call, str(body.get("cluster", "")))
        scope = {"allNamespaces", "selectedNamespaces", "selectedApplications", "selectedNamespaceLabels"}
        if body.get("backupConfig") and len(scope & set(body["backupConfig"])) != 1:
            raise invalid("backup_config must say which namespaces are backed up.")


class RestorePlans(Hook):
    """How backups come back."""

    collection: ClassVar[str] = "gkebackup/projects.locations.restorePlans"
    ready: ClassVar[dict[str, Any]] = {"state": "READY"}

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """The plan and the cluster must be there."""
        require_cluster(call, str(body.get("cluster", "")))
        call.required(str(body.get("backupPlan", "")))


class Targets(Hook):
    """Where Cloud Deploy rolls out."""

    collection: ClassVar[str] = "clouddeploy/projects.locations.targets"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """A cluster that is there."""
        body["targetId"] = call.query.get("targetId", "")
        if body.get("gke"):
            require_cluster(call, str(body["gke"].get("cluster", "")))


class Pipelines(Hook):
    """The stages of a delivery."""

    collection: ClassVar[str] = "clouddeploy/projects.locations.deliveryPipelines"

    def created(self, call: Call, resource: Stored) -> None:
        """Say whether all targets are there."""
        above = resource.path.rsplit("/", 2)[0]
        stages = (resource.body.get("serialPipeline") or {}).get("stages", [])
        missing = [
            path
            for path in (f"{above}/targets/{stage.get('targetId')}" for stage in stages)
            if call.sibling(path) is None
        ]
        present = {"status": not missing, **({"missingTargets": missing} if missing else {})}
        resource.body["condition"] = {"targetsPresentCondition": present}
