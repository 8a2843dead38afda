import dataclasses
from pathlib import Path

import pytest

from dreamnet.cost.prices import load_prices
from dreamnet.cost.usage import Usage, load_usage
from dreamnet.events.delivery import code_versions
from dreamnet.resources.catalogue import load_catalogue
from dreamnet.resources.selections import load_selection

ROOT = Path(__file__).parents[3] / "infrastructure"
VARIABLES = {
    "google.project": "p",
    "google.project_number": "1",
    "google.billing_account": "0A",
    "google.region": "us-central1",
    "google.zone": "us-central1-a",
    "google.second_region": "us-east1",
    "aws.account_id": "1",
    "aws.region": "us-east-1",
    "aws.second_region": "us-west-2",
    "operator.email": "o@example.com",
    "frontdoor.port": "80",
    "image": "dreamnet/backend:1",
    "domain": "dreamnet.example",
    **code_versions(),
}


#: Figures that tests calculate with: a refresh of the real sheet must not change what they expect.
FIGURES = {
    "google": {
        "gke-credited-cluster-hour": 0.10,
        "gke-regional-cluster-hour": 0.10,
        "gce-e2-standard-2-hour": 0.067,
        "gce-e2-standard-2-spot-hour": 0.0268,
        "gce-g2-standard-4-hour": 0.7068,
        "gce-pd-balanced-gb": 0.10,
        "gce-address-hour": 0.005,
        "nat-vm-hour": 0.0014,
        "forwarding-rule-hour": 0.025,
        "armor-policy-month": 5.0,
        "armor-rule-month": 1.0,
        "sql-db-f1-micro-hour": 0.0105,
        "sql-vcpu-hour": 0.0413,
        "sql-memory-gb-hour": 0.007,
        "sql-ssd-gb": 0.17,
        "memorystore-basic-m1-gb-hour": 0.049,
        "spanner-standard-regional-100-units-hour": 0.09,
        "bigtable-node-hour": 0.65,
        "run-idle-vcpu-hour": 0.009,
        "run-idle-gib-hour": 0.009,
        "storage-standard-gb": 0.020,
        "storage-nearline-gb": 0.010,
    },
    "aws": {
        "eks-cluster-standard-hour": 0.10,
        "eks-cluster-extended-hour": 0.60,
        "rds-db.t4g.micro-hour": 0.016,
        "rds-db.t4g.small-hour": 0.032,
        "rds-gp3-gb": 0.115,
        "kinesis-shard-hour": 0.015,
        "kinesis-stream-hour": 0.04,
        "vpc-endpoint-hour": 0.01,
        "nat-gateway-hour": 0.045,
        "waf-acl-month": 5.0,
        "waf-rule-month": 1.0,
        "route53-check-elsewhere-month": 0.75,
        "route53-check-feature-elsewhere-month": 2.0,
        "route53-check-aws-month": 0.50,
        "secrets-manager-secret-month": 0.40,
        "cloudwatch-fast-alarm-month": 0.30,
        "elasticache-valkey-cache.t4g.micro-hour": 0.0128,
        "ec2-t3.large-spot-hour": 0.03,
        "ebs-gp3-gb": 0.08,
        "dynamodb-rcu-hour": 0.00013,
        "dynamodb-wcu-hour": 0.00065,
    },
}


@pytest.fixture(scope="session")
def figures(sheet):
    """The sheet with `FIGURES`."""
    prices = {
        cloud: {**named, **{n: dataclasses.replace(named[n], usd=usd) for n, usd in FIGURES[cloud].items()}}
        for cloud, named in sheet.prices.items()
    }
    return dataclasses.replace(sheet, prices=prices)


@pytest.fixture(scope="session")
def everything():
    return load_catalogue(ROOT)


@pytest.fixture(scope="session")
def selected(everything):
    return lambda name: load_selection(ROOT / "selections.yaml", name).of(everything)


@pytest.fixture(scope="session")
def sheet():
    return load_prices(ROOT / "prices.yaml")


@pytest.fixture(scope="session")
def usage():
    return load_usage(ROOT / "usage.yaml")


@pytest.fixture
def variables():
    return dict(VARIABLES)


@pytest.fixture
def unused():
    """Nothing is assumed of use: what is left is what is declared."""
    return Usage()


@pytest.fixture
def declare(tmp_path):
    """Writes declarations, `google__name=text`, and loads them as a catalogue."""

    def write(**files):
        for name, text in files.items():
            path = tmp_path / f"{name.replace('__', '/')}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return load_catalogue(tmp_path)

    return write
