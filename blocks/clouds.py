"""The two cloud accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.blocks.core import Block
from prefect_aws import AwsCredentials
from prefect_gcp import GcpCredentials
from pydantic import Field

from blocks.standard import DOCUMENTATION_URL, KeptSchema

if TYPE_CHECKING:
    from dreamnet.clouds.aws import AwsAccount
    from dreamnet.clouds.google import GoogleAccount


class GoogleCloud(KeptSchema, Block):
    """A Google Cloud project and where in it DreamNet lives.

    Example:
        ```python
        from blocks import GoogleCloud

        google = GoogleCloud.load("BLOCK_NAME")
        google.account().check()
        ```
    """

    _block_type_name = "Google Cloud (DreamNet)"
    _block_type_slug = "dreamnet-google-cloud"
    _logo_url = "https://cdn.sanity.io/images/3ugk85nk/production/10424e311932e31c477ac2b9ef3d53cefbaad708-250x250.png"  # type: ignore[assignment]
    _documentation_url = DOCUMENTATION_URL  # type: ignore[assignment]

    credentials: GcpCredentials = Field(description="Who the gameplan is on Google Cloud.")
    project: str = Field(description="The project's id.", examples=["dreamnet-62b49"])
    region: str = Field(default="us-central1", description="The first region.")
    zone: str = Field(default="us-central1-a", description="The zone of zonal clusters in the first region.")
    second_region: str = Field(default="us-east1", description="Where DreamNet goes when the first fails.")
    project_number: str = Field(
        default="",
        description="The project's number, which the names of Google's own service agents hold.",
        pattern=r"^\d*$",
    )
    billing_account: str = Field(
        default="",
        description="The billing account that budgets belong to.",
        pattern=r"^([0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6})?$",
        examples=["012345-6789AB-CDEF01"],
    )
    endpoints: dict[str, str] = Field(
        default_factory=dict,
        description="Addresses to use instead of Google's own, by API name, such as a private endpoint.",
    )

    def account(self) -> GoogleAccount:
        """The account, ready to make clients.

        Raises:
            dreamnet.errors.CredentialsError: the key is no usable service-account key.
        """
        from dreamnet.clouds.google import GoogleAccount
        from dreamnet.errors import CredentialsError

        try:
            credentials = self.credentials.get_credentials_from_service_account()
        except (ValueError, OSError) as error:
            raise CredentialsError(
                f"The Google credentials for project {self.project} are no usable service-account key"
                f" ({type(error).__name__}).",
                "Make one (`gcloud iam service-accounts keys create`) and paste it into the Block.",
            ) from None
        return GoogleAccount(
            project=self.project,
            region=self.region,
            zone=self.zone,
            second_region=self.second_region,
            credentials=credentials,
            endpoints=dict(self.endpoints),
        )


class AmazonCloud(KeptSchema, Block):
    """An AWS account and where in it DreamNet lives.

    A private endpoint goes into the credentials' client parameters (`endpoint_url`), as prefect-aws has it.

    Example:
        ```python
        from blocks import AmazonCloud

        aws = AmazonCloud.load("BLOCK_NAME")
        aws.account().check()
        ```
    """

    _block_type_name = "AWS (DreamNet)"
    _block_type_slug = "dreamnet-amazon-cloud"
    _logo_url = "https://cdn.sanity.io/images/3ugk85nk/production/d74b16fe84ce626345adf235a47008fea2869a60-225x225.png"  # type: ignore[assignment]
    _documentation_url = DOCUMENTATION_URL  # type: ignore[assignment]

    credentials: AwsCredentials = Field(description="Who the gameplan is on AWS.")
    account_id: str = Field(description="The account's twelve digits.", pattern=r"^\d{12}$")
    region: str = Field(default="us-east-1", description="The first region.")
    second_region: str = Field(default="us-west-2", description="Where DreamNet goes when the first fails.")

    def account(self) -> AwsAccount:
        """The account, ready to make clients."""
        from dreamnet.clouds.aws import AwsAccount

        return AwsAccount(
            account_id=self.account_id,
            region=self.region,
            second_region=self.second_region,
            session=self.credentials.get_boto3_session(),
            endpoint_url=self.credentials.aws_client_parameters.endpoint_url,
        )
