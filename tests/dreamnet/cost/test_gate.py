from datetime import date

import pytest

from dreamnet.cost.estimate import Estimate, Line
from dreamnet.cost.gate import Approval, check_budget, require_budget
from dreamnet.errors import PrecheckFailed

TODAY = date(2026, 11, 28)
LINES = (
    Line("google/sql", "google", "instance", 1, "month", 100.0),
    Line("google/cache", "google", "memory", 1, "month", 36.0),
    Line("google/bucket", "google", "gigabytes", 1, "month", 2.0),
    Line("aws/eks", "aws", "cluster", 1, "month", 73.0),
)


def month(lines=LINES):
    return Estimate(TODAY, "USD", lines, (), (), {"google": 155, "aws": 89})


def approval(until=TODAY, **monthly):
    return Approval("Ada", until, "the launch", monthly)


def test_what_fits_needs_nobody():
    google, aws = check_budget(month(), {"google": 138, "aws": 73}, (), TODAY)
    assert google.fits
    assert aws.open
    assert aws.sentence == "AWS needs USD 73.00 a month, the budget is 73.00: it fits."


def test_the_cheapest_single_resource_that_is_enough_is_to_be_dropped():
    (google,) = check_budget(month(), {"google": 110}, (), TODAY)
    assert not google.open
    assert google.drop == ("google/cache",)
    assert "drop google/cache (36.00)" in google.sentence


def test_several_are_named_where_one_is_not_enough():
    (google,) = check_budget(month(), {"google": 10}, (), TODAY)
    assert google.drop == ("google/sql", "google/cache")


def test_over_the_budget_stops_with_the_approval_that_would_be_enough():
    with pytest.raises(PrecheckFailed) as caught:
        require_budget(month(), {"google": 110, "aws": 100}, (), TODAY)
    assert "Google Cloud needs USD 138.00 a month, the budget is 110.00" in caught.value.problem
    assert "AWS" not in caught.value.problem
    assert "google_monthly 138.00" in caught.value.remedy
    assert "approved_by" in caught.value.remedy


def test_a_named_approval_opens_the_gate_and_is_told():
    (google,) = require_budget(month(), {"google": 110}, [approval(google=140.0)], TODAY)
    assert not google.fits
    assert google.open
    assert "Ada approved 140.00 until 2026-11-28 (the launch)" in google.sentence


@pytest.mark.parametrize(
    "given",
    [
        approval(google=137.0),
        approval(aws=1000.0),
        approval(until=date(2026, 11, 27), google=1000.0),
    ],
    ids=["too little", "the other cloud", "over"],
)
def test_an_approval_holds_for_its_amount_its_cloud_and_its_time(given):
    with pytest.raises(PrecheckFailed):
        require_budget(month(), {"google": 110}, [given], TODAY)
