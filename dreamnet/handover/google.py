"""Google's REST bodies as Terraform resources of the provider `google` (and `google-beta`, where only that
has them)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dreamnet.handover.conversion import moved
from dreamnet.handover.google_bodies import OWN_NAME
from dreamnet.handover.google_rules import RULES
from dreamnet.handover.harvest import plain
from dreamnet.handover.providers import Attributes, Type, computed, find, provider, required
from dreamnet.handover.rules import Rule
from dreamnet.resources.google.conventions import SERVICE_ACCOUNTS
from dreamnet.resources.google.discovery import Collection, load_type, singular
from dreamnet.resources.google.iam import SUFFIX, is_member
from dreamnet.resources.model import Resource

#: The path's words for where something is, and the attributes that take it, in order of preference.
_PLACES = {
    "locations": ("location", "region", "zone"),
    "regions": ("region",),
    "zones": ("zone",),
}
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")

#: Gives `google_x.y.name` for a resource's key and the attribute wanted of it (empty: its name's); None where
#: the catalogue does not declare it.
Named = Callable[[str, str], str | None]


def rule_of(type_name: str) -> Rule | None:
    """How a type is written, or None where no rule says."""
    if not is_member(type_name):
        return RULES.get(type_name)
    target = RULES.get(type_name.removesuffix(SUFFIX))
    return Rule(f"{target.terraform}_iam_member", "", parents=target.members) if target else None


def terraform_type(type_name: str) -> Type | None:
    """The Terraform resource type, or None where no rule or no provider has one."""
    rule = rule_of(type_name)
    return provider("google").types.get(rule.terraform) if rule else None


def full_path(resource: Resource) -> str:
    """The full name, references included: `projects/${google.project}/topics/dream-events`, `b/NAME`."""
    collection = _collection(resource)
    if collection is None:
        return ""
    if not collection.parent_template:
        return f"{collection.literal}/{resource.name}"
    name = resource.name
    if collection.key == SERVICE_ACCOUNTS and "@" not in name:
        name = f"{name}@{resource.parent.split('/')[1]}.iam.gserviceaccount.com"
    return f"{resource.parent}/{collection.literal}/{name}"


def key(resource: Resource) -> str:
    """What a resource is found by: its API, since several have an instance of one path, and its full name."""
    return _key(resource, full_path(resource))


def _key(resource: Resource, path: str) -> str:
    return f"{resource.type.split('.')[0]} {path}"


def _collection(resource: Resource) -> Collection | None:
    return None if is_member(resource.type) else load_type(resource.type)


def server_named(resource: Resource) -> bool:
    """Whether Google chooses the id that an import would need."""
    collection, rule = _collection(resource), RULES.get(resource.type)
    if collection is None or rule is None or rule.import_id:
        return False
    return collection.id_place[0] == "server" or rule.identity == "display_name"


def terraform_body(resource: Resource, named: Named) -> dict[str, Any]:
    """The body as the provider arranges it, with its name and what its parent's path says.

    Args:
        resource: the declaration; its type has a rule.
        named: names other resources.
    """
    rule = rule_of(resource.type)
    kind = terraform_type(resource.type)
    assert rule is not None
    assert kind is not None
    body = moved(resource.body, rule.moves)
    if rule.prepare:
        body = rule.prepare(body)
    head: dict[str, Any] = {}
    if rule.identity and find(rule.identity, dict.fromkeys(body)) is None:
        head[rule.identity] = resource.name.partition("/")[0]  # a DNS record's is NAME/TYPE
    for attribute, value in _places(resource, kind.attributes, rule, named):
        if attribute not in body:
            head[attribute] = value
    return {**head, **body}


def _places(
    resource: Resource, attributes: Attributes, rule: Rule, named: Named
) -> Iterator[tuple[str, Any]]:
    """The attributes that the parent's path gives."""
    for path, word, name in _segments(resource.parent):
        if word == "projects":
            if required(attributes.get("project", "")):
                yield "project", name
            continue
        last = is_member(resource.type) and path == resource.parent
        attribute = _place(word, attributes, rule, last=last)
        if attribute:
            wanted = rule.parents.get(attribute, "")
            yield attribute, _reference(named(_key(resource, path), wanted)) or name


def _segments(parent: str) -> Iterator[tuple[str, str, str]]:
    """(the path so far, the collection's word, the name) for each pair of a parent's path. Compute's bare
    `global` at the end is no pair."""
    words = parent.split("/")
    for index in range(0, len(words) - 1, 2):
        yield "/".join(words[: index + 2]), words[index], words[index + 1]


def _place(word: str, attributes: Attributes, rule: Rule, *, last: bool) -> str | None:
    one = singular(word)
    candidates = _PLACES.get(word) or (*rule.parents, *_names(word), f"{one}_id", f"{one}_name", one)
    if last:
        candidates = (*candidates, "name")  # access to a service or a queue
    found = (find(candidate, attributes) for candidate in candidates)
    return next((name for name in found if name and not computed(attributes[name])), None)


def _names(word: str) -> tuple[str, ...]:
    return ("bucket",) if word == "b" else ()


def _reference(code: str | None) -> str | None:
    return f"${{terraform:{code}}}" if code else None


def output(path: tuple[str, ...], resource: Resource) -> tuple[str, ...]:
    """An output's path in the provider's words: the API's full `name` is Terraform's `id`, unless the
    provider's own `name` is that too."""
    if path == (OWN_NAME,):
        return ("name",)
    collection = _collection(resource)
    kind = terraform_type(resource.type)
    if path != ("name",) or collection is None or kind is None or not collection.full_names:
        return path
    return ("name",) if computed(kind.attributes.get("name", "")) else ("id",)


@dataclass(frozen=True)
class Imported:
    """What an import's id is made of.

    Attributes:
        fields: values by names without separators and case.
    """

    fields: Mapping[str, Any]

    def value(self, name: str) -> str | None:
        """What stands for `{{name}}`."""
        if name in ("project", "project_id"):
            return "${google.project}"
        for field in (name, name.removesuffix("_id"), name.removesuffix("_name"), f"{name}_id"):
            given = self.fields.get(plain(field))
            if isinstance(given, str) and not given.startswith("${terraform:"):
                return given
        return None


def import_id(resource: Resource, body: Mapping[str, Any], live: Mapping[str, Any] | None) -> str | None:
    """The id that `terraform import` takes, or None where only the living resource knows it.

    Args:
        resource: the declaration.
        body: what `terraform_body` made of it.
        live: the living resource's body.
    """
    if is_member(resource.type):
        of = resource.parent
        if resource.type.startswith("cloudresourcemanager."):
            of = of.removeprefix("projects/")
        condition = resource.body.get("condition", {}).get("title", "")
        return f"{of} {resource.body['role']} {resource.body['member']} {condition}".rstrip()
    if not RULES[resource.type].importable:
        return None
    if server_named(resource):
        return str(live["name"]) if live and "name" in live else None
    kind = terraform_type(resource.type)
    rule = RULES[resource.type]
    form = rule.import_id or (kind.imports[0] if kind and kind.imports else "")
    if not form:
        return full_path(resource)
    fields = {plain(key): value for key, value in body.items()}
    made = Imported({**fields, **_from_path(resource)})
    values = {name: made.value(name) for name in _PLACEHOLDER.findall(form)}
    if not all(values.values()):
        return None
    return _PLACEHOLDER.sub(lambda found: str(values[found[1]]), form)


def _from_path(resource: Resource) -> dict[str, str]:
    """The parent's path as names: `cluster`, `location`, `region`."""
    found: dict[str, str] = {}
    for _, word, name in _segments(resource.parent):
        for attribute in (*_PLACES.get(word, ()), singular(word)):
            found[plain(attribute)] = name
    return found
