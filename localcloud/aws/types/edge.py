"""CloudFront, WAF and certificates: kept and shown. Nothing is cached or filtered here."""

from __future__ import annotations

import uuid
from typing import Any

from localcloud.aws.types import Clients, Properties, ServiceType, TypeHandler, pick, tag_list
from localcloud.aws.types.shapes import declared_tags, retag, shown_tags

# -- CloudFront -------------------------------------------------------------------------------------------

#: CloudFormation's spelling of what the API spells otherwise.
_RENAMED = {
    "IPV6Enabled": "IsIPV6Enabled",
    "AcmCertificateArn": "ACMCertificateArn",
    "SslSupportMethod": "SSLSupportMethod",
    "OriginSSLProtocols": "OriginSslProtocols",
    "OriginCustomHeaders": "CustomHeaders",
}

#: What the API wants and CloudFormation fills in.
_CUSTOM_ORIGIN = {"HTTPPort": 80, "HTTPSPort": 443}


def _api(value: Any) -> Any:
    """CloudFormation's lists as `{Quantity, Items}`, and its names as the API's."""
    if isinstance(value, list):
        return {"Quantity": len(value), "Items": [_api(one) for one in value]}
    if not isinstance(value, dict):
        return value
    shape = {_RENAMED.get(key, key): _api(child) for key, child in value.items()}
    if "CachedMethods" in shape and "AllowedMethods" in shape:
        shape["AllowedMethods"]["CachedMethods"] = shape.pop("CachedMethods")
    if "OriginProtocolPolicy" in shape:
        shape = {**_CUSTOM_ORIGIN, **shape}
    return shape


def _distribution(properties: Properties, reference: str) -> dict[str, Any]:
    return {"CallerReference": reference, "Comment": "", **_api(properties["DistributionConfig"])}


def _create_distribution(aws: Clients, properties: Properties) -> Properties:
    config = _distribution(properties, str(uuid.uuid4()))
    made = aws("cloudfront").create_distribution_with_tags(
        DistributionConfigWithTags={
            "DistributionConfig": config,
            "Tags": {"Items": declared_tags(properties)},
        }
    )["Distribution"]
    return pick(made, "Id DomainName")


def _arn(aws: Clients, properties: Properties) -> str:
    return str(aws("cloudfront").get_distribution(Id=properties["Id"])["Distribution"]["ARN"])


def _read_distribution(aws: Clients, properties: Properties) -> Properties:
    client = aws("cloudfront")
    found = client.get_distribution(Id=properties["Id"])["Distribution"]
    live = found["DistributionConfig"]
    config = {**properties["DistributionConfig"], **pick(live, "Comment Enabled PriceClass WebACLId")}
    tags = client.list_tags_for_resource(Resource=found["ARN"])["Tags"]["Items"]
    return {"DistributionConfig": config, **shown_tags(tags)}


def _update_distribution(aws: Clients, before: Properties, after: Properties) -> None:
    client = aws("cloudfront")
    live = client.get_distribution_config(Id=after["Id"])
    reference = live["DistributionConfig"]["CallerReference"]
    client.update_distribution(
        Id=after["Id"], IfMatch=live["ETag"], DistributionConfig=_distribution(after, reference)
    )
    arn = _arn(aws, after)
    retag(
        before,
        after,
        lambda tags: client.tag_resource(Resource=arn, Tags={"Items": tag_list(tags)}),
        lambda keys: client.untag_resource(Resource=arn, TagKeys={"Items": keys}),
    )


def _delete_distribution(aws: Clients, properties: Properties) -> None:
    client = aws("cloudfront")
    live = client.get_distribution_config(Id=properties["Id"])
    config, etag = live["DistributionConfig"], live["ETag"]
    if config["Enabled"]:  # only a disabled one can go
        off = {**_distribution(properties, config["CallerReference"]), "Enabled": False}
        etag = client.update_distribution(Id=properties["Id"], IfMatch=etag, DistributionConfig=off)["ETag"]
    client.delete_distribution(Id=properties["Id"], IfMatch=etag)


def _edge_type(kind: str, config: str) -> ServiceType:
    """A type whose four operations and whose one property follow the same names."""
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in kind)

    def create(aws: Clients, properties: Properties) -> Properties:
        made = getattr(aws("cloudfront"), f"create{snake}")(**{config: _api(properties[config])})
        return {"Id": made[kind]["Id"], **_modified(made[kind])}

    def read(aws: Clients, properties: Properties) -> Properties:
        found = getattr(aws("cloudfront"), f"get{snake}")(Id=properties["Id"])[kind]
        return {config: {**properties[config], **pick(found[config], "Name Comment Description")}}

    def update(aws: Clients, before: Properties, after: Properties) -> Properties:
        client = aws("cloudfront")
        etag = getattr(client, f"get{snake}")(Id=after["Id"])["ETag"]
        made = getattr(client, f"update{snake}")(
            Id=after["Id"], IfMatch=etag, **{config: _api(after[config])}
        )
        return _modified(made[kind])

    def delete(aws: Clients, properties: Properties) -> None:
        client = aws("cloudfront")
        etag = getattr(client, f"get{snake}")(Id=properties["Id"])["ETag"]
        getattr(client, f"delete{snake}")(Id=properties["Id"], IfMatch=etag)

    return ServiceType("simulated", create, delete, update, read)


def _modified(found: Properties) -> Properties:
    when = found.get("LastModifiedTime")
    return {"LastModifiedTime": when.isoformat()} if when else {}


# -- WAF --------------------------------------------------------------------------------------------------

_ACL = "Name Scope DefaultAction Description Rules VisibilityConfig CustomResponseBodies TokenDomains"


def _create_acl(aws: Clients, properties: Properties) -> Properties:
    client = aws("wafv2")
    made = client.create_web_acl(**pick(properties, _ACL), Tags=declared_tags(properties))["Summary"]
    found = client.get_web_acl(**pick(properties, "Name Scope"), Id=made["Id"])["WebACL"]
    return {"Id": made["Id"], "Arn": made["ARN"], **pick(found, "Capacity LabelNamespace")}


def _read_acl(aws: Clients, properties: Properties) -> Properties:
    client = aws("wafv2")
    found = client.get_web_acl(**pick(properties, "Name Scope Id"))["WebACL"]
    tags = client.list_tags_for_resource(ResourceARN=properties["Arn"])["TagInfoForResource"]["TagList"]
    return {**pick(found, "DefaultAction Description VisibilityConfig"), **shown_tags(tags)}


def _update_acl(aws: Clients, before: Properties, after: Properties) -> None:
    client, arn = aws("wafv2"), after["Arn"]
    token = client.get_web_acl(**pick(after, "Name Scope Id"))["LockToken"]
    client.update_web_acl(**pick(after, f"Id {_ACL}"), LockToken=token)
    retag(
        before,
        after,
        lambda tags: client.tag_resource(ResourceARN=arn, Tags=tag_list(tags)),
        lambda keys: client.untag_resource(ResourceARN=arn, TagKeys=keys),
    )


def _delete_acl(aws: Clients, properties: Properties) -> None:
    client = aws("wafv2")
    token = client.get_web_acl(**pick(properties, "Name Scope Id"))["LockToken"]
    client.delete_web_acl(**pick(properties, "Name Scope Id"), LockToken=token)


def _associate(aws: Clients, properties: Properties) -> Properties:
    aws("wafv2").associate_web_acl(**pick(properties, "WebACLArn ResourceArn"))
    return {}


def _read_association(aws: Clients, properties: Properties) -> Properties | None:
    found = aws("wafv2").get_web_acl_for_resource(ResourceArn=properties["ResourceArn"]).get("WebACL")
    return {} if found and found["ARN"] == properties["WebACLArn"] else None


def _disassociate(aws: Clients, properties: Properties) -> None:
    aws("wafv2").disassociate_web_acl(ResourceArn=properties["ResourceArn"])


# -- certificates -----------------------------------------------------------------------------------------


def _request_certificate(aws: Clients, properties: Properties) -> Properties:
    names = "DomainName SubjectAlternativeNames ValidationMethod KeyAlgorithm CertificateAuthorityArn"
    made = aws("acm").request_certificate(**pick(properties, names), Tags=declared_tags(properties))
    return pick(made, "CertificateArn")


def _read_certificate(aws: Clients, properties: Properties) -> Properties:
    client, arn = aws("acm"), properties["CertificateArn"]
    found = client.describe_certificate(CertificateArn=arn)["Certificate"]
    tags = client.list_tags_for_certificate(CertificateArn=arn)["Tags"]
    return {**pick(found, "DomainName"), **shown_tags(tags)}


def _update_certificate(aws: Clients, before: Properties, after: Properties) -> None:
    client, arn = aws("acm"), after["CertificateArn"]
    retag(
        before,
        after,
        lambda tags: client.add_tags_to_certificate(CertificateArn=arn, Tags=tag_list(tags)),
        lambda keys: client.remove_tags_from_certificate(
            CertificateArn=arn, Tags=[{"Key": key} for key in keys]
        ),
    )


def _delete_certificate(aws: Clients, properties: Properties) -> None:
    aws("acm").delete_certificate(CertificateArn=properties["CertificateArn"])


TYPES: dict[str, TypeHandler] = {
    "AWS::CloudFront::Distribution": ServiceType(
        "simulated", _create_distribution, _delete_distribution, _update_distribution, _read_distribution
    ),
    "AWS::CloudFront::OriginAccessControl": _edge_type("OriginAccessControl", "OriginAccessControlConfig"),
    "AWS::CloudFront::CachePolicy": _edge_type("CachePolicy", "CachePolicyConfig"),
    "AWS::CloudFront::OriginRequestPolicy": _edge_type("OriginRequestPolicy", "OriginRequestPolicyConfig"),
    "AWS::CloudFront::ResponseHeadersPolicy": _edge_type(
        "ResponseHeadersPolicy", "ResponseHeadersPolicyConfig"
    ),
    "AWS::WAFv2::WebACL": ServiceType("simulated", _create_acl, _delete_acl, _update_acl, _read_acl),
    "AWS::WAFv2::WebACLAssociation": ServiceType(
        "simulated", _associate, _disassociate, None, _read_association
    ),
    "AWS::CertificateManager::Certificate": ServiceType(
        "simulated", _request_certificate, _delete_certificate, _update_certificate, _read_certificate
    ),
}
