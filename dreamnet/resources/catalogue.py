"""The catalogue: every resource that the files under `infrastructure/` declare, with the lines they stand on.

A file holds one YAML document a resource::

    id: google/gke-cluster
    type: container.v1/projects.locations.clusters
    name: dreamnet
    parent: projects/${google.project}/locations/${google.region}
    depends_on: [google/network]
    body: {...}

Errors name file, line and field, so that an editor can jump there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError
from pathlib import Path
from typing import Any, cast, get_args

import yaml

from dreamnet.errors import ConfigurationError
from dreamnet.resources.graph import in_order
from dreamnet.resources.model import Cloud, Driver, Problem, Resource
from dreamnet.resources.references import dependencies, escape, malformed, references

CLOUDS: tuple[Cloud, ...] = get_args(Cloud)
_TEXT: tuple[type, str] = (str, "text")
_KINDS: Mapping[str, tuple[type, str]] = {
    "id": _TEXT,
    "type": _TEXT,
    "name": _TEXT,
    "parent": _TEXT,
    "depends_on": (list, "a list"),
    "body": (dict, "a mapping"),
    "options": (dict, "a mapping"),
}
_KEYS = tuple(_KINDS)
_REQUIRED = ("id", "type", "name", "parent", "body")


class _Loader(yaml.CSafeLoader):  # libyaml's: seven times as fast as the one in Python
    """YAML as the vendors' files mean it (1.2): only `true` and `false` are booleans, not `on` or `no`, and
    `2012-10-17` in an IAM policy is text, not a date."""


_BOOLEAN = "tag:yaml.org,2002:bool"
_Loader.yaml_implicit_resolvers = {
    first: [item for item in resolvers if item[0] not in (_BOOLEAN, "tag:yaml.org,2002:timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOLEAN, re.compile(r"(?:true|false)\Z"), list("tf"))


@dataclass(frozen=True)
class Catalogue:
    """Declared resources by id, in an order in which each comes after all it depends on.

    Attributes:
        root: the folder the files lie under.
        resources: id -> resource.
        files: id -> the file's path relative to `root`.
        lines: id -> JSON pointer into the document -> line.
    """

    root: Path
    resources: Mapping[str, Resource]
    files: Mapping[str, Path]
    lines: Mapping[str, Mapping[str, int]] = field(default_factory=dict, repr=False)

    def __iter__(self) -> Iterator[Resource]:
        """The resources, dependencies first."""
        return iter(self.resources.values())

    def __len__(self) -> int:
        """How many resources."""
        return len(self.resources)

    def __getitem__(self, resource_id: str) -> Resource:
        """One resource.

        Raises:
            ConfigurationError: no file declares it.
        """
        try:
            return self.resources[resource_id]
        except KeyError:
            raise ConfigurationError(
                f"No file under {self.root} declares {resource_id}.",
                "Correct the id, or declare the resource.",
            ) from None

    def dependencies(self, resource_id: str) -> set[str]:
        """Ids that must exist before: those declared and those referred to."""
        resource = self[resource_id]
        return set(resource.depends_on) | dependencies(resource)

    def graph(self) -> dict[str, set[str]]:
        """Every id with the ids that must exist before it."""
        return {resource_id: self.dependencies(resource_id) for resource_id in self.resources}

    def select(self, wanted: Iterable[str]) -> Catalogue:
        """What these name, and all it depends on.

        Args:
            wanted: folders and files relative to the root (`google/gke`, `aws/data/rds.yaml`), and ids.

        Raises:
            ConfigurationError: one of them names nothing.
        """
        waiting = [resource_id for one in wanted for resource_id in self._named(one)]
        keep: set[str] = set()
        while waiting:
            resource_id = waiting.pop()
            if resource_id not in keep:
                keep.add(resource_id)
                waiting += self.dependencies(resource_id)
        return Catalogue(
            self.root,
            {rid: resource for rid, resource in self.resources.items() if rid in keep},
            {rid: file for rid, file in self.files.items() if rid in keep},
            {rid: lines for rid, lines in self.lines.items() if rid in keep},
        )

    def _named(self, name: str) -> list[str]:
        if name in self.resources:
            return [name]
        found = [rid for rid, file in self.files.items() if file.is_relative_to(name)]
        if not found:
            raise ConfigurationError(
                f"{self.root / name} declares no resource.", "Correct the folder's name or the selection."
            )
        return found

    def line(self, resource_id: str, pointer: str) -> int:
        """The line of a field, or of its nearest parent that stands in the file.

        Args:
            resource_id: whose declaration.
            pointer: JSON pointer into the body, or into the document (`/body/...`, `/type`).
        """
        lines = self.lines[resource_id]
        inside = not pointer.startswith("/body") and (f"/body{pointer}" in lines or pointer not in lines)
        pointer = f"/body{pointer}" if inside else pointer
        while pointer not in lines:
            pointer = pointer.rpartition("/")[0]
        return lines[pointer]

    def validate(self, drivers: Mapping[str, Driver]) -> list[Problem]:
        """Every declaration against its vendor's published schema, offline; problems point at the field's
        line."""
        problems = []
        for resource in self:
            for problem in drivers[resource.cloud].validate(resource):
                file = resource.source.rpartition(":")[0]
                line = self.line(resource.id, problem.path)
                problems.append(Problem(f"{file}:{line}", problem.path, problem.message))
        return problems


def load_catalogue(root: Path) -> Catalogue:
    """Read every `*.yaml` under `root/google` and `root/aws`.

    Raises:
        ConfigurationError: a file can't be read as YAML, a header key is unknown, missing or of the wrong
            kind, an id or a name is declared twice, a dependency is missing, or dependencies form a cycle.
    """
    resources: dict[str, Resource] = {}
    files: dict[str, Path] = {}
    lines: dict[str, Mapping[str, int]] = {}
    for cloud in CLOUDS:
        for file in sorted((root / cloud).rglob("*.yaml")):
            for resource, where in _read_file(file, cloud):
                if resource.id in resources:
                    raise _error(
                        file,
                        where["/id"],
                        "id",
                        f"{resource.id} is declared at {resources[resource.id].source} too",
                    )
                resources[resource.id] = resource
                files[resource.id] = file.relative_to(root)
                lines[resource.id] = where
    if not resources:
        raise ConfigurationError(
            f"No resource is declared under {root}.", "Name the folder that holds google/ and aws/."
        )
    catalogue = Catalogue(root, resources, files, lines)
    _check_names(catalogue)
    _check_dependencies(catalogue)
    ordered = _ordered(catalogue)
    return Catalogue(root, {rid: resources[rid] for rid in ordered}, files, lines)


def _read_file(file: Path, cloud: Cloud) -> Iterator[tuple[Resource, dict[str, int]]]:
    loader = _Loader(file.read_text(encoding="utf-8"))
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is None or (isinstance(node, yaml.ScalarNode) and not node.value):
                continue  # an empty document, such as comments before the first `---`
            lines: dict[str, int] = {}
            _walk(node, "", lines, file)
            yield _resource(loader.construct_document(node), file, cloud, lines), lines
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _error(file, line, "YAML", error.problem or "can't be read") from None
    finally:
        loader.dispose()


def _walk(node: yaml.Node, pointer: str, lines: dict[str, int], file: Path) -> None:
    """Record the line of every field, and refuse keys that stand twice in a mapping (YAML keeps the last)."""
    lines.setdefault(pointer, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = f"{pointer}/{escape(str(key.value))}"
            if below in lines:
                raise _error(file, key.start_mark.line + 1, below, f"stands at line {lines[below]} too")
            lines[below] = key.start_mark.line + 1
            _walk(value, below, lines, file)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _walk(value, f"{pointer}/{index}", lines, file)


def _resource(document: Any, file: Path, cloud: Cloud, lines: Mapping[str, int]) -> Resource:
    if not isinstance(document, dict):
        raise _error(file, lines[""], "document", f"must be a mapping with the keys {', '.join(_KEYS)}")
    _check_header(document, file, lines)
    resource_id: str = document["id"]
    if not resource_id.startswith(f"{cloud}/") or resource_id.count("/") != 1:
        raise _error(
            file, lines["/id"], "id", f"{resource_id} must read {cloud}/<name> in a file under {cloud}/"
        )
    for key in ("name", "parent", "body"):
        for pointer, text in references(document[key]):
            if malformed(text):
                where = f"/{key}{pointer}"
                raise _error(file, lines[where], where, f"${{{text}}} is no reference that is known here")
    return Resource(
        id=resource_id,
        cloud=cloud,
        type=document["type"],
        name=document["name"],
        parent=document["parent"],
        body=document["body"],
        depends_on=tuple(document.get("depends_on", ())),
        source=f"{file}:{lines['/id']}",
        options=document.get("options", {}),
    )


def _check_header(document: Mapping[str, Any], file: Path, lines: Mapping[str, int]) -> None:
    for key in document:
        if key not in _KEYS:
            raise _error(
                file, lines[f"/{key}"], str(key), f"is unknown; the header's keys are {', '.join(_KEYS)}"
            )
    for key in _REQUIRED:
        if key not in document:
            raise _error(file, lines[""], key, "is missing")
    for key, (kind, kind_name) in _KINDS.items():
        if key in document and not isinstance(document[key], kind):
            raise _error(file, lines[f"/{key}"], key, f"must be {kind_name}")
    for item in cast(list[Any], document.get("depends_on", [])):
        if not isinstance(item, str):
            raise _error(file, lines["/depends_on"], "depends_on", "must be a list of ids")


def _check_names(catalogue: Catalogue) -> None:
    """Two declarations must not mean the same thing in a cloud."""
    first: dict[tuple[str, str, str], Resource] = {}
    for resource in catalogue:
        other = first.setdefault((resource.type, resource.parent, resource.name), resource)
        if other is not resource:
            file, line = catalogue.root / catalogue.files[resource.id], catalogue.lines[resource.id]["/name"]
            message = f"{resource.name} is the name of {other.id} too, at {other.source}"
            raise _error(file, line, "name", message)


def _check_dependencies(catalogue: Catalogue) -> None:
    for resource in catalogue:
        for needed in sorted(catalogue.dependencies(resource.id)):
            if needed not in catalogue.resources:
                message = f"{resource.id} needs {needed}, which no file declares"
                raise _dependency_error(catalogue, resource, needed, message)


def _ordered(catalogue: Catalogue) -> list[str]:
    try:
        return in_order(catalogue.graph())
    except CycleError as error:
        cycle: list[str] = error.args[1][::-1]
    message = f"these wait for one another: {' -> '.join(cycle)}"
    raise _dependency_error(catalogue, catalogue[cycle[0]], cycle[1], message)


def _dependency_error(
    catalogue: Catalogue, resource: Resource, needed: str, message: str
) -> ConfigurationError:
    """An error at the field that makes `needed` a dependency."""
    pointer = "/depends_on"
    if needed not in resource.depends_on:
        header = {"name": resource.name, "parent": resource.parent, "body": resource.body}
        texts = references(header)
        pointer = next(pointer for pointer, text in texts if text.startswith(f"resource:{needed}."))
    file, line = catalogue.root / catalogue.files[resource.id], catalogue.lines[resource.id][pointer]
    return _error(file, line, pointer.removeprefix("/"), message)


def _error(file: Path, line: int, field_name: str, message: str) -> ConfigurationError:
    return ConfigurationError(f"{file}:{line}: {field_name}: {message}.", "Correct the file and run again.")
