"""Who runs in the clusters and delivers into them: manifests and catalogue say the same of it."""

import json
import re
from pathlib import Path

import pytest

from dreamnet.kubernetes.manifests import render
from dreamnet.resources.catalogue import load_catalogue

ROOT = Path(__file__).parents[2] / "infrastructure"
PROJECT = "dreamnet-62b49"
VARIABLES = dict.fromkeys(
    ("image", "worker_image", "agents_image", "region", "host", "certificate_arn", "node_role"), "x"
) | {"project": PROJECT}
#: Controllers that the overlays count on and that their own charts install.
CHARTS = {
    ("kube-system", "aws-load-balancer-controller"),
    ("kube-system", "cluster-autoscaler"),
    ("kube-system", "karpenter"),
    ("external-secrets", "external-secrets"),
    ("aws-application-networking-system", "gateway-api-controller"),
    ("dreamnet", "dreamnet-yace"),
}
#: Whose other parts the catalogue has in the first region only.
FIRST_ONLY = {
    ("kube-system", "karpenter"),
    ("aws-application-networking-system", "gateway-api-controller"),
}


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue(ROOT).resources


def accounts(overlay):
    """ServiceAccounts of Pods, with their annotations."""
    rendered = render(ROOT / "kubernetes" / overlay, VARIABLES)
    used = {
        one["spec"]["template"]["spec"]["serviceAccountName"]
        for one in rendered
        if one["kind"] == "Deployment"
    }
    found = {one["metadata"]["name"]: one for one in rendered if one["kind"] == "ServiceAccount"}
    assert used == set(found)
    return {name: one["metadata"].get("annotations", {}) for name, one in found.items()}


def of_type(catalogue, type_name):
    return [one for one in catalogue.values() if one.type == type_name]


def test_every_service_account_on_gke_is_lent_the_google_account_it_names(catalogue):
    known = {one.name for one in of_type(catalogue, "iam.v1/projects.serviceAccounts")}
    lent = {
        (one.parent.split("/")[-1].split("@")[0], one.body["member"])
        for one in of_type(catalogue, "iam.v1/projects.serviceAccounts.iamMembers")
        if one.body["role"] == "roles/iam.workloadIdentityUser"
    }
    for name, annotations in accounts("gke-full").items():
        account = annotations["iam.gke.io/gcp-service-account"]
        assert account == f"{name}@{PROJECT}.iam.gserviceaccount.com"
        assert name in known
        member = f"serviceAccount:${{google.project}}.svc.id.goog[dreamnet/{name}]"
        assert (name, member) in lent


def test_every_service_account_on_eks_has_a_role_in_both_regions(catalogue):
    found = {
        (one.parent, one.body["Namespace"], one.body["ServiceAccount"])
        for one in of_type(catalogue, "AWS::EKS::PodIdentityAssociation")
    }
    wanted = {("dreamnet", name) for name in accounts("eks-full")}
    wanted |= CHARTS - FIRST_ONLY
    for namespace, name in wanted:
        for region in ("${aws.region}", "${aws.second_region}"):
            assert (region, namespace, name) in found
    assert {one[1:] for one in found} >= CHARTS


def test_workers_may_do_nothing_but_take_events(catalogue):
    (policy,) = catalogue["aws/role-worker"].body["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Resource"] == "${resource:aws/queue.Arn}"
    assert not any("*" in action or "Send" in action for action in statement["Action"])
    member = "serviceAccount:${resource:google/account-worker.email}"
    granted = [one for one in catalogue.values() if one.body.get("member") == member]
    assert [(one.body["role"], one.parent.split("/")[-1]) for one in granted] == [
        ("roles/pubsub.subscriber", "dream-events-workers")
    ]


def test_the_gateway_of_the_lattice_has_its_service_network(catalogue):
    gateways = [
        one["metadata"]["name"]
        for one in render(ROOT / "kubernetes" / "eks-lattice", VARIABLES)
        if one["kind"] == "Gateway" and one["spec"]["gatewayClassName"] == "amazon-vpc-lattice"
    ]
    assert gateways == [catalogue["aws/lattice"].body["Name"]]


def test_no_managed_policy_is_longer_than_iam_takes(catalogue):
    """6,144 characters, white space not counted (IAM user guide, "IAM and STS quotas")."""
    for one in of_type(catalogue, "AWS::IAM::ManagedPolicy"):
        text = json.dumps(one.body["PolicyDocument"], separators=(",", ":"))
        assert len(re.sub(r"\$\{[^}]+\}", "x" * 40, text)) < 6144, one.id


def test_only_the_deliveries_environment_of_one_repository_reads_prefects_key(catalogue):
    provider = catalogue["google/federation-github-actions"]
    condition = provider.body["attributeCondition"]
    repository = re.search(r"assertion\.repository == '([^']+)'", condition)[1]
    assert "assertion.environment == 'production'" in condition
    member = catalogue["google/access-delivery-secret"].body["member"]
    pool = provider.parent.split("/")[-1]
    assert member.endswith(f"/workloadIdentityPools/{pool}/attribute.repository/{repository}")
    assert [one.id for one in catalogue.values() if f"/{pool}/" in str(one.body.get("member"))] == [
        "google/access-delivery-secret"
    ]
    workflow = (ROOT.parent / ".github" / "workflows" / "deliver.yaml").read_text()
    assert "environment: production" in workflow
    header = (ROOT / "google" / "foundation" / "delivery.yaml").read_text()
    assert f"workloadIdentityPools/{pool}/providers/{provider.name}" in header
    assert f"PROJECT/{catalogue['google/secret-prefect-api-key'].name}" in header.replace("\n# ", " ")
    for variable in ("WORKLOAD_IDENTITY_PROVIDER", "PREFECT_KEY_SECRET"):
        assert variable in workflow
        assert variable in header
