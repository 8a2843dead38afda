"""Selectors, validation, storage, tokens, environment: the parts without a server."""

from __future__ import annotations

import base64
import datetime

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localcloud.kubernetes.auth import Authenticator, Keys
from localcloud.kubernetes.config import parse_options
from localcloud.kubernetes.errors import ApiError
from localcloud.kubernetes.kinds import Kinds
from localcloud.kubernetes.kubelet.environment import ConfigError, resolve
from localcloud.kubernetes.kubelet.images import is_backend
from localcloud.kubernetes.quantities import cores, parse, share
from localcloud.kubernetes.schema import Schemas
from localcloud.kubernetes.selectors import matches_selector, parse_fields, parse_labels
from localcloud.kubernetes.signing import SigningKey
from localcloud.kubernetes.storage import Store
from localcloud.kubernetes.users import AccountTokens
from localcloud.kubernetes.validation import decode

KEYS = Keys("west", "aws", "admin", "google-token", "me@x", "123456789012", "AKIAEXAMPLE", "secret")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("app=a", True),
        ("app!=a", False),
        ("app in (a, b),tier", True),
        ("app notin (a,b)", False),
        ("!tier", False),
        ("app==a,!nothing", True),
    ],
)
def test_label_selectors(text, expected):
    assert parse_labels(text)({"app": "a", "tier": "x"}) is expected


def test_field_selectors_and_label_selector_objects():
    pod = {"metadata": {"name": "p"}, "spec": {"nodeName": "n"}, "status": {}}
    assert parse_fields("metadata.name=p,spec.nodeName!=m,status.phase=", "pods")(pod)
    assert not parse_fields("spec.nodeName=m", "pods")(pod)
    expression = {"matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}]}
    assert matches_selector(expression, {"a": "1"})
    assert not matches_selector(expression, {"a": "2"})
    assert not matches_selector(None, {"a": "1"})


def decoded(spec, strictness="Strict"):
    kind = Kinds().find("apps", "v1", "deployments")
    body = {"metadata": {"name": "d"}, "spec": spec}
    return decode(body, Schemas("1.35").node("apps/v1", "Deployment"), kind, strictness)


GOOD = {"selector": {}, "template": {"spec": {"containers": [{"name": "a", "image": "x"}]}}}


def test_unknown_field_is_refused_or_dropped_with_a_warning():
    with pytest.raises(ApiError) as refused:
        decoded(GOOD | {"replica": 3})
    assert refused.value.code == 400
    assert 'strict decoding error: unknown field "spec.replica"' in refused.value.message
    obj, warnings = decoded(GOOD | {"replica": 3}, "Warn")
    assert warnings == ['unknown field "spec.replica"']
    assert "replica" not in obj["spec"]


def test_wrong_type_and_missing_field():
    with pytest.raises(
        ApiError, match=r"cannot unmarshal string into Go struct field spec.replicas of type int32"
    ):
        decoded(GOOD | {"replicas": "three"})
    with pytest.raises(
        ApiError, match=r'Deployment.apps "d" is invalid: spec.selector: Required value'
    ) as missing:
        decoded({"template": GOOD["template"]})
    assert missing.value.code == 422


def test_storage_survives_a_restart_and_forgets_old_watches(tmp_path):
    store = Store(tmp_path / "objects.sqlite")
    store.put("configmaps", {"metadata": {"name": "a", "namespace": "n", "uid": "1"}})
    store.put("configmaps", {"metadata": {"name": "b", "namespace": "n", "uid": "2"}})
    store.remove("configmaps", "n", "a")
    before = store.revision
    store.close()
    again = Store(tmp_path / "objects.sqlite")
    assert [o["metadata"]["name"] for o in again.list("configmaps", "n")] == ["b"]
    assert again.revision >= before
    assert again.watch("configmaps", 1) is None
    assert again.watch("configmaps", again.revision) is not None


def eks_token(key_id="AKIAEXAMPLE", secret="secret", cluster="west"):
    request = AWSRequest(
        "GET",
        "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15",
        headers={"x-k8s-aws-id": cluster},
    )
    SigV4QueryAuth(Credentials(key_id, secret), "sts", "us-east-1", expires=60).add_auth(request)
    return "Bearer k8s-aws-v1." + base64.urlsafe_b64encode(request.url.encode()).decode().rstrip("=")


def authenticator_in(folder):
    store, key = Store(folder / "objects.sqlite"), SigningKey(folder / "sa.key")
    return Authenticator(KEYS, AccountTokens(store, key))


def test_eks_token_is_checked_by_key_cluster_and_signature(tmp_path):
    authenticator = Authenticator(
        KEYS, AccountTokens(Store(tmp_path / "objects.sqlite"), SigningKey(tmp_path / "sa.key"))
    )
    assert authenticator.user(eks_token()).name.startswith("arn:aws:iam::123456789012:")
    for token in (
        eks_token(key_id="AKIAOTHER"),
        eks_token(secret="wrong"),
        eks_token(cluster="east"),
        "Bearer k8s-aws-v1.x",
        "",
    ):
        with pytest.raises(ApiError) as refused:
            authenticator.user(token)
        assert refused.value.code == 401


def test_eks_token_ends_after_fifteen_minutes(monkeypatch, tmp_path):
    token = eks_token()

    class Later(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return super().now(tz) + datetime.timedelta(minutes=16)

    monkeypatch.setattr("localcloud.kubernetes.auth.datetime.datetime", Later)
    with pytest.raises(ApiError):
        Authenticator(
            KEYS, AccountTokens(Store(tmp_path / "objects.sqlite"), SigningKey(tmp_path / "sa.key"))
        ).user(token)


def test_google_token_is_for_google_clusters_and_the_rehearsal_paths(tmp_path):
    authenticator = Authenticator(
        KEYS, AccountTokens(Store(tmp_path / "objects.sqlite"), SigningKey(tmp_path / "sa.key"))
    )
    with pytest.raises(ApiError):
        authenticator.user("Bearer google-token")
    assert authenticator.user("Bearer google-token", rehearsal=True).name == "me@x"
    assert "google-token" not in repr(KEYS)
    assert "secret" not in repr(KEYS)


def test_environment_is_resolved_like_a_kubelet(tmp_path):
    store = Store(tmp_path / "objects.sqlite")
    metadata = {"name": "s", "namespace": "n", "uid": "1"}
    store.put("secrets", {"metadata": metadata, "data": {"URL": base64.b64encode(b"db").decode()}})
    pod = {"metadata": {"name": "p", "namespace": "n", "labels": {"app": "a"}}, "spec": {}, "status": {}}
    container = {
        "env": [
            {"name": "URL", "valueFrom": {"secretKeyRef": {"name": "s", "key": "URL"}}},
            {"name": "FULL", "value": "$(URL)/x $$(URL)"},
            {"name": "APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
            {"name": "NONE", "valueFrom": {"secretKeyRef": {"name": "gone", "key": "x", "optional": True}}},
        ]
    }
    assert resolve(store, pod, container) == {"URL": "db", "FULL": "db/x $(URL)", "APP": "a"}
    container["env"][3]["valueFrom"]["secretKeyRef"]["optional"] = False
    with pytest.raises(ConfigError, match='secret "gone" not found'):
        resolve(store, pod, container)


def test_quantities():
    assert parse("250m") == 0.25
    assert parse("1Gi") == 1024**3
    assert parse("2") == 2
    assert cores(0.2501) == "251m"
    assert share("25%", 3, round_up=True) == 1
    assert share("25%", 3, round_up=False) == 0
    assert share(2, 3, round_up=False) == 2


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("localcloud/dreamnet-backend:1", True),
        ("reg:5000/a/dreamnet-backend", True),
        ("nginx:1", False),
        ("x/dreamnet-backend-ui:1", False),
    ],
)
def test_backend_images(image, expected):
    assert is_backend(image) is expected


def test_command_line_is_checked(capsys):
    base = ["--state", "x", "--name", "c", "--cloud", "google", "--region", "r", "--port", "1"]
    short, full = "p=2:e2-standard-2", 'q={"count": 1, "machine_type": "e2-small", "min": 0, "max": 2}'
    first, second = parse_options([*base, "--node-group", short, "--node-group", full]).node_groups
    assert (first.name, first.spec["count"], first.spec["machine_type"]) == ("p", 2, "e2-standard-2")
    assert (second.name, second.spec["max"]) == ("q", 2)
    with pytest.raises(SystemExit):
        parse_options([*base, "--node-group", "p:2"])
    assert "NAME=COUNT:MACHINE-TYPE" in capsys.readouterr().err
