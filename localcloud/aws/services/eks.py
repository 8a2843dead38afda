"""EKS: moto keeps clusters, groups and Fargate profiles, with a Kubernetes API of ours behind each cluster.

Addons, access entries, pod identities and updates, which moto lacks, are ours.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs

from localcloud.aws.services import Next
from localcloud.aws.services.background import Background
from localcloud.aws.services.eks_access import AccessEntries, PodIdentities
from localcloud.aws.services.eks_addons import Addons
from localcloud.aws.services.eks_nodegroups import NodeGroups, check_scaling, engine_name
from localcloud.aws.services.eks_state import VERSIONS, EksState
from localcloud.aws.services.eks_updates import SETTINGS, Updates
from localcloud.aws.wire import Answer, AwsError, Call
from localcloud.engines import Engines

_NEWEST = next(iter(VERSIONS))
#: Seconds that a Fargate profile is being made.
_FARGATE_SECONDS = 0.2
_MOTO = (
    "CreateCluster",
    "DescribeCluster",
    "DeleteCluster",
    "CreateNodegroup",
    "DescribeNodegroup",
    "UpdateNodegroupConfig",
    "DeleteNodegroup",
    "CreateFargateProfile",
    "DescribeFargateProfile",
    "DeleteFargateProfile",
    "TagResource",
    "UntagResource",
    "ListTagsForResource",
)


@dataclass(frozen=True)
class Eks:
    """Engines are named `eks-REGION-NAME`.

    Attributes:
        token: with which the local Kubernetes APIs let the cloud itself in.
    """

    account_id: str
    engines: Engines
    background: Background
    token: str

    @cached_property
    def state(self) -> EksState:
        """Clusters and what belongs to them."""
        return EksState(self.account_id)

    @cached_property
    def _groups(self) -> NodeGroups:
        return NodeGroups(self.state, self.engines, self.background, self.token)

    @cached_property
    def _ours(self) -> dict[str, Callable[[Call], Answer]]:
        pods = PodIdentities(self.state)
        return {
            **AccessEntries(self.state).operations(),
            **pods.operations(),
            **Addons(self.state, pods).operations(),
            **Updates(self.state, self.background, self._restart, self._groups.apply).operations(),
        }

    @property
    def operations(self) -> frozenset[str]:
        """Everything that moto lacks, and what needs more than it does."""
        return frozenset(f"eks:{name}" for name in (*self._ours, *_MOTO))

    def answer(self, call: Call, moto: Next) -> Answer:
        """Ours alone, or moto's answer with what has to happen besides."""
        if call.operation in self._ours:
            answer = self._ours[call.operation](call)
            if call.operation in ("CreatePodIdentityAssociation", "DeletePodIdentityAssociation"):
                self._groups.set_bounds(call.region, call.parameters["name"])
            return answer
        if call.operation == "UpdateNodegroupConfig":
            return self._groups.change(call)
        if call.operation.endswith(("TagResource", "TagsForResource", "UntagResource")):
            return self._tags(call, moto)
        if "FargateProfile" in call.operation:
            self._settle_fargate(call.region, call.parameters["name"])
        self._check(call)
        answer = moto(call)
        if answer.status < 300:
            self._after(call, answer)
            self.background.changed()
        return answer

    def _check(self, call: Call) -> None:
        """What moto would take without a word."""
        if call.operation == "CreateCluster":
            version = call.json().get("version") or _NEWEST
            if version not in VERSIONS:
                raise AwsError("InvalidParameterException", f"unsupported Kubernetes version {version}")
        elif call.operation == "DeleteCluster":
            cluster = self.state.cluster(call.region, call.parameters["name"])
            if self.state.records(cluster, "settings").get("deletionProtection"):
                message = f"Cluster {cluster.name} has deletion protection enabled"
                raise AwsError("InvalidRequestException", message)
        elif call.operation == "CreateFargateProfile":
            self._check_fargate(call)
        elif call.operation == "CreateNodegroup" and "scalingConfig" in call.json():
            check_scaling(call.json()["scalingConfig"])
        elif call.operation == "DescribeNodegroup":
            self._groups.follow(call.region, call.parameters["name"], call.parameters["nodegroupName"])

    def _after(self, call: Call, answer: Answer) -> None:
        name, content = call.parameters.get("name", ""), call.json()
        match call.operation:
            case "CreateCluster":
                self._create(call.region, content)
                self._describe(call.region, content["name"], answer)
            case "DescribeCluster":
                self._describe(call.region, name, answer)
            case "DeleteCluster":
                self.engines.delete(engine_name(call.region, name))
            case "CreateFargateProfile":
                answer.body = answer.body.replace(b'"ACTIVE"', b'"CREATING"')
            case "CreateNodegroup":
                self._groups.created(call.region, name, content["nodegroupName"])
            case "DeleteNodegroup":
                self._groups.deleted(call.region, name, call.parameters["nodegroupName"])

    # -- clusters -----------------------------------------------------------------------------------------

    def _create(self, region: str, content: dict[str, Any]) -> None:
        cluster = self.state.cluster(region, content["name"])
        cluster.status = "CREATING"
        cluster.version = content.get("version") or _NEWEST
        access = {"authenticationMode": "CONFIG_MAP", **(content.get("accessConfig") or {})}
        bootstrap = access.pop("bootstrapClusterCreatorAdminPermissions", True)
        settings = self.state.records(cluster, "settings")
        settings["accessConfig"] = access
        settings["upgradePolicy"] = content.get("upgradePolicy") or {"supportType": "EXTENDED"}
        settings["deletionProtection"] = content.get("deletionProtection", False)
        if bootstrap and access["authenticationMode"] != "CONFIG_MAP":
            self._admit_creator(region, cluster)

        def run() -> None:
            self._restart(region, cluster)
            cluster.status = "ACTIVE"

        def failed() -> None:
            cluster.status = "FAILED"

        self.background.run(run, failed)

    def _admit_creator(self, region: str, cluster: Any) -> None:
        """Whoever creates a cluster gets an access entry with the administrator's policy."""
        arn = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
        creator = f"arn:aws:iam::{self.account_id}:root"
        entry = AccessEntries(self.state).make(region, cluster, {"principalArn": creator}, {})
        entry["policies"][arn] = {"policyArn": arn, "accessScope": {"type": "cluster", "namespaces": []}}

    def _restart(self, region: str, cluster: Any) -> None:
        """Bring the cluster's API server up with the version that the cluster has."""
        endpoint = self.engines.kubernetes(
            engine_name(region, cluster.name),
            cloud="aws",
            region=region,
            version=cluster.version,
            # The operator's part, taken for done: the AWS Load Balancer Controller and its definitions.
            gateway_api=True,
        )
        cluster.endpoint = endpoint.server
        data = base64.b64encode(endpoint.ca_certificate_pem.encode()).decode()
        cluster.certificate_authority = {"data": data}

    def _describe(self, region: str, name: str, answer: Answer) -> None:
        """Add what moto doesn't keep."""
        settings = self.state.records(self.state.cluster(region, name), "settings")
        shown = json.loads(answer.body)
        shown["cluster"] |= {key: settings[key] for key in SETTINGS if key in settings}
        shown["cluster"]["health"] = {"issues": []}
        answer.body = json.dumps(shown).encode()

    # -- Fargate ------------------------------------------------------------------------------------------

    def _check_fargate(self, call: Call) -> None:
        """One at a time, and only in private subnets (EKS user guide, "Define which Pods use Fargate")."""
        cluster = self.state.active(call.region, call.parameters["name"])
        for name, profile in cluster.fargate_profiles.items():
            if profile.status != "ACTIVE":
                message = (
                    f"Cannot create Fargate Profile because cluster {cluster.name} currently has Fargate "
                    f"profile {name} in status {profile.status}"
                )
                raise AwsError("InvalidRequestException", message)
        for subnet in call.json().get("subnets") or ():
            if self._public(call.region, subnet):
                message = f"Subnet {subnet} provided in Fargate Profile is not a private subnet"
                raise AwsError("InvalidParameterException", message)

    def _public(self, region: str, subnet: str) -> bool:
        from moto.ec2.models import ec2_backends

        tables = ec2_backends[self.account_id][region].route_tables.values()
        mine = [table for table in tables if subnet in table._associations.values()]
        return any(
            (getattr(route.gateway, "id", None) or "").startswith("igw-")
            for table in mine
            for route in table.routes
        )

    def _settle_fargate(self, region: str, name: str) -> None:
        """Profiles made a moment ago are still being made; the others are there."""
        for profile in self.state.cluster(region, name).fargate_profiles.values():
            age = time.time() - profile.created_at.replace(tzinfo=UTC).timestamp()
            profile.status = "CREATING" if age < _FARGATE_SECONDS else "ACTIVE"

    # -- tags ---------------------------------------------------------------------------------------------

    def _tags(self, call: Call, moto: Next) -> Answer:
        """moto tags clusters; the rest is here."""
        arn = call.parameters.get("resourceArn", "")
        tags = self._tags_of(call.region, arn)
        if tags is None:
            return moto(call)
        if call.operation == "TagResource":
            tags.update(call.json()["tags"])
        elif call.operation == "UntagResource":
            for key in parse_qs(call.query).get("tagKeys", []):
                tags.pop(key, None)
        else:
            return Answer.json({"tags": tags})
        return Answer.json({})

    def _tags_of(self, region: str, arn: str) -> dict[str, str] | None:
        """The tags of what stands in a cluster; None where the ARN is of another kind."""
        kind, _, rest = arn.rpartition(":")[2].partition("/")
        of_moto = {"nodegroup": "nodegroups", "fargateprofile": "fargate_profiles"}
        if kind in of_moto:
            parts = rest.split("/")
            one = getattr(self.state.cluster(region, parts[0]), of_moto[kind]).get(parts[1])
            if one is None:
                raise AwsError("NotFoundException", f"No resource found for ARN: {arn}", 404)
            one.tags = dict(one.tags or {})
            return one.tags
        known = {
            "addon": ("addons", "addonArn"),
            "access-entry": ("access", "accessEntryArn"),
            "podidentityassociation": ("pods", "associationArn"),
        }
        if kind not in known:
            return None
        name, key = known[kind]
        cluster = self.state.cluster(region, rest.split("/")[0])
        for record in self.state.records(cluster, name).values():
            if record[key] == arn:
                found: dict[str, str] = record["tags"]
                return found
        raise AwsError("NotFoundException", f"No resource found for ARN: {arn}", 404)
