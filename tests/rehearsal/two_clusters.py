"""A GKE and an EKS cluster of the local cloud, and the database that their backends use."""

import base64
from pathlib import Path
from types import SimpleNamespace

import boto3
from google.oauth2.credentials import Credentials

from dreamnet.kubernetes.apply import apply
from dreamnet.kubernetes.connect import connect_eks, connect_gke
from dreamnet.kubernetes.manifests import render
from dreamnet.kubernetes.rollout import wait_rollout
from dreamnet.kubernetes.scale import put_secret
from localcloud.engines import Engines
from localcloud.state import State

ROOT = Path(__file__).parents[2] / "infrastructure" / "kubernetes"
IMAGE = "localcloud/dreamnet-backend:1"
NAMESPACE, NAME = "dreamnet", "dreamnet-api"


def quiet(text):
    pass


class Cloud:
    """Two clusters and the database that their backends use."""

    def __init__(self, directory):
        state = State(directory)
        self.engines = Engines(state)
        self.keys = state.credentials()
        self.gke_server = self.engines.kubernetes(
            "gke",
            cloud="google",
            region="us-central1",
            version="1.35",
            node_groups=[{"name": "default", "count": 2, "machine_type": "e2-standard-2"}],
            gateway_api=True,
        )
        self.eks_server = self.engines.kubernetes(
            "eks",
            cloud="aws",
            region="us-east-1",
            version="1.35",
            node_groups=[{"name": "workers", "count": 2, "machine_type": "t3.medium"}],
        )
        self.database = self.engines.postgres(
            "app", region="global", user="dreamnet", password="local", database="dreamnet"
        )
        self.gke = self.connect_gke(self.keys.google_access_token)
        self.eks = self.connect_eks(self.keys.aws_secret_access_key)

    def authority(self, server):
        return base64.b64encode(server.ca_certificate_pem.encode()).decode()

    def connect_gke(self, token, server=None, authority=None):
        account = SimpleNamespace(credentials=Credentials(token), project="p", region="us-central1")
        server = server or self.gke_server
        body = {
            "name": "gke",
            "location": "us-central1",
            "endpoint": server.server.removeprefix("https://"),
            "masterAuth": {"clusterCaCertificate": authority or self.authority(server)},
        }
        return connect_gke(account, body)

    def connect_eks(self, secret):
        session = boto3.Session(
            aws_access_key_id=self.keys.aws_access_key_id,
            aws_secret_access_key=secret,
            region_name="us-east-1",
        )
        answer = {
            "endpoint": self.eks_server.server,
            "certificateAuthority": {"data": self.authority(self.eks_server)},
        }
        eks = SimpleNamespace(
            describe_cluster=lambda name: {"cluster": answer},
            exceptions=SimpleNamespace(ResourceNotFoundException=KeyError),
        )
        account = SimpleNamespace(session=session, client=lambda service, region: eks)
        return connect_eks(account, "eks", "us-east-1")

    @property
    def clusters(self):
        return [self.gke, self.eks]

    def deploy(self, cluster):
        overlay = "gke" if cluster.cloud == "google" else "eks"
        manifests = render(ROOT / overlay, {"image": IMAGE, "region": cluster.region})
        report = apply(cluster, manifests, progress=quiet, prune="app.kubernetes.io/part-of=dreamnet")
        put_secret(cluster, NAMESPACE, "dreamnet-database", {"url": self.database.dsn})
        wait_rollout(cluster, NAMESPACE, NAME, 60, quiet)
        return report

    def close(self):
        for endpoint in self.engines.list():
            self.engines.delete(endpoint.name)
