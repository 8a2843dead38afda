"""Secrets Manager's replicas: moto has them, but always shows its own key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from localcloud.aws.services import Next
from localcloud.aws.wire import Answer, Call


@dataclass(frozen=True)
class SecretReplicas:
    """Keeps the key that a replica was asked to have."""

    account_id: str
    operations: frozenset[str] = frozenset(
        ("secretsmanager:CreateSecret", "secretsmanager:ReplicateSecretToRegions")
    )

    def answer(self, call: Call, moto: Next) -> Answer:
        """Let moto replicate, then set the keys."""
        answer = moto(call)
        if answer.status < 300:
            keys = {
                one["Region"]: one["KmsKeyId"]
                for one in call.json().get("AddReplicaRegions") or ()
                if "KmsKeyId" in one
            }
            self._set(call.region, json.loads(answer.body)["ARN"], keys)
        return answer

    def _set(self, region: str, arn: str, keys: dict[str, str]) -> None:
        from moto.secretsmanager.models import secretsmanager_backends

        secret: Any = secretsmanager_backends[self.account_id][region].secrets[arn]
        for replica in secret.replicas:
            if replica.region in keys:
                replica.config["KmsKeyId"] = keys[replica.region]
