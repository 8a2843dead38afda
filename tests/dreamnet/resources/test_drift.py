import json

import pytest
from fake_world import statuses

from dreamnet.errors import ConfigurationError, PrecheckFailed


def test_no_drift_after_an_apply(world):
    world.apply(world.plan())
    report = world.drift()
    assert report.ok
    assert report.markdown().startswith("**All 4 resources are as declared.**")
    assert json.loads(report.to_json())["ok"] is True


def test_what_changed_behind_our_back_is_shown_and_nothing_is_touched(world, cloud):
    world.apply(world.plan())
    cloud.calls.clear()
    cloud.bodies["database"].update(tier="huge", password="stolen")
    del cloud.bodies["bucket"]
    cloud.foreign.add("app")
    cloud.bodies["left-over"] = {}
    report = world.drift()
    assert not report.ok
    assert report.summary() == "Of 4 resources, 1 changed, 1 absent, 1 foreign, 1 undeclared."
    text = report.markdown()
    assert "| google/database | t | /tier | huge | micro |" in text
    assert "| google/bucket | t |  |" in text
    assert "| google/app | t | fake://app |" in text
    assert "| t | p | fake://left-over |" in text
    assert json.loads(report.to_json())["changed"][0]["changes"][0]["before"] == "huge"
    assert "stolen" not in text + report.to_json()
    assert "hunter2" not in text + report.to_json()
    assert cloud.calls == []


def test_what_follows_from_anothers_absence_is_no_drift_of_its_own(world, cloud):
    world.apply(world.plan())
    del cloud.bodies["network"]
    report = world.drift()
    assert [one.id for one in report.absent] == ["google/network"]
    assert report.changed == ()


def test_what_only_the_whole_catalogue_declares_is_not_undeclared(world, cloud):
    world.apply(world.plan())
    assert world.drift("google/network").ok
    cloud.bodies["left-over"] = {}
    assert [one.identifier for one in world.drift("google/network").undeclared] == ["fake://left-over"]


def test_types_without_a_mark_are_named(world, cloud):
    world.types["network"] = "unmarked"
    world.declare(network="size: 1")
    world.apply(world.plan())
    assert world.drift().unlisted == ("unmarked",)
    assert "Not searched for undeclared ones: unmarked." in world.drift().markdown()


def test_adoption_marks_and_changes_nothing_else(world, cloud):
    world.apply(world.plan())
    cloud.bodies["database"]["tier"] = "huge"
    cloud.foreign |= {"database", "bucket"}
    cloud.calls.clear()
    adoption = world.adopt("google/database", "google/bucket", "google/network")
    assert statuses(adoption.report) == {"database": "done", "bucket": "done", "network": "unchanged"}
    assert sorted(cloud.calls) == [("mark", "bucket"), ("mark", "database")]
    assert "| google/database | /tier | huge | micro |" in adoption.markdown()
    assert "Ours already: google/network (fake://network)." in adoption.markdown()
    assert world.drift().foreign == ()
    assert [step.id for step in world.plan().changes] == ["google/database"]


def test_what_belongs_to_another_or_does_not_exist_is_not_adopted(world, cloud):
    world.apply(world.plan())
    cloud.owners["network"] = "terraform"
    cloud.foreign.add("bucket")
    del cloud.bodies["app"]
    cloud.calls.clear()
    with pytest.raises(
        PrecheckFailed, match=r"network \(fake://network\) belongs to terraform; google/app d"
    ):
        world.adopt("google/network", "google/bucket", "google/app")
    with pytest.raises(ConfigurationError, match="declares google/nothing"):
        world.adopt("google/nothing")
    assert cloud.calls == []


def test_a_resource_is_adopted_by_the_identifier_that_an_operator_names(world, cloud):
    world.declare(network="size: 1")
    cloud.bodies["vpc-0a1b"] = {"size": 3, "link": "l"}
    adoption = world.adopt("google/network", identifiers={"google/network": "fake://vpc-0a1b"})
    assert statuses(adoption.report) == {"network": "done"}
    assert adoption.rows == ("| google/network | /size | 3 | 1 |",)
    with pytest.raises(PrecheckFailed, match="google/network does not exist as fake://vpc-none"):
        world.adopt("google/network", identifiers={"google/network": "fake://vpc-none"})
    cloud.calls.clear()
    with pytest.raises(ConfigurationError, match="for google/app, which are not among the resources"):
        world.adopt("google/network", identifiers={"google/app": "fake://vpc-none"})
    assert cloud.calls == []
