"""Components on overlays: all validated, custom kinds by their own definitions, references whole."""

import re
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


#: File, what stands there, what is written instead, and what the problem says about it.
MISTAKES = [
    ("components/vertical-autoscaling/api.yaml", "updateMode:", "updateMod:", "updateMod"),
    ("components/vertical-autoscaling/worker.yaml", "InPlaceOrRecreate", "Sometimes", "Sometimes"),
    ("components/vertical-autoscaling/agents.yaml", "kind: Vertical", "kind: Verticle", "no kind Verticle"),
    ("components/gateway/routes.yaml", "backendRefs", "backendRef", "backendRef"),
    ("components/gateway-gke/gateway.yaml", "protocol: HTTPS", "protocol: HTTPS!", "form"),
    ("components/gateway-targets-eks/targets.yaml", "targetType: ip", "targetType: pod", "pod"),
    ("components/mesh-istio/authentication.yaml", "mode: STRICT", "mode: STRONG", "STRONG"),
    ("components/mesh-istio/authorization.yaml", "serviceAccounts", "serviceAccount", "serviceAccount"),
    ("components/secrets-gke/store.yaml", "projectID", "project", "project"),
    ("components/secrets-eks/keys.yaml", "creationPolicy: Owner", "creationPolicy: Mine", "Mine"),
    ("components/karpenter/nodepool.yaml", "consolidateAfter: 5m", "consolidateAfter: soon", "form"),
    ("components/karpenter/nodeclass.yaml", "httpTokens: required", "httpTokens: always", "always"),
    ("components/monitoring-gke/pods.yaml", "path: /metrics", "paths: /metrics", "paths"),
    ("components/monitoring-eks/pods.yaml", "podMetricsEndpoints", "podMetricEndpoints", "podMetric"),
    ("components/worker/deployment.yaml", "livenessProbe:", "livelinessProbe:", "livelinessProbe"),
    ("components/agents-gpu/deployment.yaml", 'nvidia.com/gpu: "1"', "nvidia.com/gpu: one", "one"),
]


@pytest.fixture(scope="module")
def mistaken(tmp_path_factory):
    """A copy with every mistake made at once, and what is found wrong with it."""
    root = tmp_path_factory.mktemp("mistaken") / "kubernetes"
    shutil.copytree(ROOT, root)
    for file, old, new, _ in MISTAKES:
        change(root / file, old, new)
    return root, [str(problem) for problem in find_problems(root)[1]]


@pytest.mark.parametrize(("file", "words"), [(file, words) for file, _, _, words in MISTAKES])
def test_an_unknown_kind_field_or_value_is_named_with_file_and_object(mistaken, file, words):
    root, problems = mistaken
    assert len(problems) == len(MISTAKES)
    [message] = [problem for problem in problems if str(root / file) in problem]
    assert words in message
    assert re.search(r": [A-Z]\w+ (dreamnet/)?(dreamnet|default)[a-z-]*: /", message)


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


def route_targets(route):
    parents = {("Gateway", parent["name"]) for parent in route["spec"]["parentRefs"]}
    backends = {
        ("Service", backend["name"])
        for rule in route["spec"]["rules"]
        for backend in rule.get("backendRefs", [])
    }
    return parents | backends


@pytest.mark.parametrize("name", OVERLAYS)
def test_what_an_object_refers_to_is_there(name):
    objects = objects_of(name)
    there = {(item["kind"], item["metadata"]["name"]) for item in objects}
    for item in objects:
        spec = item.get("spec") or {}
        for target in filter(None, (spec.get("scaleTargetRef"), spec.get("targetRef"))):
            assert (target["kind"], target["name"]) in there
        if item["kind"] == "HTTPRoute":
            assert route_targets(item) <= there
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


@pytest.mark.parametrize(
    ("name", "controller"),
    [("gke-full", "gke-l7-global-external-managed"), ("eks-full", "aws-alb"), ("gke-nginx", "nginx")],
)
def test_behind_a_gateway_the_service_has_no_balancer_of_its_own(name, controller):
    objects = objects_of(name)
    service = named(objects, "Service", "dreamnet-api")
    assert service["spec"]["type"] == "ClusterIP"
    assert "externalTrafficPolicy" not in service["spec"]
    assert "annotations" not in service["metadata"]
    gateway = named(objects, "Gateway", "dreamnet")["spec"]
    assert gateway["gatewayClassName"] == controller
    assert {listener["name"]: listener["port"] for listener in gateway["listeners"]} == {
        "http": 80,
        "https": 443,
    }


@pytest.mark.parametrize("name", ["gke-istio", "eks-istio"])
def test_the_mesh_lets_tunnels_through_and_plain_text_to_named_ports_only(name):
    objects = objects_of(name)
    tunnels = named(objects, "NetworkPolicy", "mesh")["spec"]
    assert {"protocol": "TCP", "port": 15008} in tunnels["ingress"][0]["ports"]
    assert {"protocol": "TCP", "port": 15008} in tunnels["egress"][0]["ports"]
    plain = {
        item["metadata"]["name"]: set(item["spec"].get("portLevelMtls", {}))
        for item in objects
        if item["kind"] == "PeerAuthentication"
    }
    assert plain == {
        "default": set(),
        "dreamnet-api": {"8080"},
        "dreamnet-worker": {"8081"},
        "dreamnet-agents": {"8081"},
    }
    labels = named(objects, "Namespace", "dreamnet")["metadata"]["labels"]
    assert labels["istio.io/dataplane-mode"] == "ambient"
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_a_name_yet_to_be_filled_in_is_no_problem_but_a_wrong_one_is():
    route = named(objects_of("gke-full"), "HTTPRoute", "dreamnet-api")
    assert validate([route], crds=ROOT / "crds") == []
    route["spec"]["hostnames"] = ["Not A Host"]
    assert [problem.path for problem in validate([route], crds=ROOT / "crds")] == ["/spec/hostnames/0"]


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_operators_page_names_every_overlay_and_its_variables(name):
    page = (ROOT.parents[1] / "docs" / "operate.md").read_text()
    used = set(re.findall(r"\$\{(\w+)\}", yaml.safe_dump_all(objects_of(name), width=1000)))
    assert {"image", "region"} <= used
    assert f"`{name}`" in page
    assert [variable for variable in used if f"`{variable}`" not in page] == []
