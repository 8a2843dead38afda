"""Manifests: render an overlay, and check what comes out against Kubernetes' own definitions, all offline.

The files are Kustomize's, so `kubectl kustomize` renders them too; here no binary is needed, and what this
renderer doesn't know it refuses instead of ignoring.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from dreamnet.errors import ConfigurationError
from dreamnet.kubernetes import schema
from dreamnet.resources.model import Problem

Object = dict[str, Any]

#: Where each object of a rendering came from; removed before it is returned.
_SOURCE = "__source__"
_KEYS = {"apiVersion", "kind", "resources", "components", "patches", "labels", "images"}
_LABEL_KEYS = {"pairs", "includeTemplates"}
_IMAGE_KEYS = {"name", "newName"}
_REFERENCE = re.compile(r"\$\{([A-Za-z][A-Za-z0-9_.-]*)\}")


def render(overlay: Path, variables: Mapping[str, str]) -> list[Object]:
    """The manifests of an overlay, patched, labelled and with `${...}` filled in.

    Args:
        overlay: folder with a kustomization.yaml.
        variables: values for `${image}` and `${region}`.

    Raises:
        ConfigurationError: a file is missing or not YAML, a key is not supported, a patch has no target, or a
            reference has no value.
    """
    return [_substitute(item, variables, f"{overlay}: {title(item)}") for _, item in render_unfilled(overlay)]


def render_unfilled(overlay: Path) -> list[tuple[str, Object]]:
    """The manifests of an overlay with `${...}` as written, and the files that each of them comes from.

    Raises:
        ConfigurationError: as `render`.
    """
    objects = _build(overlay.resolve())
    return [(item.pop(_SOURCE), item) for item in objects]


def validate(
    manifests: Sequence[Mapping[str, Any]], version: str = schema.VERSION, crds: Path | None = None
) -> list[Problem]:
    """What is wrong with manifests by one Kubernetes version, unknown kinds and fields included.

    References that are not filled in yet count as strings.

    Args:
        crds: a folder of CustomResourceDefinitions, whose kinds count as known.

    Returns:
        Problems with source `Kind namespace/name` and a JSON pointer; empty when all is well.
    """
    definitions = schema.definitions(version, crds)
    problems: list[Problem] = []
    for manifest in manifests:
        problems += [
            Problem(title(manifest), path, message) for path, message in definitions.errors(manifest)
        ]
    return problems + _inconsistencies(manifests)


def strategic_merge(base: Object, patch: Mapping[str, Any], version: str = schema.VERSION) -> Object:
    """A strategic merge patch (Kubernetes' API conventions): lists merge by the definitions' keys.

    `null` removes a field, `$patch: delete` a list's element, `$patch: replace` stops the merging below.
    """
    definitions = schema.definitions(version)
    merged = _merge(base, patch, definitions.of(base), definitions)
    assert isinstance(merged, dict)
    return merged


def _build(folder: Path, inherited: Sequence[Object] = ()) -> list[Object]:
    """An overlay's objects, or a component's on top of those of the overlay that takes it in."""
    file = folder / "kustomization.yaml"
    documents = _read(file)
    if len(documents) != 1:
        raise ConfigurationError(
            f"{file}: expected one document, found {len(documents)}.", "Keep one Kustomization."
        )
    kustomization = documents[0]
    unknown = set(kustomization) - _KEYS
    if unknown:
        raise ConfigurationError(
            f"{file}: the renderer does not know {', '.join(sorted(unknown))}.",
            f"Use only {', '.join(sorted(_KEYS))}.",
        )
    objects: list[Object] = list(inherited)
    for name in kustomization.get("resources", []):
        path = (folder / name).resolve()
        objects += _build(path) if path.is_dir() else _read(path)
    _refuse_duplicates(objects, file)
    for name in kustomization.get("components", []):
        objects = _build((folder / name).resolve(), objects)
    for entry in kustomization.get("patches", []):
        _apply_patch(objects, entry, folder)
    for entry in kustomization.get("labels", []):
        _add_labels(objects, entry, file)
    for entry in kustomization.get("images", []):
        _set_image(objects, entry, file)
    return objects


def _read(path: Path) -> list[Object]:
    try:
        documents = [document for document in yaml.load_all(path.read_text(), yaml.CSafeLoader) if document]
    except FileNotFoundError:
        raise ConfigurationError(
            f"{path} is missing.", "Correct the name in the kustomization.yaml."
        ) from None
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f":{where.line + 1}" if where else ""
        raise ConfigurationError(f"{path}{line} is not valid YAML.", "Correct the file.") from None
    for document in documents:
        if not isinstance(document, dict) or "kind" not in document or "apiVersion" not in document:
            raise ConfigurationError(f"{path}: a document has no apiVersion or kind.", "Add both.")
        document[_SOURCE] = str(path)
    if documents and path.name == "kustomization.yaml":
        documents[0].pop(_SOURCE)
    return documents


def _apply_patch(objects: list[Object], entry: Mapping[str, Any], folder: Path) -> None:
    if set(entry) != {"path"}:
        raise ConfigurationError(
            f"{folder / 'kustomization.yaml'}: a patch says its path only, not {', '.join(sorted(entry))}.",
            "Put the patch into a file that names its target by kind and metadata.name.",
        )
    file = folder / entry["path"]
    for patch in _read(file):
        patch.pop(_SOURCE)
        matching = [index for index, item in enumerate(objects) if _identity(item) == _identity(patch)]
        if not matching:
            raise ConfigurationError(f"{file}: there is no {title(patch)} to patch.", "Correct kind or name.")
        merged = strategic_merge(objects[matching[0]], patch)
        objects[matching[0]] = {**merged, _SOURCE: f"{merged[_SOURCE]}, patched by {file}"}


def _add_labels(objects: list[Object], entry: Mapping[str, Any], file: Path) -> None:
    unknown = set(entry) - _LABEL_KEYS
    if unknown:
        raise ConfigurationError(
            f"{file}: labels do not know {', '.join(sorted(unknown))}.",
            "Use pairs and includeTemplates (selectors are immutable: they stay as written).",
        )
    for item in objects:
        item.setdefault("metadata", {}).setdefault("labels", {}).update(entry["pairs"])
        template = item.get("spec", {}).get("template") if isinstance(item.get("spec"), dict) else None
        if entry.get("includeTemplates") and template is not None:
            template.setdefault("metadata", {}).setdefault("labels", {}).update(entry["pairs"])


def _set_image(objects: list[Object], entry: Mapping[str, Any], file: Path) -> None:
    if set(entry) != _IMAGE_KEYS:
        raise ConfigurationError(
            f"{file}: an image needs exactly name and newName.", "Put tag or digest into newName."
        )
    found = False
    for item in objects:
        for container in _containers(item):
            if container.get("image") == entry["name"]:
                container["image"] = entry["newName"]
                found = True
    if not found:
        raise ConfigurationError(
            f"{file}: no container uses the image {entry['name']}.", "Correct images[].name."
        )


def _containers(item: Mapping[str, Any]) -> list[Object]:
    spec = item.get("spec") or {}
    pod = ((spec.get("template") or {}).get("spec") or {}) if isinstance(spec, dict) else {}
    return [*pod.get("initContainers", []), *pod.get("containers", [])]


def _substitute(value: Any, variables: Mapping[str, str], where: str) -> Any:
    if isinstance(value, dict):
        return {key: _substitute(inner, variables, where) for key, inner in value.items()}
    if isinstance(value, list):
        return [_substitute(inner, variables, where) for inner in value]
    if not isinstance(value, str):
        return value

    def fill(match: re.Match[str]) -> str:
        if match.group(1) not in variables:
            raise ConfigurationError(
                f"{where}: ${{{match.group(1)}}} has no value.",
                f"Pass it; known here: {', '.join(sorted(variables)) or 'none'}.",
            )
        return variables[match.group(1)]

    return _REFERENCE.sub(fill, value)


def _merge(base: Any, patch: Any, node: schema.Node | None, definitions: schema.Definitions) -> Any:
    if not isinstance(patch, Mapping) or not isinstance(base, dict):
        return copy.deepcopy(patch)
    if patch.get("$patch") == "replace":
        return {key: copy.deepcopy(value) for key, value in patch.items() if key != "$patch"}
    merged = copy.deepcopy(base)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
            continue
        inner = definitions.field(node, key)
        merge_key = inner.get("x-kubernetes-patch-merge-key") if inner else None
        if isinstance(value, list) and merge_key and isinstance(merged.get(key), list):
            merged[key] = _merge_list(merged[key], value, merge_key, definitions.element(inner), definitions)
        else:
            merged[key] = _merge(merged.get(key), value, inner, definitions)
    return merged


def _merge_list(
    base: list[Any], patch: list[Any], key: str, node: schema.Node | None, definitions: schema.Definitions
) -> list[Any]:
    """Elements that are new come first, in the patch's order, as Kustomize has them."""
    merged = list(base)
    new: list[Any] = []
    for element in patch:
        at = next((i for i, old in enumerate(merged) if old.get(key) == element.get(key)), None)
        if element.get("$patch") == "delete":
            if at is not None:
                merged.pop(at)
        elif at is None:
            new.append(copy.deepcopy(element))
        else:
            merged[at] = _merge(merged[at], element, node, definitions)
    return new + merged


def _inconsistencies(manifests: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """What a schema can't see, and what the API server or nobody would complain about much later."""
    problems = []
    for manifest in manifests:
        spec = manifest.get("spec") or {}
        if manifest.get("kind") == "HorizontalPodAutoscaler" and spec.get("minReplicas", 1) > spec.get(
            "maxReplicas", 0
        ):
            problems.append(Problem(title(manifest), "/spec/minReplicas", "is larger than maxReplicas"))
        if manifest.get("kind") in ("Deployment", "StatefulSet", "DaemonSet"):
            wanted = (spec.get("selector") or {}).get("matchLabels") or {}
            labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
            if not wanted.items() <= labels.items():
                problems.append(
                    Problem(
                        title(manifest), "/spec/selector/matchLabels", "does not match the template's labels"
                    )
                )
    return problems


def _refuse_duplicates(objects: Sequence[Mapping[str, Any]], file: Path) -> None:
    seen: dict[tuple[str, ...], str] = {}
    for item in objects:
        source = str(item.get(_SOURCE))
        before = seen.get(_identity(item))
        seen[_identity(item)] = source
        if before is not None:
            raise ConfigurationError(
                f"{file}: {title(item)} comes twice, from {before} too.", "Keep one of them."
            )


def _identity(item: Mapping[str, Any]) -> tuple[str, ...]:
    metadata = item.get("metadata") or {}
    return (
        item["apiVersion"],
        item["kind"],
        str(metadata.get("namespace", "")),
        str(metadata.get("name", "")),
    )


def title(item: Mapping[str, Any]) -> str:
    """`Kind namespace/name`, as messages name an object."""
    metadata = item.get("metadata") or {}
    namespace = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    return f"{item.get('kind', '?')} {namespace}{metadata.get('name', '?')}"
