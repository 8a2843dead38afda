"""Route 53, in moto: kept and shown; no name is served and nobody's health is checked."""

from __future__ import annotations

import uuid
from typing import Any

from localcloud.aws.types import Clients, Properties, ServiceType, TypeHandler, pick, tag_list
from localcloud.aws.types.shapes import again, retag, shown_tags


def _tag(aws: Clients, kind: str, identifier: str, before: Properties, after: Properties, name: str) -> None:
    client, thing = aws("route53"), {"ResourceType": kind, "ResourceId": identifier}
    retag(
        before,
        after,
        lambda tags: client.change_tags_for_resource(**thing, AddTags=tag_list(tags)),
        lambda keys: client.change_tags_for_resource(**thing, RemoveTagKeys=keys),
        name,
    )


def _tags(aws: Clients, kind: str, identifier: str, name: str) -> Properties:
    found = aws("route53").list_tags_for_resource(ResourceType=kind, ResourceId=identifier)
    return shown_tags(found["ResourceTagSet"].get("Tags"), name)


def _create_zone(aws: Clients, properties: Properties) -> Properties:
    made = aws("route53").create_hosted_zone(
        CallerReference=str(uuid.uuid4()), **pick(properties, "Name HostedZoneConfig")
    )
    identifier = made["HostedZone"]["Id"].rsplit("/", 1)[-1]
    _tag(aws, "hostedzone", identifier, {}, properties, "HostedZoneTags")
    return {"Id": identifier, "NameServers": made["DelegationSet"]["NameServers"]}


def _read_zone(aws: Clients, properties: Properties) -> Properties:
    found = aws("route53").get_hosted_zone(Id=properties["Id"])["HostedZone"]
    config = pick(found.get("Config") or {}, "Comment")
    shown = {"HostedZoneConfig": config} if config else {}
    return {**shown, **_tags(aws, "hostedzone", properties["Id"], "HostedZoneTags")}


def _update_zone(aws: Clients, before: Properties, after: Properties) -> None:
    comment = (after.get("HostedZoneConfig") or {}).get("Comment", "")
    aws("route53").update_hosted_zone_comment(Id=after["Id"], Comment=comment)
    _tag(aws, "hostedzone", after["Id"], before, after, "HostedZoneTags")


def _delete_zone(aws: Clients, properties: Properties) -> None:
    aws("route53").delete_hosted_zone(Id=properties["Id"])


def _create_check(aws: Clients, properties: Properties) -> Properties:
    made = aws("route53").create_health_check(
        CallerReference=str(uuid.uuid4()), HealthCheckConfig=properties["HealthCheckConfig"]
    )["HealthCheck"]
    _tag(aws, "healthcheck", made["Id"], {}, properties, "HealthCheckTags")
    return {"HealthCheckId": made["Id"]}


def _read_check(aws: Clients, properties: Properties) -> Properties:
    identifier = properties["HealthCheckId"]
    found = aws("route53").get_health_check(HealthCheckId=identifier)["HealthCheck"]["HealthCheckConfig"]
    config = {key: found.get(key, value) for key, value in properties["HealthCheckConfig"].items()}
    return {"HealthCheckConfig": config, **_tags(aws, "healthcheck", identifier, "HealthCheckTags")}


def _update_check(aws: Clients, before: Properties, after: Properties) -> None:
    fixed = ("Type", "MeasureLatency", "RequestInterval")
    config = {key: value for key, value in after["HealthCheckConfig"].items() if key not in fixed}
    aws("route53").update_health_check(HealthCheckId=after["HealthCheckId"], **config)
    _tag(aws, "healthcheck", after["HealthCheckId"], before, after, "HealthCheckTags")


def _delete_check(aws: Clients, properties: Properties) -> None:
    aws("route53").delete_health_check(HealthCheckId=properties["HealthCheckId"])


_RECORD = (
    "Name Type SetIdentifier Weight Region Failover MultiValueAnswer HealthCheckId AliasTarget GeoLocation"
)


def _record(properties: Properties) -> dict[str, Any]:
    record = pick(properties, _RECORD)
    if "TTL" in properties:
        record["TTL"] = int(properties["TTL"])
    if "ResourceRecords" in properties:
        record["ResourceRecords"] = [{"Value": value} for value in properties["ResourceRecords"]]
    return record


def _change(aws: Clients, action: str, properties: Properties) -> Properties:
    change = {"Action": action, "ResourceRecordSet": _record(properties)}
    aws("route53").change_resource_record_sets(
        HostedZoneId=properties["HostedZoneId"], ChangeBatch={"Changes": [change]}
    )
    return {}


def _read_record(aws: Clients, properties: Properties) -> Properties | None:
    listed = aws("route53").list_resource_record_sets(HostedZoneId=properties["HostedZoneId"])
    for one in listed["ResourceRecordSets"]:
        same = all(one.get(key) == properties.get(key) for key in ("Name", "Type", "SetIdentifier"))
        if same:
            live = pick(one, "Weight Failover HealthCheckId AliasTarget")
            if "TTL" in one:
                live["TTL"] = str(one["TTL"])
            if one.get("ResourceRecords"):
                live["ResourceRecords"] = [value["Value"] for value in one["ResourceRecords"]]
            return live
    return None


TYPES: dict[str, TypeHandler] = {
    "AWS::Route53::HostedZone": ServiceType(
        "simulated", _create_zone, _delete_zone, _update_zone, _read_zone
    ),
    "AWS::Route53::HealthCheck": ServiceType(
        "simulated", _create_check, _delete_check, _update_check, _read_check
    ),
    "AWS::Route53::RecordSet": ServiceType(
        "simulated",
        lambda aws, properties: _change(aws, "CREATE", properties),
        lambda aws, properties: _change(aws, "DELETE", properties) and None,
        again(lambda aws, properties: _change(aws, "UPSERT", properties)),
        _read_record,
    ),
}
