"""Prices as both vendors' APIs answer them: botocore checks the calls, Google's have the documented form."""

import json
from datetime import date
from types import SimpleNamespace

import botocore.session
import pytest
import yaml
from botocore.stub import Stubber

from dreamnet.cost import price_apis
from dreamnet.cost.lookups import AwsLookup, GoogleLookup, Lookups, load_lookups
from dreamnet.cost.price_apis import AwsPrices, GooglePrices, NoPrice
from dreamnet.cost.prices import load_prices
from dreamnet.cost.refresh import look_up, rewritten
from dreamnet.errors import ConfigurationError, CredentialsError, NotRehearsable

TODAY = date(2026, 12, 1)


def sku(description, *rates, regions=("us-central1",), usage="OnDemand"):
    """A SKU of services.skus.list, its tiers as (from, units, nanos)."""
    tiers = [
        {"startUsageAmount": start, "unitPrice": {"currencyCode": "USD", "units": str(units), "nanos": nanos}}
        for start, units, nanos in rates
    ]
    return {
        "name": "services/S/skus/X",
        "description": description,
        "category": {"usageType": usage},
        "serviceRegions": list(regions),
        # An older price comes first.
        "pricingInfo": [
            {"pricingExpression": {"tieredRates": [{"unitPrice": {"units": "99", "nanos": 0}}]}},
            {"pricingExpression": {"usageUnit": "h", "tieredRates": tiers}},
        ],
    }


SKUS = [
    sku("E2 Instance Core running in Americas", (0, 0, 21_811_590)),
    sku("E2 Instance Ram running in Americas", (0, 0, 2_923_530)),
    sku("E2 Instance Core running in Americas", (0, 0, 9), regions=("europe-west1",)),
    sku("E2 Instance Core running in Americas", (0, 0, 7), usage="Commit1Yr"),
    sku("Analysis (us-central1)", (1, 6, 250_000_000), (0, 0, 0)),
    sku("Twice", (0, 1, 0)),
    sku("Twice too", (0, 2, 0)),
]


@pytest.fixture
def google(monkeypatch):
    """Google's list of one service, in pages of three."""

    def call(account, method, url, *, what, parameters):
        assert method == "GET"
        path = url.removeprefix("https://cloudbilling.googleapis.com/v1/")
        if path == "services":
            return {"services": [{"name": "services/S", "displayName": "Compute Engine"}]}
        assert path == "services/S/skus"
        first = int(parameters.get("pageToken", 0))
        answer = {"skus": SKUS[first : first + 3]}
        return answer | ({"nextPageToken": str(first + 3)} if first + 3 < len(SKUS) else {})

    monkeypatch.setattr(price_apis.google_rest, "call", call)
    account = SimpleNamespace(root=lambda api, default: default)
    return GooglePrices(account, "us-central1")


def test_a_machine_is_the_sum_of_its_parts(google):
    lookup = GoogleLookup("Compute Engine", (("^E2 Instance Core", 2), ("^E2 Instance Ram", 8)))
    assert google.price(lookup) == pytest.approx(0.0670114)


def test_the_free_tier_is_not_the_price(google):
    assert google.price(GoogleLookup("Compute Engine", (("^Analysis", 1),))) == pytest.approx(6.25)


@pytest.mark.parametrize(
    ("lookup", "message"),
    [
        (GoogleLookup("Compute Engine", (("^E3", 1),)), "no price of SKU"),
        (GoogleLookup("Compute Engine", (("^Twice", 1),)), "2 prices of SKU .*: 1, 2"),
        (GoogleLookup("Cloud Nothing", (("^E2", 1),)), "no service Cloud Nothing"),
    ],
)
def test_what_google_does_not_have_or_has_twice_is_said(google, lookup, message):
    with pytest.raises(NoPrice, match=message):
        google.price(lookup)


def product(usagetype, *tiers):
    """A product of GetProducts, its tiers as (from, price)."""
    dimensions = {
        f"X.{start}": {"unit": "Hrs", "beginRange": str(start), "pricePerUnit": {"USD": price}}
        for start, price in tiers
    }
    return json.dumps(
        {
            "product": {"sku": "X", "attributes": {"usagetype": usagetype, "regionCode": "us-east-1"}},
            "serviceCode": "AmazonEC2",
            "terms": {"OnDemand": {"X.J": {"priceDimensions": dimensions}}},
        }
    )


@pytest.fixture
def stub():
    client = botocore.session.get_session().create_client(
        "pricing", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(client) as stub:
        yield stub


def asked(stub, *products, where=None, token=None, next_token=None):
    where = {"instanceType": "t3.medium", "regionCode": "us-east-1"} if where is None else where
    filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in where.items()]
    arguments = {"ServiceCode": "AmazonEC2", "Filters": filters}
    answer = {"FormatVersion": "aws_v1", "PriceList": list(products)}
    stub.add_response(
        "get_products",
        answer | ({"NextToken": next_token} if next_token else {}),
        arguments | ({"NextToken": token} if token else {}),
    )


T3 = AwsLookup("AmazonEC2", "BoxUsage:", (("instanceType", "t3.medium"),))


def test_aws_pages_are_read_and_other_usage_is_left_out(stub):
    asked(stub, product("HostBoxUsage", (0, "9")), next_token="more")
    asked(stub, product("BoxUsage:t3.medium", (0, "0.0416000000")), token="more")
    assert AwsPrices(stub.client, "us-east-1").price(T3) == pytest.approx(0.0416)


def test_the_first_tier_that_costs_anything_counts_in_our_unit(stub):
    asked(
        stub, product("Requests", (0, "0.0000000000"), (1000000, "0.0000004"), (1e11, "0.0000003")), where={}
    )
    lookup = AwsLookup("AmazonEC2", "^Requests$", (), times=1e6, regional=False)
    assert AwsPrices(stub.client, "us-east-1").price(lookup) == pytest.approx(0.40)


def test_what_aws_does_not_have_or_has_twice_is_said(stub):
    asked(stub)
    with pytest.raises(NoPrice, match="no price of AmazonEC2"):
        AwsPrices(stub.client, "us-east-1").price(T3)
    asked(stub, product("BoxUsage:a", (0, "1")), product("BoxUsage:b", (0, "2")))
    with pytest.raises(NoPrice, match="2 prices"):
        AwsPrices(stub.client, "us-east-1").price(T3)


def test_a_service_that_aws_does_not_know_is_said(stub):
    stub.add_client_error("get_products", "NotFoundException")
    with pytest.raises(NoPrice, match="no service AmazonEC2"):
        AwsPrices(stub.client, "us-east-1").price(T3)


def test_a_refusal_is_an_error_and_not_a_missing_price(stub):
    stub.add_client_error("get_products", "AccessDeniedException", "not authorized")
    with pytest.raises(CredentialsError, match="AccessDeniedException"):
        AwsPrices(stub.client, "us-east-1").price(T3)


# ---- the sheet

SHEET = """\
# Kept.
currency: USD
hours_per_month: 730
regions: {google: us-central1, aws: us-east-1}
plan: {google: {monthly: 155, credits: 1300}, aws: {monthly: 89, credits: 100}}
sources: {page: a page, google-api: theirs, aws-api: theirs}
google:
  # Kept too.
  same-hour: {usd: 0.10, per: hour, source: page, checked: "2026-01-01", verified: false}  # and this
  dear-gb: {usd: 0.2, per: GB-month, source: page, checked: "2026-01-01", free: 5}
  hand-gb: {usd: 3.0, per: GB, source: page, checked: "2026-01-01"}

aws:
  same-hour: {usd: 0.5, per: 10 thousand requests, source: page, checked: "2026-01-01"}
  lost-hour: {usd: 0.7, per: hour, source: page, checked: "2026-01-01"}
  odd-gb: {usd: 0.7, per: hour, source: page, checked: "2026-01-01"}
  tiny-gb: {usd: 0.7, per: hour, source: page, checked: "2026-01-01"}
fixed: {}
free: []
"""
NAMES = {"google": ("same-hour", "dear-gb"), "aws": ("same-hour", "lost-hour", "odd-gb", "tiny-gb")}
ANSWERS = {
    "google": {"same-hour": 0.1, "dear-gb": 0.000026 * 10000},
    "aws": {"same-hour": 0.25, "odd-gb": 700.0, "tiny-gb": 0.0007},
}


@pytest.fixture
def refreshed(tmp_path):
    """What two APIs that answer `ANSWERS` make of `SHEET`."""

    def api(cloud):
        def price(name):
            if name not in ANSWERS[cloud]:
                raise NoPrice(f"no price of {name}")
            return ANSWERS[cloud][name]

        return SimpleNamespace(price=price)

    file = tmp_path / "prices.yaml"
    file.write_text(SHEET)
    lookups = Lookups(*({name: name for name in NAMES[cloud]} for cloud in ("google", "aws")))
    return look_up(load_prices(file), lookups, api("google"), api("aws"), TODAY)


def test_it_says_what_changed_what_was_confirmed_and_what_was_not_found(refreshed):
    assert [(one.cloud, one.name) for one in refreshed.changed] == [
        ("aws", "same-hour"),
        ("google", "dear-gb"),
    ]
    assert [(one.cloud, one.name) for one in refreshed.found if not one.changed] == [("google", "same-hour")]
    assert refreshed.by_hand == (("google", "hand-gb"),)
    text = refreshed.markdown()
    assert "**2 prices changed**, 1 confirmed, 3 not found, 1 without a lookup." in text
    assert "| dear-gb | google | 0.2 | 0.26 | +30.0% |" in text
    assert "- aws lost-hour: no price of lost-hour" in text
    assert "- aws tiny-gb: 0.0007 instead of 0.7 looks like another unit" in text
    assert "- aws odd-gb: 700 instead of 0.7 looks like another unit" in text


def test_the_sheet_keeps_its_comments_and_all_that_was_not_found(refreshed, tmp_path):
    text = rewritten(SHEET, refreshed)
    before, after = SHEET.splitlines(), text.splitlines()
    assert [line for line in after if line not in before] == [
        '  same-hour: {usd: 0.1, per: hour, source: google-api, checked: "2026-12-01"}  # and this',
        '  dear-gb: {usd: 0.26, per: GB-month, source: google-api, checked: "2026-12-01", free: 5}',
        '  same-hour: {usd: 0.25, per: 10 thousand requests, source: aws-api, checked: "2026-12-01"}',
    ]
    assert len(before) == len(after)
    (tmp_path / "new.yaml").write_text(text)
    sheet = load_prices(tmp_path / "new.yaml")
    assert sheet.prices["google"]["same-hour"].verified
    assert sheet.prices["google"]["dear-gb"].free == 5
    assert rewritten(text, refreshed) == text, "a second time changes nothing"


def test_a_price_that_is_not_on_one_line_is_refused(refreshed):
    spread = SHEET.replace("  dear-gb: {usd: 0.2,", "  dear-gb:\n    {usd: 0.2,")
    assert yaml.safe_load(spread)["google"]["dear-gb"]["usd"] == 0.2
    with pytest.raises(ConfigurationError, match="dear-gb does not stand on a line of its own"):
        rewritten(spread, refreshed)


def test_a_lookup_of_no_price_is_refused(sheet):
    lookups = Lookups({"gce-abacus-hour": GoogleLookup("x", ())}, {})
    api = SimpleNamespace(price=None)
    with pytest.raises(ConfigurationError, match="gce-abacus-hour"):
        look_up(sheet, lookups, api, api, TODAY)


def test_an_api_that_a_rehearsal_lacks_leaves_the_sheet_as_it_is(sheet):
    def price(lookup):
        raise NotRehearsable("The rehearsal has no price list.", "Ask the real one.")

    api = SimpleNamespace(price=price)
    found = look_up(sheet, Lookups({}, {"kms-key-month": None}), api, api, TODAY)
    assert found.found == ()
    assert found.missing[0][:2] == ("aws", "kms-key-month")


def test_the_repositorys_lookups_are_of_its_prices():
    from pathlib import Path

    root = Path(__file__).parents[3] / "infrastructure"
    sheet, lookups = load_prices(root / "prices.yaml"), load_lookups(root / "price-lookups.yaml")
    assert lookups.google.keys() <= sheet.prices["google"].keys()
    assert lookups.aws.keys() <= sheet.prices["aws"].keys()
    assert {"google-api", "aws-api"} <= sheet.sources.keys()
