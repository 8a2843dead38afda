"""Places where moto is put right: addresses that it invents, conditions that it can't know, repeated work."""

from __future__ import annotations

from typing import Any


def show_real_addresses() -> None:
    """Make RDS instances show the address of the server behind them; they have none before it runs."""
    from moto.rds.models import DBInstance

    def address(instance: Any) -> str:
        return str(instance.__dict__.get("rehearsal_address", ""))

    def endpoint(instance: Any) -> dict[str, Any] | None:
        if not address(instance):
            return None
        return {"Address": address(instance), "Port": instance.port}

    DBInstance.address = property(address)
    DBInstance.endpoint = property(endpoint)


def forget_replicas_of_other_regions() -> None:
    """Let a replica in another region be deleted: moto notes it by ARN, and would remove it by name."""
    from moto.rds.models import DBInstance

    def remove(primary: Any, replica: Any) -> None:
        names = {replica.db_instance_identifier, replica.db_instance_arn}
        primary.replicas = [name for name in primary.replicas if name not in names]

    DBInstance.remove_replica = remove


def ignore_conditional_statements() -> None:
    """Leave the statements of bucket policies that have a condition undecided.

    moto knows nothing of a request's context, so to it every condition fails and then denies: "encrypted
    connections only" would refuse everything.
    """
    import json

    from moto.iam.access_control import IAMPolicy, PermissionResult
    from moto.s3.models import FakeBucket

    def permission(bucket: Any, action: str, resource: str) -> Any:
        statements = json.loads(bucket.policy)["Statement"] if bucket.policy else []
        listed = statements if isinstance(statements, list) else [statements]
        plain = [one for one in listed if "Condition" not in one]
        if not plain:
            return PermissionResult.NEUTRAL
        policy = IAMPolicy(json.dumps({"Version": "2012-10-17", "Statement": plain}))
        return policy.is_action_permitted(action, resource)

    FakeBucket.get_permission = permission


def remember_what_stays_the_same() -> None:
    """Look through a service's class for its operations, and read AWS's partitions, once: moto does so at
    every call, and at every role that EKS is given."""
    from functools import cache

    from moto.core import responses
    from moto.eks import utils

    responses.method_names_from_class = cache(responses.method_names_from_class)
    utils.Session = cache(utils.Session)
