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
