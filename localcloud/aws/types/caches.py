"""ElastiCache's types: a real Valkey server behind each group."""

from __future__ import annotations

from typing import Any

from localcloud.aws.types import (
    Clients,
    HandlerError,
    Properties,
    ServiceType,
    TypeHandler,
    changed,
    pick,
    tag_changes,
)
from localcloud.aws.types.compute import wait_for

_GROUP = (
    "ReplicationGroupId ReplicationGroupDescription Engine EngineVersion CacheNodeType NumCacheClusters "
    "NumNodeGroups ReplicasPerNodeGroup AutomaticFailoverEnabled MultiAZEnabled CacheSubnetGroupName "
    "SecurityGroupIds Port TransitEncryptionEnabled AtRestEncryptionEnabled SnapshotRetentionLimit Tags"
)
#: What ModifyReplicationGroup takes here.
_MODIFIABLE = (
    "ReplicationGroupDescription CacheNodeType SnapshotRetentionLimit SnapshotWindow EngineVersion "
    "AutomaticFailoverEnabled MultiAZEnabled AutoMinorVersionUpgrade PreferredMaintenanceWindow"
)


def _group(aws: Clients, properties: Properties) -> tuple[str, Any]:
    found = aws("elasticache").describe_replication_groups(
        ReplicationGroupId=properties["ReplicationGroupId"]
    )["ReplicationGroups"][0]
    return found["Status"], found


def _create_group(aws: Clients, properties: Properties) -> Properties:
    if properties.get("AuthToken"):
        raise HandlerError("InvalidRequest", "an AUTH token is not in the rehearsal")
    aws("elasticache").create_replication_group(**pick(properties, _GROUP))
    wait_for(properties["ReplicationGroupId"], lambda: _group(aws, properties), ("available",))
    return _read_group(aws, properties)


def _read_group(aws: Clients, properties: Properties) -> Properties:
    _, found = _group(aws, properties)
    endpoint = (found.get("NodeGroups") or [{}])[0].get("PrimaryEndpoint") or {}
    shown = {"Address": endpoint.get("Address", ""), "Port": str(endpoint.get("Port", ""))}
    names = (
        "Description:ReplicationGroupDescription CacheNodeType SnapshotRetentionLimit SnapshotWindow "
        "TransitEncryptionEnabled AtRestEncryptionEnabled"
    )
    return {
        "PrimaryEndPoint": shown,
        "ReaderEndPoint": shown,
        **pick(found, names),
        "AutomaticFailoverEnabled": found.get("AutomaticFailover") == "enabled",
        "MultiAZEnabled": found.get("MultiAZ") == "enabled",
        "Tags": _tags(aws, found["ARN"]),
    }


def _tags(aws: Clients, arn: str) -> list[Properties]:
    return list(aws("elasticache").list_tags_for_resource(ResourceName=arn)["TagList"])


def _retag(aws: Clients, arn: str, before: Properties, after: Properties) -> None:
    gone, new = tag_changes(before, after)
    if gone:
        aws("elasticache").remove_tags_from_resource(ResourceName=arn, TagKeys=gone)
    if new:
        aws("elasticache").add_tags_to_resource(ResourceName=arn, Tags=new)


def _update_group(aws: Clients, before: Properties, after: Properties) -> Properties:
    different = {key: after[key] for key in changed(before, after) if key in after}
    arguments = pick(different, _MODIFIABLE)
    if arguments:
        aws("elasticache").modify_replication_group(
            ReplicationGroupId=after["ReplicationGroupId"], ApplyImmediately=True, **arguments
        )
        wait_for(after["ReplicationGroupId"], lambda: _group(aws, after), ("available",))
    _, found = _group(aws, after)
    _retag(aws, found["ARN"], before, after)
    return _read_group(aws, after)


def _delete_group(aws: Clients, properties: Properties) -> None:
    aws("elasticache").delete_replication_group(ReplicationGroupId=properties["ReplicationGroupId"])


def _cache(aws: Clients, properties: Properties) -> tuple[str, Any]:
    found = aws("elasticache").describe_cache_clusters(
        CacheClusterId=properties["ClusterName"], ShowCacheNodeInfo=True
    )["CacheClusters"][0]
    return found["CacheClusterStatus"], found


def _create_cache(aws: Clients, properties: Properties) -> Properties:
    names = "ClusterName:CacheClusterId Engine EngineVersion CacheNodeType NumCacheNodes Tags"
    aws("elasticache").create_cache_cluster(**pick(properties, names))
    found = wait_for(properties["ClusterName"], lambda: _cache(aws, properties), ("available",))
    endpoint = found["CacheNodes"][0]["Endpoint"]
    return {"RedisEndpoint": {"Address": endpoint["Address"], "Port": str(endpoint["Port"])}}


def _delete_cache(aws: Clients, properties: Properties) -> None:
    aws("elasticache").delete_cache_cluster(CacheClusterId=properties["ClusterName"])


def _create_subnets(aws: Clients, properties: Properties) -> Properties:
    aws("elasticache").create_cache_subnet_group(
        CacheSubnetGroupDescription=properties["Description"],
        **pick(properties, "CacheSubnetGroupName SubnetIds Tags"),
    )
    return {}


def _subnets(aws: Clients, properties: Properties) -> Any:
    name = properties["CacheSubnetGroupName"]
    client = aws("elasticache")
    return client.describe_cache_subnet_groups(CacheSubnetGroupName=name)["CacheSubnetGroups"][0]


def _read_subnets(aws: Clients, properties: Properties) -> Properties:
    found = _subnets(aws, properties)
    return {
        "Description": found["CacheSubnetGroupDescription"],
        "SubnetIds": [one["SubnetIdentifier"] for one in found["Subnets"]],
        "Tags": _tags(aws, found["ARN"]),
    }


def _update_subnets(aws: Clients, before: Properties, after: Properties) -> None:
    aws("elasticache").modify_cache_subnet_group(
        CacheSubnetGroupDescription=after["Description"], **pick(after, "CacheSubnetGroupName SubnetIds")
    )
    _retag(aws, _subnets(aws, after)["ARN"], before, after)


def _delete_subnets(aws: Clients, properties: Properties) -> None:
    aws("elasticache").delete_cache_subnet_group(CacheSubnetGroupName=properties["CacheSubnetGroupName"])


TYPES: dict[str, TypeHandler] = {
    "AWS::ElastiCache::ReplicationGroup": ServiceType(
        "valkey", _create_group, _delete_group, _update_group, _read_group
    ),
    "AWS::ElastiCache::CacheCluster": ServiceType("valkey", _create_cache, _delete_cache),
    "AWS::ElastiCache::SubnetGroup": ServiceType(
        "simulated", _create_subnets, _delete_subnets, _update_subnets, _read_subnets
    ),
}
