"""The local clouds as the engine sees them, without blocks or a Prefect server."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from dreamnet.clouds.aws import AwsAccount
from dreamnet.clouds.google import GoogleAccount
from dreamnet.events.delivery import Delivery, code_versions
from dreamnet.resources.aws.driver import AwsDriver
from dreamnet.resources.google.driver import GoogleDriver
from dreamnet.resources.model import Driver
from localcloud.state import State


@dataclass(frozen=True)
class Clouds:
    """Both accounts of one local cloud, and what declarations may refer to."""

    google: GoogleAccount
    aws: AwsAccount
    variables: dict[str, str] = field(repr=False)

    @property
    def drivers(self) -> dict[str, Driver]:
        """One a cloud."""
        return {"google": GoogleDriver(self.google), "aws": AwsDriver(self.aws)}

    @property
    def delivery(self) -> Delivery:
        """Puts functions' archives into buckets."""
        return Delivery(self.google, self.aws)


def secret(name: str) -> str:
    """A value for any secret that a declaration names."""
    return f"only-for-rehearsals-{name}"


def connect(state: State, types: Iterable[str] = ()) -> Clouds:
    """The accounts of a local cloud that is up.

    Args:
        state: its directory.
        types: Google types whose APIs are called besides those that `endpoints.json` lists; the local
            control plane answers for every API.
    """
    endpoints = state.endpoints()
    keys = endpoints["credentials"]
    root = endpoints["google"]["compute"].removesuffix("/compute")
    apis = {one.partition(".")[0] for one in types if not one.startswith("AWS::")}
    google = GoogleAccount.from_service_account(
        keys["google"]["service_account"],
        project=keys["google"]["project"],
        region="us-central1",
        zone="us-central1-a",
        second_region="us-east1",
        endpoints={**{api: f"{root}/{api}" for api in apis}, **endpoints["google"]},
    )
    aws = AwsAccount.from_keys(
        account_id=keys["aws"]["account_id"],
        region="us-east-1",
        second_region="us-west-2",
        access_key_id=keys["aws"]["access_key_id"],
        secret_access_key=keys["aws"]["secret_access_key"],
        endpoint_url=endpoints["aws"],
    )
    variables = {
        "google.project": google.project,
        "google.project_number": keys["google"]["project_number"],
        "google.billing_account": keys["google"]["billing_account"],
        "google.region": google.region,
        "google.zone": google.zone,
        "google.second_region": google.second_region,
        "aws.account_id": aws.account_id,
        "aws.region": aws.region,
        "aws.second_region": aws.second_region,
        "image": "dreamnet/backend:rehearsal",
        "frontdoor.port": "8080",
        "operator.email": "operator@dreamnet.example",
        "domain": "dreamnet.example",
    }
    return Clouds(google, aws, {**variables, **code_versions()})
