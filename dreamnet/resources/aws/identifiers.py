"""What a declaration itself says about which resource it means, where AWS makes the primary identifier.

A resource carries our tag, but tags can be taken off, a few types have none, and what others made never had
it. Then the name says which one is meant: a plan must see that the name is taken, drift that the tag has
gone, and `adopt` what there is to take over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dreamnet.resources.aws.schemas import ResourceSchema

#: Identifiers that AWS makes by a rule which it documents (Service Authorization Reference, resource types of
#: Amazon ECS: `arn:aws:ecs:REGION:ACCOUNT:service/CLUSTER/SERVICE`). Needed where Cloud Control offers no
#: list (November 2026), or where there is one of a kind in an account and nothing tells it from others.
_RULES = {
    "AWS::ECR::ReplicationConfiguration": "{account_id}",
    "AWS::ECS::ExpressGatewayService": "arn:aws:ecs:{region}:{account_id}:service/{Cluster}/{ServiceName}",
}

#: The properties that tell the resources of a type apart, where that is not just `Name` or `<Kind>Name`.
_KEYS: dict[str, tuple[str, ...]] = {
    "AWS::ApiGatewayV2::Integration": ("ApiId", "IntegrationType", "IntegrationUri"),
    "AWS::ApiGatewayV2::Route": ("ApiId", "RouteKey"),
    "AWS::BCMDataExports::Export": ("Export/Name",),
    "AWS::Budgets::Budget": ("Budget/BudgetName",),
    "AWS::CE::AnomalyMonitor": ("MonitorName",),
    "AWS::CE::AnomalySubscription": ("SubscriptionName",),
    "AWS::CertificateManager::Certificate": ("DomainName", "SubjectAlternativeNames"),
    "AWS::CloudFront::CachePolicy": ("CachePolicyConfig/Name",),
    "AWS::CloudFront::Distribution": ("DistributionConfig/Comment",),
    "AWS::CloudFront::OriginAccessControl": ("OriginAccessControlConfig/Name",),
    "AWS::CloudFront::OriginRequestPolicy": ("OriginRequestPolicyConfig/Name",),
    "AWS::CloudFront::ResponseHeadersPolicy": ("ResponseHeadersPolicyConfig/Name",),
    "AWS::Comprehend::Flywheel": ("FlywheelName",),
    "AWS::EC2::SecurityGroup": ("VpcId", "GroupName"),
    "AWS::EKS::PodIdentityAssociation": ("ClusterName", "Namespace", "ServiceAccount"),
    "AWS::Events::Rule": ("EventBusName", "Name"),
    "AWS::GlobalAccelerator::EndpointGroup": ("ListenerArn", "EndpointGroupRegion"),
    "AWS::GlobalAccelerator::Listener": ("AcceleratorArn", "Protocol", "PortRanges"),
    "AWS::IAM::OIDCProvider": ("Url",),
    "AWS::Lambda::EventSourceMapping": ("FunctionName", "EventSourceArn"),
    "AWS::Lambda::Permission": ("FunctionName", "Action", "Principal", "SourceArn"),
    "AWS::Route53::HealthCheck": ("HealthCheckConfig",),
    "AWS::SNS::Subscription": ("TopicArn", "Protocol", "Endpoint"),
    "AWS::WAFv2::IPSet": ("Name", "Scope"),
    "AWS::WAFv2::WebACL": ("Name", "Scope"),
    "AWS::XRay::SamplingRule": ("SamplingRule/RuleName",),
}


def known_identifier(
    schema: ResourceSchema, declared: Mapping[str, Any], region: str, account_id: str
) -> str | None:
    """The primary identifier that the declaration makes; None where only AWS knows it."""
    rule = _RULES.get(schema.type_name)
    if rule is None:
        return None if schema.chosen_by_cloud else schema.identifier_of(declared)
    return rule.format_map({**declared, "region": region, "account_id": account_id})


def findable(schema: ResourceSchema) -> bool:
    """A resource of this type can be found again: by a list, or by an identifier that we know."""
    return not schema.chosen_by_cloud or "list" in schema.handlers or schema.type_name in _RULES


def natural_key(schema: ResourceSchema, declared: Mapping[str, Any]) -> dict[str, Any]:
    """The declared properties, nested as they stand, by which the resource is told from others of its type.

    Empty where the type has no name: then only a tag says which one is meant. Types without tags are known
    by everything that can't change.
    """
    kind = schema.type_name.rsplit("::", 1)[-1]
    paths = _KEYS.get(schema.type_name, ())
    if not paths:
        paths = tuple(name for name in (f"{kind}Name", "Name") if name in declared)[:1]
    if not paths and schema.tag_property is None:
        paths = schema.create_only
    key: dict[str, Any] = {}
    for path in paths:
        _copy(declared, path.split("/"), key)
    return key


def _copy(source: Mapping[str, Any], parts: list[str], target: dict[str, Any]) -> None:
    """Copy the value at a path, where there is one."""
    first, rest = parts[0], parts[1:]
    if first not in source:
        return
    if not rest:
        target[first] = source[first]
    elif isinstance(source[first], Mapping):
        _copy(source[first], rest, target.setdefault(first, {}))
