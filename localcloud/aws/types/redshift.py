"""Redshift's types, through its own APIs."""

from __future__ import annotations

from typing import Any

from localcloud.aws.types import Clients, Properties, ServiceType, TypeHandler, pick
from localcloud.aws.types.compute import wait_for
from localcloud.aws.types.shapes import lower, upper

_NAMESPACE = [
    "NamespaceName",
    "AdminUsername",
    "AdminUserPassword",
    "DbName",
    "DefaultIamRoleArn",
    "IamRoles",
    "KmsKeyId",
    "LogExports",
    "ManageAdminPassword",
    "AdminPasswordSecretKmsKeyId",
]
_WORKGROUP = [
    "WorkgroupName",
    "NamespaceName",
    "BaseCapacity",
    "MaxCapacity",
    "ConfigParameters",
    "EnhancedVpcRouting",
    "Port",
    "PubliclyAccessible",
    "SecurityGroupIds",
    "SubnetIds",
    "TrackName",
    "PricePerformanceTarget",
]
#: What the types show of the service's description.
_SHOWN = {
    "Namespace": {
        "AdminUsername",
        "CreationDate",
        "DbName",
        "DefaultIamRoleArn",
        "IamRoles",
        "KmsKeyId",
        "LogExports",
        "NamespaceArn",
        "NamespaceId",
        "NamespaceName",
        "Status",
    },
    "Workgroup": {
        *_WORKGROUP,
        "CreationDate",
        "Endpoint",
        "Status",
        "WorkgroupArn",
        "WorkgroupId",
    }
    - {"Port", "PricePerformanceTarget"},
}
_FIXED = {"NamespaceName", "DbName", "WorkgroupName"}
_SERVICE = "redshift-serverless"


def _arguments(properties: Properties, names: list[str]) -> dict[str, Any]:
    return {name[:1].lower() + name[1:]: lower(properties[name]) for name in names if name in properties}


def _tags(properties: Properties) -> list[dict[str, str]]:
    return [{"key": tag["Key"], "value": tag["Value"]} for tag in properties.get("Tags") or ()]


def _look(aws: Clients, kind: str, name: str) -> tuple[str, Any]:
    found = getattr(aws(_SERVICE), f"get_{kind}")(**{f"{kind}Name": name})[kind]
    return found["status"], found


def _read(kind: str, names: list[str]) -> Any:
    title = kind.title()

    def read(aws: Clients, properties: Properties) -> Properties:
        _, found = _look(aws, kind, properties[f"{title}Name"])
        tags = aws(_SERVICE).list_tags_for_resource(resourceArn=found[f"{kind}Arn"])["tags"]
        shown = upper(found)
        shown["CreationDate"] = found["creationDate"].isoformat()
        return {
            title: {name: value for name, value in shown.items() if name in _SHOWN[title]},
            **{name: shown[name] for name in names if name in shown},
            "Tags": [{"Key": tag["key"], "Value": tag["value"]} for tag in tags],
        }

    return read


def _create(kind: str, names: list[str]) -> Any:
    def create(aws: Clients, properties: Properties) -> Properties:
        client, name = aws(_SERVICE), properties[f"{kind.title()}Name"]
        getattr(client, f"create_{kind}")(**_arguments(properties, names), tags=_tags(properties))
        wait_for(name, lambda: _look(aws, kind, name), ("AVAILABLE",))
        return dict(_read(kind, names)(aws, properties))

    return create


def _update(kind: str, names: list[str]) -> Any:
    title = kind.title()

    def update(aws: Clients, before: Properties, after: Properties) -> Properties:
        client, name = aws(_SERVICE), after[f"{title}Name"]
        changed = [
            key for key in names if key in after and before.get(key) != after[key] and key not in _FIXED
        ]
        if changed:
            arguments = _arguments(after, changed)
            getattr(client, f"update_{kind}")(**{f"{kind}Name": name}, **arguments)
            wait_for(name, lambda: _look(aws, kind, name), ("AVAILABLE",))
        arn = after[title][f"{title}Arn"]
        gone = {tag["key"] for tag in _tags(before)} - {tag["key"] for tag in _tags(after)}
        if gone:
            client.untag_resource(resourceArn=arn, tagKeys=sorted(gone))
        if _tags(after):
            client.tag_resource(resourceArn=arn, tags=_tags(after))
        return dict(_read(kind, names)(aws, after))

    return update


def _delete(kind: str) -> Any:
    def delete(aws: Clients, properties: Properties) -> None:
        name = properties[f"{kind.title()}Name"]
        getattr(aws(_SERVICE), f"delete_{kind}")(**{f"{kind}Name": name})

    return delete


def _type(kind: str, names: list[str]) -> ServiceType:
    return ServiceType(
        "simulated", _create(kind, names), _delete(kind), _update(kind, names), _read(kind, names)
    )


# -- provisioned clusters ---------------------------------------------------------------------------------


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


TYPES: dict[str, TypeHandler] = {
    "AWS::RedshiftServerless::Namespace": _type("namespace", _NAMESPACE),
    "AWS::Redshift::Cluster": ServiceType("simulated", _create_warehouse, _delete_warehouse),
    "AWS::RedshiftServerless::Workgroup": _type("workgroup", _WORKGROUP),
}
