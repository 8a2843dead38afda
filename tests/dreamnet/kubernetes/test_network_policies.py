"""Nothing is open in the namespace but what DreamNet needs: each workload's ways, on every overlay."""

import ipaddress
from functools import cache
from pathlib import Path

import pytest

from dreamnet.kubernetes.manifests import render_unfilled

ROOT = Path(__file__).parents[3] / "infrastructure" / "kubernetes"
OVERLAYS = sorted(
    file.parent.name for file in ROOT.glob("*/kustomization.yaml") if file.parent.name != "base"
)
#: Addresses of nobody in particular, and of what the clouds run.
ANYONE, DATABASE = "203.0.113.9", "10.20.0.5"
PROBES = ("130.211.0.1", "35.191.255.254")
IDENTITY = {
    "gke": {("169.254.169.252", 988), ("169.254.169.254", 80)},
    "eks": {("169.254.170.23", 80)},
}
GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"


@cache
def objects_of(name):
    return [item for _, item in render_unfilled(ROOT / name)]


def pods(name):
    """Labels of every workload's pods, and of those that controllers start here for a Gateway."""
    found = {
        item["metadata"]["name"]: item["spec"]["template"]["metadata"]["labels"]
        for item in objects_of(name)
        if item["kind"] == "Deployment"
    }
    for item in objects_of(name):
        if item["kind"] == "Gateway" and item["spec"]["gatewayClassName"] in ("nginx", "istio-waypoint"):
            found[f"gateway {item['metadata']['name']}"] = {GATEWAY_NAME: item["metadata"]["name"]}
    return found


def selects(selector, labels):
    """Only matchLabels: a policy that says more would pass here unseen."""
    assert set(selector) <= {"matchLabels"}
    return selector.get("matchLabels", {}).items() <= labels.items()


def peer_matches(peer, other):
    """`other` is an address, or labels of a pod and of its namespace."""
    assert set(peer) <= {"ipBlock", "podSelector", "namespaceSelector"}
    if "ipBlock" in peer:
        return isinstance(other, str) and ipaddress.ip_address(other) in ipaddress.ip_network(
            peer["ipBlock"]["cidr"]
        )
    if isinstance(other, str):
        return False
    labels, space = other
    at_home = {"kubernetes.io/metadata.name": "dreamnet"}
    inside = selects(peer["namespaceSelector"], space) if "namespaceSelector" in peer else space == at_home
    return inside and selects(peer.get("podSelector", {}), labels)


def is_open(name, labels, direction, port, other, protocol="TCP"):
    """As the NetworkPolicy API defines it: closed once a policy selects the pod, opened by any rule."""
    side = "from" if direction == "Ingress" else "to"
    policies = [
        item["spec"]
        for item in objects_of(name)
        if item["kind"] == "NetworkPolicy"
        and direction in item["spec"]["policyTypes"]
        and selects(item["spec"]["podSelector"], labels)
    ]
    return not policies or any(
        (side not in rule or any(peer_matches(peer, other) for peer in rule[side]))
        and any(
            (entry["protocol"], entry["port"]) == (protocol, port)
            for entry in rule.get("ports", [{"protocol": protocol, "port": port}])
        )
        for policy in policies
        for rule in policy.get(direction.lower(), [])
    )


def in_namespace(name, **labels):
    return labels, {"kubernetes.io/metadata.name": name}


@pytest.mark.parametrize("name", OVERLAYS)
def test_an_unknown_pod_may_ask_for_names_and_nothing_else(name):
    stranger = {"app": "unknown"}
    assert is_open(name, stranger, "Egress", 53, ANYONE, "UDP")
    assert is_open(name, stranger, "Egress", 53, in_namespace("kube-system"))
    for port in (22, 80, 443, 5432, 15008):
        assert not is_open(name, stranger, "Egress", port, ANYONE)
    for port in (80, 8080, 8081):
        assert not is_open(name, stranger, "Ingress", port, ANYONE)
        assert not is_open(name, stranger, "Ingress", port, in_namespace("dreamnet"))


@pytest.mark.parametrize("name", OVERLAYS)
def test_each_workloads_ways_are_open_and_no_others(name):
    workloads = {one: labels for one, labels in pods(name).items() if not one.startswith("gateway ")}
    assert "dreamnet-api" in workloads
    for labels in workloads.values():
        for port in (5432, 6379):
            assert is_open(name, labels, "Egress", port, DATABASE)
        assert is_open(name, labels, "Egress", 443, ANYONE), "the clouds' APIs, the secret manager"
        assert is_open(name, labels, "Egress", 53, ANYONE, "UDP")
        for address, port in IDENTITY[name.split("-")[0]]:
            assert is_open(name, labels, "Egress", port, address)
        assert not is_open(name, labels, "Egress", 22, ANYONE)
        assert not is_open(name, labels, "Egress", 80, ANYONE)
        assert not is_open(name, labels, "Ingress", 22, in_namespace("dreamnet"))
        metrics = 8080 if labels["app.kubernetes.io/name"] == "dreamnet-api" else 8081
        assert is_open(name, labels, "Ingress", metrics, in_namespace("gmp-system"))
    for other in set(workloads) - {"dreamnet-api"}:
        assert not is_open(name, workloads[other], "Ingress", 8081, ANYONE)


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_load_balancer_reaches_the_backend_and_the_internet_only_where_it_must(name):
    labels = pods(name)["dreamnet-api"]
    if name.startswith("gke"):
        for probe in PROBES:
            assert is_open(name, labels, "Ingress", 8080, probe)
    # GKE's own Gateway talks to pods from its ranges only; elsewhere clients or the VPC arrive as they are.
    proxied = name in ("gke-full", "gke-istio")
    assert is_open(name, labels, "Ingress", 8080, ANYONE) is not proxied
    assert not is_open(name, labels, "Ingress", 8081, ANYONE)


def test_the_gateways_of_controllers_reach_what_they_stand_before():
    nginx = pods("gke-nginx")["gateway dreamnet"]
    api = pods("gke-nginx")["dreamnet-api"]
    for port in (80, 443):
        assert is_open("gke-nginx", nginx, "Ingress", port, ANYONE)
    assert is_open("gke-nginx", nginx, "Egress", 8080, (api, in_namespace("dreamnet")[1]))
    assert is_open("gke-nginx", api, "Ingress", 8080, (nginx, in_namespace("dreamnet")[1]))
    assert is_open("gke-nginx", nginx, "Egress", 8443, in_namespace("nginx-gateway"))
    assert not is_open("gke-nginx", nginx, "Egress", 443, ANYONE)
    for name in ("gke-istio", "eks-istio"):
        waypoint = pods(name)["gateway waypoint"]
        assert is_open(name, waypoint, "Ingress", 15008, in_namespace("dreamnet"))
        assert is_open(name, waypoint, "Egress", 15008, in_namespace("dreamnet"))
        assert is_open(name, waypoint, "Egress", 15012, in_namespace("istio-system"))
        assert not is_open(name, waypoint, "Egress", 443, ANYONE)


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_prefect_worker_reaches_prefect_and_nobody_reaches_it(name):
    worker = {"app.kubernetes.io/name": "prefect-worker"}
    for port in (443, 4200):
        assert is_open(name, worker, "Egress", port, ANYONE)
    assert is_open(name, worker, "Egress", 5432, DATABASE)
    assert not is_open(name, worker, "Ingress", 4200, in_namespace("dreamnet"))
