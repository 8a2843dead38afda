"""Server-side apply: manifests in the order they need each other, and a report of what changed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from dreamnet.errors import GameplanError, ResourceError
from dreamnet.kubernetes.batch import CRD, Batch, Manifest, check_foreign, named_kind, prepare
from dreamnet.kubernetes.cluster import (
    APPLY_PATCH,
    CANARY_MANAGER,
    FIELD_MANAGER,
    Cluster,
    Conflict,
    NotFound,
    Object,
)
from dreamnet.kubernetes.prune import find_surplus
from dreamnet.resources.model import Progress

#: `kept`: pruning it needs consent. `not reached`: something before it failed.
Outcome = Literal["created", "configured", "unchanged", "pruned", "kept", "failed", "not reached"]

#: From so many objects of one collection on, one LIST is cheaper than a GET each.
_MANY = 5
#: So many objects are named in an error; the report names all.
_NAMED = 8


@dataclass(frozen=True)
class Applied:
    """What became of one object.

    Attributes:
        why: why it failed.
    """

    kind: str
    namespace: str
    name: str
    outcome: Outcome
    why: str = ""

    @classmethod
    def of(cls, manifest: Manifest, outcome: Outcome) -> Applied:
        """What became of the object that a manifest describes."""
        metadata = manifest["metadata"]
        return cls(manifest["kind"], metadata.get("namespace", ""), metadata["name"], outcome)

    @property
    def title(self) -> str:
        """`Kind namespace/name`."""
        return f"{self.kind} {self.namespace + '/' if self.namespace else ''}{self.name}"

    def __str__(self) -> str:
        return f"{self.title} {self.outcome}{': ' + self.why if self.why else ''}"


@dataclass(frozen=True)
class ApplyReport:
    """What an apply did to one cluster, or would do (dry run).

    Attributes:
        rows: one an object of the manifests, in the order of the apply, then what was pruned or kept.
        failure: what stopped it; None where nothing did.
    """

    cluster: str
    rows: tuple[Applied, ...]
    seconds: float
    dry_run: bool = False
    failure: GameplanError | None = None

    @property
    def changed(self) -> bool:
        """Whether anything is different from before (dry run: would be)."""
        return any(row.outcome in ("created", "configured", "pruned") for row in self.rows)

    def count(self, outcome: Outcome) -> int:
        """How many objects had this outcome."""
        return sum(row.outcome == outcome for row in self.rows)


@dataclass(frozen=True)
class Settings:
    """How to apply.

    Attributes:
        force: take over fields that another manager owns instead of stopping.
        prune: a label selector, such as `app.kubernetes.io/part-of=dreamnet`: objects that carry it, that an
            earlier apply made, and that the manifests no longer hold, are deleted. None: nothing is.
        consents: objects as `Kind namespace/name` that may be pruned although that loses data or what others
            put in them (namespaces, definitions, volumes, Secrets).
        dry_run: the cluster checks and answers, and nothing changes.
        crd_timeout: seconds for new CustomResourceDefinitions to be served.
    """

    force: bool = False
    prune: str | None = None
    consents: Collection[str] = ()
    dry_run: bool = False
    crd_timeout: float = 60


def apply(
    cluster: Cluster,
    manifests: Sequence[Manifest],
    *,
    progress: Progress,
    force: bool = False,
    prune: str | None = None,
) -> ApplyReport:
    """Bring objects to what the manifests say; repeating it changes nothing. `Settings` explains the rest.

    Raises:
        ConfigurationError: a manifest is invalid, or the cluster does not know its kind (found before
            anything is sent).
        Conflict: another manager owns a field.
        CredentialsError, UnreachableError, ResourceError: as `Cluster.call`. All say what was applied before.
    """
    report = attempt(cluster, prepare(manifests), progress, Settings(force=force, prune=prune))
    if report.failure is not None:
        raise report.failure
    return report


def attempt(cluster: Cluster, batch: Batch, progress: Progress, settings: Settings) -> ApplyReport:
    """As `apply`, but what stops it is in the report, not raised: its rows tell where every object stands."""
    started = time.monotonic()
    rows: list[Applied] = []
    failure: GameplanError | None = None
    begun = False
    would = "would be " if settings.dry_run else ""
    try:
        check_foreign(cluster, batch)
        live = _listed(cluster, batch)
        begun = True
        for row in _applied(cluster, batch, settings, live):
            rows.append(row)
            if row.outcome != "unchanged":
                progress(f"{cluster.key}: {row.title} {would}{row.outcome}")
    except GameplanError as error:
        unreached = [Applied.of(manifest, "not reached") for manifest in batch.manifests[len(rows) :]]
        if begun and unreached:
            unreached[0] = replace(unreached[0], outcome="failed", why=error.problem)
        failure = _explained(error, rows, unreached)
        rows += unreached
    return ApplyReport(cluster.key, tuple(rows), time.monotonic() - started, settings.dry_run, failure)


def delete(cluster: Cluster, manifests: Sequence[Manifest], progress: Progress) -> list[str]:
    """Delete what the manifests name, in reverse order; what is not there is no error.

    Returns:
        The deleted objects' titles.
    """
    gone = []
    for manifest in reversed(prepare(manifests).manifests):
        title = f"{manifest['kind']} {manifest['metadata']['name']}"
        try:
            _delete(cluster, cluster.path_of(manifest))
        except NotFound:
            continue
        gone.append(title)
        progress(f"{cluster.key}: {title} deleted")
    return gone


def apply_object(cluster: Cluster, manifest: Manifest, force: bool = False) -> Outcome:
    """Server-side apply of one object without the offline check.

    Returns:
        created, configured or unchanged.
    """
    path = cluster.path_of(manifest)
    return _patch(cluster, path, manifest, cluster.find(path), Settings(force=force))


def _applied(
    cluster: Cluster, batch: Batch, settings: Settings, live: Mapping[str, Mapping[str, Object]]
) -> Iterator[Applied]:
    """Apply one object after the other, then prune.

    A dry run changes nothing, so what stands in a new namespace or is of a new kind can't be sent: it counts
    as created.
    """
    definitions = [item for item in batch.manifests if item["kind"] == CRD]
    imagined: set[str] = set()

    def rows(manifests: Sequence[Manifest]) -> Iterator[Applied]:
        for manifest in manifests:
            if settings.dry_run and _is_imagined(cluster, manifest, batch, imagined):
                yield Applied.of(manifest, "created")
                continue
            row = Applied.of(manifest, _apply_one(cluster, manifest, settings, live))
            if row.outcome == "created" and row.kind == "Namespace":
                imagined.add(row.name)
            yield row

    yield from rows(definitions)
    if not settings.dry_run:
        for definition in definitions:
            _wait_served(cluster, definition, settings.crd_timeout)
    yield from rows(batch.manifests[len(definitions) :])
    if settings.prune:
        yield from _prune(cluster, batch, settings)


def _is_imagined(cluster: Cluster, manifest: Manifest, batch: Batch, namespaces: Collection[str]) -> bool:
    if manifest["metadata"].get("namespace") in namespaces:
        return True
    if named_kind(manifest) not in batch.defined:
        return False
    try:
        cluster.kind(*named_kind(manifest))
    except NotFound:
        return True
    return False


def _patch(
    cluster: Cluster, path: str, manifest: Manifest, before: Object | None, settings: Settings
) -> Outcome:
    query = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
    if settings.force:
        query["force"] = "true"
    if settings.dry_run:
        query["dryRun"] = "All"
    status, after = cluster.call("PATCH", path, query=query, body=dict(manifest), content_type=APPLY_PATCH)
    if before is None or status == 201:
        return "created"
    # A dry run answers with the version that is stored, whatever would change.
    same_version = _version(before) == _version(after) and not settings.dry_run
    if same_version or _content(before) == _content(after):
        return "unchanged"
    return "configured"


def _listed(cluster: Cluster, batch: Batch) -> dict[str, dict[str, Object]]:
    """What lives, by collection and name: one LIST where many objects of a collection are applied.

    Secrets are read one by one, as the others' are nobody's business.
    """
    wanted = Counter(
        cluster.path_of(item).rpartition("/")[0]
        for item in batch.manifests
        if item["kind"] != "Secret" and named_kind(item) not in batch.defined
    )
    return {
        collection: {item["metadata"]["name"]: item for item in cluster.items(collection)}
        for collection, count in wanted.items()
        if count >= _MANY
    }


def _apply_one(
    cluster: Cluster, manifest: Manifest, settings: Settings, live: Mapping[str, Mapping[str, Object]]
) -> Outcome:
    path = cluster.path_of(manifest)
    collection, _, name = path.rpartition("/")
    before = live[collection].get(name) if collection in live else cluster.find(path)
    try:
        return _patch(cluster, path, manifest, before, settings)
    except Conflict as conflict:
        if CANARY_MANAGER in conflict.managers:
            # A canary has lent itself a route's rules; it gives them back as they were.
            return "unchanged"
        # What we set by a patch (a rollback, a promoted image) counts as another manager's of our own name.
        if conflict.managers - {FIELD_MANAGER}:
            raise
        forced = replace(settings, force=settings.force or bool(conflict.managers))
        return _patch(cluster, path, manifest, cluster.find(path), forced)


def _prune(cluster: Cluster, batch: Batch, settings: Settings) -> Iterator[Applied]:
    for surplus in find_surplus(cluster, batch.manifests, str(settings.prune)):
        outcome: Outcome = "pruned"
        if surplus.consent and surplus.consent not in settings.consents:
            outcome = "kept"
        elif not settings.dry_run:
            with suppress(NotFound):
                _delete(cluster, surplus.path)
        yield Applied(surplus.kind.kind, surplus.namespace, surplus.name, outcome)


def _explained(error: GameplanError, rows: Sequence[Applied], rest: Sequence[Applied]) -> GameplanError:
    """The same error, which also says what had been changed before it, and what was not tried after it."""
    changed = [f"{row.kind} {row.name} {row.outcome}" for row in rows if row.outcome != "unchanged"]
    if changed:
        missed = [row.title for row in rest if row.outcome == "not reached"]
        error.extend(
            f"{error.problem.rstrip('.')}; {len(rows)} of {len(rows) + len(rest)} objects were applied"
            f" before it ({_few(changed)}), and stay{f'; not reached: {_few(missed)}' if missed else ''}."
        )
    return error


def _few(titles: Sequence[str]) -> str:
    more = len(titles) - _NAMED
    return ", ".join(titles[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _version(item: Object) -> str:
    return str(item.get("metadata", {}).get("resourceVersion"))


def _content(item: Object) -> Object:
    """What people declare: controllers bump resourceVersion by writing status, which is no change of ours.

    Objects in lists carry neither kind nor apiVersion.
    """
    bookkeeping = {"resourceVersion", "managedFields", "generation"}
    metadata = {key: value for key, value in item.get("metadata", {}).items() if key not in bookkeeping}
    own = {key: value for key, value in item.items() if key not in ("status", "kind", "apiVersion")}
    return {**own, "metadata": metadata}


def _wait_served(cluster: Cluster, definition: Manifest, timeout: float) -> None:
    """Until a CustomResourceDefinition is established, and discovery shows its kind."""
    deadline = time.monotonic() + timeout
    path = cluster.path_of(definition)
    spec = definition["spec"]
    version = next(one["name"] for one in spec["versions"] if one.get("served"))
    while True:
        conditions = cluster.get(path).get("status", {}).get("conditions", [])
        if any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
            with suppress(NotFound):
                cluster.kind(f"{spec['group']}/{version}", spec["names"]["kind"])
                return
        if time.monotonic() > deadline:
            reasons = "; ".join(str(c.get("message")) for c in conditions if c["status"] == "False")
            raise ResourceError(
                f"{cluster}: {definition['metadata']['name']} is not served in {timeout:.0f} s: {reasons}.",
                "Correct the CustomResourceDefinition.",
            )
        time.sleep(0.2)


def _delete(cluster: Cluster, path: str) -> None:
    body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
    cluster.call("DELETE", path, body=body)
