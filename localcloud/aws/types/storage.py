"""S3, in moto: buckets with all that hangs on them, read back from S3 itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from localcloud.aws.types import (
    Clients,
    HandlerError,
    Properties,
    ServiceType,
    TypeHandler,
    changed,
    document,
    pick,
)

Mapped = Callable[[Any], Any]


def _renamed(names: dict[str, str]) -> tuple[Mapped, Mapped]:
    """Property to API names and back; a property that is not among them is refused."""
    back = {api: name for name, api in names.items()}

    def there(value: Properties) -> Properties:
        unknown = sorted(value.keys() - names.keys())
        if unknown:
            raise HandlerError("InvalidRequest", f"{', '.join(unknown)} of a bucket is not in the rehearsal")
        return {names[key]: one for key, one in value.items()}

    def here(value: Properties) -> Properties:
        return {back[key]: one for key, one in value.items() if key in back}

    return there, here


# -- how CloudFormation's shapes and the API's differ -----------------------------------------------------

_RULE = {
    "Id": "ID",
    "Status": "Status",
    "Prefix": "Prefix",
    "Transitions": "Transitions",
    "ExpirationInDays": "Expiration",
    "NoncurrentVersionExpiration": "NoncurrentVersionExpiration",
    "NoncurrentVersionTransitions": "NoncurrentVersionTransitions",
    "AbortIncompleteMultipartUpload": "AbortIncompleteMultipartUpload",
}
_rule_there, _rule_here = _renamed(_RULE)
_transition_there, _transition_here = _renamed({"StorageClass": "StorageClass", "TransitionInDays": "Days"})
_noncurrent_there, _noncurrent_here = _renamed(
    {"StorageClass": "StorageClass", "TransitionInDays": "NoncurrentDays"}
)
_cors_there, _cors_here = _renamed(
    {
        "Id": "ID",
        "AllowedMethods": "AllowedMethods",
        "AllowedOrigins": "AllowedOrigins",
        "AllowedHeaders": "AllowedHeaders",
        "ExposedHeaders": "ExposeHeaders",
        "MaxAge": "MaxAgeSeconds",
    }
)
_default_there, _default_here = _renamed(
    {
        "ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault",
        "BucketKeyEnabled": "BucketKeyEnabled",
    }
)


def _lifecycle_there(value: Properties) -> Properties:
    rules = []
    for one in value["Rules"]:
        rule = _rule_there(one)
        rule["Filter"] = {"Prefix": rule.pop("Prefix", "")}
        if "Expiration" in rule:
            rule["Expiration"] = {"Days": rule["Expiration"]}
        for name, change in (
            ("Transitions", _transition_there),
            ("NoncurrentVersionTransitions", _noncurrent_there),
        ):
            if name in rule:
                rule[name] = [change(part) for part in rule[name]]
        rules.append(rule)
    return {"Rules": rules}


def _lifecycle_here(value: Properties) -> Properties:
    rules = []
    for one in value["Rules"]:
        rule = _rule_here(one)
        prefix = (one.get("Filter") or {}).get("Prefix")
        if prefix:
            rule["Prefix"] = prefix
        if "ExpirationInDays" in rule:
            rule["ExpirationInDays"] = rule["ExpirationInDays"].get("Days")
        for name, change in (
            ("Transitions", _transition_here),
            ("NoncurrentVersionTransitions", _noncurrent_here),
        ):
            if name in rule:
                rule[name] = [change(part) for part in rule[name]]
        rules.append(rule)
    return {"Rules": rules}


def _replication_there(value: Properties) -> Properties:
    return {"Role": value["Role"], "Rules": [{**_without_id(one), "ID": one["Id"]} for one in value["Rules"]]}


def _replication_here(value: Properties) -> Properties:
    rules = [
        {"Id": one["ID"], **{key: part for key, part in one.items() if key != "ID"}} for one in value["Rules"]
    ]
    return {"Role": value["Role"], "Rules": rules}


def _notification_there(value: Properties) -> Properties:
    """Announcements on the default bus; the rehearsal knows no others."""
    others = sorted(set(value) - {"EventBridgeConfiguration"})
    if others:
        raise HandlerError("InvalidRequest", f"a bucket's {others} are not in the rehearsal")
    enabled = value["EventBridgeConfiguration"].get("EventBridgeEnabled", True)
    return {"EventBridgeConfiguration": {}} if enabled else {}


def _notification_here(value: Properties) -> Properties:
    on = "EventBridgeConfiguration" in value
    return {"EventBridgeConfiguration": {"EventBridgeEnabled": True}} if on else {}


def _without_id(rule: Properties) -> Properties:
    return {key: value for key, value in rule.items() if key != "Id"}


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class _Setting:
    """One property of a bucket and the calls that set, read and remove it.

    Attributes:
        put, get, remove: the client's methods.
        argument: what the put takes and the get answers.
        there, here: to the API's shape and back.
        answer: `*` where the get's whole answer is it.
    """

    put: str
    get: str
    remove: str
    argument: str
    there: Mapped = _same
    here: Mapped = _same
    answer: str = ""


_SETTINGS = {
    "VersioningConfiguration": _Setting(
        "put_bucket_versioning", "get_bucket_versioning", "", "VersioningConfiguration", answer="*"
    ),
    "Tags": _Setting(
        "put_bucket_tagging",
        "get_bucket_tagging",
        "delete_bucket_tagging",
        "Tagging",
        there=lambda tags: {"TagSet": tags},
        here=lambda tags: tags["TagSet"],
        answer="*",
    ),
    "PublicAccessBlockConfiguration": _Setting(
        "put_public_access_block",
        "get_public_access_block",
        "delete_public_access_block",
        "PublicAccessBlockConfiguration",
    ),
    "OwnershipControls": _Setting(
        "put_bucket_ownership_controls",
        "get_bucket_ownership_controls",
        "delete_bucket_ownership_controls",
        "OwnershipControls",
    ),
    "BucketEncryption": _Setting(
        "put_bucket_encryption",
        "get_bucket_encryption",
        "delete_bucket_encryption",
        "ServerSideEncryptionConfiguration",
        there=lambda v: {"Rules": [_default_there(one) for one in v["ServerSideEncryptionConfiguration"]]},
        here=lambda v: {"ServerSideEncryptionConfiguration": [_default_here(one) for one in v["Rules"]]},
    ),
    "LifecycleConfiguration": _Setting(
        "put_bucket_lifecycle_configuration",
        "get_bucket_lifecycle_configuration",
        "delete_bucket_lifecycle",
        "LifecycleConfiguration",
        there=_lifecycle_there,
        here=_lifecycle_here,
        answer="*",
    ),
    "CorsConfiguration": _Setting(
        "put_bucket_cors",
        "get_bucket_cors",
        "delete_bucket_cors",
        "CORSConfiguration",
        there=lambda value: {"CORSRules": [_cors_there(one) for one in value["CorsRules"]]},
        here=lambda value: {"CorsRules": [_cors_here(one) for one in value["CORSRules"]]},
        answer="*",
    ),
    "ObjectLockConfiguration": _Setting(
        "put_object_lock_configuration", "get_object_lock_configuration", "", "ObjectLockConfiguration"
    ),
    "NotificationConfiguration": _Setting(
        "put_bucket_notification_configuration",
        "get_bucket_notification_configuration",
        "",
        "NotificationConfiguration",
        there=_notification_there,
        here=_notification_here,
        answer="*",
    ),
    "ReplicationConfiguration": _Setting(
        "put_bucket_replication",
        "get_bucket_replication",
        "delete_bucket_replication",
        "ReplicationConfiguration",
        there=_replication_there,
        here=_replication_here,
    ),
}


def _create_bucket(aws: Clients, properties: Properties) -> Properties:
    s3, name = aws("s3"), properties["BucketName"]
    region = s3.meta.region_name
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    lock = {"ObjectLockEnabledForBucket": True} if properties.get("ObjectLockEnabled") else {}
    s3.create_bucket(Bucket=name, **where, **lock)
    _configure_bucket(aws, {}, properties)
    return {
        "Arn": f"arn:aws:s3:::{name}",
        "DomainName": f"{name}.s3.amazonaws.com",
        "DualStackDomainName": f"{name}.s3.dualstack.{region}.amazonaws.com",
        "RegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
    }


def _configure_bucket(aws: Clients, before: Properties, after: Properties) -> None:
    s3, name = aws("s3"), after["BucketName"]
    different = changed(before, after)
    for key, setting in _SETTINGS.items():
        if key not in different:
            continue
        value = after.get(key)
        if value:
            getattr(s3, setting.put)(Bucket=name, **{setting.argument: setting.there(value)})
        elif key == "NotificationConfiguration":
            s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={})
        elif setting.remove:
            getattr(s3, setting.remove)(Bucket=name)


def _read_bucket(aws: Clients, properties: Properties) -> Properties:
    s3, name = aws("s3"), properties["BucketName"]
    s3.head_bucket(Bucket=name)
    found = {key: _setting(s3, name, setting) for key, setting in _SETTINGS.items()}
    # What was never set is left out; what is gone that was set shows as empty.
    return {key: value for key, value in found.items() if value or key in properties}


def _setting(s3: Any, name: str, setting: _Setting) -> Any:
    """What S3 says; empty where it has none, which it says with an error for most."""
    try:
        answer = getattr(s3, setting.get)(Bucket=name)
    except ClientError as error:
        code = str(error.response["Error"]["Code"])
        if code.startswith(
            ("NoSuch", "ObjectLock", "ServerSideEncryption", "OwnershipControls", "Replication")
        ):
            return [] if setting.argument == "Tagging" else {}
        raise
    answer.pop("ResponseMetadata", None)
    found = answer if setting.answer == "*" else answer[setting.argument]
    return setting.here(found)


def _delete_bucket(aws: Clients, properties: Properties) -> None:
    aws("s3").delete_bucket(Bucket=properties["BucketName"])


# -- policies ---------------------------------------------------------------------------------------------


def _put_policy(aws: Clients, properties: Properties) -> Properties:
    aws("s3").put_bucket_policy(Bucket=properties["Bucket"], Policy=document(properties["PolicyDocument"]))
    return {}


def _create_policy(aws: Clients, properties: Properties) -> Properties:
    try:
        aws("s3").get_bucket_policy(Bucket=properties["Bucket"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchBucketPolicy":
            return _put_policy(aws, properties)
        raise
    raise HandlerError("AlreadyExists", f"The bucket {properties['Bucket']} has a policy already.")


def _read_policy(aws: Clients, properties: Properties) -> Properties:
    return {"PolicyDocument": json.loads(aws("s3").get_bucket_policy(**pick(properties, "Bucket"))["Policy"])}


def _delete_policy(aws: Clients, properties: Properties) -> None:
    aws("s3").delete_bucket_policy(Bucket=properties["Bucket"])


TYPES: dict[str, TypeHandler] = {
    "AWS::S3::Bucket": ServiceType("moto", _create_bucket, _delete_bucket, _configure_bucket, _read_bucket),
    "AWS::S3::BucketPolicy": ServiceType(
        "simulated",
        _create_policy,
        _delete_policy,
        lambda aws, _, after: _put_policy(aws, after),
        _read_policy,
    ),
}
