import pytest
from fake_world import statuses

from dreamnet.errors import ConfigurationError, PrecheckFailed
from dreamnet.resources.destroy import DestroyPlan


def test_a_destroy_plan_shows_what_goes_and_changes_nothing(world, cloud):
    world.types["database"] = "sqladmin.v1/instances"
    world.declare(network="x: 1", database="net: '${resource:google/network.link}', deletionProtection: true")
    world.apply(world.plan())
    cloud.calls.clear()
    plan = world.plan_destroy()
    assert [one.id for one in plan.doomed] == ["google/database", "google/network"]
    assert "2 to delete, 1 of them with data, 1 protected" in plan.markdown()
    assert (
        "databases, and backups with them | /deletionProtection: needs the consent lift-" in plan.markdown()
    )
    assert DestroyPlan.from_json(plan.to_json()) == plan
    assert world.plan_destroy().id == plan.id
    assert cloud.calls == []


def test_destroy_goes_in_reverse_and_the_same_plan_continues(world, cloud):
    world.apply(world.plan())
    plan = world.plan_destroy()
    cloud.calls.clear()
    cloud.fail("database")
    report = world.destroy(plan)
    assert statuses(report) == {
        "app": "done",
        "database": "failed",
        "network": "not-started",
        "bucket": "done",
    }
    del cloud.failing["database"]
    assert statuses(world.destroy(plan)) == {
        "app": "unchanged",
        "database": "done",
        "network": "done",
        "bucket": "unchanged",
    }
    assert cloud.bodies == {}
    assert "0 to delete" in world.plan_destroy().markdown()


def test_nothing_goes_unless_the_plans_id_is_typed(world, cloud):
    world.apply(world.plan())
    cloud.calls.clear()
    plan = world.plan_destroy()
    for typed in ("yes", plan.id[:-1], plan.id.upper() + "x"):
        with pytest.raises(PrecheckFailed, match=f"not the destroy plan's id, {plan.id}. Nothing was del"):
            world.destroy(plan, typed)
    assert cloud.calls == []


def test_a_stale_destroy_plan_is_refused(world, cloud):
    world.apply(world.plan())
    kept = cloud.bodies.pop("bucket")
    plan = world.plan_destroy()
    cloud.bodies["bucket"] = kept
    cloud.calls.clear()
    with pytest.raises(PrecheckFailed, match="stale: google/bucket would be deleted too"):
        world.destroy(plan)
    protected = world.plan_destroy()
    cloud.bodies["network"]["deletionProtection"] = True
    with pytest.raises(PrecheckFailed, match="stale: google/network"):
        world.destroy(protected)
    assert cloud.calls == []


def test_deletion_protection_holds_until_the_named_consent_lifts_it(world, cloud):
    world.declare(network="x: 1", database="settings: {deletionProtectionEnabled: true}, password: a")
    world.apply(world.plan())
    cloud.bodies["network"]["DeletionProtection"] = "ACTIVE"
    cloud.calls.clear()
    plan = world.plan_destroy()
    assert [one.protected for one in plan.doomed] == [
        "/settings/deletionProtectionEnabled",
        "/DeletionProtection",
    ]
    consent = "lift-protection:google/database"
    with pytest.raises(PrecheckFailed, match="google/network, which /DeletionProtection protects"):
        world.destroy(plan, consents=[consent])
    assert cloud.calls == []
    assert world.destroy(plan, consents=[consent, "lift-protection:google/network"]).ok
    assert cloud.calls.index(("update", "database")) < cloud.calls.index(("delete", "database"))
    assert cloud.bodies == {}


def test_what_the_living_rest_depends_on_stays(world, cloud):
    world.apply(world.plan())
    plan = world.plan_destroy("google/database")
    assert (plan.doomed, plan.kept) == ((), ("google/database", "google/network"))
    assert "Stay, because others that stay need them: google/database" in plan.markdown()
    assert world.destroy(plan, names=["google/database"]).ok
    del cloud.bodies["app"]
    assert world.destroy(names=["google/database"]).ok
    assert set(cloud.bodies) == {"bucket"}


def test_a_changed_destroy_plan_is_refused(world):
    world.apply(world.plan())
    text = world.plan_destroy().to_json()
    for broken in (text.replace("google/bucket", "google/lake"), "[]", "nothing"):
        with pytest.raises(ConfigurationError, match="not a destroy plan that was saved here"):
            DestroyPlan.from_json(broken)
