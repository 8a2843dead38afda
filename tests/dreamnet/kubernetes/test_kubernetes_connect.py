"""Connecting: addresses and certificates from the clouds' answers, tokens signed and renewed."""

import base64
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError

from dreamnet.clouds.pace import Pace
from dreamnet.errors import CredentialsError, ResourceError
from dreamnet.kubernetes import connect
from dreamnet.kubernetes.connect import connect_eks, connect_gke, eks_token, eks_token_source

PEM = base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode()


def session():
    return boto3.Session(
        aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="hunter2", region_name="us-east-1"
    )


def signed_url(token):
    assert token.startswith("k8s-aws-v1.")
    encoded = token.removeprefix("k8s-aws-v1.")
    assert "=" not in encoded
    return urlsplit(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode())


def test_the_eks_token_is_a_presigned_caller_identity():
    url = signed_url(eks_token(session(), "dreamnet", "us-east-1"))
    query = {key: values[0] for key, values in parse_qs(url.query).items()}
    assert url.hostname == "sts.us-east-1.amazonaws.com"
    assert query["Action"] == "GetCallerIdentity"
    assert query["X-Amz-Credential"].startswith("AKIAEXAMPLE/")
    assert query["X-Amz-SignedHeaders"] == "host;x-k8s-aws-id"
    assert int(query["X-Amz-Expires"]) <= 60
    other = parse_qs(signed_url(eks_token(session(), "other", "us-east-1")).query)
    assert other["X-Amz-Signature"] != parse_qs(url.query)["X-Amz-Signature"], "the cluster's name is signed"


def test_the_eks_token_is_kept_until_it_is_nearly_over(monkeypatch):
    made = []
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(connect.time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(connect, "eks_token", lambda *_: made.append(1) or f"token{len(made)}")
    source = eks_token_source(session(), "dreamnet", "us-east-1")
    assert [source(), source()] == ["token1", "token1"]
    clock.now += 12 * 60
    assert source() == "token1"
    clock.now += 2 * 60
    assert source() == "token2", "renewed before the 15 minutes are over"


def test_no_aws_credentials():
    empty = SimpleNamespace(get_credentials=lambda: None)
    with pytest.raises(CredentialsError, match="no AWS credentials"):
        eks_token(empty, "dreamnet", "us-east-1")


class Eks:
    class exceptions:
        class ResourceNotFoundException(ClientError):
            pass

    def __init__(self, cluster):
        self.cluster = cluster

    def describe_cluster(self, name):
        if self.cluster is None:
            error = {"Error": {"Code": "ResourceNotFoundException", "Message": "No cluster found"}}
            raise self.exceptions.ResourceNotFoundException(error, "DescribeCluster")
        return {"cluster": {"name": name, **self.cluster}}


def aws(cluster):
    return SimpleNamespace(session=session(), client=lambda service, region: Eks(cluster))


def test_connect_eks_authenticates_every_request():
    ready = {"endpoint": "https://127.0.0.1:1", "certificateAuthority": {"data": PEM}}
    cluster = connect_eks(aws(ready), "dreamnet", "us-east-1")
    assert (cluster.name, cluster.cloud, cluster.region) == ("dreamnet", "aws", "us-east-1")
    headers = cluster.client.param_serialize(
        "GET", "/version", header_params={}, auth_settings=["BearerToken"]
    )[2]
    assert headers["authorization"].startswith("Bearer k8s-aws-v1.")
    assert cluster.client.configuration.verify_ssl
    assert "hunter2" not in repr(cluster)


def test_an_eks_cluster_that_is_not_there_or_not_ready():
    with pytest.raises(ResourceError, match="no EKS cluster dreamnet in us-east-1"):
        connect_eks(aws(None), "dreamnet", "us-east-1")
    with pytest.raises(ResourceError, match=r"no address or certificate yet .*CREATING"):
        connect_eks(aws({"status": "CREATING"}), "dreamnet", "us-east-1")


class Google:
    def __init__(self):
        self.valid, self.token, self.refreshed = False, None, 0

    def refresh(self, request):
        self.refreshed += 1
        self.valid, self.token = True, f"ya29.{self.refreshed}"


def test_connect_gke_renews_the_token_when_it_is_over():
    account = SimpleNamespace(credentials=Google(), project="p", region="us-central1")
    body = {
        "name": "dreamnet",
        "location": "us-central1-a",
        "endpoint": "203.0.113.7",
        "masterAuth": {"clusterCaCertificate": PEM},
    }
    cluster = connect_gke(account, body)
    assert cluster.region == "us-central1-a"
    assert cluster.client.configuration.host == "https://203.0.113.7"

    def header():
        return cluster.client.param_serialize("GET", "/", header_params={}, auth_settings=["BearerToken"])[2]

    assert [header()["authorization"], header()["authorization"]] == ["Bearer ya29.1", "Bearer ya29.1"]
    account.credentials.valid = False
    assert header()["authorization"] == "Bearer ya29.2"


def test_a_gke_cluster_still_being_made():
    account = SimpleNamespace(credentials=Google(), project="p", region="us-central1")
    with pytest.raises(ResourceError, match=r"GKE cluster dreamnet .*PROVISIONING"):
        connect_gke(account, {"name": "dreamnet", "status": "PROVISIONING"})


class GoogleRest:
    """A project whose REST calls answer what a test says."""

    project, region, credentials = "p", "us-central1", Google()

    def __init__(self, status, body):
        self.answer = SimpleNamespace(status_code=status, ok=status < 400, content=b"x", json=lambda: body)
        self.urls = []

    def root(self, name, default):
        return default

    def pace(self, url):
        return Pace()

    def session(self):
        return SimpleNamespace(request=lambda method, url, **_: self.urls.append(url) or self.answer)


def test_a_gke_cluster_is_found_by_name():
    body = {
        "name": "dreamnet",
        "location": "us-central1",
        "endpoint": "203.0.113.7",
        "masterAuth": {"clusterCaCertificate": PEM},
    }
    account = GoogleRest(200, body)
    assert connect.find_gke(account, "dreamnet", "us-central1").region == "us-central1"
    assert account.urls == [
        "https://container.googleapis.com/v1/projects/p/locations/us-central1/clusters/dreamnet"
    ]
    with pytest.raises(ResourceError, match="no GKE cluster dreamnet in us-central1"):
        connect.find_gke(GoogleRest(404, {}), "dreamnet", "us-central1")
