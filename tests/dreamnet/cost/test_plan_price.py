import pytest

from dreamnet.cost.changes import price_destroy, price_plan
from dreamnet.resources.destroy import DestroyPlan, Doomed
from dreamnet.resources.model import Change
from dreamnet.resources.plan import Plan, Step

NAT = "id: aws/{name}\ntype: AWS::EC2::NatGateway\nname: {name}\nparent: us-east-1\nbody: {{}}\n"
DATABASE = """\
id: aws/db
type: AWS::RDS::DBInstance
name: db
parent: us-east-1
body: {DBInstanceClass: db.t4g.small, AllocatedStorage: "40", DeletionProtection: true}
"""
CLUSTER = """\
id: google/c
type: container.v1/projects.locations.clusters
name: c
parent: projects/${google.project}/locations/${google.zone}
body:
  nodePools:
    - {name: a, initialNodeCount: 2, config: {machineType: e2-standard-2, diskSizeGb: 10}}
"""


@pytest.fixture
def catalogue(declare):
    return declare(
        aws__a=NAT.format(name="a"), aws__b=NAT.format(name="b"), aws__db=DATABASE, google__c=CLUSTER
    )


def step(resource_id, action, *changes):
    return Step(resource_id, "", action, changes, (), None, "", "")


@pytest.fixture
def price(catalogue, variables, figures, unused):
    return lambda *steps: price_plan(Plan(steps), catalogue, variables, figures, unused)


def test_a_creation_adds_and_what_is_there_does_not(price):
    found = price(step("aws/a", "create"), step("aws/b", "none"))
    assert [(one.id, one.action) for one in found.changes] == [("aws/a", "create")]
    assert found.changes[0].difference == pytest.approx(32.85)
    assert found.now.total() == pytest.approx(32.85)
    assert found.then.total() == pytest.approx(65.70)


@pytest.mark.parametrize("action", ["update", "replace"])
def test_a_resize_costs_the_difference(price, action):
    found = price(
        step(
            "aws/db",
            action,
            Change("/DBInstanceClass", "db.t4g.micro", "db.t4g.small"),
            Change("/AllocatedStorage", "20", "40"),
        )
    )
    (one,) = found.changes
    assert one.now == pytest.approx(0.016 * 730 + 20 * 0.115)
    assert one.then == pytest.approx(0.032 * 730 + 40 * 0.115)


def test_what_was_not_set_cost_its_default(price):
    (one,) = price(step("aws/db", "update", Change("/AllocatedStorage", None, "40"))).changes
    assert one.difference == pytest.approx((40 - 20) * 0.115)


def test_a_smaller_size_is_a_saving_within_lists_too(price):
    found = price(step("google/c", "update", Change("/nodePools/0/initialNodeCount", 3, 2)))
    (one,) = found.changes
    assert one.difference == pytest.approx(-(0.067 * 730 + 1.0))


def test_a_change_that_has_no_price_changes_nothing(price):
    found = price(
        step("aws/db", "update", Change("/DeletionProtection", None, True), Change("/Tags/3/Value", "x", "y"))
    )
    assert found.changes == ()
    assert found.now.total() == pytest.approx(found.then.total())


def test_the_free_tier_is_a_line_of_its_own(price):
    found = price(step("google/c", "create"))
    by_id = {one.id: one for one in found.changes}
    assert by_id["Google Cloud's free tier"].difference == pytest.approx(-73.0)


def test_a_destroy_drops_all_of_it(catalogue, variables, figures, unused):
    plan = DestroyPlan(tuple(Doomed(rid, "", "", "", "") for rid in ("aws/a", "aws/b")))
    found = price_destroy(plan, catalogue, variables, figures, unused)
    assert [(one.id, one.action, round(one.difference, 2)) for one in found.changes] == [
        ("aws/a", "delete", -32.85),
        ("aws/b", "delete", -32.85),
    ]
    assert "| **AWS, all of the plan** | | 65.70 | 0.00 | -65.70 |" in found.markdown()


def test_the_table_names_both_clouds_months_largest_difference_first(price):
    text = price(step("aws/a", "create"), step("google/c", "create"), step("aws/b", "none")).markdown()
    rows = [row for row in text.splitlines() if row.startswith("|")]
    assert rows[2].startswith("| google/c | create | 0.00 |")
    assert "| aws/a | create | 0.00 | 32.85 | +32.85 |" in rows
    assert "| **AWS, all of the plan** | | 32.85 | 65.70 | +32.85 |" in rows
