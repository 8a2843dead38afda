"""Reads what Terraform's and Pulumi's providers offer, out of packages that ship it.

`pip download --no-deps -d WHEELS cdktn-provider-google cdktn-provider-google-beta cdktn-provider-awscc
cdktn-provider-aws pulumi-gcp pulumi-aws-native` brings them; `python -m dreamnet.handover providers WHEELS`
then renews `dreamnet/handover/providers/*.json.gz`. The bindings that CDK Terrain generates from a provider's
own schema say of every attribute its type, whether it is a block, required, or an output; Pulumi's packages
say its type tokens and the form of the ids that an import takes.

Kinds, as they stand in those files: `string`, `number`, `bool`, `strings` (a list or set), `map string`,
`any`; and with the attributes inside: `block`, `block1` (at most once), `object`, `objects`, `map` (of
objects). Behind that, `required` or `computed` (an output).
"""

from __future__ import annotations

import gzip
import json
import re
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_CLASS = re.compile(r"^class (\w+) extends cdktn\.(TerraformResource|ComplexObject) ", re.MULTILINE)
_ATTRIBUTE = re.compile(r"// (\w+) - computed: (\w+), optional: (\w+), required: (\w+)\n")
_WRITER = re.compile(r"^function (\w+)ToHclTerraform\(struct\)", re.MULTILINE)
_WRITTEN = re.compile(
    r"^ {8,12}(\w+): \{\n\s+value: (.*),\n\s+isBlock: \w+,\n"
    r"\s+type: \"(\w+)\",\n\s+storageClassType: \"(\w+)\"",
    re.MULTILINE,
)
_GETTER = re.compile(r"get([A-Z]\w*?)Attribute\('")
_RESOURCE = re.compile(r'static tfResourceType = "(\w+)"')
_PROVIDER = re.compile(r"providerVersion: '([\d.]+)'")
_IMPORT = re.compile(r"\$ pulumi import (gcp:[\w/]+:\w+) default \"?(\S*\{\{.*\}\}\S*?)\"?$", re.MULTILINE)
_TOKEN = re.compile(r"super\(\w+, __self__\)\.__init__\(\s*'([\w-]+:[\w/]+:\w+)'")

_SCALARS = {
    "String": "string",
    "Number": "number",
    "Boolean": "bool",
    "List": "strings",
    "NumberList": "numbers",
    "StringMap": "map string",
    "NumberMap": "map number",
    "BooleanMap": "map bool",
}
#: What `awscc` lacks, and is taken from Amazon's older provider.
BESIDE_AWSCC = frozenset(
    {
        "aws_eks_node_group",
        "aws_cloudfront_distribution",
        "aws_budgets_budget",
        "aws_wafv2_web_acl",
        "aws_sns_topic_policy",
        "aws_sqs_queue_policy",
    }
)
_STORED = {"stringList": "strings", "numberList": "numbers", "booleanList": "bools"}
#: Where Pulumi's module or name is not Terraform's (compared without separators and case).
_PULUMI_NAMES = {
    "projectservice": "projectsservice",
    "projectiammember": "projectsiammember",
    "projectiamcustomrole": "projectsiamcustomrole",
    "serviceaccount": "serviceaccountaccount",
    "cloudfunctions2function": "cloudfunctionsv2function",
    "bigquerytableiammember": "bigqueryiammember",
    "datapipelinepipeline": "dataflowpipeline",
}


@dataclass
class _Source:
    """The classes and writers of one resource's JavaScript."""

    classes: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    writers: dict[str, dict[str, tuple[str, str, str]]] = field(default_factory=dict)
    main: str = ""


def plain(name: str) -> str:
    """A name without separators and case, by which the vendors' spellings of one thing meet."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def harvest(wheels: Path, target: Path) -> Mapping[str, int]:
    """Write `google.json.gz`, `awscc.json.gz` and `aws.json.gz` from the wheels in a folder.

    Returns:
        Provider to how many resource types it has.
    """
    google, gcp = _wheel(wheels, "cdktn_provider_google-"), _wheel(wheels, "pulumi_gcp-")
    version, types = _terraform(google)
    beta = _terraform(_wheel(wheels, "cdktn_provider_google_beta-"))[1]
    tokens, imports = _pulumi(gcp)
    entries = {}
    for name, attributes in {**beta, **types}.items():
        token = tokens.get(_pulumi_name(name), "")
        entry = {"pulumi": token, "imports": imports.get(token, []), "beta": name not in types}
        entries[name] = {**entry, "attributes": attributes}
    _write(target / "google.json.gz", version, entries, {})
    awscc, native = _wheel(wheels, "cdktn_provider_awscc-"), _wheel(wheels, "pulumi_aws_native-")
    version, types = _terraform(awscc)
    _write(target / "awscc.json.gz", version, _bare(types), _pulumi(native)[0])
    version, classic = _terraform(_wheel(wheels, "cdktn_provider_aws-"), BESIDE_AWSCC)
    _write(target / "aws.json.gz", version, _bare(classic), {})
    return {"google": len(entries), "awscc": len(types), "aws": len(classic)}


def _bare(types: Mapping[str, Any]) -> dict[str, Any]:
    unknown = {"pulumi": "", "imports": [], "beta": False}
    return {name: {**unknown, "attributes": attributes} for name, attributes in types.items()}


def _write(path: Path, version: str, types: Mapping[str, Any], pulumi: Mapping[str, str]) -> None:
    document = {"version": version, "types": types, "pulumi": pulumi}
    text = json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
    path.write_bytes(gzip.compress(text, 9, mtime=0))


def _wheel(folder: Path, prefix: str) -> Path:
    return sorted(folder.glob(f"{prefix}*.whl"))[-1]


def _pulumi_name(terraform: str) -> str:
    name = plain(terraform.split("_", 1)[1])
    return _PULUMI_NAMES.get(name, name)


def _terraform(wheel: Path, wanted: frozenset[str] | None = None) -> tuple[str, dict[str, Any]]:
    """The provider's version, and the attributes of each resource type, or of those wanted."""
    types: dict[str, Any] = {}
    version = ""
    for text in _folders(wheel):
        resource, provider = _RESOURCE.search(text), _PROVIDER.search(text)
        if resource and "extends cdktn.TerraformResource" in text:
            version = version or (provider[1] if provider else "")
            if wanted is None or resource[1] in wanted:
                types[resource[1]] = attributes(text)
    return version, types


def _folders(wheel: Path) -> Iterator[str]:
    """The JavaScript of each resource: its folder's files, joined."""
    with zipfile.ZipFile(wheel) as archive:
        inner = next(name for name in archive.namelist() if name.endswith(".jsii.tgz"))
        with archive.open(inner) as packed, tarfile.open(fileobj=packed, mode="r:gz") as tar:
            texts: dict[str, list[str]] = {}
            for member in tar:
                parts = member.name.split("/")
                if member.name.endswith(".js") and len(parts) > 3 and not parts[2].startswith("data-"):
                    read = tar.extractfile(member)
                    texts.setdefault(parts[2], []).append(read.read().decode() if read else "")
    for name in sorted(texts):
        yield "\n".join(texts[name])


def attributes(javascript: str) -> dict[str, Any]:
    """One resource's attributes: name to kind, or to `[kind, attributes inside]`."""
    source = _Source()
    parts = _WRITER.split(javascript)
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        source.writers[name.lower()] = _written(body.split("\nclass ", 1)[0])
    marks = [*_CLASS.finditer(javascript)]
    for index, mark in enumerate(marks):
        end = marks[index + 1].start() if index + 1 < len(marks) else len(javascript)
        body = javascript[mark.end() : end]
        if mark[2] == "TerraformResource":
            source.main = mark[1]
            source.writers[mark[1].lower()] = _written(body[body.find("synthesizeHclAttributes") :])
        source.classes[mark[1]] = [*_declared(body)]
    return _build(source, source.main, ())


def _written(body: str) -> dict[str, tuple[str, str, str]]:
    """Attribute to (the expression that writes it, type, storage)."""
    return {found[1]: (found[2], found[3], found[4]) for found in _WRITTEN.finditer(body)}


def _declared(body: str) -> Iterator[tuple[str, str, str]]:
    """(attribute, flag, what the class says of it)."""
    marks = [*_ATTRIBUTE.finditer(body)]
    for index, mark in enumerate(marks):
        end = marks[index + 1].start() if index + 1 < len(marks) else mark.end() + 400
        computed = mark[2] == "true" and mark[3] == "false"
        flag = " required" if mark[4] == "true" else " computed" if computed else ""
        yield mark[1], flag, body[mark.end() : end]


def _build(source: _Source, name: str, above: tuple[str, ...]) -> dict[str, Any]:
    writer = source.writers.get(name.removesuffix("OutputReference").lower(), {})
    built: dict[str, Any] = {}
    for attribute, flag, body in source.classes[name]:
        written, form, storage = writer.get(attribute, ("", "", ""))
        nested = re.search(rf'new (?:\w+_1\.)?([A-Z]\w+)\(this, "{attribute}"', body)
        if nested is None or nested[1] in above:
            built[attribute] = _scalar(body, storage) + flag
            continue
        base = re.sub(r"(OutputReference|List|Map)$", "", nested[1]) + "OutputReference"
        if base not in source.classes or base in above:
            built[attribute] = "any" + flag
        else:
            kind = _kind(nested[1], attribute, written, form)
            built[attribute] = [kind + flag, _build(source, base, (*above, base))]
    return built


def _kind(class_name: str, attribute: str, written: str, form: str) -> str:
    if class_name.endswith("Map"):
        return "map"
    if class_name.endswith("OutputReference"):
        return "block1" if form == "list" or attribute == "timeouts" else "object"
    return "block" if ", true)" in written else "objects"


def _scalar(body: str, storage: str) -> str:
    getter = _GETTER.search(body) or re.search(r"new cdktn\.(\w+)\(this, ", body)
    if getter:
        return _SCALARS.get(getter[1], "any")
    return _STORED.get(storage, "any")


def _pulumi(wheel: Path) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Plain names to type tokens, and tokens to the forms of the ids that an import takes."""
    tokens: dict[str, str] = {}
    by_last: dict[str, str] = {}
    imports: dict[str, list[str]] = {}
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if not name.endswith(".py"):
                continue
            text = archive.read(name).decode()
            for token in _TOKEN.findall(text):
                _, module, last = token.split(":")
                tokens.setdefault(plain(module.split("/")[0] + last), token)
                by_last.setdefault(plain(last), token)
            for token, form in _IMPORT.findall(text):
                forms = imports.setdefault(token, [])
                if form not in forms:
                    forms.append(form)
    return by_last | tokens, imports
