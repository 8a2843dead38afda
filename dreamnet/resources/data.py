"""Which resources hold data that a deletion takes away, which are protected against it, and the consents that
a person has to name for either.

A replacement is a deletion too. What could be made again from a declaration (a network, a role, a function)
is not data.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dreamnet.errors import PrecheckFailed

#: What goes with a resource, by its type: on Google `<api>/<collection>`, the same for every version. Read
#: from the services' own documentation of deletion, November 2026.
HOLDS: Mapping[str, str] = {
    "alloydb/projects.locations.clusters": "databases and backups",
    "artifactregistry/projects.locations.repositories": "images",
    "bigquery/datasets": "tables",
    "bigquery/models": "the trained model",
    "bigquery/tables": "rows",
    "bigtableadmin/projects.instances": "tables",
    "bigtableadmin/projects.instances.tables": "rows",
    "cloudkms/projects.locations.keyRings.cryptoKeys": "the key, and with it all it encrypts",
    "compute/disks": "the disk's blocks",
    "compute/instances": "the boot disk",
    "documentai/projects.locations.processors": "trained versions",
    "file/projects.locations.instances": "files",
    "firestore/projects.databases": "documents",
    "logging/projects.locations.buckets": "log entries",
    "pubsub/projects.subscriptions": "messages that nobody has acknowledged",
    "pubsub/projects.topics": "messages kept for replay",
    "redis/projects.locations.clusters": "keys",
    "redis/projects.locations.instances": "keys",
    "secretmanager/projects.secrets": "the secret's versions",
    "spanner/projects.instances": "databases",
    "spanner/projects.instances.databases": "rows",
    "sqladmin/databases": "rows",
    "sqladmin/instances": "databases, and backups with them",
    "storage/buckets": "objects",
    "aiplatform/projects.locations.datasets": "items and annotations",
    "aiplatform/projects.locations.featurestores": "feature values",
    "aiplatform/projects.locations.indexes": "vectors",
    "aiplatform/projects.locations.models": "the trained model",
    "AWS::Backup::BackupVault": "recovery points",
    "AWS::CloudTrail::EventDataStore": "events",
    "AWS::Cognito::UserPool": "users",
    "AWS::DynamoDB::GlobalTable": "items",
    "AWS::DynamoDB::Table": "items",
    "AWS::EC2::Instance": "the root volume",
    "AWS::EC2::Volume": "the volume's blocks",
    "AWS::ECR::Repository": "images",
    "AWS::EFS::FileSystem": "files",
    "AWS::ElastiCache::ReplicationGroup": "keys",
    "AWS::ElastiCache::ServerlessCache": "keys",
    "AWS::Events::Archive": "archived events",
    "AWS::KMS::Key": "the key, and with it all it encrypts",
    "AWS::Kinesis::Stream": "records",
    "AWS::Logs::LogGroup": "log entries",
    "AWS::MemoryDB::Cluster": "keys",
    "AWS::OpenSearchService::Domain": "documents",
    "AWS::RDS::DBCluster": "databases",
    "AWS::RDS::DBInstance": "databases, and automated backups with them",
    "AWS::Redshift::Cluster": "tables",
    "AWS::RedshiftServerless::Namespace": "tables",
    "AWS::Rekognition::Collection": "faces",
    "AWS::S3::Bucket": "objects",
    "AWS::SQS::Queue": "messages",
    "AWS::SageMaker::FeatureGroup": "feature values",
    "AWS::SageMaker::ModelPackageGroup": "registered models",
    "AWS::SecretsManager::Secret": "the secret's value",
    "AWS::Timestream::Table": "rows",
}

#: Topics keep messages only where they are told to.
_ONLY_WITH: Mapping[str, str] = {"pubsub/projects.topics": "messageRetentionDuration"}

#: Names of the fields that protect a resource from deletion, with the value that says so and the one that
#: lifts it: all that Google's discovery documents and the CloudFormation resource schemas know (read November
#: 2026; those of Cloud SQL stand below `settings`).
_GUARDS: Mapping[str, tuple[tuple[Any, Any], ...]] = {
    "deletionProtection": ((True, False),),
    "deletionProtectionEnabled": ((True, False),),
    "deleteProtectionState": (("DELETE_PROTECTION_ENABLED", "DELETE_PROTECTION_DISABLED"),),
    "enableDeletionProtection": ((True, False),),
    "enableDropProtection": ((True, False),),
    "DeletionProtection": ((True, False), ("ACTIVE", "INACTIVE")),
    "DeletionProtectionEnabled": ((True, False),),
    "DeleteProtection": ((True, False),),
    "DisableApiTermination": ((True, False),),
    "TerminationProtectionEnabled": ((True, False),),
}

#: Load balancers say it among their attributes, as text (Elastic Load Balancing reference, November 2026).
_ATTRIBUTES, _ATTRIBUTE = "LoadBalancerAttributes", "deletion_protection.enabled"


@dataclass(frozen=True)
class Guard:
    """A field of a live resource that protects it from deletion.

    Attributes:
        path: JSON pointer.
        value: what stands there.
        off: what lifts it.
        lifted: a body that says that and nothing else.
    """

    path: str
    value: Any
    off: Any
    lifted: Mapping[str, Any]


def held_by(type_name: str, body: Mapping[str, Any]) -> str:
    """What data goes when a resource is deleted, in words; empty for none.

    Args:
        type_name: its vendor type.
        body: the live resource.
    """
    key = _unversioned(type_name)
    needed = _ONLY_WITH.get(key)
    return "" if needed and not body.get(needed) else HOLDS.get(key, "")


def _unversioned(type_name: str) -> str:
    api, slash, collection = type_name.partition("/")
    return f"{api.partition('.')[0]}/{collection}" if slash else type_name


def protection(body: Mapping[str, Any]) -> Guard | None:
    """What protects a live resource from deletion, or None."""
    for above, part in (("", body), ("settings", body.get("settings"))):
        guard = _guard_in(part, above) if isinstance(part, Mapping) else None
        if guard:
            return guard
    return _among_replicas(body) or _among_attributes(body)


def _guard_in(part: Mapping[str, Any], above: str) -> Guard | None:
    for name, values in _GUARDS.items():
        off = next((off for value, off in values if part.get(name) == value), None)
        if off is not None:
            lifted = {above: {name: off}} if above else {name: off}
            return Guard(f"/{above}/{name}" if above else f"/{name}", part[name], off, lifted)
    return None


def _among_replicas(body: Mapping[str, Any]) -> Guard | None:
    """DynamoDB's global tables protect each replica by itself."""
    replicas = body.get("Replicas")
    parts = [one for one in replicas or () if isinstance(one, Mapping)] if isinstance(replicas, list) else []
    if not any(_guard_in(one, "") for one in parts):
        return None
    off = [{**one, **(guard.lifted if (guard := _guard_in(one, "")) else {})} for one in parts]
    return Guard("/Replicas", replicas, off, {"Replicas": off})


def _among_attributes(body: Mapping[str, Any]) -> Guard | None:
    attributes = body.get(_ATTRIBUTES) or []
    off = [{**one, "Value": "false"} if one.get("Key") == _ATTRIBUTE else one for one in attributes]
    if off == attributes:
        return None
    return Guard(f"/{_ATTRIBUTES}", attributes, off, {_ATTRIBUTES: off})


def lose_data(resource_id: str) -> str:
    """The consent with which a replacement may take a resource's data away."""
    return f"lose-data:{resource_id}"


def lift_protection(resource_id: str) -> str:
    """The consent with which a resource's deletion protection is lifted before it is deleted."""
    return f"lift-protection:{resource_id}"


def refuse_without_consent(needed: Iterable[tuple[str, str]], consents: Collection[str], doing: str) -> None:
    """Stop before anything is deleted that nobody has agreed to.

    Args:
        needed: consents, each with what it agrees to.
        consents: those that were given.
        doing: what was asked for, to begin the sentence with.

    Raises:
        PrecheckFailed: some are missing; each is named.
    """
    missing = [(consent, why) for consent, why in needed if consent not in consents]
    if missing:
        raise PrecheckFailed(
            f"{doing} {'; '.join(why for _, why in missing)}. Nothing was changed.",
            f"If that is what you want, give the consent: {', '.join(consent for consent, _ in missing)}.",
        )
