"""EKS's addons, access entries and pod identities, through its own API."""

from __future__ import annotations

from typing import Any

from localcloud.aws.types import Clients, Properties, ServiceType, TypeHandler, pick, tags_map
from localcloud.aws.types.compute import wait_for
from localcloud.aws.types.eks import retag, shown_tags
from localcloud.aws.types.shapes import lower, upper

# -- addons -----------------------------------------------------------------------------------------------

_ADDON = (
    "AddonVersion:addonVersion ServiceAccountRoleArn:serviceAccountRoleArn "
    "ConfigurationValues:configurationValues ResolveConflicts:resolveConflicts"
)


def _addon(aws: Clients, properties: Properties) -> tuple[str, Any]:
    found = aws("eks").describe_addon(
        clusterName=properties["ClusterName"], addonName=properties["AddonName"]
    )["addon"]
    return found["status"], found


def _put_addon(aws: Clients, operation: str, properties: Properties, **more: Any) -> Properties:
    getattr(aws("eks"), operation)(
        clusterName=properties["ClusterName"],
        addonName=properties["AddonName"],
        podIdentityAssociations=lower(properties.get("PodIdentityAssociations") or []),
        **pick(properties, _ADDON),
        **more,
    )
    # Degraded is settled too: an addon whose pods find no node is there, and says so in its health.
    wait_for(properties["AddonName"], lambda: _addon(aws, properties), ("ACTIVE", "DEGRADED"))
    return _read_addon(aws, properties)


def _create_addon(aws: Clients, properties: Properties) -> Properties:
    return _put_addon(aws, "create_addon", properties, tags=tags_map(properties))


def _read_addon(aws: Clients, properties: Properties) -> Properties:
    _, found = _addon(aws, properties)
    names = "serviceAccountRoleArn:ServiceAccountRoleArn configurationValues:ConfigurationValues"
    return {
        "Arn": found["addonArn"],
        "AddonVersion": found["addonVersion"],
        "Tags": shown_tags(found),
        **pick(found, names),
    }


def _update_addon(aws: Clients, before: Properties, after: Properties) -> Properties:
    changed = {key for key in {*before, *after} if before.get(key) != after.get(key)} - {"Tags"}
    if changed:
        _put_addon(aws, "update_addon", after)
    retag(aws, after["Arn"], before, after)
    return {}


def _delete_addon(aws: Clients, properties: Properties) -> None:
    aws("eks").delete_addon(clusterName=properties["ClusterName"], addonName=properties["AddonName"])


# -- access and identities --------------------------------------------------------------------------------


def _policies(aws: Clients, before: Properties, after: Properties) -> None:
    eks, where = aws("eks"), {"clusterName": after["ClusterName"], "principalArn": after["PrincipalArn"]}
    old = {one["PolicyArn"]: one for one in before.get("AccessPolicies") or ()}
    new = {one["PolicyArn"]: one for one in after.get("AccessPolicies") or ()}
    for arn in sorted(old.keys() - new.keys()):
        eks.disassociate_access_policy(**where, policyArn=arn)
    for arn, policy in new.items():
        if old.get(arn) != policy:
            eks.associate_access_policy(**where, policyArn=arn, accessScope=lower(policy["AccessScope"]))


def _create_entry(aws: Clients, properties: Properties) -> Properties:
    names = "KubernetesGroups:kubernetesGroups Username:username Type:type"
    aws("eks").create_access_entry(
        clusterName=properties["ClusterName"],
        principalArn=properties["PrincipalArn"],
        tags=tags_map(properties),
        **pick(properties, names),
    )
    _policies(aws, {}, properties)
    return _read_entry(aws, properties)


def _read_entry(aws: Clients, properties: Properties) -> Properties:
    eks = aws("eks")
    where = {"clusterName": properties["ClusterName"], "principalArn": properties["PrincipalArn"]}
    found = eks.describe_access_entry(**where)["accessEntry"]
    policies = eks.list_associated_access_policies(**where)["associatedAccessPolicies"]
    return {
        "AccessEntryArn": found["accessEntryArn"],
        "KubernetesGroups": found["kubernetesGroups"],
        "Username": found["username"],
        "Type": found["type"],
        "AccessPolicies": [
            {"PolicyArn": one["policyArn"], "AccessScope": upper(one["accessScope"])} for one in policies
        ],
        "Tags": shown_tags(found),
    }


def _update_entry(aws: Clients, before: Properties, after: Properties) -> None:
    aws("eks").update_access_entry(
        clusterName=after["ClusterName"],
        principalArn=after["PrincipalArn"],
        **pick(after, "KubernetesGroups:kubernetesGroups Username:username"),
    )
    _policies(aws, before, after)
    retag(aws, after["AccessEntryArn"], before, after)


def _delete_entry(aws: Clients, properties: Properties) -> None:
    aws("eks").delete_access_entry(
        clusterName=properties["ClusterName"], principalArn=properties["PrincipalArn"]
    )


_IDENTITY = "RoleArn:roleArn DisableSessionTags:disableSessionTags TargetRoleArn:targetRoleArn"


def _create_identity(aws: Clients, properties: Properties) -> Properties:
    names = "Namespace:namespace ServiceAccount:serviceAccount"
    made = aws("eks").create_pod_identity_association(
        clusterName=properties["ClusterName"],
        tags=tags_map(properties),
        **pick(properties, f"{names} {_IDENTITY}"),
    )["association"]
    return {"AssociationArn": made["associationArn"], "AssociationId": made["associationId"]}


def _identity_where(properties: Properties) -> Properties:
    return {"clusterName": properties["ClusterName"], "associationId": properties["AssociationId"]}


def _read_identity(aws: Clients, properties: Properties) -> Properties:
    found = aws("eks").describe_pod_identity_association(**_identity_where(properties))["association"]
    return {"RoleArn": found["roleArn"], "Tags": shown_tags(found)}


def _update_identity(aws: Clients, before: Properties, after: Properties) -> None:
    aws("eks").update_pod_identity_association(**_identity_where(after), **pick(after, _IDENTITY))
    retag(aws, after["AssociationArn"], before, after)


def _delete_identity(aws: Clients, properties: Properties) -> None:
    aws("eks").delete_pod_identity_association(**_identity_where(properties))


TYPES: dict[str, TypeHandler] = {
    "AWS::EKS::Addon": ServiceType("simulated", _create_addon, _delete_addon, _update_addon, _read_addon),
    "AWS::EKS::AccessEntry": ServiceType(
        "simulated", _create_entry, _delete_entry, _update_entry, _read_entry
    ),
    "AWS::EKS::PodIdentityAssociation": ServiceType(
        "simulated", _create_identity, _delete_identity, _update_identity, _read_identity
    ),
}
