"""A Google declaration checked offline: its type, its place, its name and its body."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dreamnet.errors import ConfigurationError
from dreamnet.resources.google import iam, validation
from dreamnet.resources.google.discovery import Collection, load_type
from dreamnet.resources.model import Problem, Resource

#: What Google accepts as a resource's id, over all APIs (buckets may hold dots, BigQuery underscores).
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,253}")

#: A record set: a name with its last dot, and a type (cloud.google.com/dns/docs/records-overview,
#: November 2026).
_RECORD = re.compile(r"(\*\.)?([a-z0-9_-]+\.)+/[A-Z]+")


def problems(resource: Resource) -> Iterator[Problem]:
    """Everything wrong with the declaration."""
    if iam.is_member(resource.type):
        yield from iam.problems(resource)
        return
    try:
        collection = load_type(resource.type)
        collection.item_template  # noqa: B018 - raises where the collection has no resources
    except ConfigurationError as error:
        yield Problem(resource.source, "/type", str(error))
        return
    if collection.create is None:
        yield Problem(resource.source, "/type", f"Google creates no {collection} on request")
        return
    yield from _place(collection, resource)
    yield from _body(collection, resource)


def _place(collection: Collection, resource: Resource) -> Iterator[Problem]:
    parent = validation.REFERENCE.sub("x", resource.parent)
    wanted = collection.parent_template or "projects/{project}"
    fits = collection.variables(parent) if collection.parent_template else parent.startswith("projects/")
    if fits is None or fits is False:
        yield Problem(resource.source, "/parent", f"is {resource.parent}; {collection} hangs under {wanted}")
    name = validation.REFERENCE.sub("x", resource.name)
    if collection.name_parts > 1 and not _RECORD.fullmatch(name):
        yield Problem(resource.source, "/name", f"is {resource.name!r}; a record set's is NAME./TYPE")
    elif collection.name_parts == 1 and collection.id_place[0] != "server" and not _NAME.fullmatch(name):
        yield Problem(resource.source, "/name", f"is {resource.name!r}; Google wants letters, digits, '-'")


def _body(collection: Collection, resource: Resource) -> Iterator[Problem]:
    beside = {key: value for key, value in resource.body.items() if key in collection.beside}
    given = {key: value for key, value in resource.body.items() if key != "name" and key not in beside}
    request = {"type": "object", "properties": collection.beside}
    identity = frozenset({"name", collection.id_place[1].split(".")[0]})
    for schema, body in ((collection.schema, given), (request, beside)):
        for path, message in validation.problems(collection.api, schema, body, outputs=True):
            yield Problem(resource.source, f"/body{path}", message)
        if collection.create:
            method = collection.create.id
            for path, message in validation.missing(collection.api, schema, body, method, identity):
                yield Problem(resource.source, f"/body{path}", message)
