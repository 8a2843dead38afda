"""Secrets Manager's type, in moto."""

from __future__ import annotations

from localcloud.aws.types import Clients, Properties, ServiceType, TypeHandler, pick, tag_changes


def _generated(aws: Clients, wanted: Properties) -> str:
    names = (
        "PasswordLength ExcludeCharacters ExcludePunctuation ExcludeNumbers ExcludeUppercase "
        "ExcludeLowercase IncludeSpace RequireEachIncludedType"
    )
    return str(aws("secretsmanager").get_random_password(**pick(wanted, names))["RandomPassword"])


def _create(aws: Clients, properties: Properties) -> Properties:
    client = aws("secretsmanager")
    arguments = pick(properties, "Name Description SecretString KmsKeyId Tags")
    if properties.get("GenerateSecretString"):
        arguments["SecretString"] = _generated(aws, properties["GenerateSecretString"])
    arn = client.create_secret(**arguments)["ARN"]
    _replicate(aws, arn, {}, properties)
    return {"Id": arn}


def _replicate(aws: Clients, arn: str, before: Properties, after: Properties) -> None:
    client = aws("secretsmanager")
    old, new = ({one["Region"]: one for one in some.get("ReplicaRegions") or ()} for some in (before, after))
    gone, added = sorted(old.keys() - new.keys()), sorted(new.keys() - old.keys())
    if gone:
        client.remove_regions_from_replication(SecretId=arn, RemoveReplicaRegions=gone)
    if added:
        client.replicate_secret_to_regions(SecretId=arn, AddReplicaRegions=[new[region] for region in added])


def _read(aws: Clients, properties: Properties) -> Properties | None:
    found = aws("secretsmanager").describe_secret(SecretId=properties["Id"])
    if found.get("DeletedDate"):
        return None
    replicas = [pick(one, "Region KmsKeyId") for one in found.get("ReplicationStatus") or ()]
    return {
        **pick(found, "Name Description KmsKeyId"),
        "ReplicaRegions": replicas,
        "Tags": found.get("Tags", []),
    }


def _update(aws: Clients, before: Properties, after: Properties) -> None:
    client, name = aws("secretsmanager"), after["Id"]
    if after.get("SecretString"):
        client.put_secret_value(SecretId=name, SecretString=after["SecretString"])
    arguments = {key: after[key] for key in ("Description", "KmsKeyId") if after.get(key) != before.get(key)}
    if arguments:
        client.update_secret(SecretId=name, **arguments)
    _replicate(aws, name, before, after)
    gone, new = tag_changes(before, after)
    if gone:
        client.untag_resource(SecretId=name, TagKeys=gone)
    if new:
        client.tag_resource(SecretId=name, Tags=new)


def _delete(aws: Clients, properties: Properties) -> None:
    client, arn = aws("secretsmanager"), properties["Id"]
    replicas = client.describe_secret(SecretId=arn).get("ReplicationStatus") or ()
    if replicas:
        regions = [one["Region"] for one in replicas]
        client.remove_regions_from_replication(SecretId=arn, RemoveReplicaRegions=regions)
    client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


TYPES: dict[str, TypeHandler] = {
    "AWS::SecretsManager::Secret": ServiceType("moto", _create, _delete, _update, _read),
}
