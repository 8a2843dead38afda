"""The local Cloud Billing Catalog, as the production code reads it."""

from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest
from google_server import running

from dreamnet.clouds import google_rest
from dreamnet.cost.lookups import GoogleLookup, Lookups, load_lookups
from dreamnet.cost.price_apis import GooglePrices, NoPrice
from dreamnet.cost.prices import load_prices
from dreamnet.cost.refresh import look_up
from dreamnet.errors import ResourceError

INFRASTRUCTURE = Path(__file__).parents[2] / "infrastructure"


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    with running(tmp_path_factory.mktemp("google")) as up:
        yield up.account()


def test_every_lookup_finds_what_the_sheet_says(account):
    lookups = load_lookups(INFRASTRUCTURE / "price-lookups.yaml").google
    google = GooglePrices(account, "us-central1")
    found = look_up(
        load_prices(INFRASTRUCTURE / "prices.yaml"),
        Lookups(lookups, {}),
        google,
        SimpleNamespace(price=None),
        date(2026, 12, 1),
    )
    assert found.missing == ()
    assert found.changed == ()
    assert len(found.found) == len(lookups)


def test_another_region_has_no_prices(account):
    with pytest.raises(NoPrice):
        GooglePrices(account, "europe-west1").price(GoogleLookup("Cloud DNS", (("^ManagedZone$", 1.0),)))


def test_a_service_that_is_not_there_is_not_found(account):
    url = f"{account.root('cloudbilling', '')}v1/services/0000-0000-0000/skus"
    with pytest.raises(ResourceError, match="not found"):
        google_rest.call(account, "GET", url, what="prices")
