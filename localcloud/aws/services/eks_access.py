"""Who gets what on an EKS cluster: access entries with their policies, and pod identities.

Stored and shown; the local Kubernetes API lets every holder of the account's keys in as an administrator.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from localcloud.aws.services.eks_state import EksState, Record, page, tags_of
from localcloud.aws.wire import Answer, AwsError, Call

#: docs.aws.amazon.com/eks, "Review access policy permissions", November 2026: those for people and programs.
_POLICIES = (
    "AmazonEKSAdminPolicy",
    "AmazonEKSAdminViewPolicy",
    "AmazonEKSClusterAdminPolicy",
    "AmazonEKSEditPolicy",
    "AmazonEKSViewPolicy",
    "AmazonEKSAutoNodePolicy",
)
_POLICY_ARN = "arn:aws:eks::aws:cluster-access-policy/"
_TYPES = ("STANDARD", "FARGATE_LINUX", "EC2_LINUX", "EC2_WINDOWS", "EC2", "HYBRID_LINUX", "HYPERPOD_LINUX")

Operations = dict[str, Callable[[Call], Answer]]


@dataclass(frozen=True)
class AccessEntries:
    """Access entries' operations."""

    state: EksState

    def operations(self) -> Operations:
        """By the API's names."""
        return {
            "CreateAccessEntry": self._create,
            "DescribeAccessEntry": self._describe,
            "UpdateAccessEntry": self._update,
            "DeleteAccessEntry": self._delete,
            "ListAccessEntries": self._list,
            "ListAccessPolicies": self._policies,
            "AssociateAccessPolicy": self._associate,
            "DisassociateAccessPolicy": self._disassociate,
            "ListAssociatedAccessPolicies": self._associated,
        }

    def make(self, region: str, cluster: Any, content: Record, tags: dict[str, str]) -> Record:
        """Keep a new entry."""
        principal = content["principalArn"]
        record = {
            "clusterName": cluster.name,
            "principalArn": principal,
            "kubernetesGroups": content.get("kubernetesGroups") or [],
            "accessEntryArn": self.state.arn(
                region, f"access-entry/{cluster.name}/{_kind(principal)}/{secrets.token_hex(8)}"
            ),
            "createdAt": time.time(),
            "modifiedAt": time.time(),
            "tags": tags,
            "username": content.get("username") or principal,
            "type": content.get("type") or "STANDARD",
            "policies": {},
        }
        self.state.records(cluster, "access")[principal] = record
        return record

    def _create(self, call: Call) -> Answer:
        content = call.json()
        cluster = self.state.active(call.region, call.parameters["name"])
        self._check(cluster, content)
        record = self.make(call.region, cluster, content, tags_of(call))
        return Answer.json({"accessEntry": _shown(record)})

    def _check(self, cluster: Any, content: Record) -> None:
        principal = content["principalArn"]
        config = self.state.records(cluster, "settings").get("accessConfig") or {}
        if config.get("authenticationMode") == "CONFIG_MAP":
            message = "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP]"
            raise AwsError("InvalidRequestException", message)
        if (content.get("type") or "STANDARD") not in _TYPES:
            raise AwsError("InvalidParameterException", f"type must be one of {', '.join(_TYPES)}")
        if ":role/" in principal and not self.state.role_exists(principal):
            raise AwsError("InvalidParameterException", f"The specified principalArn is invalid: {principal}")
        if principal in self.state.records(cluster, "access"):
            message = "The specified access entry resource is already in use on this cluster."
            raise AwsError("ResourceInUseException", message, 409)

    def _found(self, call: Call) -> tuple[Any, Record]:
        cluster, principal = (
            self.state.cluster(call.region, call.parameters["name"]),
            call.parameters["principalArn"],
        )
        message = f"The specified principalArn could not be found: {principal}"
        return cluster, self.state.record(cluster, "access", principal, message)

    def _describe(self, call: Call) -> Answer:
        return Answer.json({"accessEntry": _shown(self._found(call)[1])})

    def _update(self, call: Call) -> Answer:
        record = self._found(call)[1]
        content = call.json()
        record |= {key: content[key] for key in ("kubernetesGroups", "username") if key in content}
        record["modifiedAt"] = time.time()
        return Answer.json({"accessEntry": _shown(record)})

    def _delete(self, call: Call) -> Answer:
        cluster, record = self._found(call)
        del self.state.records(cluster, "access")[record["principalArn"]]
        return Answer.json({})

    def _list(self, call: Call) -> Answer:
        cluster = self.state.cluster(call.region, call.parameters["name"])
        return page(call, "accessEntries", sorted(self.state.records(cluster, "access")))

    def _policies(self, call: Call) -> Answer:
        return page(call, "accessPolicies", [{"name": n, "arn": f"{_POLICY_ARN}{n}"} for n in _POLICIES])

    def _associate(self, call: Call) -> Answer:
        record = self._found(call)[1]
        content = call.json()
        arn, scope = content["policyArn"], content["accessScope"]
        if arn.removeprefix(_POLICY_ARN) not in _POLICIES or not arn.startswith(_POLICY_ARN):
            raise AwsError("InvalidParameterException", f"The policyArn {arn} is not a known access policy")
        if record["type"] != "STANDARD":
            message = f"A policy can't be associated with an access entry of type {record['type']}"
            raise AwsError("InvalidRequestException", message)
        if scope["type"] == "namespace" and not scope.get("namespaces"):
            message = "An access scope of type namespace needs at least one namespace"
            raise AwsError("InvalidParameterException", message)
        now = time.time()
        policy = {"policyArn": arn, "accessScope": scope, "associatedAt": now, "modifiedAt": now}
        record["policies"][arn] = policy
        names = {key: record[key] for key in ("clusterName", "principalArn")}
        return Answer.json({**names, "associatedAccessPolicy": policy})

    def _disassociate(self, call: Call) -> Answer:
        record, arn = self._found(call)[1], call.parameters["policyArn"]
        if record["policies"].pop(arn, None) is None:
            raise AwsError("ResourceNotFoundException", f"The policyArn {arn} is not associated.", 404)
        return Answer.json({})

    def _associated(self, call: Call) -> Answer:
        return page(call, "associatedAccessPolicies", list(self._found(call)[1]["policies"].values()))


def _kind(principal: str) -> str:
    """`role/123/NAME` of the principal's ARN."""
    parts = principal.split(":")
    return f"{parts[5].split('/')[0]}/{parts[4]}/{principal.rsplit('/', 1)[-1]}"


def _shown(record: Record) -> Record:
    return {key: value for key, value in record.items() if key != "policies"}


@dataclass(frozen=True)
class PodIdentities:
    """Pod identity associations' operations."""

    state: EksState

    def operations(self) -> Operations:
        """By the API's names."""
        return {
            "CreatePodIdentityAssociation": self._create,
            "DescribePodIdentityAssociation": self._describe,
            "UpdatePodIdentityAssociation": self._update,
            "DeletePodIdentityAssociation": self._delete,
            "ListPodIdentityAssociations": self._list,
        }

    def make(self, region: str, cluster: Any, content: Record, owner: str = "") -> Record:
        """Keep a new association.

        Args:
            owner: the addon that it belongs to.

        Raises:
            AwsError: the service account has one already, or the role does not exist.
        """
        records = self.state.records(cluster, "pods")
        namespace, account = content["namespace"], content["serviceAccount"]
        if any((r["namespace"], r["serviceAccount"]) == (namespace, account) for r in records.values()):
            message = f"Association already exists: {namespace}/{account} in cluster {cluster.name}"
            raise AwsError("ResourceInUseException", message, 409)
        if not self.state.role_exists(content["roleArn"]):
            raise AwsError("InvalidParameterException", f"Role {content['roleArn']} does not exist")
        identifier = f"a-{secrets.token_hex(9)[:17]}"
        arn = self.state.arn(region, f"podidentityassociation/{cluster.name}/{identifier}")
        record = {
            "clusterName": cluster.name,
            "namespace": namespace,
            "serviceAccount": account,
            "roleArn": content["roleArn"],
            "associationArn": arn,
            "associationId": identifier,
            "tags": dict(content.get("tags") or {}),
            "createdAt": time.time(),
            "modifiedAt": time.time(),
            "disableSessionTags": bool(content.get("disableSessionTags")),
            **({"ownerArn": owner} if owner else {}),
            **({"targetRoleArn": content["targetRoleArn"]} if content.get("targetRoleArn") else {}),
        }
        records[identifier] = record
        return record

    def forget_owned(self, cluster: Any, owner: str) -> None:
        """Remove an addon's associations."""
        records = self.state.records(cluster, "pods")
        for identifier in [key for key, record in records.items() if record.get("ownerArn") == owner]:
            del records[identifier]

    def _create(self, call: Call) -> Answer:
        cluster = self.state.active(call.region, call.parameters["name"])
        return Answer.json({"association": self.make(call.region, cluster, call.json())})

    def _found(self, call: Call) -> tuple[Any, Record]:
        cluster, identifier = (
            self.state.cluster(call.region, call.parameters["name"]),
            call.parameters["associationId"],
        )
        message = f"The association ID provided does not exist: {identifier}"
        return cluster, self.state.record(cluster, "pods", identifier, message)

    def _describe(self, call: Call) -> Answer:
        return Answer.json({"association": self._found(call)[1]})

    def _update(self, call: Call) -> Answer:
        record = self._found(call)[1]
        content = call.json()
        if content.get("roleArn") and not self.state.role_exists(content["roleArn"]):
            raise AwsError("InvalidParameterException", f"Role {content['roleArn']} does not exist")
        record |= {
            key: content[key] for key in ("roleArn", "disableSessionTags", "targetRoleArn") if key in content
        }
        record["modifiedAt"] = time.time()
        return Answer.json({"association": record})

    def _delete(self, call: Call) -> Answer:
        cluster, record = self._found(call)
        if record.get("ownerArn"):
            message = f"The association is owned by the add-on {record['ownerArn']}"
            raise AwsError("InvalidRequestException", message)
        del self.state.records(cluster, "pods")[record["associationId"]]
        return Answer.json({"association": record})

    def _list(self, call: Call) -> Answer:
        cluster = self.state.cluster(call.region, call.parameters["name"])
        query = {key: values[-1] for key, values in parse_qs(call.query).items()}
        wanted = {key: query[key] for key in ("namespace", "serviceAccount") if key in query}
        names = ("clusterName", "namespace", "serviceAccount", "associationArn", "associationId", "ownerArn")
        shown = [
            {name: record[name] for name in names if name in record}
            for record in self.state.records(cluster, "pods").values()
            if all(record[key] == value for key, value in wanted.items())
        ]
        return page(call, "associations", shown)
