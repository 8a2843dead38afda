"""RDS, ElastiCache, Redshift, DynamoDB, S3 and Secrets Manager."""

from __future__ import annotations

from typing import Any

from localcloud.aws.types import Clients, HandlerError, Properties, ServiceType, TypeHandler, pick
from localcloud.aws.types.compute import wait_for

# -- RDS --------------------------------------------------------------------------------------------------

_INSTANCE = (
    "DBInstanceIdentifier DBInstanceClass Engine EngineVersion DBName MasterUsername MasterUserPassword Port "
    "VPCSecurityGroups:VpcSecurityGroupIds DBSubnetGroupName MultiAZ PubliclyAccessible StorageType "
    "StorageEncrypted BackupRetentionPeriod DeletionProtection AutoMinorVersionUpgrade AvailabilityZone "
    "CopyTagsToSnapshot DBParameterGroupName PreferredBackupWindow PreferredMaintenanceWindow Tags"
)
_MODIFIABLE = (
    "DBInstanceClass EngineVersion MasterUserPassword MultiAZ PubliclyAccessible StorageType "
    "BackupRetentionPeriod DeletionProtection AutoMinorVersionUpgrade CopyTagsToSnapshot "
    "PreferredBackupWindow PreferredMaintenanceWindow VPCSecurityGroups:VpcSecurityGroupIds"
)


def _instance(aws: Clients, properties: Properties) -> tuple[str, Any]:
    found = aws("rds").describe_db_instances(DBInstanceIdentifier=properties["DBInstanceIdentifier"])
    return found["DBInstances"][0]["DBInstanceStatus"], found["DBInstances"][0]


def _create_instance(aws: Clients, properties: Properties) -> Properties:
    if properties.get("DBClusterIdentifier"):
        raise HandlerError("InvalidRequest", "an Aurora cluster's instance is not in the rehearsal")
    arguments = pick(properties, _INSTANCE)
    if "AllocatedStorage" in properties:
        arguments["AllocatedStorage"] = int(properties["AllocatedStorage"])
    if "Port" in arguments:
        arguments["Port"] = int(arguments["Port"])
    source = properties.get("SourceDBInstanceIdentifier")
    if source:
        names = "DBInstanceIdentifier DBInstanceClass Port PubliclyAccessible Tags SourceRegion"
        aws("rds").create_db_instance_read_replica(
            SourceDBInstanceIdentifier=source, **pick(properties, names)
        )
    else:
        aws("rds").create_db_instance(**arguments)
    wait_for(properties["DBInstanceIdentifier"], lambda: _instance(aws, properties), ("available",))
    return _read_instance(aws, properties)


def _read_instance(aws: Clients, properties: Properties) -> Properties:
    _, found = _instance(aws, properties)
    overlay = pick(
        found, "DBInstanceStatus DBInstanceArn DBInstanceClass DbiResourceId EngineVersion MultiAZ"
    )
    if found.get("Endpoint"):
        overlay["Endpoint"] = {
            "Address": found["Endpoint"]["Address"],
            "Port": str(found["Endpoint"]["Port"]),
        }
    if found.get("ReadReplicaDBInstanceIdentifiers"):
        overlay["ReadReplicaDBInstanceIdentifiers"] = found["ReadReplicaDBInstanceIdentifiers"]
    return overlay


def _update_instance(aws: Clients, before: Properties, after: Properties) -> Properties:
    arguments = pick(after, _MODIFIABLE)
    if "AllocatedStorage" in after:
        arguments["AllocatedStorage"] = int(after["AllocatedStorage"])
    rds, name = aws("rds"), after["DBInstanceIdentifier"]
    rds.modify_db_instance(DBInstanceIdentifier=name, ApplyImmediately=True, **arguments)
    if before.get("Tags") != after.get("Tags"):
        rds.add_tags_to_resource(ResourceName=after["DBInstanceArn"], Tags=after.get("Tags") or [])
    return _read_instance(aws, after)


def _delete_instance(aws: Clients, properties: Properties) -> None:
    aws("rds").delete_db_instance(
        DBInstanceIdentifier=properties["DBInstanceIdentifier"], SkipFinalSnapshot=True
    )


def _create_subnet_group(aws: Clients, properties: Properties) -> Properties:
    made = aws("rds").create_db_subnet_group(
        **pick(properties, "DBSubnetGroupName DBSubnetGroupDescription SubnetIds Tags")
    )["DBSubnetGroup"]
    return {"DBSubnetGroupArn": made["DBSubnetGroupArn"]}


def _delete_subnet_group(aws: Clients, properties: Properties) -> None:
    aws("rds").delete_db_subnet_group(DBSubnetGroupName=properties["DBSubnetGroupName"])


def _create_parameters(aws: Clients, properties: Properties) -> Properties:
    rds, name = aws("rds"), properties["DBParameterGroupName"]
    made = rds.create_db_parameter_group(
        DBParameterGroupFamily=properties["Family"],
        **pick(properties, "DBParameterGroupName Description Tags"),
    )["DBParameterGroup"]
    _set_parameters(aws, {}, properties)
    return {"DBParameterGroupName": name, **pick(made, "DBParameterGroupArn")}


def _set_parameters(aws: Clients, before: Properties, after: Properties) -> None:
    wanted = [
        {"ParameterName": key, "ParameterValue": str(value), "ApplyMethod": "pending-reboot"}
        for key, value in (after.get("Parameters") or {}).items()
    ]
    if wanted:
        aws("rds").modify_db_parameter_group(
            DBParameterGroupName=after["DBParameterGroupName"], Parameters=wanted
        )


def _delete_parameters(aws: Clients, properties: Properties) -> None:
    aws("rds").delete_db_parameter_group(DBParameterGroupName=properties["DBParameterGroupName"])


# -- ElastiCache ------------------------------------------------------------------------------------------

_GROUP = (
    "ReplicationGroupId ReplicationGroupDescription Engine EngineVersion CacheNodeType NumCacheClusters "
    "NumNodeGroups ReplicasPerNodeGroup AutomaticFailoverEnabled MultiAZEnabled CacheSubnetGroupName "
    "SecurityGroupIds Port TransitEncryptionEnabled AtRestEncryptionEnabled SnapshotRetentionLimit Tags"
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
    return {"PrimaryEndPoint": shown, "ReaderEndPoint": shown}


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


def _create_cache_subnets(aws: Clients, properties: Properties) -> Properties:
    aws("elasticache").create_cache_subnet_group(
        CacheSubnetGroupDescription=properties["Description"],
        **pick(properties, "CacheSubnetGroupName SubnetIds Tags"),
    )
    return {}


def _delete_cache_subnets(aws: Clients, properties: Properties) -> None:
    aws("elasticache").delete_cache_subnet_group(CacheSubnetGroupName=properties["CacheSubnetGroupName"])


# -- the others -------------------------------------------------------------------------------------------


def _create_warehouse(aws: Clients, properties: Properties) -> Properties:
    names = (
        "ClusterIdentifier NodeType MasterUsername MasterUserPassword DBName ClusterType NumberOfNodes "
        "PubliclyAccessible Port Encrypted ClusterSubnetGroupName VpcSecurityGroupIds IamRoles Tags"
    )
    made = aws("redshift").create_cluster(**pick(properties, names))["Cluster"]
    endpoint = made.get("Endpoint") or {}
    return {"Endpoint": {"Address": endpoint.get("Address", ""), "Port": str(endpoint.get("Port", ""))}}


def _delete_warehouse(aws: Clients, properties: Properties) -> None:
    aws("redshift").delete_cluster(
        ClusterIdentifier=properties["ClusterIdentifier"], SkipFinalClusterSnapshot=True
    )


def _create_table(aws: Clients, properties: Properties) -> Properties:
    names = (
        "TableName KeySchema AttributeDefinitions BillingMode ProvisionedThroughput GlobalSecondaryIndexes "
        "LocalSecondaryIndexes DeletionProtectionEnabled TableClass Tags"
    )
    arguments = pick(properties, names)
    stream = properties.get("StreamSpecification")
    if stream:
        arguments["StreamSpecification"] = {"StreamEnabled": True, **pick(stream, "StreamViewType")}
    made = aws("dynamodb").create_table(**arguments)["TableDescription"]
    _time_to_live(aws, properties)
    return {"Arn": made["TableArn"], **pick(made, "LatestStreamArn:StreamArn")}


def _time_to_live(aws: Clients, properties: Properties) -> None:
    wanted = properties.get("TimeToLiveSpecification")
    if wanted:
        aws("dynamodb").update_time_to_live(
            TableName=properties["TableName"],
            TimeToLiveSpecification=pick(wanted, "Enabled AttributeName"),
        )


def _read_table(aws: Clients, properties: Properties) -> Properties:
    aws("dynamodb").describe_table(TableName=properties["TableName"])
    return {}


def _update_table(aws: Clients, before: Properties, after: Properties) -> None:
    changed = {
        name: after[name]
        for name in ("BillingMode", "ProvisionedThroughput", "DeletionProtectionEnabled")
        if name in after and before.get(name) != after[name]
    }
    if changed:
        aws("dynamodb").update_table(TableName=after["TableName"], **changed)
    if before.get("Tags") != after.get("Tags"):
        aws("dynamodb").tag_resource(ResourceArn=after["Arn"], Tags=after.get("Tags") or [])


def _delete_table(aws: Clients, properties: Properties) -> None:
    aws("dynamodb").delete_table(TableName=properties["TableName"])


def _create_bucket(aws: Clients, properties: Properties) -> Properties:
    s3, name = aws("s3"), properties["BucketName"]
    region = s3.meta.region_name
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=name, **where)
    _configure_bucket(aws, {}, properties)
    return {
        "Arn": f"arn:aws:s3:::{name}",
        "DomainName": f"{name}.s3.amazonaws.com",
        "RegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
    }


def _configure_bucket(aws: Clients, before: Properties, after: Properties) -> None:
    s3, name = aws("s3"), after["BucketName"]
    if after.get("Tags"):
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": after["Tags"]})
    if after.get("VersioningConfiguration"):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=after["VersioningConfiguration"])
    if after.get("PublicAccessBlockConfiguration"):
        s3.put_public_access_block(
            Bucket=name, PublicAccessBlockConfiguration=after["PublicAccessBlockConfiguration"]
        )


def _read_bucket(aws: Clients, properties: Properties) -> Properties:
    aws("s3").head_bucket(Bucket=properties["BucketName"])
    return {}


def _delete_bucket(aws: Clients, properties: Properties) -> None:
    aws("s3").delete_bucket(Bucket=properties["BucketName"])


def _create_secret(aws: Clients, properties: Properties) -> Properties:
    arguments = pick(properties, "Name Description SecretString Tags")
    generate = properties.get("GenerateSecretString")
    if generate:
        made = aws("secretsmanager").get_random_password(
            **pick(generate, "PasswordLength ExcludeCharacters ExcludePunctuation")
        )
        arguments["SecretString"] = made["RandomPassword"]
    return {"Id": aws("secretsmanager").create_secret(**arguments)["ARN"]}


def _read_secret(aws: Clients, properties: Properties) -> Properties | None:
    found = aws("secretsmanager").describe_secret(SecretId=properties["Id"])
    return None if found.get("DeletedDate") else {}


def _update_secret(aws: Clients, before: Properties, after: Properties) -> None:
    client, name = aws("secretsmanager"), after["Id"]
    if after.get("SecretString"):
        client.put_secret_value(SecretId=name, SecretString=after["SecretString"])
    if before.get("Tags") != after.get("Tags"):
        client.tag_resource(SecretId=name, Tags=after.get("Tags") or [])


def _delete_secret(aws: Clients, properties: Properties) -> None:
    aws("secretsmanager").delete_secret(SecretId=properties["Id"], ForceDeleteWithoutRecovery=True)


TYPES: dict[str, TypeHandler] = {
    "AWS::RDS::DBInstance": ServiceType(
        "postgresql", _create_instance, _delete_instance, _update_instance, _read_instance
    ),
    "AWS::RDS::DBParameterGroup": ServiceType(
        "simulated", _create_parameters, _delete_parameters, _set_parameters
    ),
    "AWS::RDS::DBSubnetGroup": ServiceType("simulated", _create_subnet_group, _delete_subnet_group),
    "AWS::ElastiCache::ReplicationGroup": ServiceType(
        "valkey", _create_group, _delete_group, None, _read_group
    ),
    "AWS::ElastiCache::CacheCluster": ServiceType("valkey", _create_cache, _delete_cache),
    "AWS::ElastiCache::SubnetGroup": ServiceType("simulated", _create_cache_subnets, _delete_cache_subnets),
    "AWS::Redshift::Cluster": ServiceType("simulated", _create_warehouse, _delete_warehouse),
    "AWS::DynamoDB::Table": ServiceType("moto", _create_table, _delete_table, _update_table, _read_table),
    "AWS::S3::Bucket": ServiceType("moto", _create_bucket, _delete_bucket, _configure_bucket, _read_bucket),
    "AWS::SecretsManager::Secret": ServiceType(
        "moto", _create_secret, _delete_secret, _update_secret, _read_secret
    ),
}
