"""Pulumi's files for one cloud: a project, its providers, and the import file from which the rest comes.

`pulumi import --file import.json --out resources.ts` reads what lives into the stack's state and writes the
declarations, with every property as the provider reads it. AWS goes through `aws-native`, whose ids are Cloud
Control's own; Google through `gcp`, whose ids are those of Terraform's provider.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from dreamnet.handover.export import FIRST_REGION, Export, Exported
from dreamnet.handover.hcl import identifier
from dreamnet.handover.terraform import FOLDERS

#: The stack whose providers the import file names.
STACK = "production"

#: Pulumi's packages and their versions whose type tokens these are (npm, November 2026).
PACKAGES = {
    "google": ("gcp", "^10.2.0"),
    "aws": ("aws-native", "^1.84.0"),
}
#: What the operator sets first.
SETTINGS = {
    "google": ("gcp:project PROJECT", "gcp:region REGION"),
    "aws": ("aws-native:region REGION", "secondRegion REGION"),
}
_REFERENCE = re.compile(r"\$\{([^{}]*)\}")


def files(exported: Export, variables: Mapping[str, str] | None = None) -> dict[Path, str]:
    """Every file of one cloud's project, by its path below `infrastructure/pulumi`.

    Args:
        exported: the resources.
        variables: values for what the ids refer to; without them the references stay, to be filled in.
    """
    folder = Path(FOLDERS[exported.cloud])
    return {
        folder / "Pulumi.yaml": _project(exported),
        folder / "package.json": _package(exported),
        folder / "index.ts": _index(exported),
        folder / "import.json": import_file(exported, variables or {}),
    }


def importable(exported: Export) -> list[Exported]:
    """The resources that the import file names."""
    return [one for one in exported.exported if one.pulumi and one.pulumi_id is not None]


def import_file(exported: Export, variables: Mapping[str, str]) -> str:
    """What `pulumi import --file` reads."""
    regions = _regions(exported)
    package = PACKAGES[exported.cloud][0]
    urn = f"urn:pulumi:{STACK}::{_name(exported)}::pulumi:providers:{package}::"
    resources = []
    for one in importable(exported):
        entry = {"type": one.pulumi, "name": one.name, "id": _filled(str(one.pulumi_id), variables)}
        if one.region in regions:
            entry["provider"] = regions[one.region]
        resources.append(entry)
    names = {name: f"{urn}{name}" for name in regions.values()}
    document = {**({"nameTable": names} if names else {}), "resources": resources}
    return json.dumps(document, indent=2) + "\n"


def _filled(text: str, variables: Mapping[str, str]) -> str:
    return _REFERENCE.sub(lambda found: str(variables.get(found[1], found[0])), text)


def _name(exported: Export) -> str:
    return f"dreamnet-{FOLDERS[exported.cloud]}"


def _regions(exported: Export) -> dict[str, str]:
    """The regions that need a provider of their own, and its name."""
    others = {one.region for one in exported.exported} - {"", FIRST_REGION}
    return {one: _region_name(one) for one in sorted(others)}


def _region_name(region: str) -> str:
    return "second" if region.startswith("${") else identifier(region)


def _project(exported: Export) -> str:
    second = any(name == "second" for name in _regions(exported).values())
    config = "config:\n  secondRegion: {type: string, description: The second region.}\n" if second else ""
    return (
        f"name: {_name(exported)}\n"
        "description: DreamNet's infrastructure, handed over\n"
        f"runtime: nodejs\n{config}"
    )


def _package(exported: Export) -> str:
    package, version = PACKAGES[exported.cloud]
    document = {
        "name": _name(exported),
        "private": True,
        "main": "index.ts",
        "dependencies": {f"@pulumi/{package}": version, "@pulumi/pulumi": "^3.0.0"},
        "devDependencies": {"@types/node": "^22", "typescript": "^5"},
    }
    return json.dumps(document, indent=2) + "\n"


def _index(exported: Export) -> str:
    """The program: the providers of further regions, and how the rest comes."""
    count, total = len(importable(exported)), len(exported.exported)
    lines = [
        "// Written by `python -m dreamnet.handover pulumi infrastructure` from the catalogue.",
        "//",
        f"// import.json names {count} of {total} resources; the ids of the others are the cloud's own, and",
        "// come with the flow hand-over, which reads what lives. Then, in this folder:",
        "//",
        f"//   npm install && pulumi stack init {STACK}",
        *(f"//   pulumi config set {setting}" for setting in SETTINGS[exported.cloud]),
        "//   pulumi up                                            # the providers of further regions",
        "//   pulumi import --file import.json --out resources.ts  # reads what lives and declares it",
        "//",
        '// and `export * from "./resources";` at the end of this file takes them in.',
    ]
    regions = _regions(exported)
    if regions:
        lines += [
            "",
            'import * as awsNative from "@pulumi/aws-native";',
            'import * as pulumi from "@pulumi/pulumi";',
            "",
            "const config = new pulumi.Config();",
        ]
    for region, name in regions.items():
        given = f'"{region}"' if name != "second" else 'config.require("secondRegion") as awsNative.Region'
        lines += ["", f'export const {name} = new awsNative.Provider("{name}", {{ region: {given} }});']
    if not regions:
        lines += ["", "export {};"]
    return "\n".join(lines) + "\n"
