"""What the engine and the two drivers say to each other.

A *declared* resource is what a file under `infrastructure/` holds. Its references (`${...}`) are resolved
just before use, which makes it *desired*. A driver compares the desired with the *live* one, and creates,
updates or deletes it. Drivers know one vendor's conventions and no other resource; order, references, plans
and reports belong to the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

Cloud = Literal["google", "aws"]
Body = Mapping[str, Any]

#: Called with a short sentence whenever a long operation has moved ("waiting for GKE: 40 %").
Progress = Callable[[str], None]

#: How a resource is marked as ours: a label on Google, a tag on AWS.
OWNER_LABEL = ("managed-by", "dreamnet-gameplan")


@dataclass(frozen=True)
class Resource:
    """One cloud resource as a file declares it, or (after `with_values`) as it should be.

    Attributes:
        id: unique in the catalogue, `<cloud>/<name>`, such as `google/gke-cluster`.
        cloud: which driver is responsible.
        type: `container.v1/projects.locations.clusters` on Google (API, version, collection as the discovery
            document names them), `AWS::EKS::Cluster` on AWS.
        name: the resource's own name, as its API wants it in a URL or as its primary identifier's last part.
        parent: Google: the path that the collection hangs under (`projects/P/locations/L`, or `projects/P`);
            AWS: the region.
        body: Google: the REST body; AWS: the CloudFormation properties.
        depends_on: ids that must exist before, beyond those that the body's references name.
        source: `path:line` of the declaration, for messages.
        options: what the header says beyond this, for the driver (such as `create_only`, `wait`).
    """

    id: str
    cloud: Cloud
    type: str
    name: str
    parent: str
    body: Body
    depends_on: tuple[str, ...] = ()
    source: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def with_values(self, *, name: str, parent: str, body: Body) -> Resource:
        """The same resource with its references replaced by values."""
        return replace(self, name=name, parent=parent, body=body)


@dataclass(frozen=True)
class Live:
    """A resource as the cloud has it now.

    Attributes:
        identifier: Google: the self link or full resource name; AWS: the Cloud Control primary identifier.
        body: what the cloud returned, read-only outputs included (what other resources may refer to).
        owned: it carries our label or tag, or its type can carry none and it was found by its declared name.
        owner: whom its mark names, be it us or another; empty where nothing marks it.
    """

    identifier: str
    body: Body
    owned: bool
    owner: str = ""


@dataclass(frozen=True)
class Change:
    """One declared field that differs.

    Attributes:
        path: JSON pointer into the body, such as `/nodePools/0/autoscaling/maxNodeCount`.
        before: the live value (None: absent). Never a secret: write-only fields are not compared.
        after: the declared value.
        replacement: the vendor's schema allows this field only at creation.
    """

    path: str
    before: Any
    after: Any
    replacement: bool = False


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a declaration, found offline: where, which field, what the schema says."""

    source: str
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.source}: {self.path or '/'}: {self.message}"


class Driver(Protocol):
    """One vendor's resources, any type, through that vendor's generic interface.

    Every method that calls the cloud raises `CredentialsError`, `UnreachableError`, `NotRehearsable` or
    `ResourceError`, whose message names the resource's id and never holds a secret. `create`, `update` and
    `delete` wait until the operation has ended and are safe to repeat: what already happened is found, not
    done twice.
    """

    def validate(self, resource: Resource) -> list[Problem]:
        """Check the declaration against the vendor's published schema, without any call. References still
        stand in the body as `${...}` strings and count as valid wherever a scalar is."""
        ...

    def remembering(self) -> Driver:
        """The same driver, for reads at one moment: what several resources need (a listing, a policy) is
        asked for once."""
        ...

    def read(self, resource: Resource) -> Live | None:
        """The live resource, or None where there is none."""
        ...

    def diff(self, resource: Resource, live: Live) -> list[Change]:
        """The declared fields that differ; fields the declaration doesn't name are the cloud's business."""
        ...

    def create(self, resource: Resource, token: str, progress: Progress) -> Live:
        """Create and wait. `token` is the idempotency key, stable across retries of the same plan."""
        ...

    def update(
        self, resource: Resource, live: Live, changes: list[Change], token: str, progress: Progress
    ) -> Live:
        """Bring the declared fields to the declared values in place, and wait."""
        ...

    def delete(self, resource: Resource, live: Live, token: str, progress: Progress) -> None:
        """Delete with what is inside, and wait; an absent resource is no error."""
        ...

    def listing(self, resource: Resource) -> str | None:
        """A name for the listing that shows this resource, the same for all that it shows. None where its
        type carries no mark, can't be listed, or where its place is not known yet."""
        ...

    def undeclared(self, declared: Sequence[Resource], live: Mapping[str, Live | None]) -> list[Live]:
        """What carries our mark in one listing and is none of what is declared.

        Args:
            declared: all that is declared of that listing, at least one.
            live: by id, what of it was found; ids may be missing that were not looked at.
        """
        ...

    def look_up(self, resource: Resource, identifier: str) -> Live | None:
        """The live resource of that identifier, whatever its mark says, or None."""
        ...

    def mark(self, resource: Resource, live: Live, token: str, progress: Progress) -> Live:
        """Put our mark on what exists, leaving everything else as it is, and wait."""
        ...
