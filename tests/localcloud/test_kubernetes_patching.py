"""The three patch kinds and server-side apply, against the official definitions."""

from __future__ import annotations

import pytest

from localcloud.kubernetes import apply as server_side
from localcloud.kubernetes.errors import ApiError
from localcloud.kubernetes.patching import JSON, MERGE, STRATEGIC, apply_patch
from localcloud.kubernetes.schema import Schemas


@pytest.fixture(scope="module")
def node():
    return Schemas("1.35").node("apps/v1", "Deployment")


def deployment(**spec):
    containers = [
        {"name": "a", "image": "x:1", "env": [{"name": "K", "value": "1"}]},
        {"name": "b", "image": "y:1"},
    ]
    body = {"replicas": 2, "template": {"spec": {"containers": containers}}} | spec
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": body}


def containers(obj):
    return obj["spec"]["template"]["spec"]["containers"]


def strategic(node, *patch_containers, **extra):
    patch = {"spec": {"template": {"spec": {"containers": list(patch_containers), **extra}}}}
    return apply_patch(deployment(), patch, STRATEGIC, node)


def test_strategic_merge_joins_containers_and_variables_by_name(node):
    new = strategic(node, {"name": "a", "image": "x:2", "env": [{"name": "L", "value": "2"}]})
    assert containers(new)[0]["image"] == "x:2"
    assert [e["name"] for e in containers(new)[0]["env"]] == ["K", "L"]
    assert containers(new)[1] == {"name": "b", "image": "y:1"}


def test_strategic_merge_deletes_and_orders(node):
    gone = strategic(node, {"name": "a", "$patch": "delete"})
    assert [c["name"] for c in containers(gone)] == ["b"]
    order = {"$setElementOrder/containers": [{"name": "c"}, {"name": "b"}, {"name": "a"}]}
    ordered = strategic(node, {"name": "c", "image": "z"}, **order)
    assert [c["name"] for c in containers(ordered)] == ["c", "b", "a"]


def test_retain_keys_drops_the_other_strategy(node):
    live = deployment(strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}})
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert apply_patch(live, patch, STRATEGIC, node)["spec"]["strategy"] == {"type": "Recreate"}


def test_merge_patch_replaces_lists_and_null_removes(node):
    patch = {"spec": {"replicas": None, "template": {"spec": {"containers": [{"name": "c"}]}}}}
    new = apply_patch(deployment(), patch, MERGE, node)
    assert "replicas" not in new["spec"]
    assert containers(new) == [{"name": "c"}]


def test_json_patch_and_its_refusal(node):
    live = deployment()
    assert (
        apply_patch(live, [{"op": "replace", "path": "/spec/replicas", "value": 5}], JSON, node)["spec"][
            "replicas"
        ]
        == 5
    )
    assert live["spec"]["replicas"] == 2
    with pytest.raises(ApiError) as refused:
        apply_patch(live, [{"op": "test", "path": "/spec/replicas", "value": 9}], JSON, node)
    assert refused.value.code == 422


def test_patches_leave_the_live_object_alone(node):
    live = deployment()
    apply_patch(
        live, {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "n"}]}}}}, STRATEGIC, node
    )
    assert live == deployment()


# Server-side apply


def applied(node, live, obj, manager="gameplan", force=False):
    return server_side.apply(live, obj, node, manager, force)


def test_apply_twice_changes_nothing(node):
    first = applied(node, None, deployment())
    assert applied(node, first, deployment()) == first


def test_apply_removes_what_its_manager_dropped(node):
    first = applied(node, None, deployment(paused=True))
    without = deployment()
    del containers(without)[0]["env"]
    without["spec"]["template"]["spec"]["containers"].pop(1)
    second = applied(node, first, without)
    assert "paused" not in second["spec"]
    assert containers(second) == [{"name": "a", "image": "x:1"}]


def test_apply_keeps_what_another_manager_owns_too(node):
    first = applied(node, None, deployment())
    second = applied(node, first, deployment(), manager="other")
    less = deployment()
    del less["spec"]["replicas"]
    assert applied(node, second, less)["spec"]["replicas"] == 2


def test_conflict_names_manager_and_field_and_force_takes_it(node):
    first = applied(node, None, deployment())
    scaled = {**first, "metadata": dict(first["metadata"]), "spec": {**first["spec"], "replicas": 7}}
    server_side.track_update(first, scaled, node, "kubectl")
    with pytest.raises(ApiError) as refused:
        applied(node, scaled, deployment())
    assert refused.value.code == 409
    assert (
        refused.value.message
        == 'Apply failed with 1 conflict: conflict with "kubectl" using apps/v1: .spec.replicas'
    )
    forced = applied(node, scaled, deployment(), force=True)
    assert forced["spec"]["replicas"] == 2
    assert all(e["manager"] != "kubectl" for e in forced["metadata"]["managedFields"])


def test_same_value_from_two_managers_is_shared_without_conflict(node):
    first = applied(node, None, deployment())
    second = applied(node, first, deployment(), manager="other")
    assert {e["manager"] for e in second["metadata"]["managedFields"]} == {"gameplan", "other"}


def test_ports_with_and_without_protocol_are_the_same_item(node):
    def with_ports(ports):
        obj = deployment()
        containers(obj)[0]["ports"] = ports
        return obj

    first = applied(node, None, with_ports([{"containerPort": 80, "protocol": "TCP"}]))
    second = applied(node, first, with_ports([{"containerPort": 80, "name": "http"}]))
    assert containers(second)[0]["ports"] == [{"containerPort": 80, "name": "http"}]
