"""From a cloud account to a cluster that can be called, with a token that renews itself."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import urllib3
from kubernetes.client import ApiClient, Configuration

from dreamnet.clouds import google_rest
from dreamnet.errors import CredentialsError, ResourceError, UnreachableError
from dreamnet.kubernetes.cluster import Cluster

if TYPE_CHECKING:
    from dreamnet.clouds.aws import AwsAccount
    from dreamnet.clouds.google import GoogleAccount

#: EKS accepts a token for 15 minutes after the moment in its X-Amz-Date, whatever X-Amz-Expires says
#: (aws-iam-authenticator, pkg/token; read November 2026). Renewed with a margin for clocks that differ.
EKS_TOKEN_SECONDS = 15 * 60
EKS_RENEW_AFTER = EKS_TOKEN_SECONDS - 120

#: Answers that are worth another attempt; PATCH here is server-side apply or merge patch, safe to repeat.
RETRIES = urllib3.Retry(
    total=4,
    backoff_factor=0.2,
    status_forcelist=(429, 502, 503, 504),
    allowed_methods=("GET", "PATCH", "PUT", "DELETE"),
    raise_on_status=False,
)


def find_gke(account: GoogleAccount, name: str, location: str) -> Cluster:
    """A GKE cluster by name; `location` is its region, or its zone where it is zonal.

    Raises:
        ResourceError: there is no such cluster, or it is still being made.
        CredentialsError, UnreachableError: as the account's calls.
    """
    root = account.root("container", "https://container.googleapis.com/")
    url = f"{root}v1/projects/{account.project}/locations/{location}/clusters/{name}"
    try:
        body = google_rest.call(account, "GET", url, what=f"GKE cluster {name}")
    except google_rest.Refused as error:
        if error.status != 404:
            raise
        raise ResourceError(
            f"There is no GKE cluster {name} in {location}.", "Apply infrastructure/google/gke first."
        ) from None
    return connect_gke(account, body)


def connect_gke(account: GoogleAccount, cluster: Mapping[str, Any]) -> Cluster:
    """A GKE cluster, authenticated as the account's service account.

    Args:
        account: whose credentials give the token.
        cluster: the body that `projects.locations.clusters.get` of container v1 returns.

    Raises:
        ResourceError: the body has no endpoint or CA yet (it is still being made).
    """
    name = str(cluster.get("name", "?"))
    endpoint = cluster.get("endpoint")
    authority = (cluster.get("masterAuth") or {}).get("clusterCaCertificate")
    if not endpoint or not authority:
        raise ResourceError(
            f"GKE cluster {name} has no address or certificate yet (status {cluster.get('status')}).",
            "Wait until its status is RUNNING.",
        )
    token = google_token_source(account)
    client = _client(str(endpoint), str(authority), token)
    return Cluster(name, "google", str(cluster.get("location", account.region)), client, token.forget)


def connect_eks(account: AwsAccount, name: str, region: str) -> Cluster:
    """An EKS cluster, authenticated as the account's IAM identity.

    Raises:
        ResourceError: there is no such cluster, or it is still being made.
        CredentialsError, UnreachableError: as the account's calls.
    """
    from dreamnet.clouds.aws import aws_errors

    eks = account.client("eks", region)
    with aws_errors(f"EKS cluster {name}"):
        try:
            cluster = eks.describe_cluster(name=name)["cluster"]
        except eks.exceptions.ResourceNotFoundException:
            raise ResourceError(
                f"There is no EKS cluster {name} in {region}.", "Apply infrastructure/aws/eks first."
            ) from None
    endpoint = cluster.get("endpoint")
    authority = (cluster.get("certificateAuthority") or {}).get("data")
    if not endpoint or not authority:
        raise ResourceError(
            f"EKS cluster {name} has no address or certificate yet (status {cluster.get('status')}).",
            "Wait until its status is ACTIVE.",
        )
    token = eks_token_source(account.session, name, region)
    return Cluster(name, "aws", region, _client(str(endpoint), str(authority), token), token.forget)


def eks_token_source(session: Any, cluster: str, region: str) -> TokenSource:
    """Tokens for an EKS cluster, made anew before the last one runs out.

    Such a token is a presigned STS GetCallerIdentity URL with the cluster's name among the signed headers; no
    call is made here, EKS itself asks STS who signed it.

    Args:
        session: the boto3 session whose credentials sign.
    """

    def make(refused: bool) -> tuple[str, float]:
        return eks_token(session, cluster, region), time.monotonic() + EKS_RENEW_AFTER

    return TokenSource(make)


def eks_token(session: Any, cluster: str, region: str) -> str:
    """One token: `k8s-aws-v1.` and the URL, base64url without padding (as `aws eks get-token` makes it).

    Raises:
        CredentialsError: the session has no credentials.
    """
    from botocore.model import ServiceId
    from botocore.signers import RequestSigner

    credentials = session.get_credentials()
    if credentials is None:
        raise CredentialsError(
            f"There are no AWS credentials to sign a token for EKS cluster {cluster}.",
            "Fill in the AWS credentials block, or run `aws configure`.",
        )
    signer = RequestSigner(ServiceId("STS"), region, "sts", "v4", credentials, session.events)
    # Always AWS's own host: the URL is not called but handed to EKS, which accepts no other.
    request = {
        "method": "GET",
        "url": f"https://sts.{region}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15",
        "body": {},
        "headers": {"x-k8s-aws-id": cluster},
        "context": {},
    }
    url = signer.generate_presigned_url(request, region_name=region, expires_in=60, operation_name="")
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


class TokenSource:
    """Tokens, kept until they run out or are forgotten.

    Args:
        make: gives a token and the moment (`time.monotonic()`) from which it must be made anew. Its argument
            says that the last one was refused.
    """

    def __init__(self, make: Callable[[bool], tuple[str, float]]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._kept: tuple[str, float] | None = None
        self._refused = False

    def __call__(self) -> str:
        """A token that has not run out."""
        with self._lock:
            if self._kept is None or time.monotonic() >= self._kept[1]:
                refused, self._refused = self._refused, False
                self._kept = self._make(refused)
            return self._kept[0]

    def forget(self) -> None:
        """The token was refused, though it should not have run out: make a new one at the next call."""
        with self._lock:
            self._kept, self._refused = None, True


def google_token_source(account: GoogleAccount) -> TokenSource:
    """The account's access token; google.auth itself knows when it must be renewed."""
    from google.auth.exceptions import RefreshError, TransportError
    from google.auth.transport.requests import Request

    credentials = account.credentials

    def make(refused: bool) -> tuple[str, float]:
        if refused or not credentials.valid:
            try:
                credentials.refresh(Request())  # type: ignore[no-untyped-call]
            except RefreshError:
                raise CredentialsError(
                    f"Google refused the credentials of project {account.project}.",
                    "Put a current service account key into the Google block.",
                ) from None
            except TransportError:
                raise UnreachableError(
                    "Google's token endpoint does not answer.",
                    "Check the network and the block's endpoints.",
                ) from None
        return str(credentials.token), time.monotonic()

    return TokenSource(make)


def _client(endpoint: str, authority: str, token: Callable[[], str]) -> ApiClient:
    """The official client with the cluster's CA and a token source, asked before every request."""
    configuration = Configuration(
        host=endpoint if endpoint.startswith("https://") else f"https://{endpoint}",
        ca_cert_data=base64.b64decode(authority).decode(),
        retries=RETRIES,
    )

    def refresh(current: Configuration) -> None:
        current.api_key["authorization"] = f"Bearer {token()}"

    # auth_settings() only looks for a token where one is present already.
    configuration.api_key["authorization"] = ""
    configuration.refresh_api_key_hook = refresh  # type: ignore[assignment]
    return ApiClient(configuration)
