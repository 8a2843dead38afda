"""The official Python client drives the local API server (or a given cluster): its calls, counted."""

from __future__ import annotations

import os
import time
from collections import Counter
from contextlib import suppress

import pytest
import yaml
from cluster_under_test import GIVEN, REHEARSAL, WHY, cluster_under_test, refusal
from kubernetes import client, dynamic, utils, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.informer import ADDED, DELETED, MODIFIED, SharedInformer
from kubernetes.leaderelection.electionconfig import Config
from kubernetes.leaderelection.leaderelection import LeaderElection
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock
from kubernetes.stream import stream
from typed_kinds import KINDS, POD, Typed, workload

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(900 if os.environ.get(GIVEN) else 120)]
JSON_PATCH, MERGE_PATCH = "application/json-patch+json", "application/merge-patch+json"
STRATEGIC, APPLY = "application/strategic-merge-patch+json", "application/apply-patch+yaml"
#: Seconds that a given cluster may take to pull an image and start a Pod.
PATIENCE = 180 if os.environ.get(GIVEN) else 20


def name_of(call):
    """The dynamic client's calls are partial functions."""
    return getattr(call, "func", call).__name__


class Calls:
    """The client's typed APIs on one cluster; every call that is answered counts."""

    def __init__(self, cluster):
        self.cluster, self.api_client = cluster, cluster.client()
        self.answered: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()

    def api(self, name):
        return getattr(client, name)(self.api_client)

    def __call__(self, call, *arguments, **options):
        """The call's answer."""
        made = call(*arguments, **options)
        self.answered[name_of(call)] += 1
        return made

    def refused(self, call, *arguments, **options):
        """The error that the call is answered with."""
        error = refusal(call, *arguments, **options)
        self.answered[name_of(call)] += 1
        return error


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    with cluster_under_test(tmp_path_factory.mktemp("home")) as cluster:
        yield Calls(cluster)


@pytest.fixture(scope="module")
def namespace(calls):
    return calls.cluster.namespace("client")


@pytest.fixture
def core(calls):
    return calls.api("CoreV1Api")


def until(condition, seconds=PATIENCE):
    """What the condition says as soon as it says something."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "not in time"
        time.sleep(0.05)
    return found


def gone(read, *arguments):
    with suppress(ApiException):
        read(*arguments)
        return False
    return True


class OfKind:
    """The typed methods of one kind, with where its object is."""

    def __init__(self, calls, kind: Typed, namespace):
        self._calls, self._kind, self._api = calls, kind, calls.api(kind.api)
        self.where = (namespace,) if kind.namespaced else ()
        self.name = "typed" if kind.namespaced else f"{calls.cluster.id}-typed"
        self.body = {"metadata": {"name": self.name, "labels": {"who": "create"}}} | kind.content

    def method(self, verb, subresource=""):
        scope = "namespaced_" if self._kind.namespaced else ""
        suffix = f"_{subresource}" if subresource else ""
        return getattr(self._api, f"{verb}_{scope}{self._kind.name}{suffix}")

    def one(self, verb, *body, subresource="", **options):
        return self._calls(self.method(verb, subresource), self.name, *self.where, *body, **options)

    def refused(self, verb, *body, **options):
        return self._calls.refused(self.method(verb), self.name, *self.where, *body, **options)

    def label(self, who, media, **options):
        body = {"metadata": {"labels": {"who": who}}}
        if media == JSON_PATCH:
            body = [{"op": "replace", "path": "/metadata/labels/who", "value": who}]
        made = self.one("patch", body, _content_type=media, **options)
        assert made.metadata.labels["who"] == who

    def declared(self, who):
        """What a manager applies: identity, and a label of its own."""
        live = self.one("read")
        identity = {"apiVersion": live.api_version, "kind": live.kind}
        return identity | {"metadata": {"name": self.name, "labels": {"who": who}}} | self._kind.content


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_verb_of_the_kind(calls, namespace, kind):
    typed = OfKind(calls, kind, namespace)
    dry = calls(typed.method("create"), *typed.where, typed.body, dry_run="All")
    assert dry.metadata.name == typed.name
    assert typed.refused("read").status == 404
    made = calls(typed.method("create"), *typed.where, typed.body)
    assert calls.refused(typed.method("create"), *typed.where, typed.body).reason == "Conflict"
    read = typed.one("read")
    assert (read.metadata.uid, read.metadata.labels["who"]) == (made.metadata.uid, "create")
    listed = calls(typed.method("list"), *typed.where, label_selector="who=create")
    assert [item.metadata.name for item in listed.items] == [typed.name]
    for media in (JSON_PATCH, MERGE_PATCH, STRATEGIC):
        typed.label(media.partition("/")[2][:9], media)
    conflict = typed.refused("patch", typed.declared("one"), _content_type=APPLY, field_manager="one")
    assert conflict.status == 409
    assert ".metadata.labels.who" in conflict.body
    applied = typed.one("patch", typed.declared("one"), _content_type=APPLY, field_manager="one", force=True)
    assert "one" in {entry.manager for entry in applied.metadata.managed_fields if entry.operation == "Apply"}
    stale = typed.one("read")
    stale.metadata.labels["who"] = "replace"
    utils.retry_on_conflict(lambda: replaced(typed, "replace"))
    assert typed.refused("replace", stale).status == 409
    for subresource in kind.more:
        check_subresource(typed, subresource)
    wrong = {"preconditions": {"uid": "another"}}
    assert typed.refused("delete", body=wrong).status == 409
    typed.one("delete", body={"propagationPolicy": "Background", "gracePeriodSeconds": 0})
    until(lambda: gone(typed.method("read"), typed.name, *typed.where))


def replaced(typed, who):
    live = typed.one("read")
    live.metadata.labels["who"] = who
    assert typed.one("replace", live).metadata.labels["who"] == who


def check_subresource(typed, subresource):
    shown = typed.one("read", subresource=subresource)
    assert shown.metadata.name == typed.name
    if subresource == "scale":
        made = typed.one("patch", {"spec": {"replicas": 0}}, subresource="scale")
        assert made.spec.replicas == 0
        utils.retry_on_conflict(lambda: rescaled(typed))
    else:
        typed.one("patch", {}, subresource=subresource, _content_type=MERGE_PATCH)


def rescaled(typed):
    wanted = typed.one("read", subresource="scale")
    wanted.spec.replicas = 1
    assert typed.one("replace", wanted, subresource="scale").spec.replicas == 1


def test_a_status_is_written_apart_from_its_object(calls, namespace):
    apps = calls.api("AppsV1Api")
    body = {"metadata": {"name": "stated"}, "spec": workload(replicas=0)}
    made = calls(apps.create_namespaced_deployment, namespace, body)
    condition = {"type": "Seen", "status": "True", "reason": "Test", "message": "seen"}
    both = {"spec": {"replicas": 9}, "status": {"conditions": [condition]}}
    calls(apps.patch_namespaced_deployment_status, "stated", namespace, both)
    read = calls(apps.read_namespaced_deployment_status, "stated", namespace)
    assert (read.spec.replicas, read.metadata.generation) == (0, made.metadata.generation)
    assert "Seen" in [c.type for c in read.status.conditions]


def test_collections_and_dependents_are_deleted_as_asked(calls, namespace, core):
    for number in range(3):
        labels = {"sweep": "yes" if number else "no"}
        calls(
            core.create_namespaced_config_map,
            namespace,
            {"metadata": {"name": f"sweep-{number}", "labels": labels}},
        )
    calls(core.delete_collection_namespaced_config_map, namespace, label_selector="sweep=yes")
    left = calls(core.list_namespaced_config_map, namespace, label_selector="sweep")
    assert [item.metadata.name for item in left.items] == ["sweep-0"]
    apps = calls.api("AppsV1Api")
    body = {"metadata": {"name": "parent", "labels": {"app": "parent"}}, "spec": workload(replicas=0)}
    calls(apps.create_namespaced_deployment, namespace, body)
    owned = until(
        lambda: [
            s
            for s in calls(apps.list_namespaced_replica_set, namespace).items
            if s.metadata.name.startswith("parent-")
        ]
    )
    calls(apps.delete_namespaced_deployment, "parent", namespace, body={"propagationPolicy": "Orphan"})
    name = owned[0].metadata.name
    until(lambda: not calls(apps.read_namespaced_replica_set, name, namespace).metadata.owner_references)
    calls(apps.delete_namespaced_replica_set, name, namespace, propagation_policy="Foreground")
    until(lambda: gone(apps.read_namespaced_replica_set, name, namespace))


def test_a_finalizer_holds_an_object_until_it_is_taken_off(calls, namespace, core):
    finalizer = f"example.com/{calls.cluster.id}"
    body = {"metadata": {"name": "held", "finalizers": [finalizer]}}
    calls(core.create_namespaced_config_map, namespace, body)
    calls(core.delete_namespaced_config_map, "held", namespace)
    assert calls(core.read_namespaced_config_map, "held", namespace).metadata.deletion_timestamp
    calls(
        core.patch_namespaced_config_map,
        "held",
        namespace,
        {"metadata": {"finalizers": None}},
        _content_type=MERGE_PATCH,
    )
    until(lambda: gone(core.read_namespaced_config_map, "held", namespace))


def test_an_eviction_waits_for_the_budget(calls, namespace, core):
    labels = {"app": "evicted"}
    policy = calls.api("PolicyV1Api")
    budget = {
        "metadata": {"name": "evicted"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": labels}},
    }
    calls(policy.create_namespaced_pod_disruption_budget, namespace, budget)
    calls(
        core.create_namespaced_pod,
        namespace,
        {"metadata": {"name": "evicted", "labels": labels}, "spec": POD},
    )

    def healthy():
        status = calls(policy.read_namespaced_pod_disruption_budget_status, "evicted", namespace).status
        return status and status.current_healthy

    until(healthy)
    eviction = client.V1Eviction(metadata=client.V1ObjectMeta(name="evicted", namespace=namespace))
    refused = calls.refused(core.create_namespaced_pod_eviction, "evicted", namespace, eviction)
    assert (refused.status, "disruption budget" in refused.body) == (429, True)
    calls(policy.delete_namespaced_pod_disruption_budget, "evicted", namespace)
    calls(core.create_namespaced_pod_eviction, "evicted", namespace, eviction)
    until(lambda: gone(core.read_namespaced_pod, "evicted", namespace))


def test_a_workload_starts_and_its_logs_are_followed(calls, namespace, core):
    spec = {
        "containers": [
            {"name": "main", "image": "busybox:1", "command": ["sh", "-c", "echo hello; sleep 600"]}
        ]
    }
    calls(core.create_namespaced_pod, namespace, {"metadata": {"name": "talks"}, "spec": spec})
    until(lambda: calls(core.read_namespaced_pod_status, "talks", namespace).status.phase == "Running")
    assert calls(core.read_namespaced_pod_log, "talks", namespace, tail_lines=1).strip()
    following = calls(core.read_namespaced_pod_log, "talks", namespace, follow=True, _preload_content=False)
    assert next(following.stream(1))
    following.close()
    missing = calls.refused(core.read_namespaced_pod_log, "talks", namespace, container="nobody")
    assert (missing.status, "not valid for pod" in missing.body) == (400, True)
    calls(core.delete_namespaced_pod, "talks", namespace, grace_period_seconds=0)


def test_a_stream_into_a_container_is_refused_with_the_reason(calls, namespace, core):
    if REHEARSAL not in calls.cluster.offers:
        calls.left_out[REHEARSAL] += 2
        return
    calls(core.create_namespaced_pod, namespace, {"metadata": {"name": "closed"}, "spec": POD})
    for connect in (core.connect_get_namespaced_pod_exec, core.connect_get_namespaced_pod_attach):
        options = {"command": ["true"]} if "exec" in connect.__name__ else {}
        error = calls.refused(stream, connect, "closed", namespace, **options)
        assert "it has no container runtime" in str(error)
    calls(core.delete_namespaced_pod, "closed", namespace, grace_period_seconds=0)


def test_pages_are_consistent_and_an_old_token_is_gone(calls, namespace, core):
    for number in range(5):
        calls(
            core.create_namespaced_config_map,
            namespace,
            {"metadata": {"name": f"page-{number}", "labels": {"page": "y"}}},
        )
    options = {"label_selector": "page=y", "limit": 2}
    page = calls(core.list_namespaced_config_map, namespace, **options)
    calls(
        core.create_namespaced_config_map,
        namespace,
        {"metadata": {"name": "page-9", "labels": {"page": "y"}}},
    )
    found = [*page.items]
    while page.metadata._continue:
        page = calls(core.list_namespaced_config_map, namespace, _continue=page.metadata._continue, **options)
        found += page.items
    assert [item.metadata.name for item in found] == [f"page-{number}" for number in range(5)]
    error = calls.refused(core.list_namespaced_config_map, namespace, _continue="bm9uZQ", limit=2)
    assert error.status in (400, 410)


def test_a_watch_goes_on_where_the_last_one_ended(calls, namespace, core):
    options = {"label_selector": "watched=y", "timeout_seconds": 1}
    since = calls(core.list_namespaced_config_map, namespace).metadata.resource_version

    def labelled(name):
        return {"metadata": {"name": name, "labels": {"watched": "y"}}}

    calls(core.create_namespaced_config_map, namespace, labelled("watched-1"))
    first = watch.Watch()
    events = list(
        calls(first.stream, core.list_namespaced_config_map, namespace, resource_version=since, **options)
    )
    assert [(e["type"], e["object"].metadata.name) for e in events] == [("ADDED", "watched-1")]
    change = {"metadata": {"labels": {"watched": "no"}}}
    calls(core.patch_namespaced_config_map, "watched-1", namespace, change, _content_type=MERGE_PATCH)
    calls(core.create_namespaced_config_map, namespace, labelled("watched-2"))
    calls(core.delete_namespaced_config_map, "watched-2", namespace)
    again = calls(
        watch.Watch().stream,
        core.list_namespaced_config_map,
        namespace,
        resource_version=first.resource_version,
        **options,
    )
    seen = [(e["type"], e["object"].metadata.name) for e in again]
    # What no longer matches the selector has gone, for this watch.
    assert seen == [("DELETED", "watched-1"), ("ADDED", "watched-2"), ("DELETED", "watched-2")]


def test_two_candidates_elect_one_leader(calls, namespace):
    def candidate(name):
        lock = LeaseLock("leader", namespace, name)
        lock.api_instance = calls.api("CoordinationV1Api")
        return LeaderElection(Config(lock, 15, 10, 2, lambda: None, lambda: None))

    one, two = candidate("one"), candidate("two")
    held = [calls(candidate.try_acquire_or_renew) for candidate in (one, two, one)]
    assert held == [True, False, True]
    lease = calls(calls.api("CoordinationV1Api").read_namespaced_lease, "leader", namespace)
    assert lease.spec.holder_identity == "one"


DREAMS = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: visions.$ID.example.com}
spec:
  group: $ID.example.com
  scope: Namespaced
  names: {plural: visions, singular: vision, kind: Vision}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}, scale: {specReplicasPath: .spec.size, statusReplicasPath: .status.size}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, required: [size], properties: {size: {type: integer, maximum: 9}}}
          status: {type: object, properties: {size: {type: integer}}}
"""


@pytest.fixture(scope="module")
def visions(calls):
    """The group of a custom kind."""
    group = f"{calls.cluster.id}.example.com"
    utils.create_from_dict(calls.api_client, yaml.safe_load(DREAMS.replace("$ID", calls.cluster.id)))
    api = calls.api("ApiextensionsV1Api")

    def established():
        status = api.read_custom_resource_definition(f"visions.{group}").status
        return any(c.type == "Established" and c.status == "True" for c in status.conditions or ())

    until(established)
    return group


def test_custom_objects(calls, namespace, visions):
    custom = calls.api("CustomObjectsApi")
    where = (visions, "v1", namespace, "visions")
    body = {"apiVersion": f"{visions}/v1", "kind": "Vision", "metadata": {"name": "one"}, "spec": {"size": 1}}
    calls(custom.create_namespaced_custom_object, *where, body)
    wrong = body | {"metadata": {"name": "two"}, "spec": {"size": 10}}
    assert calls.refused(custom.create_namespaced_custom_object, *where, wrong).status == 422
    assert [v["metadata"]["name"] for v in calls(custom.list_namespaced_custom_object, *where)["items"]] == [
        "one"
    ]
    calls(
        custom.patch_namespaced_custom_object, *where, "one", {"spec": {"size": 2}}, _content_type=MERGE_PATCH
    )
    calls(
        custom.patch_namespaced_custom_object_status,
        *where,
        "one",
        {"status": {"size": 2}},
        _content_type=MERGE_PATCH,
    )
    scale = calls(custom.get_namespaced_custom_object_scale, *where, "one")
    assert (scale["spec"]["replicas"], scale["status"]["replicas"]) == (2, 2)
    live = calls(custom.get_namespaced_custom_object, *where, "one")
    calls(custom.replace_namespaced_custom_object, *where, "one", live | {"spec": {"size": 3}})
    assert calls(custom.list_cluster_custom_object, visions, "v1", "visions")["items"][0]["spec"]["size"] == 3
    calls(custom.delete_namespaced_custom_object, *where, "one")


def test_the_dynamic_client(calls, namespace, visions):
    known = calls(dynamic.DynamicClient, calls.api_client)
    for api_version, kind in (("apps/v1", "Deployment"), ("v1", "ConfigMap"), (f"{visions}/v1", "Vision")):
        assert calls(known.resources.get, api_version=api_version, kind=kind).kind == kind
    maps = known.resources.get(api_version="v1", kind="ConfigMap")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "dynamic"}, "data": {"a": "1"}}
    calls(maps.create, body=body, namespace=namespace)
    applied = body | {"data": {"a": "2"}}
    error = calls.refused(maps.server_side_apply, body=applied, namespace=namespace, field_manager="dynamic")
    assert error.status == 409
    calls(
        maps.server_side_apply,
        body=applied,
        namespace=namespace,
        field_manager="dynamic",
        force_conflicts=True,
    )
    assert calls(maps.get, name="dynamic", namespace=namespace).data.a == "2"
    calls(
        maps.patch, name="dynamic", namespace=namespace, body={"data": {"a": "3"}}, content_type=MERGE_PATCH
    )
    seen = [e["type"] for e in calls(maps.watch, namespace=namespace, name="dynamic", timeout=1)]
    assert seen == ["ADDED"]
    calls(maps.delete, name="dynamic", namespace=namespace)
    assert calls.refused(maps.get, name="dynamic", namespace=namespace).status == 404


def test_manifests_of_a_file(calls, namespace, core, tmp_path):
    path = tmp_path / "two.yaml"
    one = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "file"}, "data": {"a": "1"}}
    two = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "file"},
        "spec": workload(replicas=0),
    }
    path.write_text(yaml.safe_dump_all([one, two]))
    made = calls(utils.create_from_yaml, calls.api_client, str(path), namespace=namespace)
    assert [part[0].metadata.name for part in made] == ["file", "file"]
    with pytest.raises(utils.FailToCreateError, match="AlreadyExists"):
        utils.create_from_yaml(calls.api_client, str(path), namespace=namespace)
    calls(utils.create_from_yaml, calls.api_client, str(path), namespace=namespace, apply=True)
    assert calls(core.read_namespaced_config_map, "file", namespace).data == {"a": "1"}


def test_who_may_what(calls, namespace, core):
    authorization = calls.api("AuthorizationV1Api")
    asked = {"spec": {"resourceAttributes": {"verb": "list", "resource": "pods", "namespace": namespace}}}
    assert calls(authorization.create_self_subject_access_review, asked).status.allowed
    account = f"system:serviceaccount:{namespace}:default"
    other = {"spec": asked["spec"] | {"user": account}}
    assert not calls(authorization.create_subject_access_review, other).status.allowed
    assert calls(
        authorization.create_self_subject_rules_review, {"spec": {"namespace": namespace}}
    ).status.resource_rules
    request = client.AuthenticationV1TokenRequest(spec=client.V1TokenRequestSpec(audiences=[]))
    token = calls(core.create_namespaced_service_account_token, "default", namespace, request).status.token
    review = calls(calls.api("AuthenticationV1Api").create_token_review, {"spec": {"token": token}})
    assert (review.status.authenticated, review.status.user.username) == (True, account)
    assert calls(calls.api("AuthenticationV1Api").create_self_subject_review, {}).status.user_info.groups


def test_what_the_server_is_and_has(calls):
    assert calls(calls.api("VersionApi").get_code).major == "1"
    assert {"apps", "batch", "policy"} <= {
        g.name for g in calls(calls.api("ApisApi").get_api_versions).groups
    }
    assert "v1" in calls(calls.api("CoreApi").get_api_versions).versions
    assert "deployments/scale" in {r.name for r in calls(calls.api("AppsV1Api").get_api_resources).resources}
    assert calls(calls.api("CoreV1Api").list_node).items[0].status.capacity["cpu"]
    assert calls(calls.api("CoreV1Api").list_event_for_all_namespaces, limit=1).items
    assert calls(calls.api("StorageV1Api").list_storage_class).items


def test_an_informer_follows_and_lists_anew_where_its_past_is_gone(calls, namespace, core):
    informer = SharedInformer(core.list_namespaced_config_map, namespace, label_selector="informed=y")
    seen = []
    for event in (ADDED, MODIFIED, DELETED):
        informer.add_event_handler(event, lambda item, event=event: seen.append((event, item.metadata.name)))

    def labelled(name):
        return {"metadata": {"name": name, "labels": {"informed": "y"}}}

    calls(core.create_namespaced_config_map, namespace, labelled("first"))
    calls(informer.start)
    try:
        until(lambda: (ADDED, "first") in seen)
        calls(
            core.patch_namespaced_config_map,
            "first",
            namespace,
            {"data": {"a": "1"}},
            _content_type=MERGE_PATCH,
        )
        until(lambda: (MODIFIED, "first") in seen)
        if REHEARSAL in calls.cluster.offers:
            # A restarted server remembers no changes: the watch's version is too old, and the informer lists.
            calls.cluster.engines.kill("clients")
            calls.cluster.engines.start("clients")
        else:
            calls.left_out[REHEARSAL] += 1
        calls(core.delete_namespaced_config_map, "first", namespace)
        calls(core.create_namespaced_config_map, namespace, labelled("second"))
        until(lambda: (DELETED, "first") in seen and (ADDED, "second") in seen)
        assert [item.metadata.name for item in informer.cache.list()] == ["second"]
    finally:
        informer.stop()


def test_count(calls):
    total = calls.answered.total()
    print(f"{total} calls of the official client, of {len(calls.answered)} methods, pass")
    for needs, count in calls.left_out.items():
        print(f"  {count} left out: they {WHY[needs]}")
    assert total > 0


def test_most_of_what_the_gameplan_may_call_was_called(calls):
    assert len(calls.answered) >= 240
