"""KMS and ECR, in moto: keys encrypt and decrypt, but nothing is refused by their policies.

No registry stands behind a repository's address.
"""

from __future__ import annotations

from localcloud.aws.types import Clients, Properties, ServiceType, TypeHandler, document, pick, tag_changes
from localcloud.aws.types.shapes import lower, upper

# -- keys -------------------------------------------------------------------------------------------------

_GONE = ("PendingDeletion", "PendingReplicaDeletion")


def _create_key(aws: Clients, properties: Properties) -> Properties:
    kms = aws("kms")
    tags = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in properties.get("Tags") or ()]
    policy = {"Policy": document(properties["KeyPolicy"])} if properties.get("KeyPolicy") else {}
    made = kms.create_key(
        **pick(properties, "Description KeyUsage KeySpec MultiRegion"), **policy, Tags=tags
    )["KeyMetadata"]
    _set_key(aws, {}, {**properties, **pick(made, "KeyId")})
    return pick(made, "KeyId Arn")


def _set_key(aws: Clients, before: Properties, after: Properties) -> None:
    kms, key = aws("kms"), after["KeyId"]
    for name, default, on, off in (
        ("EnableKeyRotation", False, kms.enable_key_rotation, kms.disable_key_rotation),
        ("Enabled", True, kms.enable_key, kms.disable_key),
    ):
        if after.get(name, default) != before.get(name, default):
            (on if after.get(name, default) else off)(KeyId=key)


def _read_key(aws: Clients, properties: Properties) -> Properties | None:
    kms, key = aws("kms"), properties["KeyId"]
    found = kms.describe_key(KeyId=key)["KeyMetadata"]
    if found["KeyState"] in _GONE:
        return None
    policy = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    tags = kms.list_resource_tags(KeyId=key)["Tags"]
    return {
        **pick(found, "Description Enabled KeyUsage KeySpec MultiRegion"),
        "EnableKeyRotation": kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"],
        "KeyPolicy": _parsed(policy),
        "Tags": [{"Key": tag["TagKey"], "Value": tag["TagValue"]} for tag in tags],
    }


def _parsed(policy: str) -> Properties:
    import json

    return dict(json.loads(policy))


def _update_key(aws: Clients, before: Properties, after: Properties) -> None:
    kms, key = aws("kms"), after["KeyId"]
    _set_key(aws, before, after)
    if before.get("Description") != after.get("Description"):
        kms.update_key_description(KeyId=key, Description=after.get("Description", ""))
    if before.get("KeyPolicy") != after.get("KeyPolicy"):
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=document(after["KeyPolicy"]))
    gone, new = tag_changes(before, after)
    if gone:
        kms.untag_resource(KeyId=key, TagKeys=gone)
    if new:
        tags = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in new]
        kms.tag_resource(KeyId=key, Tags=tags)


def _delete_key(aws: Clients, properties: Properties) -> None:
    aws("kms").schedule_key_deletion(
        KeyId=properties["KeyId"], PendingWindowInDays=properties.get("PendingWindowInDays", 30)
    )


def _create_alias(aws: Clients, properties: Properties) -> Properties:
    aws("kms").create_alias(**pick(properties, "AliasName TargetKeyId"))
    return {}


def _read_alias(aws: Clients, properties: Properties) -> Properties | None:
    for alias in aws("kms").list_aliases()["Aliases"]:
        if alias["AliasName"] == properties["AliasName"]:
            return {"TargetKeyId": alias["TargetKeyId"]}
    return None


def _update_alias(aws: Clients, before: Properties, after: Properties) -> None:
    aws("kms").update_alias(**pick(after, "AliasName TargetKeyId"))


def _delete_alias(aws: Clients, properties: Properties) -> None:
    aws("kms").delete_alias(AliasName=properties["AliasName"])


# -- images -----------------------------------------------------------------------------------------------


def _create_repository(aws: Clients, properties: Properties) -> Properties:
    encryption = properties.get("EncryptionConfiguration") or {}
    made = aws("ecr").create_repository(
        repositoryName=properties["RepositoryName"],
        tags=properties.get("Tags") or [],
        **({"encryptionConfiguration": lower(encryption)} if encryption else {}),
    )["repository"]
    _set_repository(aws, {}, properties)
    return {"Arn": made["repositoryArn"], "RepositoryUri": made["repositoryUri"]}


def _set_repository(aws: Clients, before: Properties, after: Properties) -> None:
    ecr, where = aws("ecr"), {"repositoryName": after["RepositoryName"]}
    if after.get("ImageTagMutability") != before.get("ImageTagMutability"):
        ecr.put_image_tag_mutability(**where, imageTagMutability=after.get("ImageTagMutability", "MUTABLE"))
    if after.get("ImageScanningConfiguration") != before.get("ImageScanningConfiguration"):
        scanning = lower(after.get("ImageScanningConfiguration") or {"ScanOnPush": False})
        ecr.put_image_scanning_configuration(**where, imageScanningConfiguration=scanning)
    old, new = (one.get("LifecyclePolicy", {}).get("LifecyclePolicyText") for one in (before, after))
    if new and new != old:
        ecr.put_lifecycle_policy(**where, lifecyclePolicyText=new)
    elif old and not new:
        ecr.delete_lifecycle_policy(**where)


def _read_repository(aws: Clients, properties: Properties) -> Properties:
    ecr, name = aws("ecr"), properties["RepositoryName"]
    found = ecr.describe_repositories(repositoryNames=[name])["repositories"][0]
    tags = ecr.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"]
    shown = {
        "ImageTagMutability": found["imageTagMutability"],
        "ImageScanningConfiguration": upper(found["imageScanningConfiguration"]),
        "Tags": tags,
    }
    try:
        policy = ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"]
    except ecr.exceptions.LifecyclePolicyNotFoundException:
        return {**shown, "LifecyclePolicy": {}}
    return {**shown, "LifecyclePolicy": {"LifecyclePolicyText": policy}}


def _update_repository(aws: Clients, before: Properties, after: Properties) -> None:
    _set_repository(aws, before, after)
    gone, new = tag_changes(before, after)
    if gone:
        aws("ecr").untag_resource(resourceArn=after["Arn"], tagKeys=gone)
    if new:
        aws("ecr").tag_resource(resourceArn=after["Arn"], tags=new)


def _delete_repository(aws: Clients, properties: Properties) -> None:
    aws("ecr").delete_repository(
        repositoryName=properties["RepositoryName"], force=bool(properties.get("EmptyOnDelete"))
    )


def _put_replication(aws: Clients, properties: Properties) -> Properties:
    rules = lower(properties["ReplicationConfiguration"])
    aws("ecr").put_replication_configuration(replicationConfiguration=rules)
    return {"RegistryId": aws("ecr").describe_registry()["registryId"]}


def _read_replication(aws: Clients, properties: Properties) -> Properties | None:
    found = aws("ecr").describe_registry()["replicationConfiguration"]
    return {"ReplicationConfiguration": upper(found)} if found["rules"] else None


def _delete_replication(aws: Clients, properties: Properties) -> None:
    aws("ecr").put_replication_configuration(replicationConfiguration={"rules": []})


TYPES: dict[str, TypeHandler] = {
    "AWS::KMS::Key": ServiceType("moto", _create_key, _delete_key, _update_key, _read_key),
    "AWS::KMS::Alias": ServiceType("moto", _create_alias, _delete_alias, _update_alias, _read_alias),
    "AWS::ECR::Repository": ServiceType(
        "simulated", _create_repository, _delete_repository, _update_repository, _read_repository
    ),
    "AWS::ECR::ReplicationConfiguration": ServiceType(
        "simulated",
        _put_replication,
        _delete_replication,
        lambda aws, _, after: _put_replication(aws, after),
        _read_replication,
    ),
}
