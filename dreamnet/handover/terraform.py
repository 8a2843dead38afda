"""Terraform's files for one cloud: resources by folder, providers, variables, outputs and imports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dreamnet.handover.export import FIRST_REGION, Export, Exported
from dreamnet.handover.hcl import (
    Attribute,
    Block,
    Comment,
    Expression,
    Template,
    assignments,
    document,
    identifier,
    value,
)
from dreamnet.handover.providers import find, provider
from dreamnet.handover.regions import FIRST, SECOND, Input, Regions, regions
from dreamnet.handover.terms import Variable
from dreamnet.resources.model import OWNER_LABEL

#: The folder of each cloud's configuration.
FOLDERS = {"google": "gcp", "aws": "aws"}

#: The first lines of every file.
HEADING = (
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
    folder, both = Path(FOLDERS[exported.cloud]), regions(exported)
    written = {
        folder / f"{name}.tf": _resources(exported, both, name)
        for name in sorted(set(exported.folders.values()))
    }
    outputs = [both.outside(block) for block in _outputs(exported)]
    written |= {
        folder / "outputs.tf": document(outputs, HEADING),
        folder / "imports.tf": _imports(exported, both),
        folder / "versions.tf": document([_versions(exported.exported)], HEADING),
        folder / "main.tf": document([*_providers(exported), *_calls(exported, both)], HEADING),
        folder / "variables.tf": document(_variables(exported), HEADING),
    }
    return written | _module(exported, both)


def values(exported: Export, variables: Mapping[str, str]) -> dict[Path, str]:
    """`terraform.tfvars`: what the profile says. Secrets are for the environment, as `TF_VAR_name`."""
    known = [
        Attribute(one.name, variables[one.reference])
        for _, one in sorted(exported.terms.variables.items())
        if one.reference in variables
    ]
    return {Path(FOLDERS[exported.cloud]) / "terraform.tfvars": assignments(known, HEADING)}


def module_folder(exported: Export) -> str:
    """The folder of the module for each region."""
    return f"{FOLDERS[exported.cloud]}-region"


def _module(exported: Export, both: Regions) -> dict[Path, str]:
    """The module's files; none where the regions have nothing alike."""
    if not both.twins:
        return {}
    folder = Path("modules") / module_folder(exported)
    variables = [
        Block(
            "variable",
            (one.name,),
            [
                Attribute("description", _described(one)),
                Attribute("type", Expression(_value_type(one.first))),
            ],
        )
        for one in sorted(both.inputs, key=lambda each: each.name)
    ]
    outputs = [
        Block("output", (name,), [Attribute("value", Expression(code))])
        for name, code in sorted(both.outputs.items())
    ]
    return {
        folder / "main.tf": document(both.blocks, HEADING),
        folder / "variables.tf": document(variables, HEADING),
        folder / "outputs.tf": document(outputs, HEADING),
        folder / "versions.tf": document([_versions([first for first, _ in both.twins])], HEADING),
    }


def _described(one: Input) -> str:
    first, second = _plain_text(one.first), _plain_text(one.second)
    return f"Both regions: {first}" if first == second else f"First region: {first}; second: {second}"


def _plain_text(given: Any) -> str:
    """A value for a description: a text as it is, anything else by its form."""
    if isinstance(given, str):
        return given or "nothing"
    if isinstance(given, Expression):
        return given.code
    return "a list" if isinstance(given, list) else value(given).strip('"').replace("${", "").replace("}", "")


def _value_type(given: Any) -> str:
    """A variable's type, as far as one of its values tells."""
    if isinstance(given, bool):
        return "bool"
    if isinstance(given, int | float):
        return "number"
    if isinstance(given, str | Template) or (isinstance(given, Expression) and given.code.startswith("var.")):
        return "string"
    return "any"


def _calls(exported: Export, both: Regions) -> Iterator[Block]:
    """The module's calls, one a region."""
    if not both.twins:
        return
    used = sorted({first.type.name.split("_", 1)[0] for first, _ in both.twins})
    for call in (FIRST, SECOND):
        body: list[Attribute | Block | Comment] = [
            Attribute("source", f"../modules/{module_folder(exported)}")
        ]
        if call == SECOND and exported.cloud == "aws":
            body.append(Attribute("providers", {name: Expression(f"{name}.second") for name in used}))
        for one in sorted(both.inputs, key=lambda each: each.name):
            body.append(Attribute(one.name, both.outside(one.first if call == FIRST else one.second)))
        yield Block("module", (call,), body)


def _resources(exported: Export, both: Regions, folder: str) -> str:
    there = [one for one in exported.exported if one.folder == folder and one.address not in both.moved]
    blocks = [both.outside(_complete(exported, one)) for one in there]
    text = document(blocks, HEADING)
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
    return Block("resource", one.block.labels, body, tuple(one.notes))


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
                    Attribute("add_terraform_attribution_label", False),
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


def _versions(resources: Sequence[Exported]) -> Block:
    needed = []
    for name in sorted({one.type.name.split("_", 1)[0] for one in resources}):
        major_minor = ".".join(provider(name).version.split(".")[:2])
        entry = {"source": f"hashicorp/{name}", "version": f"~> {major_minor}"}
        needed.append(Attribute(name, entry))
        if name == "google" and any(one.type.beta for one in resources):
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


def _imports(exported: Export, both: Regions) -> str:
    known = [one for one in exported.exported if one.import_id is not None]
    heading = (
        *HEADING,
        "",
        f"{len(known)} of {len(exported.exported)} resources; the ids of the others are the cloud's own, and",
        "come with the flow hand-over, which reads what lives.",
    )
    blocks = [
        Block(
            "import",
            (),
            [
                Attribute("to", Expression(both.address(one))),
                Attribute("id", exported.terms.text(str(one.import_id))),
            ],
        )
        for one in known
    ]
    return document(blocks, heading)
