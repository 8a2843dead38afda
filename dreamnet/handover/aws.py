"""CloudFormation's properties as Terraform resources of the provider `awscc`, which mirrors them one to one.

The few types that `awscc` lacks (its schema generator refuses recursive schemas, for one) are written for
Amazon's older provider `aws`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dreamnet.handover.conversion import moved
from dreamnet.handover.harvest import plain
from dreamnet.handover.hcl import Expression
from dreamnet.handover.providers import Type, provider
from dreamnet.handover.rules import Rule
from dreamnet.resources.aws.driver import declared_properties
from dreamnet.resources.aws.schemas import SEPARATOR, resource_schema
from dreamnet.resources.model import Resource

#: The region whose schemas are read; a type that only other regions have is not declared.
_REGION = "us-east-1"


def _map_tags(body: dict[str, Any]) -> dict[str, Any]:
    """The older provider takes tags as a map."""
    tags = body.get("Tags")
    if isinstance(tags, list):
        body["Tags"] = {tag["Key"]: tag["Value"] for tag in tags}
    return body


def _node_group(body: dict[str, Any]) -> dict[str, Any]:
    """A size within the bounds is the autoscaler's, as in the gameplan's own plans."""
    return _map_tags(body) | {"lifecycle": {"ignore_changes": [Expression("scaling_config[0].desired_size")]}}


def _distribution(body: dict[str, Any]) -> dict[str, Any]:
    config = _map_tags({**body.pop("DistributionConfig", {}), **body})
    for origin in config.get("Origins", []):
        if not any(origin.get("S3OriginConfig", {}).values()):
            origin.pop("S3OriginConfig", None)  # an access control stands in its place
        custom = origin.get("CustomOriginConfig")
        if custom is not None:  # CloudFormation's defaults, which Terraform wants to be told
            origin["CustomOriginConfig"] = {"HTTPPort": 80, "HTTPSPort": 443, **custom}
    config.setdefault("Restrictions", {"GeoRestriction": {"RestrictionType": "none"}})
    renamed = {
        "Origins/Id": "Origins/origin_id",
        "CacheBehaviors": "ordered_cache_behavior",
        "IPV6Enabled": "is_ipv6_enabled",
    }
    return moved(config, renamed)


def _budget(body: dict[str, Any]) -> dict[str, Any]:
    budget = {**body.pop("Budget", {}), **body}
    limit = budget.pop("BudgetLimit", {})
    notifications = [
        {
            **given["Notification"],
            "ThresholdType": given["Notification"].get("ThresholdType", "PERCENTAGE"),
            "subscriber_email_addresses": _subscribers(given, "EMAIL"),
            "subscriber_sns_topic_arns": _subscribers(given, "SNS"),
        }
        for given in budget.pop("NotificationsWithSubscribers", [])
    ]
    tags = {tag["Key"]: tag["Value"] for tag in budget.pop("ResourceTags", [])}
    return {
        **moved(budget, {"BudgetName": "name"}),
        "limit_amount": str(limit.get("Amount", "")),
        "limit_unit": limit.get("Unit", "USD"),
        **({"tags": tags} if tags else {}),
        "notification": notifications,
    }


def _subscribers(given: Mapping[str, Any], kind: str) -> list[str]:
    return [one["Address"] for one in given["Subscribers"] if one["SubscriptionType"] == kind]


#: Types of the provider `aws`, for what `awscc` 1.106.0 lacks.
OLDER: Mapping[str, Rule] = {
    "AWS::EKS::Nodegroup": Rule(
        "aws_eks_node_group",
        moves={
            "NodegroupName": "node_group_name",
            "NodeRole": "node_role_arn",
            "Subnets": "subnet_ids",
        },
        prepare=_node_group,
        import_id="{{ClusterName}}:{{NodegroupName}}",
    ),
    "AWS::CloudFront::Distribution": Rule("aws_cloudfront_distribution", prepare=_distribution),
    "AWS::Budgets::Budget": Rule(
        "aws_budgets_budget", prepare=_budget, import_id="${aws.account_id}:{{Budget/BudgetName}}"
    ),
    "AWS::WAFv2::WebACL": Rule("aws_wafv2_web_acl", prepare=_map_tags),
}


def terraform_type(cloudformation: str) -> Type | None:
    """The Terraform resource type for a CloudFormation type, or None where no provider has one."""
    if cloudformation in OLDER:
        return provider("aws").types[OLDER[cloudformation].terraform]
    awscc = provider("awscc")
    name = awscc.by_plain_name.get(plain(cloudformation.removeprefix("AWS::")))
    return awscc.types[name] if name else None


def terraform_body(resource: Resource) -> dict[str, Any]:
    """The properties, name and tags included, as the provider arranges them."""
    declared = declared_properties(resource_schema(resource.type, _REGION), resource)
    rule = OLDER.get(resource.type)
    if rule is None:
        return declared
    body = moved(declared, rule.moves)
    return rule.prepare(body) if rule.prepare else body


def pulumi_token(cloudformation: str) -> str:
    """Pulumi's token for a CloudFormation type (provider aws-native), or empty."""
    return provider("awscc").pulumi.get(plain(cloudformation.removeprefix("AWS::")), "")


def identifier(resource: Resource) -> str | None:
    """The Cloud Control identifier that the declaration makes, references included; None where AWS chooses a
    part of it."""
    schema = resource_schema(resource.type, _REGION)
    return schema.identifier_of(declared_properties(schema, resource))


def import_id(resource: Resource, live: str | None) -> str | None:
    """The id that `terraform import` takes, or None where only the living resource knows it.

    Args:
        resource: the declaration.
        live: the living resource's Cloud Control identifier.
    """
    rule = OLDER.get(resource.type)
    if rule is None:
        return live or identifier(resource)
    if not rule.import_id:
        return _older_id(resource, live)
    declared = declared_properties(resource_schema(resource.type, _REGION), resource)
    return _filled(rule.import_id, declared)


def _older_id(resource: Resource, live: str | None) -> str | None:
    """The older provider's own orders: a web ACL's is `id/name/scope`, Cloud Control's `name|id|scope`."""
    if live is None or resource.type != "AWS::WAFv2::WebACL":
        return live
    name, acl, scope = live.split(SEPARATOR)
    return f"{acl}/{name}/{scope}"


def _filled(form: str, declared: Mapping[str, Any]) -> str:
    while "{{" in form:
        before, _, rest = form.partition("{{")
        path, _, after = rest.partition("}}")
        found: Any = declared
        for part in path.split("/"):
            found = found[part]
        form = f"{before}{found}{after}"
    return form
