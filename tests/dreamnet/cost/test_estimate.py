from pathlib import Path

import pytest

from dreamnet.cost.estimate import check_budget, estimate
from dreamnet.cost.prices import load_prices
from dreamnet.errors import ConfigurationError
from dreamnet.resources.catalogue import Catalogue, load_catalogue
from dreamnet.resources.selections import load_selection

ROOT = Path(__file__).parents[3] / "infrastructure"
VARIABLES = {
    "google.project": "p",
    "google.region": "us-central1",
    "google.zone": "us-central1-a",
    "google.second_region": "us-east1",
    "aws.account_id": "1",
    "aws.region": "us-east-1",
    "aws.second_region": "us-west-2",
    "operator.email": "o@example.com",
    "frontdoor.port": "80",
}
GKE = """\
id: google/cluster
type: container.v1/projects.locations.clusters
name: c
parent: projects/p/locations/{location}
body:
  nodePools:
    - name: a
      initialNodeCount: 2
      config: {{machineType: e2-standard-2, diskSizeGb: 10, {more}}}
"""
EKS = """\
id: aws/cluster
type: AWS::EKS::Cluster
name: c
parent: us-east-1
body: {{Version: "{version}"}}
"""


def gameplan() -> Catalogue:
    return load_selection(ROOT / "selections.yaml", "gameplan").of(load_catalogue(ROOT))


@pytest.fixture
def priced(tmp_path):
    def price(**files):
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_suffix(".yaml").write_text(text)
        return estimate(load_catalogue(tmp_path), VARIABLES, load_prices(ROOT / "prices.yaml"))

    return price


def test_a_zonal_cluster_gets_the_management_credit_and_a_regional_one_does_not(priced):
    nodes = 2 * (0.0670 * 730 + 10 * 0.10)
    assert priced(google__c=GKE.format(location="us-central1-a", more="")).total() == pytest.approx(nodes)
    regional = priced(google__c=GKE.format(location="us-central1", more=""))
    assert regional.total() == pytest.approx(73 + 3 * nodes)


def test_spot_nodes_cost_their_own_price(priced):
    found = priced(google__c=GKE.format(location="us-central1-a", more="spot: true"))
    assert found.lines[1].monthly == pytest.approx(2 * 0.0268 * 730)


@pytest.mark.parametrize(
    ("version", "hourly"), [("1.35", 0.10), ("1.36", 0.10), ("1.34", 0.60), ("1.9", 0.60)]
)
def test_an_old_eks_version_costs_six_times_as_much(priced, version, hourly):
    assert priced(aws__c=EKS.format(version=version)).total("aws") == pytest.approx(hourly * 730)


def test_what_the_sheet_does_not_know_is_named_and_never_zero(priced):
    text = GKE.format(location="us-central1-a", more="").replace("e2-standard-2", "c9-mega-96")
    found = priced(google__c=text, aws__x=EKS.format(version="1.35").replace("EKS::Cluster", "Braket::Thing"))
    assert found.unknown == (
        ("google/cluster", "node c9-mega-96, pool a"),
        ("aws/cluster", "AWS::Braket::Thing"),
    )
    assert "Not in the price sheet" in found.markdown()


def test_the_whole_catalogue_is_priced_and_dearer_than_planned():
    found = estimate(gameplan(), VARIABLES)
    assert found.unknown == ()
    assert found.total("google") > 155
    assert found.total("aws") > 89
    assert "instead of 155" in found.against_plan()
    assert "instead of 89" in found.against_plan()
    assert "bucket-lake" in found.markdown(), "usage-based resources are listed"
    assert found.total() == pytest.approx(found.total("google") + found.total("aws"))


def test_other_regions_are_an_assumption():
    found = estimate(gameplan(), {**VARIABLES, "google.region": "europe-west1"})
    assert "Google Cloud's prices are us-central1's, not europe-west1's" in found.assumptions


def test_the_budget_gate_says_what_to_drop():
    found = estimate(gameplan(), VARIABLES)
    google, aws = check_budget(found, {"google": found.total("google") - 20, "aws": 1000})
    assert not google.fits
    assert google.drop == ("google/memorystore",), "the cheapest single resource that is enough"
    assert "drop google/memorystore (35.77)" in google.sentence
    assert aws.fits
    assert aws.sentence.endswith("it fits.")


def test_dropping_several_is_enough():
    found = estimate(gameplan(), VARIABLES)
    (check,) = check_budget(found, {"aws": 20})
    prices = found.by_resource("aws")
    assert len(check.drop) > 1
    assert found.total("aws") - sum(prices[rid] for rid in check.drop) <= 20


def test_a_broken_price_sheet_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"The price sheet .*prices\.yaml can't be used"):
        load_prices(tmp_path / "prices.yaml")
    (tmp_path / "prices.yaml").write_text("date: '2026-01-01'\n")
    with pytest.raises(ConfigurationError, match="KeyError 'currency'"):
        load_prices(tmp_path / "prices.yaml")
