"""A profile: everything that differs between a rehearsal and production."""

from __future__ import annotations

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.budget import Budget
from blocks.clouds import AmazonCloud, GoogleCloud
from blocks.database import PostgresDatabase
from blocks.standard import DOCUMENTATION_URL, KeptSchema
from dreamnet.events.delivery import code_versions


class GameplanProfile(KeptSchema, Block):
    """The accounts, source database and budget that one gameplan runs with. Flows take its name.

    Example:
        ```python
        from blocks import GameplanProfile

        profile = GameplanProfile.load("BLOCK_NAME")
        profile.google.project
        ```
    """

    _block_type_name = "Gameplan profile (DreamNet)"
    _block_type_slug = "dreamnet-gameplan-profile"
    _logo_url = "https://cdn.sanity.io/images/3ugk85nk/production/2d0b896006ad463b49c28aaac14f31e00e32cfab-250x250.png"  # type: ignore[assignment]
    _documentation_url = DOCUMENTATION_URL  # type: ignore[assignment]

    google: GoogleCloud = Field(description="The Google Cloud project.")
    aws: AmazonCloud = Field(description="The AWS account.")
    neon: PostgresDatabase = Field(description="DreamNet's present database.")
    budget: Budget = Field(description="What may be spent.")
    image: str = Field(
        description="DreamNet's backend image, by tag or digest.", examples=["ghcr.io/dreamnet/backend:1.4.2"]
    )
    database_password: SecretStr = Field(description="The password that the new databases' owner gets.")
    rds_certificates: str = Field(
        default="", description="Path of AWS's bundle of RDS certificate authorities, to verify RDS with."
    )
    legacy_url: str = Field(
        default="",
        description="DreamNet's present backend: a client that writes there measures the freeze.",
    )
    fault_injector: str = Field(
        description="Chaos tool that takes a region down and brings it back, for drills.",
    )
    grace_seconds: float = Field(
        default=300.0,
        description="Seconds that a rollout or replica may take.",
        gt=0,
    )
    gateway: bool = Field(
        default=False,
        description="Reach DreamNet through a Gateway too, for canaries: one balancer more a cluster.",
    )
    front_door_port: str = Field(default="80", description="The load balancer's port.", pattern=r"^\d{1,5}$")
    operator_email: str = Field(description="Who gets the alerts.", examples=["ops@dreamnet.example"])
    domain: str = Field(
        default="",
        description="DreamNet's domain, for names and certificates.",
        examples=["dreamnet.example"],
    )

    def variables(self) -> dict[str, str]:
        """What the files under infrastructure/ may refer to; what is not filled in is not defined."""
        given = {
            "google.project": self.google.project,
            "google.region": self.google.region,
            "google.zone": self.google.zone,
            "google.second_region": self.google.second_region,
            "aws.account_id": self.aws.account_id,
            "aws.region": self.aws.region,
            "aws.second_region": self.aws.second_region,
            "image": self.image,
            "frontdoor.port": self.front_door_port,
            "operator.email": self.operator_email,
            "google.project_number": self.google.project_number,
            "google.billing_account": self.google.billing_account,
            "domain": self.domain,
        }
        return {**{name: value for name, value in given.items() if value}, **code_versions()}

    def secrets(self) -> dict[str, str]:
        """Values for `${secret.NAME}`; resolved only while a plan is applied."""
        return {
            "database-password": self.database_password.get_secret_value(),
            "neon-url": self.neon.connection().dsn(),
        }
