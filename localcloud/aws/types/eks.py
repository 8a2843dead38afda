"""EKS's types, through its own API."""

from __future__ import annotations

from typing import Any

from localcloud.aws.types import Clients, HandlerError, Properties, ServiceType, TypeHandler, pick, tags_map
from localcloud.aws.types.compute import wait_for
from localcloud.aws.types.shapes import lower, upper


def shown_tags(found: Properties) -> list[Properties]:
    """EKS's tags as a property."""
    return [{"Key": key, "Value": value} for key, value in sorted((found.get("tags") or {}).items())]


def _given(arguments: Properties) -> Properties:
    return {key: value for key, value in arguments.items() if value not in (None, {}, [])}


def retag(aws: Clients, arn: str, before: Properties, after: Properties) -> None:
    """Bring the tags to what the declaration says."""
    old, new = tags_map(before), tags_map(after)
    gone = sorted(old.keys() - new.keys())
    if gone:
        aws("eks").untag_resource(resourceArn=arn, tagKeys=gone)
    if new != old and new:
        aws("eks").tag_resource(resourceArn=arn, tags=new)


# -- clusters ---------------------------------------------------------------------------------------------

#: Properties that UpdateClusterConfig takes, with its names.
_SETTINGS = {
    "Logging": "logging",
    "ResourcesVpcConfig": "resourcesVpcConfig",
    "AccessConfig": "accessConfig",
    "UpgradePolicy": "upgradePolicy",
    "DeletionProtection": "deletionProtection",
}
_VPC = ("SubnetIds", "SecurityGroupIds", "EndpointPublicAccess", "EndpointPrivateAccess", "PublicAccessCidrs")


def _cluster(aws: Clients, name: str) -> tuple[str, Any]:
    found = aws("eks").describe_cluster(name=name)["cluster"]
    return found["status"], found


def _active(aws: Clients, name: str) -> None:
    wait_for(name, lambda: _cluster(aws, name), ("ACTIVE",))


def _setting(name: str, value: Any) -> Any:
    if name != "Logging":
        return lower(value)
    enabled = ((value or {}).get("ClusterLogging") or {}).get("EnabledTypes") or []
    return {"clusterLogging": [{"types": [one["Type"] for one in enabled], "enabled": True}]}


def _create_cluster(aws: Clients, properties: Properties) -> Properties:
    arguments = {
        "version": properties.get("Version"),
        "logging": _setting("Logging", properties["Logging"]) if properties.get("Logging") else None,
        "kubernetesNetworkConfig": lower(properties.get("KubernetesNetworkConfig")),
        "accessConfig": lower(properties.get("AccessConfig")),
        "upgradePolicy": lower(properties.get("UpgradePolicy")),
        "deletionProtection": properties.get("DeletionProtection"),
        "encryptionConfig": lower(properties.get("EncryptionConfig")),
    }
    aws("eks").create_cluster(
        name=properties["Name"],
        roleArn=properties["RoleArn"],
        resourcesVpcConfig=lower(properties["ResourcesVpcConfig"]),
        tags=tags_map(properties),
        **_given(arguments),
    )
    _active(aws, properties["Name"])
    return _read_cluster(aws, properties)


def _read_cluster(aws: Clients, properties: Properties) -> Properties:
    _, found = _cluster(aws, properties["Name"])
    enabled = [
        {"Type": kind}
        for one in found["logging"]["clusterLogging"]
        if one.get("enabled")
        for kind in one["types"]
    ]
    network = upper(found["resourcesVpcConfig"])
    return {
        "Id": found["name"],
        "Arn": found["arn"],
        "Endpoint": found.get("endpoint", ""),
        "CertificateAuthorityData": found["certificateAuthority"]["data"],
        "Version": found["version"],
        "OpenIdConnectIssuerUrl": found["identity"]["oidc"]["issuer"],
        "ClusterSecurityGroupId": network.get("ClusterSecurityGroupId", ""),
        "ResourcesVpcConfig": {key: network[key] for key in _VPC if key in network},
        "Logging": {"ClusterLogging": {"EnabledTypes": enabled}},
        "AccessConfig": upper(found.get("accessConfig") or {}),
        "UpgradePolicy": upper(found.get("upgradePolicy") or {}),
        "DeletionProtection": found.get("deletionProtection", False),
        "Tags": shown_tags(found),
    }


def _update_cluster(aws: Clients, before: Properties, after: Properties) -> None:
    name = after["Name"]
    different = {key for key in {*before, *after} if before.get(key) != after.get(key)}
    other = different - {*_SETTINGS, "Version", "Tags"}
    if other:
        raise HandlerError("InvalidRequest", f"changing {sorted(other)} of a cluster is not in the rehearsal")
    if "Version" in different:
        aws("eks").update_cluster_version(name=name, version=after["Version"])
        _active(aws, name)
    for key in sorted(different & _SETTINGS.keys()):
        aws("eks").update_cluster_config(name=name, **{_SETTINGS[key]: _setting(key, after.get(key))})
        _active(aws, name)
    retag(aws, after["Arn"], before, after)


def _delete_cluster(aws: Clients, properties: Properties) -> None:
    aws("eks").delete_cluster(name=properties["Name"])


# -- node groups ------------------------------------------------------------------------------------------


def _nodegroup(aws: Clients, properties: Properties) -> tuple[str, Any]:
    found = aws("eks").describe_nodegroup(
        clusterName=properties["ClusterName"], nodegroupName=properties["NodegroupName"]
    )["nodegroup"]
    return found["status"], found


def _create_nodegroup(aws: Clients, properties: Properties) -> Properties:
    name = properties.setdefault("NodegroupName", "nodes")
    names = "InstanceTypes:instanceTypes CapacityType:capacityType AmiType:amiType DiskSize:diskSize"
    aws("eks").create_nodegroup(
        clusterName=properties["ClusterName"],
        nodegroupName=name,
        nodeRole=properties["NodeRole"],
        subnets=properties["Subnets"],
        tags=tags_map(properties),
        **_given(
            {
                "scalingConfig": lower(properties.get("ScalingConfig")),
                "labels": properties.get("Labels"),
                "taints": lower(properties.get("Taints")),
                "updateConfig": lower(properties.get("UpdateConfig")),
                "nodeRepairConfig": lower(properties.get("NodeRepairConfig")),
                **pick(properties, names),
            }
        ),
    )
    wait_for(name, lambda: _nodegroup(aws, properties), ("ACTIVE",))
    return {"NodegroupName": name, **_read_nodegroup(aws, properties)}


def _read_nodegroup(aws: Clients, properties: Properties) -> Properties:
    _, found = _nodegroup(aws, properties)
    optional = {
        "UpdateConfig": upper(found.get("updateConfig")),
        "NodeRepairConfig": upper(found.get("nodeRepairConfig")),
    }
    return {
        "Id": f"{found['clusterName']}/{found['nodegroupName']}",
        "Arn": found["nodegroupArn"],
        "ScalingConfig": upper(found["scalingConfig"]),
        "Labels": found.get("labels") or {},
        "Taints": upper(found.get("taints") or []),
        "Version": found["version"],
        "ReleaseVersion": found["releaseVersion"],
        "Tags": dict(found.get("tags") or {}),
        **_given(optional),
    }


def _update_nodegroup(aws: Clients, before: Properties, after: Properties) -> None:
    where = {"clusterName": after["ClusterName"], "nodegroupName": after["NodegroupName"]}
    different = {key for key in {*before, *after} if before.get(key) != after.get(key)}
    other = different - {
        "ScalingConfig",
        "Labels",
        "Taints",
        "Tags",
        "UpdateConfig",
        "Version",
        "NodeRepairConfig",
    }
    if other:
        raise HandlerError("InvalidRequest", f"changing {sorted(other)} of nodes is not in the rehearsal")
    if "Version" in different:
        aws("eks").update_nodegroup_version(**where, version=after["Version"])
        wait_for(after["NodegroupName"], lambda: _nodegroup(aws, after), ("ACTIVE",))
    arguments = {
        lower({key: None}).popitem()[0]: lower(after[key])
        for key in ("ScalingConfig", "UpdateConfig", "NodeRepairConfig")
        if key in different and key in after
    }
    if "Labels" in different:
        old, new = before.get("Labels") or {}, after.get("Labels") or {}
        arguments["labels"] = {"addOrUpdateLabels": new, "removeLabels": sorted(old.keys() - new.keys())}
    if "Taints" in different:
        old, new = lower(before.get("Taints") or []), lower(after.get("Taints") or [])
        arguments["taints"] = {
            "addOrUpdateTaints": new,
            "removeTaints": [taint for taint in old if taint not in new],
        }
    if arguments:
        aws("eks").update_nodegroup_config(**where, **arguments)
    retag(aws, after["Arn"], before, after)


def _delete_nodegroup(aws: Clients, properties: Properties) -> None:
    aws("eks").delete_nodegroup(
        clusterName=properties["ClusterName"], nodegroupName=properties["NodegroupName"]
    )


# -- Fargate ----------------------------------------------------------------------------------------------


def _profile(aws: Clients, properties: Properties) -> tuple[str, Any]:
    found = aws("eks").describe_fargate_profile(
        clusterName=properties["ClusterName"], fargateProfileName=properties["FargateProfileName"]
    )["fargateProfile"]
    return found["status"], found


def _create_profile(aws: Clients, properties: Properties) -> Properties:
    selectors = [
        _given({"namespace": one["Namespace"], "labels": tags_map(one, "Labels")})
        for one in properties["Selectors"]
    ]
    aws("eks").create_fargate_profile(
        clusterName=properties["ClusterName"],
        fargateProfileName=properties["FargateProfileName"],
        podExecutionRoleArn=properties["PodExecutionRoleArn"],
        selectors=selectors,
        tags=tags_map(properties),
        **_given({"subnets": properties.get("Subnets")}),
    )
    wait_for(properties["FargateProfileName"], lambda: _profile(aws, properties), ("ACTIVE",))
    return _read_profile(aws, properties)


def _read_profile(aws: Clients, properties: Properties) -> Properties:
    _, found = _profile(aws, properties)
    return {"Arn": found["fargateProfileArn"], "Tags": shown_tags(found)}


def _retag_by(name: str) -> Any:
    def update(aws: Clients, before: Properties, after: Properties) -> None:
        retag(aws, after[name], before, after)

    return update


def _delete_profile(aws: Clients, properties: Properties) -> None:
    aws("eks").delete_fargate_profile(
        clusterName=properties["ClusterName"], fargateProfileName=properties["FargateProfileName"]
    )


TYPES: dict[str, TypeHandler] = {
    "AWS::EKS::Cluster": ServiceType(
        "kubernetes", _create_cluster, _delete_cluster, _update_cluster, _read_cluster
    ),
    "AWS::EKS::Nodegroup": ServiceType(
        "kubernetes", _create_nodegroup, _delete_nodegroup, _update_nodegroup, _read_nodegroup
    ),
    "AWS::EKS::FargateProfile": ServiceType(
        "simulated", _create_profile, _delete_profile, _retag_by("Arn"), _read_profile
    ),
}
