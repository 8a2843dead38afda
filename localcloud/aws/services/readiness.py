"""What an account is asked before anything is created: who may do what, how much, and which versions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from localcloud.aws.services import Next
from localcloud.aws.services.eks_state import VERSIONS
from localcloud.aws.wire import Answer, AwsError, Call

#: An action's decision (IAM API reference, EvaluationResult).
_ALLOWED, _DENIED, _IMPLICIT = "allowed", "explicitDeny", "implicitDeny"

#: Quotas by service and code, as an account has them whose first increases were granted (AWS General
#: Reference, "Service quotas" of each service, November 2026).
QUOTAS: Mapping[str, Mapping[str, tuple[str, float]]] = {
    "vpc": {
        "L-F678F1CE": ("VPCs per Region", 5),
        "L-A4707A72": ("Internet gateways per Region", 5),
        "L-FE5A380F": ("NAT gateways per Availability Zone", 5),
        "L-E79EC296": ("VPC security groups per Region", 2500),
    },
    "ec2": {
        "L-0263D0A3": ("EC2-VPC Elastic IPs", 5),
        "L-1216C47A": ("Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 64),
        "L-34B43A08": ("All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", 64),
        "L-DB2E81BA": ("Running On-Demand G and VT instances", 16),
        "L-3819A6DF": ("All G and VT Spot Instance Requests", 16),
    },
    "eks": {"L-1194D53C": ("Clusters", 100), "L-6D54EA21": ("Managed node groups per cluster", 30)},
    "rds": {
        "L-7B6409FD": ("DB instances", 40),
        "L-7ADDB58A": ("Total storage for all DB instances", 100_000),
    },
    "elasticache": {"L-DFE45DF3": ("Nodes per Region", 300)},
    "lambda": {"L-B99A9384": ("Concurrent executions", 1000)},
}

#: Families and sizes of RDS's PostgreSQL, and its major versions (RDS User Guide, "DB instance classes").
_FAMILIES = ("t3", "t4g", "m6g", "m6i", "m7g", "r6g", "r6i", "r7g")
_SIZES = ("micro", "small", "medium", "large", "xlarge", "2xlarge", "4xlarge")
_POSTGRES = ("18", "17", "16", "15", "14")


@dataclass(frozen=True)
class Readiness:
    """Policies simulated on moto's IAM, and answers from published tables."""

    account_id: str
    operations: frozenset[str] = frozenset(
        {
            "sts:GetCallerIdentity",
            "iam:SimulatePrincipalPolicy",
            "servicequotas:ListServiceQuotas",
            "servicequotas:GetServiceQuota",
            "servicequotas:GetAWSDefaultServiceQuota",
            "eks:DescribeClusterVersions",
            "rds:DescribeOrderableDBInstanceOptions",
        }
    )

    def answer(self, call: Call, moto: Next) -> Answer:
        """Answer the call; moto is asked nothing."""
        if call.operation == "GetCallerIdentity":
            return self._caller()
        if call.operation == "SimulatePrincipalPolicy":
            return self._simulate(call)
        if call.operation == "ListServiceQuotas":
            service = str(call.json().get("ServiceCode"))
            return _json({"Quotas": [_quota(call, service, code) for code in _codes(service)]})
        if call.service == "servicequotas":
            asked = call.json()
            return _json({"Quota": _quota(call, asked["ServiceCode"], asked["QuotaCode"])})
        if call.operation == "DescribeClusterVersions":
            return Answer.json({"clusterVersions": [_version(*one) for one in VERSIONS.items()]})
        return _orderable(call)

    @property
    def _owner(self) -> str:
        """Whose the one key pair is: a user, as moto's own answer is not."""
        return f"arn:aws:iam::{self.account_id}:user/gameplan"

    def _caller(self) -> Answer:
        content = f"<Arn>{self._owner}</Arn><UserId>AIDALOCAL</UserId><Account>{self.account_id}</Account>"
        return _xml("GetCallerIdentity", content, "https://sts.amazonaws.com/doc/2011-06-15/")

    def _simulate(self, call: Call) -> Answer:
        form = parse_qs(call.body.decode())
        source = form.get("PolicySourceArn", [""])[0]
        policies = self._policies(source)
        actions, targets = list(_members(form, "ActionNames")), list(_members(form, "ResourceArns"))
        for action in actions:
            if "*" in action or ":" not in action:
                raise AwsError("InvalidInput", f"Invalid action name: {action}")
        results = "".join(
            _result(action, target, _decision(policies, action, target))
            for action in actions
            for target in targets or ["*"]
        )
        return _xml(
            "SimulatePrincipalPolicy",
            f"<IsTruncated>false</IsTruncated><EvaluationResults>{results}</EvaluationResults>",
            "https://iam.amazonaws.com/doc/2010-05-08/",
        )

    def _policies(self, source: str) -> list[Any] | None:
        """The policies of a user (its groups' too) or role of moto's, as moto's evaluation takes them; None
        for the one key pair's user, who may do everything."""
        from moto.iam.models import iam_backends

        if source == self._owner:
            return None
        backend = iam_backends[self.account_id]["aws"]
        kind, _, path = source.rsplit(":", 1)[-1].partition("/")
        name = path.rsplit("/", 1)[-1]
        if kind == "user" and name in backend.users:
            holders = [backend.users[name], *backend.get_groups_for_user(name)]
        else:
            holders = [role for role in backend.roles.values() if kind == "role" and role.name == name]
        if not holders:
            raise AwsError("NoSuchEntity", f"The entity {source} cannot be found.", 404)
        return [policy for holder in holders for policy in _held(holder)]


def _held(holder: Any) -> Iterator[Any]:
    """A holder's managed policies, and its inline ones: documents by name, or (a user's) in a list."""
    yield from holder.managed_policies.values()
    for policy in holder.policies:
        yield holder.policies[policy] if isinstance(holder.policies, Mapping) else policy


def _decision(policies: list[Any] | None, action: str, target: str) -> str:
    from moto.iam.access_control import IAMPolicy, PermissionResult

    if policies is None:
        return _ALLOWED
    results = {IAMPolicy(policy).is_action_permitted(action, target) for policy in policies}
    if PermissionResult.DENIED in results:
        return _DENIED
    return _ALLOWED if PermissionResult.PERMITTED in results else _IMPLICIT


def _members(form: Mapping[str, list[str]], name: str) -> Iterator[str]:
    number = 1
    while f"{name}.member.{number}" in form:
        yield form[f"{name}.member.{number}"][0]
        number += 1


def _result(action: str, target: str, decision: str) -> str:
    return (
        f"<member><EvalActionName>{escape(action)}</EvalActionName>"
        f"<EvalResourceName>{escape(target)}</EvalResourceName>"
        f"<EvalDecision>{decision}</EvalDecision></member>"
    )


def _xml(operation: str, content: str, namespace: str) -> Answer:
    body = (
        f'<{operation}Response xmlns="{namespace}"><{operation}Result>{content}</{operation}Result>'
        f"<ResponseMetadata><RequestId>local</RequestId></ResponseMetadata></{operation}Response>"
    )
    return Answer(200, {"Content-Type": "text/xml"}, body.encode())


def _json(content: Any) -> Answer:
    return Answer(200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(content).encode())


def _codes(service: str) -> Mapping[str, tuple[str, float]]:
    if service not in QUOTAS:
        raise AwsError("NoSuchResourceException", f"The service {service} does not exist.")
    return QUOTAS[service]


def _quota(call: Call, service: str, code: str) -> dict[str, Any]:
    if code not in _codes(service):
        raise AwsError("NoSuchResourceException", f"The quota {code} of {service} does not exist.")
    name, value = QUOTAS[service][code]
    return {
        "ServiceCode": service,
        "QuotaCode": code,
        "QuotaArn": f"arn:aws:servicequotas:{call.region}::{service}/{code}",
        "QuotaName": name,
        "Value": float(value),
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }


def _version(version: str, state: str) -> dict[str, Any]:
    return {
        "clusterVersion": version,
        "clusterType": "eks",
        "status": state.lower().replace("_", "-"),
        "versionStatus": state,
    }


def _orderable(call: Call) -> Answer:
    form = call.form()
    size = form.get("DBInstanceClass", "").removeprefix("db.")
    family, _, letters = size.partition(".")
    asked = form.get("EngineVersion", "")
    offered = form.get("Engine") == "postgres" and family in _FAMILIES and letters in _SIZES
    versions = [one for one in _POSTGRES if not asked or asked.split(".")[0] == one] if offered else []
    options = "".join(
        "<OrderableDBInstanceOption><Engine>postgres</Engine>"
        f"<EngineVersion>{asked or one}</EngineVersion><DBInstanceClass>db.{size}</DBInstanceClass>"
        "</OrderableDBInstanceOption>"
        for one in versions
    )
    return _xml(
        "DescribeOrderableDBInstanceOptions",
        f"<OrderableDBInstanceOptions>{options}</OrderableDBInstanceOptions>",
        "http://rds.amazonaws.com/doc/2014-10-31/",
    )
