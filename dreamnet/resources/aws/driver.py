"""AWS resources of any type through the Cloud Control API (driver of `dreamnet.resources`)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dreamnet.clouds.aws import AwsAccount, aws_errors
from dreamnet.errors import ConfigurationError, ResourceError
from dreamnet.resources.aws.comparison import changes, tags_as_declared, tags_of
from dreamnet.resources.aws.emptying import empty
from dreamnet.resources.aws.identifiers import findable, known_identifier, natural_key
from dreamnet.resources.aws.requests import HandlerFailed, Requests, unthrottled
from dreamnet.resources.aws.schemas import ResourceSchema, resource_schema
from dreamnet.resources.aws.validation import given, schema_problems
from dreamnet.resources.model import OWNER_LABEL, Change, Live, Problem, Progress, Resource
from dreamnet.resources.once import Once
from dreamnet.resources.references import Unknown

#: The tag that says which declaration a resource belongs to; how we find what AWS has named.
ID_TAG = "dreamnet-id"

#: The region whose schemas are used while the declared one is still a reference.
_ANY_REGION = "us-east-1"

_NEEDED = frozenset({"create", "read", "delete"})


@dataclass(frozen=True)
class AwsDriver:
    """The AWS side of `dreamnet.resources.model.Driver`.

    Attributes:
        account: whose resources; each is made in the region that its declaration names as parent.
        once: what answers were asked for already, for a driver that remembers them.
    """

    account: AwsAccount
    once: Once | None = None

    def validate(self, resource: Resource) -> list[Problem]:
        """Check type, operations, properties and name against the published schema, offline."""
        region = _ANY_REGION if "${" in resource.parent else resource.parent
        try:
            schema = resource_schema(resource.type, region)
        except ConfigurationError as error:
            return [Problem(resource.source, "/type", str(error))]
        problems = [Problem(resource.source, "/type", text) for text in _unsupported(schema)]
        declared = declared_properties(schema, resource)
        for path, message in schema_problems(schema, region, declared, references=True):
            problems.append(Problem(resource.source, f"/body{path}", message))
        return problems

    def remembering(self) -> AwsDriver:
        """The same driver, which asks for each listing and each resource once."""
        return AwsDriver(self.account, Once())

    def read(self, resource: Resource) -> Live | None:
        """By its identifier where the declaration makes it, else by our tag or its name among its type."""
        schema = self._schema(resource)
        declared = declared_properties(schema, resource)
        known = known_identifier(schema, declared, resource.parent, self.account.account_id)
        return self._get(resource, schema, known) if known else self._search(resource, schema, declared)

    def diff(self, resource: Resource, live: Live) -> list[Change]:
        """The declared properties and tags that differ from the live ones."""
        schema = self._schema(resource)
        return changes(schema, declared_properties(schema, resource), live.body)

    def create(self, resource: Resource, token: str, progress: Progress) -> Live:
        """Create and wait; what an earlier attempt under the same token made is found again."""
        schema = self._schema(resource)
        declared = declared_properties(schema, resource)
        arguments = {"TypeName": resource.type, "DesiredState": json.dumps(declared)}
        try:
            identifier = self._requests(resource).run(
                "create_resource", arguments, _token(token, resource, "create"), progress
            )
        except HandlerFailed as failure:
            return self._made_before(resource, failure)
        return self._existing(resource, schema, identifier)

    def update(
        self, resource: Resource, live: Live, changes: list[Change], token: str, progress: Progress
    ) -> Live:
        """Send the differences as a JSON Patch and wait."""
        schema = self._schema(resource)
        if "update" not in schema.handlers:
            raise ResourceError(
                f"{resource.id}: AWS can't change a {resource.type} in place.", "Replace the resource."
            )
        patch = [*_patch(changes), *_write_only(schema, declared_properties(schema, resource), live.body)]
        arguments = {
            "TypeName": resource.type,
            "Identifier": live.identifier,
            "PatchDocument": json.dumps(patch),
        }
        self._run(resource, "update_resource", arguments, token, progress)
        return self._existing(resource, schema, live.identifier)

    def delete(self, resource: Resource, live: Live, token: str, progress: Progress) -> None:
        """Delete with what is inside, and wait."""
        empty(self.account, resource, live)
        arguments = {"TypeName": resource.type, "Identifier": live.identifier}
        try:
            self._requests(resource).run(
                "delete_resource", arguments, _token(token, resource, "delete"), progress
            )
        except HandlerFailed as failure:
            if failure.code != "NotFound":
                raise failure.as_error(resource.id, "DeleteResource") from failure

    def listing(self, resource: Resource) -> str | None:
        """Type, region, and what ListResources must be told besides."""
        schema = self._schema(resource)
        declared = declared_properties(schema, resource)
        told = [declared.get(key) for key in schema.list_needs]
        if schema.tag_property is None or "list" not in schema.handlers:
            return None
        if any(value is None or isinstance(value, Unknown) for value in told):
            return None
        return " ".join([resource.type, resource.parent, *map(str, told)])

    def undeclared(self, declared: Sequence[Resource], live: Mapping[str, Live | None]) -> list[Live]:
        """What carries our tags and none of the declarations' ids, or one that another resource has."""
        known = {one.identifier for one in live.values() if one}
        elsewhere = {one.id for one in declared} - live.keys()
        sample, schema = declared[0], self._schema(declared[0])
        found = []
        for identifier, _ in self._list(sample, schema, declared_properties(schema, sample)):
            one = None if identifier in known else self._get(sample, schema, identifier)
            if one and one.owned and tags_of(one.body, schema.tag_property).get(ID_TAG) not in elsewhere:
                found.append(one)
        return found

    def look_up(self, resource: Resource, identifier: str) -> Live | None:
        """By that identifier."""
        return self._get(resource, self._schema(resource), identifier)

    def mark(self, resource: Resource, live: Live, token: str, progress: Progress) -> Live:
        """Add our tags to the live ones. What AWS requires and never shows (a function's code) is said again,
        as it is declared."""
        schema = self._schema(resource)
        if schema.tag_property is None or not schema.tags_change:
            raise ResourceError(
                f"{resource.id}: a {resource.type} can't be tagged after its creation.",
                "Delete it, so that it is created anew, or take it out of the files.",
            )
        ours = {OWNER_LABEL[0]: OWNER_LABEL[1], ID_TAG: resource.id}
        tags = tags_as_declared(schema, {**tags_of(live.body, schema.tag_property), **ours})
        change = Change(f"/{schema.tag_property}", live.body.get(schema.tag_property), tags)
        hidden = {path.split("/")[0] for path in schema.write_only} & schema.required
        bare = resource.with_values(
            name=resource.name,
            parent=resource.parent,
            body={key: value for key, value in resource.body.items() if key in hidden},
        )
        return self.update(bare, live, [change], token, progress)

    def _run(
        self, resource: Resource, operation: str, arguments: Mapping[str, Any], token: str, progress: Progress
    ) -> None:
        try:
            self._requests(resource).run(
                operation, arguments, _token(token, resource, operation + str(arguments)), progress
            )
        except HandlerFailed as failure:
            raise failure.as_error(resource.id, "UpdateResource") from failure

    def _made_before(self, resource: Resource, failure: HandlerFailed) -> Live:
        found = self.read(resource) if failure.code == "AlreadyExists" else None
        if found is None or not found.owned:
            raise failure.as_error(resource.id, "CreateResource") from failure
        return found

    def _existing(self, resource: Resource, schema: ResourceSchema, identifier: str) -> Live:
        found = self._get(resource, schema, identifier)
        if found is None:
            raise ResourceError(
                f"{resource.id}: AWS reported success for {identifier}, which then was not there.",
                "Somebody may have deleted it meanwhile: run the same step again.",
            )
        return found

    def _get(self, resource: Resource, schema: ResourceSchema, identifier: str) -> Live | None:
        if self.once is None:
            return self._fetch(resource, schema, identifier)
        question = ("get", resource.type, resource.parent, identifier)
        return self.once.get(question, lambda: self._fetch(resource, schema, identifier))

    def _fetch(self, resource: Resource, schema: ResourceSchema, identifier: str) -> Live | None:
        from botocore.exceptions import ClientError

        client = self.account.client("cloudcontrol", resource.parent)
        with aws_errors(resource.id):
            try:
                answer = unthrottled(client.get_resource, TypeName=resource.type, Identifier=identifier)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") == "ResourceNotFoundException":
                    return None
                raise
        body = json.loads(answer["ResourceDescription"]["Properties"])
        tags = tags_of(body, schema.tag_property)
        owner = tags.get(OWNER_LABEL[0], "")
        owned = schema.tag_property is None or owner == OWNER_LABEL[1]
        return Live(answer["ResourceDescription"]["Identifier"], body, owned, owner)

    def _search(self, resource: Resource, schema: ResourceSchema, declared: Mapping[str, Any]) -> Live | None:
        """The one of this type with our tag; else one of the same name that no declaration of ours has."""
        key, same_name = natural_key(schema, declared), None
        for found, listed in self._list(resource, schema, declared):
            if tags_of(listed, schema.tag_property).get(ID_TAG, resource.id) != resource.id:
                continue  # listings may leave properties out, but not change them
            live = self._get(resource, schema, found)
            if live is None:
                continue
            tag = tags_of(live.body, schema.tag_property).get(ID_TAG)
            if tag == resource.id:
                return live
            if tag is None and same_name is None and key and not changes(schema, key, live.body):
                same_name = live
        return same_name

    def _list(
        self, resource: Resource, schema: ResourceSchema, declared: Mapping[str, Any]
    ) -> Iterable[tuple[str, Mapping[str, Any]]]:
        if self.once is None:
            return self._pages(resource, schema, declared)
        told = json.dumps([declared.get(key) for key in schema.list_needs])
        question = ("list", resource.type, resource.parent, told)
        return self.once.get(question, lambda: list(self._pages(resource, schema, declared)))

    def _pages(
        self, resource: Resource, schema: ResourceSchema, declared: Mapping[str, Any]
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        client = self.account.client("cloudcontrol", resource.parent)
        arguments: dict[str, Any] = {"TypeName": resource.type}
        if schema.list_needs:
            arguments["ResourceModel"] = json.dumps({key: declared.get(key) for key in schema.list_needs})
        while True:
            with aws_errors(resource.id):
                page = unthrottled(client.list_resources, **arguments)
            for found in page["ResourceDescriptions"]:
                yield found["Identifier"], json.loads(found.get("Properties") or "{}")
            if not page.get("NextToken"):
                return
            arguments["NextToken"] = page["NextToken"]

    def _schema(self, resource: Resource) -> ResourceSchema:
        schema = resource_schema(resource.type, resource.parent)
        for text in _unsupported(schema):
            raise ResourceError(
                f"{resource.id}: {text}", "Declare it through a type that Cloud Control offers."
            )
        return schema

    def _requests(self, resource: Resource) -> Requests:
        client = self.account.client("cloudcontrol", resource.parent)
        return Requests(client, resource.id, float(resource.options.get("wait", 3600)))


def _unsupported(schema: ResourceSchema) -> Iterator[str]:
    missing = sorted(_NEEDED - schema.handlers)
    if missing:
        yield f"Cloud Control offers no {', '.join(missing)} for {schema.type_name}."
    elif not findable(schema):
        yield f"Cloud Control can't list {schema.type_name}, named by AWS: it would not be found again."


def declared_properties(schema: ResourceSchema, resource: Resource) -> dict[str, Any]:
    """The declared properties with the name where the identifier wants it, and with our tags."""
    properties = dict(resource.body)
    last = schema.identifier[-1] if schema.identifier else ""
    if last and "/" not in last and last not in schema.read_only:
        properties.setdefault(last, resource.name)
    if schema.tag_property:
        ours = {OWNER_LABEL[0]: OWNER_LABEL[1], ID_TAG: resource.id}
        declared = properties.get(schema.tag_property)
        if not isinstance(declared, str):  # a reference still stands there
            tags = {**tags_of(properties, schema.tag_property), **ours}
            properties[schema.tag_property] = tags_as_declared(schema, tags)
    return properties


def _patch(changed: list[Change]) -> Iterator[dict[str, Any]]:
    for change in changed:
        operation = "add" if change.before is None else "replace"
        yield {"op": operation, "path": change.path, "value": change.after}


def _write_only(
    schema: ResourceSchema, declared: Mapping[str, Any], live: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """What AWS never shows has to be said again at each update (Cloud Control user guide).

    Where AWS shows nothing of what it stands in (a function's `Code`), that is said as a whole: a patch can't
    add to what is not there.
    """
    fixed = {*schema.create_only, *_conditional(schema)}
    present = [path for path in given(declared, schema.write_only) if path not in fixed and "*" not in path]
    said = sorted({_shown_above(path, live) for path in present})
    for path in said:
        if not any(path.startswith(f"{other}/") for other in said):
            value: Any = declared
            for part in path.split("/"):
                value = value[part]
            yield {"op": "add", "path": f"/{path}", "value": value}


def _shown_above(path: str, live: Mapping[str, Any]) -> str:
    """The path up to its first part that AWS does not show."""
    parts, shown = path.split("/"), live
    for depth, part in enumerate(parts[:-1], start=1):
        if part not in shown:
            return "/".join(parts[:depth])
        shown = shown[part]
    return path


def _conditional(schema: ResourceSchema) -> Iterator[str]:
    for path in schema.document.get("conditionalCreateOnlyProperties") or ():
        yield str(path).removeprefix("/properties/")


def _token(token: str, resource: Resource, operation: str) -> str:
    """A client token: same plan, same resource, same operation; letters AWS allows (64 of at most 128)."""
    return hashlib.sha256(f"{token}\n{resource.id}\n{operation}".encode()).hexdigest()
