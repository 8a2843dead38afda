"""Terraform's files for one cloud: resources by folder, providers, variables, outputs and imports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from dreamnet.handover.export import FIRST_REGION, Export, Exported
from dreamnet.handover.hcl import Attribute, Block, Comment, Expression, document, identifier
from dreamnet.handover.providers import find, provider
from dreamnet.handover.terms import Variable
from dreamnet.resources.model import OWNER_LABEL

#: The folder of each cloud's configuration.
FOLDERS = {"google": "gcp", "aws": "aws"}

_HEADING = (
    "Written by `python -m dreamnet.handover terraform infrastructure` from the catalogue; changes here",
    "are lost at the next run.",
)

#: What others want to know of a resource, by type: attributes that become outputs.
OUTPUTS: Mapping[str, tuple[str, ...]] = {
    "google_container_cluster": ("endpoint",),
    "google_sql_database_instance": ("connection_name",),
    "google_redis_instance": ("host",),
    "google_cloud_run_v2_service": ("uri",),
    "google_cloudfunctions2_function": ("url",),
    "google_compute_global_address": ("address",),
    "google_compute_global_forwarding_rule": ("ip_address",),
    "google_artifact_registry_repository": ("id",),
    "google_storage_bucket": ("url",),
    "awscc_eks_cluster": ("endpoint",),
    "awscc_rds_db_instance": ("endpoint.address",),
    "awscc_elasticache_replication_group": ("primary_end_point.address",),
    "awscc_sqs_queue": ("queue_url",),
    "awscc_apigatewayv2_api": ("api_endpoint",),
    "awscc_ecr_repository": ("repository_uri",),
    "awscc_globalaccelerator_accelerator": ("dns_name",),
    "aws_cloudfront_distribution": ("domain_name",),
}


def files(exported: Export) -> dict[Path, str]:
    """Every file of one cloud's configuration, by its path below `infrastructure/terraform`."""
    folder = Path(FOLDERS[exported.cloud])
    written = {
        folder / "main.tf": document(_providers(exported), _HEADING),
        folder / "versions.tf": document([_versions(exported)], _HEADING),
        folder / "outputs.tf": document(_outputs(exported), _HEADING),
        folder / "imports.tf": _imports(exported),
    }
    for name in sorted(set(exported.folders.values())):
        written[folder / f"{name}.tf"] = _resources(exported, name)
    written[folder / "variables.tf"] = document(_variables(exported), _HEADING)
    return written


def _resources(exported: Export, folder: str) -> str:
    blocks = [_complete(exported, one) for one in exported.exported if one.folder == folder]
    text = document(blocks, _HEADING)
    missing = [
        f"# not exported: {resource_id}: {reason}\n"
        for resource_id, reason in sorted(exported.missing.items())
        if exported.folders[resource_id] == folder
    ]
    return text + ("\n" + "".join(missing) if missing else "")


def _complete(exported: Export, one: Exported) -> Block:
    """A resource block with its provider, dependencies, and a word on what it lacks."""
    body: list[Attribute | Block | Comment] = []
    provided = provider_of(one)
    if provided:
        body.append(Attribute("provider", Expression(provided)))
    body += one.block.body
    by_id = {other.id: other.address for other in exported.exported if not other.part}
    needs = [Expression(by_id[need]) for need in one.needs]
    if needs:
        body.append(Attribute("depends_on", needs))
    whole = one.id if not one.part else f"{one.id.split('/')[0]}/{one.name.replace('_', '-')}"
    comments = [one.id]
    for pointer in exported.left_over.get(whole, ()):
        comments.append(f"not exported: {pointer}: the provider has no such attribute")
    return Block("resource", one.block.labels, body, tuple(comments))


def provider_of(one: Exported) -> str:
    """The provider that a resource names: `google-beta`, or that of another AWS region; else empty."""
    if one.type.beta:
        return "google-beta"
    if one.region in ("", FIRST_REGION):
        return ""
    return f"{one.type.name.split('_', 1)[0]}.{_alias(one.region)}"


def _alias(region: str) -> str:
    return "second" if region == "${aws.second_region}" else identifier(region)


def _providers(exported: Export) -> Iterator[Block]:
    used = {one.type.name.split("_", 1)[0] for one in exported.exported}
    if exported.cloud == "google":
        beta = any(one.type.beta for one in exported.exported)
        for name in ("google", *(("google-beta",) if beta else ())):
            yield Block(
                "provider",
                (name,),
                [
                    Attribute("project", exported.terms.text("${google.project}")),
                    Attribute("region", exported.terms.text("${google.region}")),
                    Attribute("default_labels", {OWNER_LABEL[0]: OWNER_LABEL[1]}),
                ],
            )
        return
    for name in sorted(used):
        yield Block("provider", (name,), [Attribute("region", exported.terms.text(FIRST_REGION))])
        for region in sorted(
            {one.region for one in exported.exported if provider_of(one).startswith(f"{name}.")}
        ):
            alias = Attribute("alias", _alias(region))
            yield Block("provider", (name,), [alias, Attribute("region", exported.terms.text(region))])


def _versions(exported: Export) -> Block:
    needed = []
    for name in sorted({one.type.name.split("_", 1)[0] for one in exported.exported}):
        major_minor = ".".join(provider(name).version.split(".")[:2])
        entry = {"source": f"hashicorp/{name}", "version": f"~> {major_minor}"}
        needed.append(Attribute(name, entry))
        if name == "google" and any(one.type.beta for one in exported.exported):
            needed.append(Attribute("google-beta", {**entry, "source": "hashicorp/google-beta"}))
    return Block(
        "terraform",
        (),
        [Attribute("required_version", ">= 1.6"), Block("required_providers", (), [*needed])],
    )


def _variables(exported: Export) -> Iterator[Block]:
    for name in sorted(exported.terms.variables):
        yield variable(exported.terms.variables[name])


def variable(given: Variable) -> Block:
    """A variable's block."""
    body: list[Attribute | Block | Comment] = [
        Attribute("description", given.description),
        Attribute("type", Expression("string")),
    ]
    if given.sensitive:
        body.append(Attribute("sensitive", True))
    return Block("variable", (given.name,), body)


def _outputs(exported: Export) -> Iterator[Block]:
    for one in sorted(exported.exported, key=lambda each: each.name):
        for attribute in OUTPUTS.get(one.type.name, ()):
            if find(attribute.split(".")[0], one.type.attributes) is None:
                continue
            name = f"{one.name}_{identifier(attribute)}"
            yield Block(
                "output",
                (name,),
                [
                    Attribute("description", f"{attribute} of {one.id}."),
                    Attribute("value", Expression(f"{one.address}.{attribute}")),
                ],
            )


def _imports(exported: Export) -> str:
    known = [one for one in exported.exported if one.import_id is not None]
    heading = (
        *_HEADING,
        "",
        f"{len(known)} of {len(exported.exported)} resources; the ids of the others are the cloud's own, and",
        "come with the flow hand-over, which reads what lives.",
    )
    blocks = [
        Block(
            "import",
            (),
            [
                Attribute("to", Expression(one.address)),
                Attribute("id", exported.terms.text(str(one.import_id))),
            ],
        )
        for one in known
    ]
    return document(blocks, heading)
