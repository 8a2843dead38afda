"""RDS's types: a real PostgreSQL server behind each instance."""

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

_INSTANCE = (
    "DBInstanceIdentifier DBInstanceClass Engine EngineVersion DBName MasterUsername MasterUserPassword "
    "VPCSecurityGroups:VpcSecurityGroupIds DBSubnetGroupName MultiAZ PubliclyAccessible StorageType "
    "StorageEncrypted KmsKeyId BackupRetentionPeriod DeletionProtection AutoMinorVersionUpgrade "
    "AvailabilityZone CopyTagsToSnapshot DBParameterGroupName PreferredBackupWindow "
    "PreferredMaintenanceWindow MaxAllocatedStorage Tags"
)
_REPLICA = (
    "DBInstanceIdentifier DBInstanceClass PubliclyAccessible SourceRegion StorageType KmsKeyId MultiAZ "
    "VPCSecurityGroups:VpcSecurityGroupIds DBSubnetGroupName AutoMinorVersionUpgrade CopyTagsToSnapshot "
    "MaxAllocatedStorage DeletionProtection Tags"
)
_MODIFIABLE = (
    "DBInstanceClass EngineVersion MultiAZ PubliclyAccessible StorageType MaxAllocatedStorage "
    "BackupRetentionPeriod DeletionProtection AutoMinorVersionUpgrade CopyTagsToSnapshot "
    "DBParameterGroupName PreferredBackupWindow PreferredMaintenanceWindow "
    "VPCSecurityGroups:VpcSecurityGroupIds MasterUserPassword"
)
_SHOWN = (
    "DBInstanceStatus DBInstanceArn DBInstanceClass DbiResourceId Engine EngineVersion MultiAZ DBName "
    "MasterUsername PubliclyAccessible StorageType StorageEncrypted BackupRetentionPeriod DeletionProtection "
    "AutoMinorVersionUpgrade CopyTagsToSnapshot PreferredBackupWindow PreferredMaintenanceWindow "
    "MaxAllocatedStorage"
)


def _numbers(properties: Properties) -> Properties:
    """Types show some numbers as text."""
    return {name: int(properties[name]) for name in ("AllocatedStorage", "Port") if name in properties}


def _instance(aws: Clients, properties: Properties) -> tuple[str, Any]:
    found = aws("rds").describe_db_instances(DBInstanceIdentifier=properties["DBInstanceIdentifier"])
    return found["DBInstances"][0]["DBInstanceStatus"], found["DBInstances"][0]


def _available(aws: Clients, properties: Properties) -> None:
    wait_for(properties["DBInstanceIdentifier"], lambda: _instance(aws, properties), ("available",))


def _create_instance(aws: Clients, properties: Properties) -> Properties:
    rds = aws("rds")
    if properties.get("DBClusterIdentifier"):
        raise HandlerError("InvalidRequest", "an Aurora cluster's instance is not in the rehearsal")
    source = properties.get("SourceDBInstanceIdentifier")
    if source:
        port = pick(_numbers(properties), "Port")
        rds.create_db_instance_read_replica(
            SourceDBInstanceIdentifier=source, **pick(properties, _REPLICA), **port
        )
        _available(aws, properties)
        late = pick(properties, "DBParameterGroupName BackupRetentionPeriod")  # what the call doesn't take
        if late:
            rds.modify_db_instance(
                DBInstanceIdentifier=properties["DBInstanceIdentifier"], ApplyImmediately=True, **late
            )
    else:
        rds.create_db_instance(**pick(properties, _INSTANCE), **_numbers(properties))
    _available(aws, properties)
    return _read_instance(aws, properties)


def _read_instance(aws: Clients, properties: Properties) -> Properties:
    _, found = _instance(aws, properties)
    overlay = pick(found, _SHOWN)
    overlay["AllocatedStorage"] = str(found["AllocatedStorage"])
    if found.get("Endpoint"):
        overlay["Endpoint"] = {
            "Address": found["Endpoint"]["Address"],
            "Port": str(found["Endpoint"]["Port"]),
        }
    if found.get("ReadReplicaDBInstanceIdentifiers"):
        overlay["ReadReplicaDBInstanceIdentifiers"] = found["ReadReplicaDBInstanceIdentifiers"]
    overlay["VPCSecurityGroups"] = [one["VpcSecurityGroupId"] for one in found["VpcSecurityGroups"]]
    if found.get("DBParameterGroups"):
        overlay["DBParameterGroupName"] = found["DBParameterGroups"][0]["DBParameterGroupName"]
    overlay["Tags"] = found.get("TagList", [])
    return overlay


def _update_instance(aws: Clients, before: Properties, after: Properties) -> Properties:
    rds, name = aws("rds"), after["DBInstanceIdentifier"]
    different = {key: after[key] for key in changed(before, after) if key in after}
    arguments = pick(different, _MODIFIABLE) | pick(_numbers(different), "AllocatedStorage")
    if arguments:
        rds.modify_db_instance(DBInstanceIdentifier=name, ApplyImmediately=True, **arguments)
        _available(aws, after)
    retag(aws, after["DBInstanceArn"], before, after)
    return _read_instance(aws, after)


def retag(aws: Clients, arn: str, before: Properties, after: Properties) -> None:
    """Bring the tags of something of RDS's to what the declaration says."""
    gone, new = tag_changes(before, after)
    if gone:
        aws("rds").remove_tags_from_resource(ResourceName=arn, TagKeys=gone)
    if new:
        aws("rds").add_tags_to_resource(ResourceName=arn, Tags=new)


def _tags(aws: Clients, arn: str) -> list[Properties]:
    return list(aws("rds").list_tags_for_resource(ResourceName=arn)["TagList"])


def _delete_instance(aws: Clients, properties: Properties) -> None:
    aws("rds").delete_db_instance(
        DBInstanceIdentifier=properties["DBInstanceIdentifier"], SkipFinalSnapshot=True
    )


# -- subnets and parameters -------------------------------------------------------------------------------


def _create_subnet_group(aws: Clients, properties: Properties) -> Properties:
    made = aws("rds").create_db_subnet_group(
        **pick(properties, "DBSubnetGroupName DBSubnetGroupDescription SubnetIds Tags")
    )["DBSubnetGroup"]
    return {"DBSubnetGroupArn": made["DBSubnetGroupArn"]}


def _read_subnet_group(aws: Clients, properties: Properties) -> Properties:
    name = properties["DBSubnetGroupName"]
    found = aws("rds").describe_db_subnet_groups(DBSubnetGroupName=name)["DBSubnetGroups"][0]
    return {
        **pick(found, "DBSubnetGroupDescription DBSubnetGroupArn"),
        "SubnetIds": [one["SubnetIdentifier"] for one in found["Subnets"]],
        "Tags": _tags(aws, found["DBSubnetGroupArn"]),
    }


def _update_subnet_group(aws: Clients, before: Properties, after: Properties) -> None:
    aws("rds").modify_db_subnet_group(**pick(after, "DBSubnetGroupName DBSubnetGroupDescription SubnetIds"))
    retag(aws, after["DBSubnetGroupArn"], before, after)


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
    old = before.get("Parameters") or {}
    wanted = [
        {"ParameterName": key, "ParameterValue": str(value), "ApplyMethod": "pending-reboot"}
        for key, value in (after.get("Parameters") or {}).items()
        if old.get(key) != value
    ]
    if wanted:
        aws("rds").modify_db_parameter_group(
            DBParameterGroupName=after["DBParameterGroupName"], Parameters=wanted
        )
    if "DBParameterGroupArn" in after:
        retag(aws, after["DBParameterGroupArn"], before, after)


def _read_parameters(aws: Clients, properties: Properties) -> Properties:
    rds, name = aws("rds"), properties["DBParameterGroupName"]
    found = rds.describe_db_parameter_groups(DBParameterGroupName=name)["DBParameterGroups"][0]
    parameters = rds.describe_db_parameters(DBParameterGroupName=name)["Parameters"]
    return {
        **pick(found, "DBParameterGroupFamily:Family Description DBParameterGroupArn"),
        "Parameters": {one["ParameterName"]: one.get("ParameterValue", "") for one in parameters},
        "Tags": _tags(aws, found["DBParameterGroupArn"]),
    }


def _delete_parameters(aws: Clients, properties: Properties) -> None:
    aws("rds").delete_db_parameter_group(DBParameterGroupName=properties["DBParameterGroupName"])


TYPES: dict[str, TypeHandler] = {
    "AWS::RDS::DBInstance": ServiceType(
        "postgresql", _create_instance, _delete_instance, _update_instance, _read_instance
    ),
    "AWS::RDS::DBParameterGroup": ServiceType(
        "simulated", _create_parameters, _delete_parameters, _set_parameters, _read_parameters
    ),
    "AWS::RDS::DBSubnetGroup": ServiceType(
        "simulated", _create_subnet_group, _delete_subnet_group, _update_subnet_group, _read_subnet_group
    ),
}
