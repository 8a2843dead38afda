"""EKS and Lambda: through their own APIs, behind which a Kubernetes API and real processes run."""

from __future__ import annotations

import io
import secrets
import time
import zipfile
from typing import Any

from localcloud.aws.types import Clients, HandlerError, Properties, ServiceType, TypeHandler, pick, tags_map

_SECONDS = 120


def wait_for(what: str, look: Any, good: tuple[str, ...]) -> Any:
    """Ask until the status is good, as AWS's own handlers do."""
    deadline = time.monotonic() + _SECONDS
    while True:
        status, found = look()
        if status in good:
            return found
        if "FAILED" in status.upper() or time.monotonic() > deadline:
            raise HandlerError("NotStabilized", f"{what} is {status}")
        time.sleep(0.05)


def _lower(config: Properties | None) -> dict[str, Any]:
    """`SubnetIds` as `subnetIds`, all the way down."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {key[:1].lower() + key[1:]: walk(child) for key, child in value.items()}
        return [walk(child) for child in value] if isinstance(value, list) else value

    return dict(walk(config or {}))


# -- EKS --------------------------------------------------------------------------------------------------


def _cluster(aws: Clients, name: str) -> tuple[str, Any]:
    found = aws("eks").describe_cluster(name=name)["cluster"]
    return found["status"], found


def _create_cluster(aws: Clients, properties: Properties) -> Properties:
    optional = {
        "version": properties.get("Version"),
        "logging": _logging(properties),
        "kubernetesNetworkConfig": _lower(properties.get("KubernetesNetworkConfig")) or None,
    }
    aws("eks").create_cluster(
        name=properties["Name"],
        roleArn=properties["RoleArn"],
        resourcesVpcConfig=_lower(properties["ResourcesVpcConfig"]),
        tags=tags_map(properties),
        **{key: value for key, value in optional.items() if value},
    )
    wait_for(properties["Name"], lambda: _cluster(aws, properties["Name"]), ("ACTIVE",))
    return _read_cluster(aws, properties)


def _logging(properties: Properties) -> dict[str, Any] | None:
    enabled = ((properties.get("Logging") or {}).get("ClusterLogging") or {}).get("EnabledTypes")
    if not enabled:
        return None
    return {"clusterLogging": [{"types": [one["Type"] for one in enabled], "enabled": True}]}


def _read_cluster(aws: Clients, properties: Properties) -> Properties:
    _, found = _cluster(aws, properties["Name"])
    authority = found["certificateAuthority"]["data"]
    return {
        "Id": found["name"],
        "Arn": found["arn"],
        "Endpoint": found.get("endpoint", ""),
        "CertificateAuthorityData": authority,
        "Version": found["version"],
        "OpenIdConnectIssuerUrl": found["identity"]["oidc"]["issuer"],
    }


def _update_cluster(aws: Clients, before: Properties, after: Properties) -> None:
    different = {key for key in {*before, *after} if before.get(key) != after.get(key)} - {"Tags"}
    if different:
        raise HandlerError(
            "InvalidRequest", f"changing {sorted(different)} of a cluster is not in the rehearsal"
        )
    _retag_eks(aws, before, after)


def _retag_eks(aws: Clients, before: Properties, after: Properties) -> None:
    if before.get("Tags") == after.get("Tags"):
        return
    if tags_map(before):
        aws("eks").untag_resource(resourceArn=after["Arn"], tagKeys=list(tags_map(before)))
    aws("eks").tag_resource(resourceArn=after["Arn"], tags=tags_map(after))


def _delete_cluster(aws: Clients, properties: Properties) -> None:
    aws("eks").delete_cluster(name=properties["Name"])


def _nodegroup(aws: Clients, properties: Properties) -> tuple[str, Any]:
    found = aws("eks").describe_nodegroup(
        clusterName=properties["ClusterName"], nodegroupName=properties["NodegroupName"]
    )["nodegroup"]
    return found["status"], found


def _create_nodegroup(aws: Clients, properties: Properties) -> Properties:
    name = properties.setdefault("NodegroupName", "nodes")
    aws("eks").create_nodegroup(
        clusterName=properties["ClusterName"],
        nodegroupName=name,
        nodeRole=properties["NodeRole"],
        subnets=properties["Subnets"],
        tags=tags_map(properties),
        **{
            key: value
            for key, value in {
                "scalingConfig": _lower(properties.get("ScalingConfig")),
                "labels": properties.get("Labels"),
                "taints": [_lower(taint) for taint in properties.get("Taints") or ()],
                **pick(
                    properties,
                    "InstanceTypes:instanceTypes CapacityType:capacityType AmiType:amiType DiskSize:diskSize",
                ),
            }.items()
            if value
        },
    )
    found = wait_for(name, lambda: _nodegroup(aws, properties), ("ACTIVE",))
    return {
        "Id": f"{properties['ClusterName']}/{name}",
        "Arn": found["nodegroupArn"],
        "NodegroupName": name,
    }


def _read_nodegroup(aws: Clients, properties: Properties) -> Properties:
    _, found = _nodegroup(aws, properties)
    scaling = {key[:1].upper() + key[1:]: value for key, value in found["scalingConfig"].items()}
    return {"ScalingConfig": scaling, **({"Labels": found["labels"]} if found.get("labels") else {})}


def _update_nodegroup(aws: Clients, before: Properties, after: Properties) -> None:
    changeable = {"ScalingConfig", "Labels", "Tags", "UpdateConfig"}
    different = {key for key in {*before, *after} if before.get(key) != after.get(key)} - changeable
    if different:
        raise HandlerError("InvalidRequest", f"changing {sorted(different)} of nodes is not in the rehearsal")
    if before.get("ScalingConfig") != after.get("ScalingConfig"):
        aws("eks").update_nodegroup_config(
            clusterName=after["ClusterName"],
            nodegroupName=after["NodegroupName"],
            scalingConfig=_lower(after.get("ScalingConfig")),
        )
    _retag_eks(aws, before, after)


def _delete_nodegroup(aws: Clients, properties: Properties) -> None:
    aws("eks").delete_nodegroup(
        clusterName=properties["ClusterName"], nodegroupName=properties["NodegroupName"]
    )


# -- Lambda -----------------------------------------------------------------------------------------------


def _code(properties: Properties) -> dict[str, Any]:
    """CloudFormation's `ZipFile` is the source's text, which becomes index.py (its reference says so)."""
    code = properties["Code"]
    if "ZipFile" not in code:
        return pick(code, "S3Bucket S3Key S3ObjectVersion")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("index.py", code["ZipFile"])
    return {"ZipFile": stream.getvalue()}


_CONFIG = "Role Handler Runtime Description Timeout MemorySize Environment"


def _create_function(aws: Clients, properties: Properties) -> Properties:
    made = aws("lambda").create_function(
        FunctionName=properties["FunctionName"],
        Code=_code(properties),
        Tags=tags_map(properties),
        **pick(properties, f"{_CONFIG} Architectures PackageType"),
    )
    return {"Arn": made["FunctionArn"]}


def _read_function(aws: Clients, properties: Properties) -> Properties:
    found = aws("lambda").get_function_configuration(FunctionName=properties["FunctionName"])
    return pick(found, "Timeout MemorySize Handler Runtime FunctionArn:Arn")


def _update_function(aws: Clients, before: Properties, after: Properties) -> None:
    client, name = aws("lambda"), after["FunctionName"]
    if after.get("Code"):
        client.update_function_code(FunctionName=name, **_code(after))
    client.update_function_configuration(FunctionName=name, **pick(after, _CONFIG))
    if before.get("Tags") != after.get("Tags"):
        client.tag_resource(Resource=after["Arn"], Tags=tags_map(after))


def _delete_function(aws: Clients, properties: Properties) -> None:
    aws("lambda").delete_function(FunctionName=properties["FunctionName"])


_MAPPING = "FunctionName BatchSize Enabled MaximumBatchingWindowInSeconds FunctionResponseTypes"


def _create_mapping(aws: Clients, properties: Properties) -> Properties:
    made = aws("lambda").create_event_source_mapping(**pick(properties, f"EventSourceArn {_MAPPING}"))
    arn = f"{made['FunctionArn'].rsplit(':function:', 1)[0]}:event-source-mapping:{made['UUID']}"
    return {"Id": made["UUID"], "EventSourceMappingArn": arn}


def _read_mapping(aws: Clients, properties: Properties) -> Properties:
    aws("lambda").get_event_source_mapping(UUID=properties["Id"])
    return {}


def _update_mapping(aws: Clients, before: Properties, after: Properties) -> None:
    aws("lambda").update_event_source_mapping(UUID=after["Id"], **pick(after, _MAPPING))


def _delete_mapping(aws: Clients, properties: Properties) -> None:
    aws("lambda").delete_event_source_mapping(UUID=properties["Id"])


def _permit(aws: Clients, properties: Properties) -> Properties:
    statement = f"statement-{secrets.token_hex(6)}"
    aws("lambda").add_permission(
        StatementId=statement, **pick(properties, "FunctionName Action Principal SourceArn SourceAccount")
    )
    return {"Id": statement}


def _forbid(aws: Clients, properties: Properties) -> None:
    aws("lambda").remove_permission(FunctionName=properties["FunctionName"], StatementId=properties["Id"])


TYPES: dict[str, TypeHandler] = {
    "AWS::EKS::Cluster": ServiceType(
        "kubernetes", _create_cluster, _delete_cluster, _update_cluster, _read_cluster
    ),
    "AWS::EKS::Nodegroup": ServiceType(
        "kubernetes", _create_nodegroup, _delete_nodegroup, _update_nodegroup, _read_nodegroup
    ),
    "AWS::Lambda::Function": ServiceType(
        "process", _create_function, _delete_function, _update_function, _read_function
    ),
    "AWS::Lambda::EventSourceMapping": ServiceType(
        "process", _create_mapping, _delete_mapping, _update_mapping, _read_mapping
    ),
    "AWS::Lambda::Permission": ServiceType("simulated", _permit, _forbid),
}
