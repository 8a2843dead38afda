"""The catalogue as Terraform resources: which resource each declaration becomes, and what has none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dreamnet.handover import aws, google
from dreamnet.handover.conversion import Conversion
from dreamnet.handover.hcl import Block, identifier
from dreamnet.handover.providers import Type, provider
from dreamnet.handover.terms import Terms, output_path
from dreamnet.resources.catalogue import Catalogue
from dreamnet.resources.model import Cloud, Live, Resource
from dreamnet.resources.references import parse_resource_reference, references

#: AWS resources that hold still in the account's first region need no provider of their own.
FIRST_REGION = "${aws.region}"


@dataclass
class Exported:
    """One Terraform resource.

    Attributes:
        id: of the declaration.
        folder: the catalogue's folder below the cloud's, such as `gke`.
        type: the Terraform resource type.
        name: Terraform's name of it.
        block: the resource block.
        region: AWS: where it is, as the declaration says it; else empty.
        needs: ids of the declarations that must exist before and that the block does not refer to.
        import_id: what an import takes, references to variables included; None where only the living resource
            knows it, or where the provider can't import it.
        pulumi_id: the same for Pulumi's provider.
        pulumi: Pulumi's type token; empty where it has none.
        part: it is a part of the declaration, and the whole is another block.
        left_over: fields that the provider does not have, as JSON pointers.
    """

    id: str
    folder: str
    type: Type
    name: str
    block: Block
    region: str
    needs: tuple[str, ...]
    import_id: str | None
    pulumi_id: str | None
    pulumi: str
    part: bool = False
    left_over: tuple[str, ...] = ()

    @property
    def notes(self) -> list[str]:
        """What to say above the block: whose it is, and what it lacks."""
        said = "the provider has no such attribute"
        return [self.id, *(f"not exported: {pointer}: {said}" for pointer in self.left_over)]

    @property
    def address(self) -> str:
        """How code refers to it."""
        return f"{self.type.name}.{self.name}"


@dataclass
class Export:
    """One cloud's part of the catalogue.

    Attributes:
        cloud: google or aws.
        exported: the resources, in the order of the catalogue's files and of the lines in them.
        missing: declarations that no Terraform resource stands for: id and reason.
        terms: the variables that were used.
        folders: the catalogue's folder of each declaration.
    """

    cloud: Cloud
    exported: list[Exported]
    missing: dict[str, str]
    terms: Terms
    folders: Mapping[str, str] = field(default_factory=dict)


def export(catalogue: Catalogue, cloud: Cloud, live: Mapping[str, Live] | None = None) -> Export:
    """Turn one cloud's declarations into Terraform resources.

    Args:
        catalogue: all declarations.
        cloud: whose.
        live: what lives, by id; with it, imports take the living resources' own identifiers, and only what
            lives is imported.
    """
    return _Exporter(catalogue, cloud, live).run()


class _Exporter:
    def __init__(self, catalogue: Catalogue, cloud: Cloud, live: Mapping[str, Live] | None) -> None:
        self.catalogue = catalogue
        self.live = live
        self.keys = {google.key(one): one for one in catalogue if one.cloud == "google"}
        self.result = Export(cloud, [], {}, Terms(self._output))
        self.result.folders = {
            one.id: catalogue.files[one.id].parts[1] for one in catalogue if one.cloud == cloud
        }

    def run(self) -> Export:
        for resource in self.catalogue:
            if resource.cloud != self.result.cloud:
                continue
            kind = _type(resource)
            if kind is None:
                said = f"no Terraform provider has a resource for {resource.type}"
                self.result.missing[resource.id] = said
            else:
                self.result.exported += self._resource(resource, kind)
        self.result.exported.sort(key=self._place)
        return self.result

    def _place(self, one: Exported) -> tuple[str, int]:
        return str(self.catalogue.files[one.id]), self.catalogue.lines[one.id]["/id"]

    def _resource(self, resource: Resource, kind: Type) -> Iterator[Exported]:
        if resource.cloud == "aws":
            whole = self._exported(resource, kind, resource.id, aws.terraform_body(resource))
            live = self._living(resource)
            own = live.identifier if live else None
            whole.import_id = self._id(resource, aws.import_id(resource, own))
            whole.pulumi_id = self._id(resource, own or aws.identifier(resource))
            whole.pulumi = aws.pulumi_token(resource.type)
            yield whole
            return
        body = google.terraform_body(resource, self._named)
        whole = self._exported(resource, kind, resource.id, body)
        live = self._living(resource)
        whole.import_id = self._id(resource, google.import_id(resource, body, live.body if live else None))
        whole.pulumi_id = whole.import_id
        yield whole
        rule = google.rule_of(resource.type)
        for part in rule.parts(resource) if rule and rule.parts else ():
            made = self._exported(
                resource, provider("google").types[part.terraform], f"{resource.id}-{part.suffix}", part.body
            )
            made.part = True
            made.import_id = made.pulumi_id = self._id(resource, part.import_id or None)
            yield made

    def _exported(self, resource: Resource, kind: Type, whole: str, body: Mapping[str, Any]) -> Exported:
        conversion = Conversion(self.result.terms)
        items = conversion.items(body, kind.attributes)
        name = identifier(whole.split("/")[1])
        return Exported(
            id=resource.id,
            folder=self.result.folders[resource.id],
            type=kind,
            name=name,
            block=Block("resource", (kind.name, name), items),
            region=resource.parent if resource.cloud == "aws" else "",
            needs=self._needs(resource) if whole == resource.id else (),
            import_id=None,
            pulumi_id=None,
            pulumi=kind.pulumi,
            left_over=tuple(conversion.left_over),
        )

    def _needs(self, resource: Resource) -> tuple[str, ...]:
        """Declared dependencies of the same cloud that no reference in the body makes already."""
        texts = references([resource.name, resource.body])
        referred = {found.id for _, text in texts if (found := parse_resource_reference(text))}
        return tuple(
            one
            for one in resource.depends_on
            if one not in referred
            and self.catalogue[one].cloud == resource.cloud
            and _type(self.catalogue[one]) is not None
        )

    def _living(self, resource: Resource) -> Live | None:
        return self.live.get(resource.id) if self.live is not None else None

    def _id(self, resource: Resource, made: str | None) -> str | None:
        """An import's id with what the declarations themselves tell of other resources; None where that
        is not enough, or where the resource does not live."""
        if made is None or (self.live is not None and resource.id not in self.live):
            return None
        for _, text in [*references(made)]:
            found = parse_resource_reference(text)
            if found:
                known = self._known(found.id, found.path)
                if known is None:
                    return None
                made = made.replace(f"${{{text}}}", known)
        return made

    def _known(self, resource_id: str, path: tuple[str, ...]) -> str | None:
        """An output that the declaration itself tells, or the living resource."""
        resource = self.catalogue[resource_id]
        live = self._living(resource)
        if live is not None and len(path) == 1 and isinstance(live.body.get(path[0]), str):
            return str(live.body[path[0]])
        if resource.type == "iam.v1/projects.serviceAccounts" and path == ("email",):
            return f"{resource.name}@${{google.project}}.iam.gserviceaccount.com"
        if resource.type == "iam.v1/projects.roles" and path == ("name",):
            return google.full_path(resource)
        return None

    def _named(self, key: str, attribute: str) -> str | None:
        """`google_x.y.name` for a resource's key, where the catalogue declares that resource."""
        resource = self.keys.get(key)
        rule = google.rule_of(resource.type) if resource else None
        if resource is None or rule is None or _type(resource) is None:
            return None
        return f"{_address(resource)}.{attribute or rule.identity or 'name'}"

    def _output(self, resource_id: str, path: tuple[str, ...]) -> str | None:
        resource = self.catalogue[resource_id]
        kind = _type(resource)
        if kind is None or resource.cloud != self.result.cloud:
            return None
        way = google.output(path, resource) if resource.cloud == "google" else path
        code = output_path(kind.attributes, way)
        return f"{_address(resource)}{code}" if code else None


def _type(resource: Resource) -> Type | None:
    if resource.cloud == "google":
        return google.terraform_type(resource.type)
    return aws.terraform_type(resource.type)


def _address(resource: Resource) -> str:
    kind = _type(resource)
    assert kind is not None
    return f"{kind.name}.{identifier(resource.id.split('/')[1])}"
