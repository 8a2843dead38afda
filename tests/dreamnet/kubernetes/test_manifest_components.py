"""Components on overlays: all validated, custom kinds by their own definitions, references whole."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dreamnet.errors import ConfigurationError
from dreamnet.kubernetes.__main__ import find_problems
from dreamnet.kubernetes.manifests import render_unfilled, validate

ROOT = Path(__file__).parents[3] / "infrastructure" / "kubernetes"
OVERLAYS = sorted(
    file.parent.name for file in ROOT.glob("*/kustomization.yaml") if file.parent.name not in ("base",)
)


@pytest.fixture
def copied(tmp_path):
    shutil.copytree(ROOT, tmp_path / "kubernetes")
    return tmp_path / "kubernetes"


def objects_of(name):
    return [item for _, item in render_unfilled(ROOT / name)]


def named(objects, kind, name):
    return next(item for item in objects if item["kind"] == kind and item["metadata"]["name"] == name)


def change(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "dreamnet.kubernetes", *arguments], capture_output=True, text=True
    )


def test_every_overlay_is_valid():
    counts, problems = find_problems(ROOT)
    assert problems == []
    assert set(OVERLAYS) < set(counts)


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("components/vertical-autoscaling/api.yaml", "updateMode:", "updateMod:", "updateMod"),
        ("components/vertical-autoscaling/api.yaml", '"Off"', "Sometimes", "Sometimes"),
        ("components/vertical-autoscaling/api.yaml", "kind: Vertical", "kind: Verticle", "no kind Verticle"),
        ("components/worker/deployment.yaml", "livenessProbe:", "livelinessProbe:", "livelinessProbe"),
        ("components/agents-gpu/deployment.yaml", 'nvidia.com/gpu: "1"', "nvidia.com/gpu: one", "one"),
    ],
)
def test_an_unknown_kind_field_or_value_is_named_with_file_and_object(copied, file, old, new, words):
    change(copied / file, old, new)
    _, problems = find_problems(copied)
    assert len(problems) == 1
    message = str(problems[0])
    assert str(copied / file) in message
    assert words in message
    assert "dreamnet/dreamnet-" in message


def test_a_component_that_no_overlay_takes_in_is_refused(copied):
    change(copied / "gke-full" / "kustomization.yaml", "  - ../components/workload-identity-gke\n", "")
    with pytest.raises(ConfigurationError, match=r"No overlay takes in .*workload-identity-gke"):
        find_problems(copied)


def test_a_manifest_among_the_definitions_is_refused(copied):
    shutil.copy(copied / "base" / "pdb.yaml", copied / "crds")
    with pytest.raises(ConfigurationError, match=r"pdb.yaml: a document is no CustomResourceDefinition"):
        find_problems(copied)


def test_a_custom_kinds_metadata_is_as_strict_as_a_built_in_ones():
    scaler = named(objects_of("gke-full"), "VerticalPodAutoscaler", "dreamnet-api")
    scaler["metadata"]["lables"] = {"a": "b"}
    problems = validate([scaler], crds=ROOT / "crds")
    assert [problem.path for problem in problems] == ["/metadata"]
    assert "lables" in problems[0].message


def test_without_its_definition_a_custom_kind_is_unknown():
    scaler = named(objects_of("gke-full"), "VerticalPodAutoscaler", "dreamnet-api")
    assert "no kind VerticalPodAutoscaler" in str(validate([scaler])[0])


def test_the_command_validates_and_renders(copied):
    found = command("validate", str(copied))
    assert found.returncode == 0, found.stderr
    assert "gke-full" in found.stdout
    change(copied / "base" / "pdb.yaml", "minAvailable", "minAvailible")
    broken = command("validate", str(copied))
    assert broken.returncode == 1
    assert "base/pdb.yaml: PodDisruptionBudget dreamnet/dreamnet-api: /spec" in broken.stderr
    rendered = command("render", str(ROOT / "gke"), "image=i:1", "region=r")
    assert "i:1" in {
        item["spec"]["template"]["spec"]["containers"][0]["image"]
        for item in yaml.safe_load_all(rendered.stdout)
        if item["kind"] == "Deployment"
    }
    assert "${image} has no value" in command("render", str(ROOT / "gke"), "region=r").stderr


@pytest.mark.parametrize("name", OVERLAYS)
def test_what_an_object_refers_to_is_there(name):
    objects = objects_of(name)
    there = {(item["kind"], item["metadata"]["name"]) for item in objects}
    for item in objects:
        target = (
            item["spec"].get("scaleTargetRef") or item["spec"].get("targetRef") if "spec" in item else None
        )
        if target:
            assert (target["kind"], target["name"]) in there
        if item["kind"] == "Deployment":
            pod = item["spec"]["template"]["spec"]
            assert ("ServiceAccount", pod["serviceAccountName"]) in there
            assert ("PodDisruptionBudget", item["metadata"]["name"]) in there
            assert ("NetworkPolicy", item["metadata"]["name"]) in there


@pytest.mark.parametrize("name", ["gke-full", "eks-full"])
def test_no_vertical_autoscaler_moves_what_a_horizontal_one_measures(name):
    objects = objects_of(name)
    measured = {
        item["spec"]["scaleTargetRef"]["name"]
        for item in objects
        if item["kind"] == "HorizontalPodAutoscaler"
        and any(metric["type"] == "Resource" for metric in item["spec"]["metrics"])
    }
    moved = {
        item["spec"]["targetRef"]["name"]
        for item in objects
        if item["kind"] == "VerticalPodAutoscaler" and item["spec"]["updatePolicy"]["updateMode"] != "Off"
    }
    assert measured == {"dreamnet-api"}
    assert moved == {"dreamnet-worker", "dreamnet-agents"}


@pytest.mark.parametrize("name", ["gke-full", "eks-full"])
def test_workers_bear_spot_machines_and_agents_get_the_gpu(name):
    objects = objects_of(name)
    worker = named(objects, "Deployment", "dreamnet-worker")["spec"]["template"]["spec"]
    assert {entry["key"] for entry in worker["tolerations"]} == {"cloud.google.com/gke-spot", "dreamnet/spot"}
    agents = named(objects, "Deployment", "dreamnet-agents")["spec"]
    pod = agents["template"]["spec"]
    assert [entry["key"] for entry in pod["tolerations"]] == ["nvidia.com/gpu"]
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert pod["containers"][0]["image"] == "${agents_image}"
    assert agents["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
