"""Google's discovery documents: an API's methods, and which of them make up a collection's resource.

A discovery document (developers.google.com/discovery/v1/reference/apis) lists methods with their paths and
JSON schemas. It doesn't say which method creates a resource, where its id goes or whether the answer is an
operation: that is read here, once, from the conventions that Google's APIs follow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, Literal

from dreamnet.clouds.google_rest import document
from dreamnet.errors import ConfigurationError
from dreamnet.resources.google.conventions import (
    COMPOUND_NAMES,
    DECLARED_PARAMETERS,
    REPLACED,
    SERVER_NAMED,
    SERVICE_ACCOUNTS,
    SET_APART,
    SHORT_NAMES,
)

#: Where a new resource's id goes: the URL's end (PUT), a query parameter, a field of the body (`name`), a
#: field beside the wrapped body (`instanceId`), a reference inside the body (`datasetReference.datasetId`),
#: a statement of SQL (`CREATE DATABASE ...`), or nowhere: the server chooses.
IdPlace = Literal["path", "query", "body", "sibling", "reference", "statement", "server"]

#: How a method answers: with the resource or nothing, with an operation that ends with `done: true`, or
#: with one that ends with `status: DONE`.
Answer = Literal["plain", "done", "status"]

#: Fields of a create request that aren't the resource and aren't declared: they come from its header.
_FROM_HEADER = frozenset({"parent", "name", "createStatement"})

_VARIABLE = re.compile(r"\{\+?([^}]+)\}")
_VERSION = re.compile(r"(?:[a-z]+/)?v\d\w*/")


@dataclass(frozen=True)
class Method:
    """One method of a discovery document.

    Attributes:
        collection: dotted, such as `projects.locations.clusters`.
        name: such as `create`.
        http: `GET`, `POST`, ...
        template: the flat path below the service path, such as `v1/projects/{projectsId}/topics/{topicsId}`.
        query: query parameters by name.
        request, response: schema names.
        full_names: its URL holds a full resource name (`{+name}`).
        replaces: a PATCH that takes the whole resource in place of the old one (dashboards).
    """

    collection: str
    name: str
    http: str
    template: str
    id: str
    query: Mapping[str, Mapping[str, Any]] = field(hash=False)
    request: str | None = None
    response: str | None = None
    full_names: bool = False
    replaces: bool = False


class Api:
    """One version of one API."""

    def __init__(self, name: str, version: str) -> None:
        self.document = document(name, version)
        self.name = name
        self.version = version
        self.root: str = self.document["rootUrl"]
        self.service_path: str = self.document["servicePath"]
        self.schemas: Mapping[str, Mapping[str, Any]] = self.document.get("schemas", {})
        self._collections: dict[str, Collection] = {}

    @cached_property
    def methods(self) -> dict[str, dict[str, Method]]:
        """Methods by collection and name."""
        return {path: dict(_methods(path, resources)) for path, resources in _walk(self.document)}

    def collection(self, name: str) -> Collection:
        """The collection of that dotted name.

        Raises:
            ConfigurationError: the document has none.
        """
        if name not in self._collections:
            if name not in self.methods:
                raise ConfigurationError(
                    f"{self.name} {self.version} has no collection {name}.",
                    f"Use one of: {', '.join(sorted(self.methods))}."[:400],
                )
            self._collections[name] = Collection(self, name, self.methods[name])
        return self._collections[name]

    def schema(self, name: str | None) -> Mapping[str, Any]:
        """A schema by name; {} for none."""
        return self.schemas.get(name or "", {})

    def answer(self, method: Method) -> Answer:
        """Whether a method answers with an operation, and of which style."""
        if not (method.response or "").endswith("Operation") or method.collection.lower().endswith(
            "operations"
        ):
            return "plain"
        properties = self.schema(method.response).get("properties", {})
        if "done" in properties:
            return "done"
        return "status" if "DONE" in properties.get("status", {}).get("enum", ()) else "plain"


@lru_cache(maxsize=64)
def load_api(name: str, version: str) -> Api:
    """The API as its bundled discovery document describes it, read once.

    Raises:
        ConfigurationError: there is no such API or version.
    """
    return Api(name, version)


def load_type(type_name: str) -> Collection:
    """The collection that a declaration's `type` names, such as `container.v1/projects.locations.clusters`.

    Raises:
        ConfigurationError: the type is malformed or names nothing that Google publishes.
    """
    api, _, collection = type_name.partition("/")
    name, _, version = api.partition(".")
    if not (name and version and collection):
        raise ConfigurationError(
            f"{type_name} is no Google type.",
            "Write <api>.<version>/<collection>, such as container.v1/projects.locations.clusters.",
        )
    return load_api(name, version).collection(collection)


def _walk(node: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, child in node.get("resources", {}).items():
        path = f"{above}.{name}" if above else name
        yield path, child.get("methods", {})
        yield from _walk(child, path)


def _methods(collection: str, methods: Mapping[str, Any]) -> Iterator[tuple[str, Method]]:
    for name, given in methods.items():
        parameters = given.get("parameters", {})
        yield (
            name,
            Method(
                collection=collection,
                name=name,
                http=given["httpMethod"],
                template=given.get("flatPath") or given["path"],
                id=given["id"],
                query={key: value for key, value in parameters.items() if value["location"] == "query"},
                request=given.get("request", {}).get("$ref"),
                response=given.get("response", {}).get("$ref"),
                full_names="{+" in given["path"] and given.get("flatPath", given["path"]) != given["path"],
                replaces=given.get("description", "").startswith("Replaces"),
            ),
        )


def singular(word: str) -> str:
    """`clusters` to `cluster`, `policies` to `policy`, `addresses` to `address`."""
    for ending, replacement in (("ies", "y"), ("sses", "ss"), ("xies", "xy"), ("s", "")):
        if word.endswith(ending):
            return word[: -len(ending)] + replacement
    return word


class Collection:
    """The methods that create, read, change and delete one kind of resource, and where its parts go."""

    def __init__(self, api: Api, name: str, methods: Mapping[str, Method]) -> None:
        self.api = api
        self.name = name
        self.methods = methods
        self.get = methods.get("get")
        self.list = methods.get("list")
        self.create = methods.get("create") or methods.get("insert")
        self.delete = methods.get("delete") or methods.get("dropDatabase")
        self.patch = self._patch()
        self.update = methods.get("update")

    def __str__(self) -> str:
        return f"{self.api.name}.{self.api.version}/{self.name}"

    @property
    def key(self) -> str:
        """`<api>/<collection>`, the same for every version."""
        return f"{self.api.name}/{self.name}"

    def _patch(self) -> Method | None:
        patch = self.methods.get("patch") or next(
            (method for name, method in self.methods.items() if name.startswith("partialUpdate")), None
        )
        return replace(patch, replaces=True) if patch and self.key in REPLACED else patch

    @cached_property
    def item_template(self) -> str:
        """A resource's path below the service path, such as `v1/projects/{projectsId}/topics/{topicsId}`.

        Raises:
            ConfigurationError: the collection's resources have no address of their own.
        """
        for method in (self.get, self.patch, self.delete):
            if method and method.template.endswith("}"):
                return method.template
        raise ConfigurationError(f"{self} has no resources that can be read.", "Use another collection.")

    @cached_property
    def version_prefix(self) -> str:
        """`v1/` where the version is a part of each method's path, else empty."""
        found = _VERSION.match(self.item_template)
        return found[0] if found else ""

    @cached_property
    def parent_template(self) -> str:
        """What a declaration's `parent` must look like: `projects/{projectsId}`. Empty for buckets, whose
        project is a query parameter."""
        path = self.item_template.removeprefix(self.version_prefix)
        parts = self.name_parts + 1
        return path.rsplit("/", parts)[0] if path.count("/") >= parts else ""

    @cached_property
    def full_name_depth(self) -> int:
        """How many segments a resource's full name has. A collection without readable resources counts those
        of its longest method's path."""
        try:
            return self.item_template.removeprefix(self.version_prefix).count("/") + 1
        except ConfigurationError:
            return max(len(method.template.split("/")) for method in self.methods.values())

    @cached_property
    def literal(self) -> str:
        """The path's word for the collection: `clusters`, `b`."""
        return self.item_template.split("/")[-1 - self.name_parts]

    @property
    def name_parts(self) -> int:
        """How many segments of a resource's path are its name: one, or two (a record set's name and type)."""
        return COMPOUND_NAMES.get(self.key, 1)

    @cached_property
    def schema_name(self) -> str:
        """The resource's schema."""
        for method in (self.get, self.create):
            name = method and (method.response if method is self.get else method.request)
            if name and name in self.api.schemas:
                return name
        raise ConfigurationError(f"{self} has no schema of a resource.", "Use another collection.")

    @cached_property
    def schema(self) -> Mapping[str, Any]:
        """The resource's schema itself, with the fields that have a method of their own as ones to be set."""
        schema = self.api.schema(self.schema_name)
        apart = SET_APART.get(self.key)
        if not apart:
            return schema
        properties = schema["properties"]
        settable = {name: {**properties[name], "readOnly": False, "description": ""} for name in apart}
        return {**schema, "properties": {**properties, **settable}}

    @cached_property
    def wrapper(self) -> str | None:
        """The property of the create request that holds the resource (`cluster`), or None: the body is it."""
        return self._wrapped(self.create)

    @cached_property
    def update_wrapper(self) -> str | None:
        """The same for the patch request (Pub/Sub's `topic`, Spanner's `instance`)."""
        return self._wrapped(self.patch)

    def _wrapped(self, method: Method | None) -> str | None:
        if method is None or method.request in (None, self.schema_name):
            return None
        properties = self.api.schema(method.request).get("properties", {})
        return next(
            (name for name, value in properties.items() if value.get("$ref") == self.schema_name), None
        )

    @cached_property
    def beside(self) -> Mapping[str, Mapping[str, Any]]:
        """Fields of the create request that stand beside the resource, by name: Bigtable's `clusters`,
        Spanner's `extraStatements`, a scheduled query's `serviceAccountName`. A declaration holds them among
        the resource's own."""
        if self.create and self.key in DECLARED_PARAMETERS:
            return {name: self.create.query[name] for name in DECLARED_PARAMETERS[self.key]}
        if self.create is None or self.create.request in (None, self.schema_name):
            return {}
        properties = self.api.schema(self.create.request).get("properties", {})
        other = {self.wrapper, self.id_place[1]} | _FROM_HEADER
        return {
            name: value
            for name, value in properties.items()
            if name not in other and not value.get("description", "").startswith("Deprecated")
        }

    @property
    def bare_create(self) -> bool:
        """Whether creation takes nothing of the resource itself: what is declared of it is set afterwards."""
        return bool(self.beside) and self.wrapper is None and self.key not in DECLARED_PARAMETERS

    @cached_property
    def id_place(self) -> tuple[IdPlace, str]:
        """Where a new resource's id goes, and the parameter's or field's name."""
        if self.create is None:
            return "server", ""
        if self.create.http == "PUT":
            return "path", ""
        if self.key in SERVER_NAMED:
            return "server", "name"
        parameter = self._id_parameter(self.create.query)
        if parameter:
            return "query", parameter
        return self._id_in_body()

    def _id_parameter(self, names: Mapping[str, Any]) -> str | None:
        """The parameter named after the collection, or the one required id that isn't the parent's."""
        for base in (singular(self.literal), self.wrapper):
            if f"{base}Id" in names:
                return f"{base}Id"
        required = [
            name
            for name, value in names.items()
            if name.endswith("Id") and value.get("description", "").startswith("Required.")
        ]
        return required[0] if len(required) == 1 else None

    def _id_in_body(self) -> tuple[IdPlace, str]:
        if self.wrapper:
            request = self.api.schema(self.create.request if self.create else None).get("properties", {})
            parameter = self._id_parameter(request)
            return ("sibling", parameter) if parameter else ("body", "name")
        request = self.api.schema(self.create.request if self.create else None).get("properties", {})
        if "createStatement" in request:
            return "statement", "createStatement"
        properties = self.schema.get("properties", {})
        base = singular(self.literal)
        reference = self.api.schema(properties.get(f"{base}Reference", {}).get("$ref")).get("properties", {})
        if f"{base}Id" in reference:
            return "reference", f"{base}Reference.{base}Id"
        return ("body", "name") if "name" in properties else ("server", "")

    @cached_property
    def full_names(self) -> bool:
        """Whether `name` in a body is the full path rather than its last part."""
        method = self.get or self.create
        return bool(
            method
            and method.full_names
            and "name" in self.schema.get("properties", {})
            and not {self.api.name, self.key} & SHORT_NAMES
        )

    @cached_property
    def labels(self) -> str | None:
        """The dotted field that holds a resource's labels, or None where it can carry none."""
        for path in ("userLabels", "labels", "resourceLabels", "settings.userLabels"):
            node: Mapping[str, Any] = self.schema
            for part in path.split("."):
                node = node.get("properties", {}).get(part, {})
                node = {**self.api.schema(node.get("$ref")), **node}
            if "additionalProperties" in node:
                return path
        return None

    @cached_property
    def list_field(self) -> str:
        """The property of a list's answer that holds the resources."""
        properties = self.api.schema(self.list.response if self.list else None).get("properties", {})
        arrays: dict[str, Mapping[str, Any]] = {
            name: value["items"] for name, value in properties.items() if value.get("type") == "array"
        }
        for name, items in arrays.items():
            if items.get("$ref") == self.schema_name:
                return name
        for name in (self.literal, self.name.rsplit(".", 1)[-1], "items"):
            if name in arrays:
                return name
        return next(iter(arrays), "items")

    def variables(self, parent: str) -> dict[str, str] | None:
        """The path variables in `parent`, or None where it doesn't have the form this collection hangs
        under."""
        if not self.parent_template:
            return {}
        return match(self.parent_template, parent)

    def item_path(self, parent: str, name: str) -> str:
        """The resource's path below the service path."""
        above = f"{parent}/" if self.parent_template else ""
        if self.key == SERVICE_ACCOUNTS and "@" not in name:
            name = f"{name}@{parent.split('/')[1]}.iam.gserviceaccount.com"
        return f"{self.version_prefix}{above}{self.literal}/{name}"

    def collection_path(self, parent: str) -> str:
        """The path that lists and creates."""
        above = f"{parent}/" if self.parent_template else ""
        return f"{self.version_prefix}{above}{self.literal}"

    def full_name(self, parent: str, name: str) -> str:
        """The resource's full name, without a version."""
        return self.item_path(parent, name).removeprefix(self.version_prefix)


def match(template: str, path: str) -> dict[str, str] | None:
    """The values of a flat template's variables in a path of as many segments, or None."""
    wanted, given = template.split("/"), path.split("/")
    if len(wanted) != len(given):
        return None
    values: dict[str, str] = {}
    for template_part, part in zip(wanted, given, strict=True):
        variable = _VARIABLE.fullmatch(template_part)
        if variable and part:
            values[variable[1]] = part
        elif template_part != part:
            return None
    return values
