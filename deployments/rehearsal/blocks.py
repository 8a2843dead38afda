"""Saves the blocks of profile `rehearsal` from what the local cloud says of itself."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from prefect.blocks.core import Block
from prefect_aws import AwsCredentials
from prefect_aws.client_parameters import AwsClientParameters
from prefect_gcp import GcpCredentials
from pydantic import SecretStr

from blocks import AmazonCloud, Budget, GameplanProfile, GoogleCloud, PostgresDatabase

PROFILE = "rehearsal"
#: The image for which the local clusters start a real backend process.
IMAGE = "localcloud/dreamnet-backend:1"
#: Where the local cloud writes its simulated bills, as Google's billing export would name it.
BILLING_TABLE = "billing_export.gcp_billing_export_v1_000000_5180A7_ED0000"


def save_blocks(endpoints: Mapping[str, Any]) -> bool:
    """Save the rehearsal's blocks; a password and a promoted image that they hold already are kept.

    Args:
        endpoints: the content of the local cloud's `endpoints.json`.

    Returns:
        Whether anything was new or different.
    """
    saved = _saved()
    profile = _profile(
        endpoints,
        saved.database_password.get_secret_value() if saved else secrets.token_urlsafe(24),
        saved.image if saved else IMAGE,
    )
    if saved is not None and _content(saved) == _content(profile):
        return False
    for block in (GoogleCloud, AmazonCloud, PostgresDatabase, Budget, GameplanProfile):
        block.register_type_and_schema()
    _save(profile.google.credentials)
    _save(profile.aws.credentials)
    for part in (profile.google, profile.aws, profile.neon, profile.budget):
        _save(part)
    _save(profile)
    return True


def _profile(endpoints: Mapping[str, Any], password: str, image: str = IMAGE) -> GameplanProfile:
    credentials = endpoints["credentials"]
    aws = credentials["aws"]
    return GameplanProfile(
        google=GoogleCloud(
            credentials=GcpCredentials(
                service_account_info=credentials["google"]["service_account"],
                project=credentials["google"]["project"],
            ),
            project=credentials["google"]["project"],
            project_number=credentials["google"]["project_number"],
            billing_account=credentials["google"]["billing_account"],
            endpoints=endpoints["google"],
        ),
        aws=AmazonCloud(
            credentials=AwsCredentials(
                aws_access_key_id=aws["access_key_id"],
                aws_secret_access_key=SecretStr(aws["secret_access_key"]),
                region_name="us-east-1",
                aws_client_parameters=AwsClientParameters(endpoint_url=endpoints["aws"]),
            ),
            account_id=aws["account_id"],
        ),
        neon=_neon(endpoints["postgres"]["neon"]),
        budget=Budget(billing_table=BILLING_TABLE),
        image=image,
        database_password=SecretStr(password),
        legacy_url=endpoints["legacy_backend"],
        fault_injector=endpoints["faults"],
        gateway=True,
        front_door_port="8080",  # below 1024 only root may listen
        operator_email="operator@dreamnet.example",
        domain="dreamnet.example",
        grace_seconds=90,
    )


def _neon(dsn: str) -> PostgresDatabase:
    parts = urlsplit(dsn)
    return PostgresDatabase(
        host=parts.hostname or "",
        port=parts.port or 5432,
        database=parts.path.lstrip("/"),
        user=unquote(parts.username or ""),
        password=SecretStr(unquote(parts.password or "")),
        sslmode="prefer",
    )


def _save(block: Block) -> None:
    block.save(PROFILE, overwrite=True)


def _saved() -> GameplanProfile | None:
    try:
        saved = GameplanProfile.load(PROFILE)
    except ValueError:  # there is none yet
        return None
    assert isinstance(saved, GameplanProfile)
    return saved


def _content(profile: GameplanProfile) -> dict[str, Any]:
    """All fields, secrets in clear (in memory only), without what Prefect notes about a saved block."""
    content: dict[str, Any] = _without_notes(
        profile.model_dump(mode="json", context={"include_secrets": True})
    )
    return content


def _without_notes(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: _without_notes(inner) for key, inner in value.items() if not key.startswith("_")}
