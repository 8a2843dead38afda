"""The IAM actions that the declared AWS types need, and whether the identity may do them.

Each type's published schema lists the actions that its handlers call (`handlers.*.permissions`); asking for
anything else would be a guess, and asking for more would be too much.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from dreamnet.clouds.aws import AwsAccount, aws_errors
from dreamnet.prechecks.findings import Finding, listed
from dreamnet.resources.aws.schemas import resource_schema
from dreamnet.resources.model import Resource

#: Actions asked about in one call: one page of answers is a hundred unless more is asked for (IAM API
#: reference, SimulatePrincipalPolicy, MaxItems, November 2026).
BATCH = 100

#: What the gameplan itself does: Cloud Control, these checks, bills, the cut-over, night scaling and drills.
OPERATIONS = (
    "ce:GetCostAndUsage",
    "cloudformation:CancelResourceRequest",
    "cloudformation:CreateResource",
    "cloudformation:DeleteResource",
    "cloudformation:GetResource",
    "cloudformation:GetResourceRequestStatus",
    "cloudformation:ListResources",
    "cloudformation:UpdateResource",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetDashboard",
    "cloudwatch:ListDashboards",
    "cloudwatch:PutMetricData",
    "dynamodb:GetItem",
    "ec2:DescribeAddresses",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeInstances",
    "ec2:DescribeInternetGateways",
    "ec2:DescribeRegions",
    "ec2:DescribeVpcs",
    "eks:DescribeCluster",
    "eks:DescribeClusterVersions",
    "eks:DescribeNodegroup",
    "eks:ListClusters",
    "eks:ListNodegroups",
    "eks:UpdateNodegroupConfig",
    "elasticache:DescribeCacheClusters",
    "events:PutEvents",
    "iam:GetRole",
    "iam:SimulatePrincipalPolicy",
    "pricing:GetProducts",
    "rds:DescribeDBInstances",
    "rds:DescribeOrderableDBInstanceOptions",
    "rds:StartDBInstance",
    "rds:StopDBInstance",
    "s3:ListBucket",
    "secretsmanager:GetSecretValue",
    "secretsmanager:PutSecretValue",
    "servicequotas:GetAWSDefaultServiceQuota",
    "servicequotas:ListServiceQuotas",
    "sts:GetCallerIdentity",
)

#: What the gameplan does with resources once they are there, by type: pipelines, functions' code, emptying
#: what is destroyed.
_AFTERWARDS: Mapping[str, tuple[str, ...]] = {
    "AWS::ECR::Repository": ("ecr:BatchDeleteImage", "ecr:ListImages"),
    "AWS::S3::Bucket": (
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:GetObject",
        "s3:ListBucketVersions",
        "s3:PutObject",
    ),
}

#: Handing a role to a service; asked for, and granted, on the declared roles only.
PASS_ROLE = "iam:PassRole"

#: What IAM takes as an action's name. The schemas hold a few other words (`s3:REST.PUT.OBJECT`).
_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9]+\*?")

_SCHEMA_REGION = "us-east-1"

_CONSOLE = "https://console.aws.amazon.com/iam/home#/policies"


def needed_actions(resources: Iterable[Resource]) -> tuple[str, ...]:
    """Every action that the handlers of these types list, and the gameplan's own; some end with `*`."""
    found = set(OPERATIONS)
    for type_name, region in sorted({(r.type, _region(r)) for r in resources if r.cloud == "aws"}):
        found |= set(_AFTERWARDS.get(type_name, ()))
        for handler in (resource_schema(type_name, region).document.get("handlers") or {}).values():
            found |= {
                _lower(action) for action in handler.get("permissions", ()) if _ACTION.fullmatch(action)
            }
    return tuple(sorted(found))


def _region(resource: Resource) -> str:
    return _SCHEMA_REGION if "${" in resource.parent else resource.parent


def _lower(action: str) -> str:
    """IAM does not tell `CloudTrail:` from `cloudtrail:`; one way of writing them is enough."""
    service, _, operation = action.partition(":")
    return f"{service.lower()}:{operation}"


def declared_roles(resources: Iterable[Resource]) -> tuple[str, ...]:
    """Names of the roles that the declarations make, which are those that they hand to services."""
    return tuple(sorted({r.body.get("RoleName", r.name) for r in resources if r.type == "AWS::IAM::Role"}))


@dataclass(frozen=True)
class Principal:
    """Whom the simulation asks about.

    Attributes:
        arn: of the user or role; None where IAM can't simulate it.
        kind: `user`, `role`, or what else it is.
        name: as IAM's commands want it.
    """

    arn: str | None
    kind: str
    name: str


def principal(account: AwsAccount, caller: str) -> Principal:
    """The user or role behind the ARN of a caller: a session's is not what policies are attached to.

    Raises:
        GameplanError: the role may not be looked at.
    """
    kind, _, rest = caller.rsplit(":", 1)[-1].partition("/")
    if kind == "assumed-role":
        name = rest.split("/")[0]
        with aws_errors("The role of these AWS credentials"):
            role = account.client("iam").get_role(RoleName=name)[
                "Role"
            ]  # its path is not in the caller's ARN
        return Principal(role["Arn"], "role", name)
    if kind == "user":
        return Principal(caller, "user", rest.rsplit("/", 1)[-1])
    return Principal(None, kind, rest)


def check_permissions(account: AwsAccount, caller: str, resources: Sequence[Resource]) -> Iterator[Finding]:
    """Whether the identity may do everything that the selection takes.

    Args:
        caller: the ARN that AWS knows these credentials by.
    """
    who = principal(account, caller)
    if who.arn is None:
        yield _unsimulated(who, caller)
        return
    listed_actions = {one: _expanded(one) for one in needed_actions(resources)}
    needed = sorted({action for actions in listed_actions.values() for action in actions})
    unknown = [one for one, actions in listed_actions.items() if not actions]
    if unknown:
        yield Finding("aws", "permissions", "to do", f"IAM does not simulate wildcards: {listed(unknown)}.")
    others = [action for action in needed if action != PASS_ROLE]
    tasks = [(others[start : start + BATCH], ["*"]) for start in range(0, len(others), BATCH)]
    if PASS_ROLE in needed:
        roles = declared_roles(resources) or ("*",)
        tasks.append(([PASS_ROLE], [f"arn:aws:iam::{account.account_id}:role/{role}" for role in roles]))
    arn = who.arn
    with ThreadPoolExecutor(max_workers=8, thread_name_prefix="permissions") as pool:
        answers = list(pool.map(lambda task: list(_denied(account, arn, *task)), tasks))
    denied = {name: reason for answer in answers for name, reason in answer}
    if not denied:
        yield Finding(
            "aws", "permissions", "fine", f"{arn} may do all {len(needed)} actions that are needed."
        )
        return
    for reason in sorted(set(denied.values())):
        names = sorted(name for name, why in denied.items() if why == reason)
        yield Finding(
            "aws",
            "permissions",
            "blocks",
            f"{len(names)} of the {len(needed)} actions needed are {reason} for {arn}: {listed(names)}.",
            _CONSOLE,
            _grant(who) if reason == _IMPLICIT else "",
        )


_IMPLICIT = "not granted"


def _denied(
    account: AwsAccount, arn: str, actions: list[str], targets: list[str]
) -> Iterator[tuple[str, str]]:
    client = account.client("iam")
    arguments: dict[str, Any] = {"PolicySourceArn": arn, "ActionNames": actions, "ResourceArns": targets}
    while True:
        with aws_errors("AWS permissions"):
            page = client.simulate_principal_policy(**arguments)
        for result in page["EvaluationResults"]:
            if result["EvalDecision"] != "allowed":
                yield result["EvalActionName"], _reason(result)
        if not page.get("IsTruncated"):
            return
        arguments["Marker"] = page["Marker"]


def _reason(result: Mapping[str, Any]) -> str:
    """Who says no: granting helps only where nobody forbids."""
    if result.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations") is False:
        return "forbidden by the organization's policies"
    if result.get("PermissionsBoundaryDecisionDetail", {}).get("AllowedByPermissionsBoundary") is False:
        return "outside the permissions boundary"
    return "explicitly denied" if result["EvalDecision"] == "explicitDeny" else _IMPLICIT


def _expanded(action: str) -> list[str]:
    """The actions behind `dynamodb:Describe*`, as the simulation takes no wildcards; none where the service
    is called otherwise in its API than in IAM. Services with such lists name actions like operations."""
    if not action.endswith("*"):
        return [action]
    from botocore.exceptions import UnknownServiceError
    from botocore.session import Session

    service, _, pattern = action.partition(":")
    try:
        operations = Session().get_service_model(service).operation_names
    except UnknownServiceError:
        return []
    return [f"{service}:{name}" for name in operations if fnmatchcase(name, pattern)]


def _grant(who: Principal) -> str:
    return (
        "python -m dreamnet.prechecks policies policies && for file in policies/aws-policy-*.json; do"
        f" aws iam attach-{who.kind}-policy --{who.kind}-name {who.name} --policy-arn $(aws iam create-policy"
        " --policy-name dreamnet-$(basename $file .json) --policy-document file://$file"
        " --query Policy.Arn --output text); done"
    )


def _unsimulated(who: Principal, caller: str) -> Finding:
    if who.kind == "root":
        sentence = f"{caller} is the account's root: it may do everything; use a user or role with less."
    else:
        sentence = f"The permissions of {caller} can't be simulated: IAM knows neither user nor role of it."
    return Finding("aws", "permissions", "to do", sentence, "https://console.aws.amazon.com/iam/home#/users")
