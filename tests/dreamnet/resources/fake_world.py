"""An in-memory cloud behind the driver protocol, and what the engine does with a catalogue on it."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dreamnet.errors import ResourceError
from dreamnet.resources.adopt import Adoption, adopt
from dreamnet.resources.apply import apply_plan
from dreamnet.resources.catalogue import load_catalogue
from dreamnet.resources.destroy import DestroyPlan, destroy, plan_destroy
from dreamnet.resources.drift import DriftReport, find_drift
from dreamnet.resources.model import Change, Live, Problem, Resource
from dreamnet.resources.outcome import ApplyReport
from dreamnet.resources.plan import Plan, make_plan


class FakeCloud:
    """Keeps resources by name; counts calls; can fail, and can lose the process between two steps."""

    def __init__(self) -> None:
        self.bodies: dict[str, dict[str, Any]] = {}
        self.foreign: set[str] = set()
        self.owners: dict[str, str] = {}
        self.calls: list[tuple[str, str]] = []
        self.tokens: dict[str, set[str]] = {}
        self.failing: dict[str, BaseException] = {}
        self.barrier: threading.Barrier | None = None
        self._lock = threading.Lock()

    def validate(self, resource: Resource) -> list[Problem]:
        return [
            Problem(resource.source, f"/{key}", "is unknown")
            for key in resource.body
            if key.startswith("bad")
        ]

    def remembering(self) -> "FakeCloud":
        return self

    def read(self, resource: Resource) -> Live | None:
        body = self.bodies.get(resource.name)
        if body is None:
            return None
        ours = resource.name not in self.foreign | self.owners.keys()
        owner = self.owners.get(resource.name, "us" if ours else "")
        return Live(f"fake://{resource.name}", dict(body), ours, owner)

    def diff(self, resource: Resource, live: Live) -> list[Change]:
        return [
            Change(f"/{key}", live.body.get(key), value, replacement=key.startswith("fixed"))
            for key, value in resource.body.items()
            if live.body.get(key) != value
        ]

    def create(self, resource: Resource, token: str, progress: Any) -> Live:
        self._record("create", resource, token)
        progress(f"half way with {resource.body.get('password', 'nothing secret')}")
        self.bodies.setdefault(resource.name, {**resource.body, "link": f"link-of-{resource.name}"})
        return self._live(resource)

    def update(
        self, resource: Resource, live: Live, changes: list[Change], token: str, progress: Any
    ) -> Live:
        self._record("update", resource, token)
        for change in changes:
            self.bodies[resource.name][change.path.removeprefix("/")] = change.after
        return self._live(resource)

    def delete(self, resource: Resource, live: Live, token: str, progress: Any) -> None:
        self._record("delete", resource, token)
        if self.bodies.get(resource.name, {}).get("deletionProtection"):
            raise ResourceError(f"{resource.name} is protected.", "Lift its protection.")
        self.bodies.pop(resource.name, None)

    def listing(self, resource: Resource) -> str | None:
        return None if resource.type == "unmarked" else f"{resource.type} in {resource.parent}"

    def undeclared(self, declared: Sequence[Resource], live: Mapping[str, Live | None]) -> list[Live]:
        names = {one.name for one in declared}
        strangers = self.bodies.keys() - names - self.foreign - self.owners.keys()
        return [Live(f"fake://{name}", self.bodies[name], True, "us") for name in sorted(strangers)]

    def look_up(self, resource: Resource, identifier: str) -> Live | None:
        name = identifier.removeprefix("fake://")
        return Live(identifier, dict(self.bodies[name]), False) if name in self.bodies else None

    def mark(self, resource: Resource, live: Live, token: str, progress: Any) -> Live:
        self._record("mark", resource, token)
        name = live.identifier.removeprefix("fake://")
        self.foreign.discard(name)
        self.bodies[resource.name] = self.bodies.pop(name)
        return self._live(resource)

    def _live(self, resource: Resource) -> Live:
        live = self.read(resource)
        assert live is not None
        return live

    def _record(self, what: str, resource: Resource, token: str) -> None:
        if self.barrier:
            self.barrier.wait(timeout=5)
        with self._lock:
            self.calls.append((what, resource.name))
            self.tokens.setdefault(f"{what} {resource.name}", set()).add(token)
        if resource.name in self.failing:
            raise self.failing[resource.name]

    def fail(self, name: str, message: str = "quota exceeded") -> None:
        self.failing[name] = ResourceError(f"{name}: {message}.", "Ask for more.")


ONE = "id: google/{0}\ntype: {2}\nname: {0}\nparent: p\nbody: {{{1}}}\n"
VARIABLES = {"google.project": "p-1"}
SECRETS = {"pw": "hunter2"}


class World:
    """A catalogue in a file, the fake cloud, and what the engine does with them."""

    def __init__(self, write: Callable[..., Path], cloud: FakeCloud) -> None:
        self.write, self.drivers = write, {"google": cloud}
        self.types: dict[str, str] = {}

    def declare(self, **bodies: str) -> None:
        texts = [ONE.format(name, body, self.types.get(name, "t")) for name, body in bodies.items()]
        self.catalogue = load_catalogue(self.write({"google/all.yaml": "---\n".join(texts)}))

    def plan(self) -> Plan:
        return make_plan(self.catalogue, self.drivers, VARIABLES)

    def apply(
        self, plan: Plan, secrets: Any = SECRETS, progress: Any = lambda rid, text: None, **rest: Any
    ) -> ApplyReport:
        return apply_plan(plan, self.catalogue, self.drivers, VARIABLES, secrets, progress, **rest)

    def plan_destroy(self, *names: str) -> DestroyPlan:
        wanted = self.catalogue.select(names) if names else self.catalogue
        return plan_destroy(wanted, self.drivers, VARIABLES, whole=self.catalogue)

    def destroy(
        self, plan: DestroyPlan | None = None, typed: str = "", consents: Any = (), names: Any = ()
    ) -> ApplyReport:
        plan = plan or self.plan_destroy(*names)
        wanted = self.catalogue.select(names) if names else self.catalogue
        return destroy(
            plan,
            typed or plan.id,
            wanted,
            self.drivers,
            VARIABLES,
            lambda rid, text: None,
            consents,
            whole=self.catalogue,
        )

    def drift(self, *names: str) -> DriftReport:
        wanted = self.catalogue.select(names) if names else self.catalogue
        return find_drift(wanted, self.drivers, VARIABLES, whole=self.catalogue)

    def adopt(self, *names: str, identifiers: Any = None) -> Adoption:
        return adopt(
            self.catalogue, names, self.drivers, VARIABLES, lambda rid, text: None, identifiers=identifiers
        )


def statuses(report: ApplyReport) -> dict[str, str]:
    """Status by name."""
    return {outcome.id.removeprefix("google/"): outcome.status for outcome in report.outcomes}
