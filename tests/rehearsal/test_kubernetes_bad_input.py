"""What can be wrong with a cluster or what it gets: one sentence naming the object each, and a remedy."""

import base64
import copy
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import certifi
import pytest
from google.oauth2.credentials import Credentials
from kubernetes import config

from dreamnet.errors import ConfigurationError, CredentialsError, ResourceError, UnreachableError
from dreamnet.kubernetes.apply import apply
from dreamnet.kubernetes.cluster import APPLY_PATCH, Cluster, Conflict, Forbidden, NotFound
from dreamnet.kubernetes.connect import connect_gke
from dreamnet.kubernetes.manifests import render
from dreamnet.kubernetes.rollout import RolloutStuck, wait_rollout
from localcloud.engines import Engines
from localcloud.state import State

pytestmark = pytest.mark.rehearsal

ROOT = Path(__file__).parents[2] / "infrastructure" / "kubernetes"
VALUES = {"image": "localcloud/dreamnet-backend:1", "region": "us-central1"}
SPACE, FULL = "dreamnet", "full"


def quiet(text):
    pass


def named(kind, name, namespace=SPACE, version="v1", **fields):
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}


def backend(name, namespace=SPACE, **container):
    """The backend's Deployment under another name, with something changed in its container."""
    found = copy.deepcopy(next(i for i in render(ROOT / "gke", VALUES) if i["kind"] == "Deployment"))
    found["metadata"] = {"name": name, "namespace": namespace}
    found["spec"]["selector"]["matchLabels"] = {"app": name}
    found["spec"]["template"]["metadata"]["labels"] = {"app": name}
    del found["spec"]["template"]["spec"]["serviceAccountName"]
    found["spec"]["template"]["spec"]["containers"][0].update(container)
    return found


class Trouble:
    """One cluster, and whoever comes to it."""

    def __init__(self, folder):
        self.state = State(folder)
        self.engines = Engines(self.state)
        self.endpoint = self.engines.kubernetes(
            "west",
            cloud="google",
            region="us-central1",
            version="1.35",
            node_groups=[{"name": "pool", "count": 1, "machine_type": "e2-standard-4"}],
        )
        client = config.new_client_from_config(str(self.endpoint.kubeconfig))
        self.cluster = Cluster("west", "google", "us-central1", client)

    def connected(self, token=None, authority=None, refresh=None):
        """The cluster through its cloud's record, with what is wrong in it."""
        credentials = Credentials(token or self.state.credentials().google_access_token)
        if refresh:
            credentials.refresh = refresh(credentials)
        pem = authority or self.endpoint.ca_certificate_pem
        body = {
            "name": "west",
            "location": "us-central1",
            "endpoint": self.endpoint.server.removeprefix("https://"),
            "masterAuth": {"clusterCaCertificate": base64.b64encode(pem.encode()).decode()},
        }
        account = SimpleNamespace(credentials=credentials, project="acme", region="us-central1")
        return connect_gke(account, body)

    def as_robot(self):
        """The cluster as a ServiceAccount that may look and not touch."""
        for manifest in (
            named("Namespace", SPACE, namespace=""),
            named("ServiceAccount", "robot"),
            named(
                "ClusterRoleBinding",
                "robot",
                namespace="",
                version="rbac.authorization.k8s.io/v1",
                roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
                subjects=[{"kind": "ServiceAccount", "name": "robot", "namespace": SPACE}],
            ),
        ):
            apply(self.cluster, [manifest], progress=quiet)
        path = f"/api/v1/namespaces/{SPACE}/serviceaccounts/robot/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        return self.connected(self.cluster.call("POST", path, body=request)[1]["status"]["token"])


@pytest.fixture(scope="module")
def trouble(tmp_path_factory):
    made = Trouble(tmp_path_factory.mktemp("trouble"))
    try:
        apply(
            made.cluster,
            [
                named("Namespace", SPACE, namespace=""),
                named("Namespace", FULL, namespace=""),
                named("ResourceQuota", "small", FULL, spec={"hard": {"configmaps": "0", "pods": "0"}}),
                named("ConfigMap", "theirs", data={"REGION": "here"}),
                named("Service", "api", spec={"ports": [{"name": "http", "port": 80}]}),
                backend("fixed"),
            ],
            progress=quiet,
        )
        query = {"fieldManager": "somebody", "force": "true"}
        theirs = named("ConfigMap", "theirs", data={"REGION": "elsewhere"})
        path = made.cluster.path_of(theirs)
        made.cluster.call("PATCH", path, query=query, body=theirs, content_type=APPLY_PATCH)
        yield made
    finally:
        made.engines.delete("west")


def wrong_type(trouble):
    return trouble.cluster, backend("api") | {"spec": backend("api")["spec"] | {"replicas": "3"}}


def unknown_kind(trouble):
    return trouble.cluster, named("Dream", "lucid", version="dreamnet.example/v1")


def other_authority(trouble):
    return trouble.connected(authority=Path(certifi.where()).read_text()), named("ConfigMap", "c")


def other_clusters_record(trouble):
    return trouble.connected(token="of-another-cluster"), named("ConfigMap", "c")


def expired_for_good(trouble):
    def refresh(credentials):
        return lambda request: setattr(credentials, "token", "expired-too")

    return trouble.connected(token="expired", refresh=refresh), named("ConfigMap", "c")


def forbidden(trouble):
    return trouble.as_robot(), named("ConfigMap", "c")


def anothers_field(trouble):
    return trouble.cluster, named("ConfigMap", "theirs", data={"REGION": "here"})


def over_quota(trouble):
    return trouble.cluster, named("ConfigMap", "one-more", FULL)


def fixed_field(trouble):
    changed = backend("fixed")
    changed["spec"]["selector"]["matchLabels"] = {"app": "other"}
    changed["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    return trouble.cluster, changed


def no_namespace(trouble):
    return trouble.cluster, named("ConfigMap", "c", "nowhere")


#: What is wrong, the error's class, what its sentence says, and its remedy.
REFUSED = [
    (
        wrong_type,
        ConfigurationError,
        r"Deployment dreamnet/api: /spec/replicas: .*integer",
        "Correct the files",
    ),
    (
        unknown_kind,
        ConfigurationError,
        r"does not know the kinds of Dream dreamnet/lucid",
        "Install what defines",
    ),
    (
        other_authority,
        UnreachableError,
        r"west .* shows a certificate that its own CA did not sign",
        "CA again",
    ),
    (other_clusters_record, CredentialsError, r"west .* refused the token at GET", "Google block"),
    (
        expired_for_good,
        CredentialsError,
        r"refused the token at GET .*, and a new one too",
        "this cluster trusts",
    ),
    (forbidden, Forbidden, r"not allowed to PATCH configmaps dreamnet/c: .*robot", "container.developer"),
    (anothers_field, Conflict, r"another manager .* configmaps dreamnet/theirs: .*REGION.*somebody", "force"),
    (over_quota, ResourceError, r"configmaps full/one-more exceeds a quota: .*small", "ResourceQuota"),
    (
        fixed_field,
        ResourceError,
        r"deployments dreamnet/fixed is invalid: .*immutable",
        "Correct the manifest",
    ),
    (no_namespace, NotFound, r"no namespace for configmaps nowhere/c", "Apply the Namespace"),
]


@pytest.mark.parametrize(
    ("arrange", "kind", "words", "remedy"), REFUSED, ids=lambda one: getattr(one, "__name__", "")
)
def test_what_is_refused_is_one_sentence_with_the_objects_name(trouble, arrange, kind, words, remedy):
    cluster, manifest = arrange(trouble)
    with pytest.raises(kind, match=words) as caught:
        apply(cluster, [manifest], progress=quiet)
    assert remedy in caught.value.remedy
    assert caught.value.problem.endswith(".")
    assert "\n" not in caught.value.problem


def test_a_token_that_expired_is_renewed_once_and_nobody_notices(trouble):
    asked = []

    def refresh(credentials):
        def renew(request):
            asked.append(credentials.token)
            credentials.token = trouble.state.credentials().google_access_token

        return renew

    cluster = trouble.connected(token="expired", refresh=refresh)
    assert apply(cluster, [named("ConfigMap", "c")], progress=quiet).count("created") == 1
    assert asked == ["expired"]


def test_what_a_refusal_leaves_half_applied_is_told(trouble):
    wanted = [named("ConfigMap", "first"), named("ConfigMap", "second", FULL), named("Service", "third")]
    wanted[2]["spec"] = {"ports": [{"name": "http", "port": 80}]}
    with pytest.raises(ResourceError) as caught:
        apply(trouble.cluster, wanted, progress=quiet)
    for words in (
        "second exceeds a quota",
        "1 of 3 objects were applied before it (ConfigMap first created)",
        "not reached: Service dreamnet/third",
    ):
        assert words in caught.value.problem


NO_DATABASE = [
    {"name": "PORT", "value": "8080"},
    {"name": "REGION", "value": "r"},
    {"name": "DATABASE_URL", "value": "postgresql://nobody@127.0.0.1:9/none"},
]
#: Deployments that don't get on, in which namespace, and what is said about them.
STUCK = {
    "image": (
        SPACE,
        {"image": "localcloud/dreamnet-backend:missing"},
        r"image can't be pulled",
        "name and tag",
    ),
    "quota": (FULL, {}, r"its pods are refused: .*exceeded quota: small", "ResourceQuota"),
    "probe": (SPACE, {"env": NO_DATABASE}, r"its readiness probe fails", "database's address"),
    "secret": (
        SPACE,
        {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "none", "key": "k"}}}]},
        r"none",
        "Secret",
    ),
}


def test_a_rollout_that_sticks_says_why(trouble):
    made = [backend(name, space, **container) for name, (space, container, _, _) in STUCK.items()]
    apply(trouble.cluster, made, progress=quiet)

    def problem(name):
        with pytest.raises(RolloutStuck) as caught:
            wait_rollout(trouble.cluster, STUCK[name][0], name, 4, quiet)
        return caught.value

    with ThreadPoolExecutor(len(STUCK)) as pool:
        said = dict(zip(STUCK, pool.map(problem, STUCK), strict=True))
    for name, (space, _, words, remedy) in STUCK.items():
        assert f"Deployment {space}/{name} has not rolled out" in said[name].problem
        assert re.search(words, said[name].problem), said[name].problem
        assert remedy in said[name].remedy
