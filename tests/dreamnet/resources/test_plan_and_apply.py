import threading

import pytest
from fake_world import statuses

from dreamnet.errors import ConfigurationError, PrecheckFailed, ResourceError
from dreamnet.resources.plan import Plan


def actions(plan):
    return {step.id.removeprefix("google/"): step.action for step in plan.steps}


def test_a_plan_changes_nothing_and_equal_plans_have_equal_ids(world, cloud):
    plan = world.plan()
    assert actions(plan) == dict.fromkeys(("network", "database", "app", "bucket"), "create")
    assert cloud.calls == []
    assert world.plan().id == plan.id
    assert Plan.from_json(plan.to_json()) == plan


def test_apply_creates_in_order_and_a_second_plan_is_empty(world, cloud):
    report = world.apply(world.plan())
    assert report.ok
    order = [name for _, name in cloud.calls]
    assert order.index("network") < order.index("database") < order.index("app")
    assert cloud.bodies["database"]["net"] == "link-of-network"
    assert cloud.bodies["database"]["password"] == "hunter2"
    assert cloud.bodies["app"]["image"] == "img-p-1"
    again = world.plan()
    assert again.changes == ()
    assert "Nothing to change" in again.markdown()
    assert statuses(world.apply(again)) == dict.fromkeys(statuses(report), "unchanged")


def test_what_a_resource_needs_from_outside_is_delivered_before_it_and_only_then(world, cloud):
    delivered = []

    def deliver(resource):
        assert resource.id.removeprefix("google/") not in [name for _, name in cloud.calls]
        delivered.append((resource.id, dict(resource.body)))

    world.apply(world.plan(), deliver=deliver)
    assert {name for name, _ in delivered} == {
        "google/network",
        "google/database",
        "google/app",
        "google/bucket",
    }
    assert dict(delivered)["google/app"]["image"] == "img-p-1", "references are resolved"
    cloud.calls.clear()
    delivered.clear()
    cloud.bodies["database"]["tier"] = "huge"
    world.apply(world.plan(), deliver=deliver)
    assert [name for name, _ in delivered] == ["google/database"]


def test_what_cannot_be_delivered_is_not_created(world, cloud):
    def deliver(resource):
        if resource.id == "google/database":
            raise ResourceError("The bucket is missing.", "Create it.")

    report = world.apply(world.plan(), deliver=deliver)
    assert statuses(report)["database"] == "failed"
    assert "database" not in cloud.bodies


def test_independent_resources_are_made_at_the_same_time(world, cloud):
    world.declare(a="x: 1", b="x: 1")
    cloud.barrier = threading.Barrier(2)  # breaks, and fails the apply, if the two calls don't meet
    assert world.apply(world.plan()).ok


def test_no_secret_in_plan_progress_or_report(world, cloud):
    said = []
    plan = world.plan()
    cloud.fail("database", "password hunter2 is too weak")
    report = world.apply(plan, progress=lambda rid, text: said.append(text))
    assert "half way with nothing secret" in said
    everything = plan.to_json() + plan.markdown() + repr(report) + report.markdown() + "".join(said)
    assert "hunter2" not in everything
    assert "password (secret) is too weak" in report.markdown()
    del cloud.failing["database"]
    world.apply(plan, progress=lambda rid, text: said.append(text))
    assert "half way with (secret)" in said


def test_a_changed_secret_is_not_compared(world, cloud):
    world.apply(world.plan())
    cloud.bodies["database"]["password"] = "another"
    assert world.plan().changes == ()


def test_a_failure_stops_only_what_depends_on_it_and_the_same_plan_continues(world, cloud):
    cloud.fail("database")
    plan = world.plan()
    report = world.apply(plan)
    assert statuses(report) == {
        "network": "done",
        "database": "failed",
        "app": "not-started",
        "bucket": "done",
    }
    with pytest.raises(
        ResourceError, match=r"google/database: database: quota exceeded.*not started: google/app"
    ):
        report.raise_for_failures()
    del cloud.failing["database"]
    assert world.apply(plan).ok
    assert all(len(tokens) == 1 for tokens in cloud.tokens.values()), "a retry must use the same token"
    assert world.plan().changes == ()


def test_what_needed_no_change_is_unchanged_even_behind_a_failure(world, cloud):
    world.apply(world.plan())
    cloud.bodies["database"]["tier"] = "huge"
    cloud.fail("database")
    assert statuses(world.apply(world.plan())) == {
        "network": "unchanged",
        "database": "failed",
        "app": "unchanged",
        "bucket": "unchanged",
    }


def test_an_unexpected_error_is_one_resources_failure(world, cloud):
    cloud.failing["database"] = KeyError("nodePools")
    report = world.apply(world.plan())
    assert statuses(report)["bucket"] == "done"
    assert "unexpected KeyError" in report.with_status("failed")[0].message


def test_update_and_replacement_are_told_apart(world, cloud):
    world.apply(world.plan())
    cloud.bodies["database"]["tier"] = "huge"
    cloud.bodies["bucket"]["fixed_location"] = "US"
    plan = world.plan()
    assert actions(plan) == {"network": "none", "database": "update", "app": "none", "bucket": "replace"}
    assert "| google/database | t | update | /tier | huge | micro |" in plan.markdown()
    assert (
        "**replace** (deletes what is there) | /fixed_location (forces replacement) | US | EU |"
        in plan.markdown()
    )
    cloud.calls.clear()
    assert world.apply(plan).ok
    assert sorted(cloud.calls) == [("create", "bucket"), ("delete", "bucket"), ("update", "database")]
    assert world.plan().changes == ()


def test_dependants_of_a_replacement_are_shown_as_changing(world, cloud):
    world.declare(a="fixed: 1", b="on: '${resource:google/a.link}'")
    world.apply(world.plan())
    cloud.bodies["a"]["fixed"] = 2
    plan = world.plan()
    assert actions(plan) == {"a": "replace", "b": "update"}
    assert plan.steps[1].changes[0].after == "(known after apply)"
    assert world.apply(plan).ok


@pytest.mark.parametrize(
    ("meddle", "message"),
    [
        (
            lambda bodies: bodies["database"].update(tier="big"),
            r"google/database has changed since \(/tier\)",
        ),
        (lambda bodies: bodies.pop("network"), "google/network has been deleted since"),
        (lambda bodies: bodies.update(bucket={"fixed_location": "US"}), "google/bucket has changed since"),
    ],
)
def test_a_stale_plan_is_refused_before_anything_changes(world, cloud, meddle, message):
    world.apply(world.plan())
    del cloud.bodies["bucket"]
    cloud.bodies["database"]["tier"] = "huge"
    plan = world.plan()
    cloud.calls.clear()
    meddle(cloud.bodies)
    with pytest.raises(PrecheckFailed, match=message):
        world.apply(plan)
    assert cloud.calls == []


def test_other_declarations_make_a_plan_stale(world):
    plan = world.plan()
    world.declare(network="size: 2", extra="x: 1")
    with pytest.raises(
        PrecheckFailed, match=r"google/extra is no longer in.*google/app is no longer declared"
    ):
        world.apply(plan)


def test_an_interrupted_replacement_continues(world, cloud):
    world.apply(world.plan())
    cloud.bodies["bucket"]["fixed_location"] = "US"
    plan = world.plan()
    del cloud.bodies["bucket"]  # the run died after the deletion
    assert world.apply(plan).ok
    assert cloud.bodies["bucket"]["fixed_location"] == "EU"


def test_an_interrupted_update_continues_with_the_rest(world, cloud):
    world.declare(a="x: 1, y: 1")
    world.apply(world.plan())
    cloud.bodies["a"].update(x=2, y=2)
    plan = world.plan()
    cloud.bodies["a"]["x"] = 1  # this much was done
    assert world.apply(plan).ok
    assert cloud.bodies["a"]["y"] == 1


def test_a_create_that_finds_something_else_fails(world, cloud):
    plan = world.plan()
    cloud.bodies["network"] = {"size": 9, "link": "l"}
    report = world.apply(plan)
    assert "google/network exists now, but differs from its declaration in /size" in report.markdown()
    assert cloud.bodies["network"]["size"] == 9


def test_what_is_not_ours_is_refused_by_name(world, cloud):
    cloud.bodies |= {"network": {}, "bucket": {}}
    cloud.foreign |= {"network", "bucket"}
    with pytest.raises(PrecheckFailed, match=r"google/network \(fake://network\), google/bucket"):
        world.plan()
    with pytest.raises(PrecheckFailed, match="do not carry our mark"):
        world.plan_destroy()
    assert cloud.calls == []


def test_a_missing_secret_stops_before_anything_changes(world, cloud):
    with pytest.raises(ConfigurationError, match="needs the secret pw"):
        world.apply(world.plan(), secrets={})
    assert cloud.calls == []


def test_a_changed_plan_file_is_refused(world):
    text = world.plan().to_json()
    with pytest.raises(ConfigurationError, match="was changed after it was made"):
        Plan.from_json(text.replace('"create"', '"none"', 1))
    with pytest.raises(ConfigurationError, match="not a plan"):
        Plan.from_json("[]")


def test_a_plan_after_a_destroy_has_idempotency_keys_of_its_own(world, cloud):
    first = world.plan()
    world.apply(first)
    world.destroy()
    again = world.plan()
    assert again.id == first.id
    world.apply(again)
    assert len(cloud.tokens["create network"]) == 2, (
        "a cloud would take an old key for the old, finished request"
    )


def test_a_replacement_that_takes_data_away_needs_its_own_consent(world, cloud):
    world.types["bucket"] = "storage.v1/buckets"
    world.declare(network="size: 1", bucket="fixed_location: EU", other="fixed_place: EU")
    world.apply(world.plan())
    cloud.bodies["bucket"].update(fixed_location="US", deletionProtection=True)
    cloud.bodies["other"]["fixed_place"] = "US"
    cloud.bodies["network"]["size"] = 2
    plan = world.plan()
    data, guard = "lose-data:google/bucket", "lift-protection:google/bucket"
    assert f"(deletes what is there with its data: objects), needs the consent {data} and {guard} |" in (
        plan.markdown()
    )
    assert Plan.from_json(plan.to_json()) == plan
    cloud.calls.clear()
    with pytest.raises(PrecheckFailed, match=r"replaces google/bucket, and its data goes \(objects\)") as no:
        world.apply(plan, consents=[guard])
    assert no.value.problem.endswith("Nothing was changed.")
    assert no.value.remedy.endswith(f"give the consent: {data}.")
    with pytest.raises(PrecheckFailed, match="which /deletionProtection protects"):
        world.apply(plan, consents=[data, "lift-protection:google/other"])
    assert cloud.calls == []
    assert world.apply(plan, consents=[data, guard]).ok
    assert cloud.bodies["bucket"]["fixed_location"] == "EU"
    assert world.plan().changes == ()


def test_what_a_crash_left_half_created_is_named_and_finished_by_the_next_plan(world, cloud):
    plan = world.plan()
    cloud.bodies["database"] = {"net": "link-of-network", "link": "link-of-database"}  # its tier never came
    with_old = world.apply(plan)
    assert statuses(with_old)["database"] == "failed"
    assert "google/database exists now, but differs from its declaration in /tier" in with_old.markdown()
    again = world.plan()
    assert actions(again) == {"network": "none", "database": "update", "app": "create", "bucket": "none"}
    assert world.apply(again).ok
    assert world.plan().changes == ()
