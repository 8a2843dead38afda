"""Every type of the catalogue through its life on the local clouds: made, found as declared, changed behind
our back, found so, put right, undeclared, unmarked, adopted, deleted.

The stages run once, over everything; what each of them found is kept by resource, and each type has a test of
its own that reads it.
"""

from __future__ import annotations

import copy
import json
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from control_planes import control_planes

from benchmarks.clouds import Clouds, secret
from dreamnet.errors import GameplanError, PrecheckFailed
from dreamnet.resources import (
    Catalogue,
    DriftReport,
    adopt,
    apply_plan,
    destroy,
    find_drift,
    load_catalogue,
    make_plan,
    plan_destroy,
)
from dreamnet.resources.aws.identifiers import natural_key
from dreamnet.resources.aws.schemas import resource_schema
from dreamnet.resources.data import lift_protection
from dreamnet.resources.google import requests
from dreamnet.resources.google.discovery import load_type
from dreamnet.resources.model import OWNER_LABEL, Change, Driver, Live, Resource
from dreamnet.resources.references import Resolver

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(600)]

PROJECT = Path(__file__).resolve().parents[2]
CATALOGUE = load_catalogue(PROJECT / "infrastructure")
TYPES = sorted({resource.type for resource in CATALOGUE})
PARALLEL = 8

#: Fields that a person would change first, by the ends of their names; then numbers, switches, other text.
SPOKEN = ("description", "displayname", "comment", "title", "alarmdescription")


def quiet(*_: str) -> None:
    """Progress that nobody reads."""


@dataclass
class Life:
    """What the stages found.

    Attributes:
        faults: stage to resource id to what is wrong.
        changed: id to the path that was changed behind our back.
        unmarked: ids whose mark was taken away.
        left_out: ids that a catalogue did not hold for a while.
        strangers: identifiers that were then listed as undeclared, but are declared.
        left: what AWS has, by its own account, after everything was destroyed.
    """

    clouds: Clouds
    faults: dict[str, dict[str, str]] = field(default_factory=dict)
    changed: dict[str, str] = field(default_factory=dict)
    unmarked: set[str] = field(default_factory=set)
    left_out: set[str] = field(default_factory=set)
    strangers: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)
    live: dict[str, Live] = field(default_factory=dict)

    def fault(self, stage: str, resource_id: str, message: str) -> None:
        self.faults.setdefault(stage, {})[resource_id] = message

    def desired(self, resource_id: str) -> Resource:
        """The declaration with every reference resolved."""
        return Resolver(self.clouds.variables, self.live.get, secret).resolve(CATALOGUE[resource_id])

    def apply(self, stage: str, catalogue: Catalogue) -> None:
        """Plan and apply, and keep what lives."""
        clouds = self.clouds
        plan = make_plan(catalogue, clouds.drivers, clouds.variables, PARALLEL)
        consents = [f"lose-data:{step.id}" for step in plan.changes]
        report = apply_plan(
            plan,
            catalogue,
            clouds.drivers,
            clouds.variables,
            secret,
            quiet,
            PARALLEL,
            consents,
            clouds.delivery,
        )
        self.live.update(report.live)
        for outcome in report.outcomes:
            if outcome.status in ("failed", "not-started"):
                self.fault(stage, outcome.id, outcome.message)

    def settled(self, stage: str) -> None:
        """A plan changes nothing."""
        plan = make_plan(CATALOGUE, self.clouds.drivers, self.clouds.variables, PARALLEL)
        for step in plan.changes:
            paths = ", ".join(f"{c.path}: {c.before} -> {c.after}" for c in step.changes)
            self.fault(stage, step.id, f"{step.action} {paths}"[:300])

    def drift(self, catalogue: Catalogue = CATALOGUE) -> DriftReport:
        return find_drift(catalogue, self.clouds.drivers, self.clouds.variables, PARALLEL)


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    with control_planes(tmp_path_factory.mktemp("clouds"), TYPES) as clouds:
        lived = Life(clouds)
        for stage in (create, change_behind_our_back, undeclare, unmark_and_adopt, take_down):
            stage(lived)
        yield lived


# ---- the stages


def create(life: Life) -> None:
    """Everything from nothing; a second plan is empty."""
    life.apply("create", CATALOGUE)
    life.settled("second plan")


def change_behind_our_back(life: Life) -> None:
    """One field of each type, where one can be changed; drift shows it, an apply puts it right."""

    def change_one(type_name: str) -> None:
        for resource in CATALOGUE:
            if resource.type == type_name and resource.id in life.live and _changed(life, resource.id):
                return

    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(change_one, TYPES))
    shown = {one.id: [change.path for change in one.changes] for one in life.drift().changed}
    for resource_id, path in life.changed.items():
        if not any(path.startswith(one) or one.startswith(path) for one in shown.get(resource_id, [])):
            life.fault("drift", resource_id, f"{path} was changed, drift shows {shown.get(resource_id)}")
    life.apply("repair", CATALOGUE)


def _changed(life: Life, resource_id: str) -> bool:
    """Change the first field that its service lets be changed, and note which."""
    desired, live = life.desired(resource_id), life.live[resource_id]
    driver = life.clouds.drivers[desired.cloud]
    for path, value in _candidates(desired.body):
        if path[0] in _identity(desired):
            continue
        other = copy.deepcopy(dict(desired.body))
        _set(other, path, value)
        meant = desired.with_values(name=desired.name, parent=desired.parent, body=other)
        pointer = "/" + "/".join(map(str, path))
        if driver.validate(meant):
            continue
        changes = driver.diff(meant, live)
        if not changes or any(one.replacement for one in changes):
            continue
        try:
            after = driver.update(meant, live, changes, f"behind/{pointer}", quiet)
        except GameplanError:
            continue  # the service refuses that value
        if str(value).endswith("x") and not driver.diff(desired, after):
            continue  # no value of that field's: the service has kept its own
        life.changed[resource_id] = pointer
        return True
    return False


def _identity(desired: Resource) -> frozenset[str]:
    """Fields by which a resource is found whose name its cloud has chosen."""
    if desired.cloud == "google":
        return frozenset({"displayName"})
    return frozenset(natural_key(resource_schema(desired.type, desired.parent), desired.body))


def _candidates(body: Mapping[str, Any]) -> list[tuple[tuple[Any, ...], Any]]:
    """Paths to scalars with another value for each, the likeliest to be taken first."""
    found = []
    for path, value in _scalars(body, ()):
        name = str(path[-1]).lower()
        if isinstance(value, bool):
            found.append((2, path, not value))
        elif isinstance(value, int):
            found.append((1, path, value + 1))
        elif isinstance(value, str) and name.endswith(SPOKEN):
            found.append((0, path, f"{value} changed"))
        elif isinstance(value, str) and value.isdigit():
            found.append((3, path, str(int(value) + 1)))
        elif isinstance(value, str):
            found.append((4, path, f"{value}x"))
    return [(path, value) for _, path, value in sorted(found, key=lambda one: (one[0], len(one[1])))][:10]


def _scalars(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _scalars(item, (*path, key))
    elif not isinstance(value, list) and path:
        yield path, value


def _set(body: dict[str, Any], path: tuple[Any, ...], value: Any) -> None:
    *above, last = path
    for key in above:
        body = body[key]
    body[last] = value


def undeclare(life: Life) -> None:
    """Of each listing that shows several, what nothing depends on is left out of the catalogue; of the others
    nothing has drifted after the repair."""
    needed = {need for needs in CATALOGUE.graph().values() for need in needs}
    groups: dict[str, list[str]] = {}
    for resource_id in life.live:
        driver = life.clouds.drivers[CATALOGUE[resource_id].cloud]
        key = driver.listing(life.desired(resource_id))
        if (
            key is not None and "view" not in life.live[resource_id].body
        ):  # BigQuery's emulator lists them bare
            groups.setdefault(key, []).append(resource_id)
    left_out = {
        next(one for one in ids if one not in needed)
        for ids in groups.values()
        if len(ids) > 1 and any(one not in needed for one in ids)
    }
    rest = {rid: resource for rid, resource in CATALOGUE.resources.items() if rid not in left_out}
    found = life.drift(Catalogue(CATALOGUE.root, rest, CATALOGUE.files, CATALOGUE.lines))
    for one in (*found.changed, *found.absent, *found.foreign):
        life.fault("drift after repair", one.id, str([change.path for change in one.changes]))
    identifiers = {_tail(one.identifier) for one in found.undeclared}
    expected = {_tail(life.live[one].identifier): one for one in left_out}
    for identifier in expected.keys() - identifiers:
        life.fault("undeclared", expected[identifier], "was not listed as undeclared")
    life.strangers = identifiers - expected.keys()
    life.left_out = left_out


def _tail(identifier: str) -> str:
    """Google's links, in full or in part, by what tells them apart."""
    return identifier[identifier.find("projects/") :] if "projects/" in identifier else identifier


def unmark_and_adopt(life: Life) -> None:
    """One resource of each type that carries a mark loses it: a plan refuses it by name, adoption takes it
    over, and nothing else has changed."""
    wanted: dict[str, str] = {}
    for resource_id in life.live:
        resource = CATALOGUE[resource_id]
        listed = life.clouds.drivers[resource.cloud].listing(life.desired(resource_id)) is not None
        if listed and _mark_can_change(resource):
            wanted.setdefault(resource.type, resource_id)
    another = patch.object(requests, "OWNER_LABEL", ("once", "ours"))  # what Google's driver always adds
    with another, ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(lambda one: _unmark(life, one), wanted.values()))
    foreign = {one.id for one in life.drift().foreign}
    for resource_id in life.unmarked ^ foreign:
        life.fault("foreign", resource_id, f"foreign: {resource_id in foreign}")
    clouds = life.clouds
    few = {CATALOGUE[one].cloud: one for one in sorted(foreign)}.values()
    with pytest.raises(PrecheckFailed) as refused:
        make_plan(CATALOGUE.select(few), clouds.drivers, clouds.variables, PARALLEL)
    assert len(few) == 2
    assert all(one in refused.value.problem for one in few)
    adopted = adopt(CATALOGUE, sorted(foreign), clouds.drivers, clouds.variables, quiet, None, PARALLEL)
    for outcome in adopted.report.with_status("failed"):
        life.fault("adopt", outcome.id, outcome.message)
    for row in adopted.rows:
        life.fault("after adoption", row.split("|")[1].strip(), row)
    if "adopt" not in life.faults:
        life.settled("plan after adoption")


def _mark_can_change(resource: Resource) -> bool:
    return resource.cloud == "google" or resource_schema(resource.type, "us-east-1").tags_change


def _unmark(life: Life, resource_id: str) -> None:
    desired = life.desired(resource_id)
    driver = life.clouds.drivers[desired.cloud]
    live = driver.read(desired)
    assert live
    try:
        _without_mark(driver, desired, live)
    except GameplanError as error:
        life.fault("unmark", resource_id, str(error))
        return
    now = driver.read(desired)
    if now is None or now.owned:
        life.fault("unmark", resource_id, "its mark could not be taken away")
    else:
        life.unmarked.add(resource_id)


def _without_mark(driver: Driver, desired: Resource, live: Live) -> None:
    if desired.cloud == "aws":
        schema = resource_schema(desired.type, desired.parent)
        hidden = {path.split("/")[0] for path in schema.write_only} & schema.required
        name = schema.tag_property
        assert name
        tags = live.body[name]
        left: Any = (
            {key: value for key, value in tags.items() if key != OWNER_LABEL[0]}
            if isinstance(tags, Mapping)
            else [one for one in tags if one["Key"] != OWNER_LABEL[0]]
        )
        body = {key: value for key, value in desired.body.items() if key in hidden}
        bare = desired.with_values(name=desired.name, parent=desired.parent, body=body)
        driver.update(bare, live, [Change(f"/{name}", tags, left)], "unmark", quiet)
        return
    labels = load_type(desired.type).labels
    assert labels
    kept = requests.get_path(live.body, labels)
    for gone in ({}, {OWNER_LABEL[0]: None}):  # Cloud SQL and others merge: only a null takes a label away
        live = driver.read(desired) or live
        body: dict[str, Any] = {}
        left = {key: value for key, value in kept.items() if key != OWNER_LABEL[0]}
        requests.set_path(body, labels, {**left, **gone})
        bare = desired.with_values(name=desired.name, parent=desired.parent, body=body)
        driver.update(bare, live, [Change(f"/{labels.replace('.', '/')}", kept, left)], "unmark", quiet)
        now = driver.read(desired)
        if now and not now.owned:
            return


def take_down(life: Life) -> None:
    """Everything goes, what is protected by its named consents; nothing is left on either cloud."""
    clouds = life.clouds
    plan = plan_destroy(CATALOGUE, clouds.drivers, clouds.variables, PARALLEL)
    consents = [lift_protection(one.id) for one in plan.protected]
    report = destroy(plan, plan.id, CATALOGUE, clouds.drivers, clouds.variables, quiet, consents, PARALLEL)
    for outcome in report.outcomes:
        if outcome.status != "done":
            life.fault("destroy", outcome.id, outcome.message or outcome.status)
    left = plan_destroy(CATALOGUE, clouds.drivers, clouds.variables, PARALLEL)
    for one in left.doomed:
        life.fault("left", one.id, f"{one.identifier} is still there")
    with urllib.request.urlopen(f"{clouds.aws.endpoint_url}/_rehearsal/resources", timeout=10) as answer:
        life.left = {f"{one['type']} {one['identifier']}" for one in json.load(answer)}
    for region in (clouds.aws.region, clouds.aws.second_region):
        life.left.update(clouds.aws.client("eks", region).list_clusters()["clusters"])


# ---- what they found


@pytest.mark.parametrize("type_name", TYPES)
def test_type_lives_and_dies(life: Life, type_name: str) -> None:
    own = {resource.id for resource in CATALOGUE if resource.type == type_name}
    faults = [
        f"{stage}: {resource_id}: {message}"
        for stage, found in life.faults.items()
        for resource_id, message in found.items()
        if resource_id in own
    ]
    assert not faults, "\n".join(faults)


def test_the_stages_reached_most_of_what_there_is(life: Life) -> None:
    """Some types have nothing that can be changed, and some carry no mark: no more of them than these."""
    types = {one: {CATALOGUE[rid].type for rid in ids} for one, ids in _reached(life).items()}
    assert len(life.live) == len(CATALOGUE)
    assert len(types["changed"]) >= 0.6 * len(TYPES)
    assert len(types["unmarked"]) >= 0.5 * len(TYPES)
    assert len(life.left_out) > 20
    assert life.strangers == set()


def _reached(life: Life) -> dict[str, set[str]]:
    return {"changed": set(life.changed), "unmarked": life.unmarked}


def test_nothing_is_left_after_everything_was_destroyed(life: Life) -> None:
    assert life.left == set()
