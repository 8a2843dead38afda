from datetime import date

import pytest
import yaml

from dreamnet.cost.prices import load_prices
from dreamnet.cost.usage import load_usage
from dreamnet.errors import ConfigurationError

SHEET = """\
currency: USD
hours_per_month: 730
regions: {google: us-central1, aws: us-east-1}
plan: {google: {monthly: 155, credits: 1300}, aws: {monthly: 89, credits: 100}}
sources: {page: a page}
google:
  x-hour: {usd: 0.5, per: hour, source: page, checked: "2026-11-28"}
aws:
  y-gb: {usd: 2, per: GB, source: page, checked: "2026-11-01", verified: false, free: 3}
fixed: {}
free: ["AWS::IAM::*"]
"""


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "prices.yaml"
    file.write_text(SHEET)
    return file


def test_a_price_says_what_it_is_of_and_who_says_so(file):
    sheet = load_prices(file)
    price = sheet.prices["aws"]["y-gb"]
    assert (price.usd, price.per, price.free, price.verified) == (2.0, "GB", 3, False)
    assert sheet.prices["google"]["x-hour"].verified
    assert sheet.date == date(2026, 11, 1), "the oldest figure's"
    assert sheet.is_free("AWS::IAM::Role")
    assert not sheet.is_free("AWS::S3::Bucket")


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        ("currency: USD\n", "", "KeyError 'currency'"),
        (
            'source: page, checked: "2026-11-28"',
            'source: memory, checked: "2026-11-28"',
            "unknown source memory",
        ),
        ('checked: "2026-11-28"', "checked: yesterday", "Invalid isoformat"),
        ("per: hour", "pro: hour", "pro"),
        ("usd: 0.5", "usd: much", "much"),
    ],
)
def test_a_broken_sheet_is_one_sentence(file, good, bad, message):
    assert good in SHEET
    file.write_text(SHEET.replace(good, bad))
    with pytest.raises(ConfigurationError, match=message):
        load_prices(file)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"The price sheet .*prices\.yaml can't be used"):
        load_prices(tmp_path / "prices.yaml")
    with pytest.raises(
        ConfigurationError, match=r"The file of usage assumptions .*usage\.yaml can't be used"
    ):
        load_usage(tmp_path / "usage.yaml")


def test_every_name_that_is_used_has_a_price(sheet, usage):
    names = {
        "aws": {*sheet.prices["aws"]},
        "google": {*sheet.prices["google"]},
    }
    used = [(kind, name) for kind, quantities in usage.types.items() for name in quantities]
    used += [(key, name) for key, quantities in usage.resources.items() for name in quantities]
    used += [(kind, name) for kind, prices in sheet.fixed.items() for name in prices]
    wrong = [
        (kind, name)
        for kind, name in used
        if name not in names["aws" if kind[:3].lower() == "aws" else "google"]
    ]
    assert wrong == []


def test_prices_are_dated_and_each_source_is_used(sheet):
    prices = [price for named in sheet.prices.values() for price in named.values()]
    assert all(price.usd > 0 for price in prices)
    assert {price.source for price in prices} <= sheet.sources.keys()
    assert all(price.source != "spot" or not price.verified for price in prices), "spot prices move"


def test_each_entry_stands_on_a_line_of_its_own(sheet):
    """The refresh rewrites lines."""
    from pathlib import Path

    text = (Path(__file__).parents[3] / "infrastructure/prices.yaml").read_text()
    for line in text.splitlines():
        if line.startswith("  ") and "usd:" in line:
            ((name, entry),) = yaml.safe_load(line).items()
            assert entry["usd"] in {
                sheet.prices[cloud][name].usd for cloud in sheet.prices if name in sheet.prices[cloud]
            }
    assert text.count("usd:") == sum(map(len, sheet.prices.values()))
