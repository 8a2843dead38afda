"""All files of a hand-over, and a word on what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dreamnet.handover import pulumi, terraform
from dreamnet.handover.export import Export, export
from dreamnet.resources.catalogue import CLOUDS, Catalogue
from dreamnet.resources.model import Live

Tool = Literal["terraform", "pulumi"]
TOOLS: tuple[Tool, ...] = ("terraform", "pulumi")


@dataclass(frozen=True)
class Written:
    """A hand-over.

    Attributes:
        files: path below the target folder (`terraform/gcp/main.tf`) -> text.
        exports: what each cloud's part holds.
    """

    files: Mapping[Path, str]
    exports: Mapping[str, Export]

    def summary(self) -> list[str]:
        """One sentence a cloud: how many resources are exported, importable, and not exported."""
        return [_sentence(one) for one in self.exports.values()]

    def markdown(self) -> str:
        """The same, with each declaration and field that is not exported, and why."""
        lines = ["## Hand-over", "", *[f"- {one}" for one in self.summary()]]
        gaps = [
            f"| {name} | {reason} |"
            for exported in self.exports.values()
            for name, reason in (
                *exported.missing.items(),
                *(
                    (one.id, f"fields {', '.join(one.left_over)}")
                    for one in exported.exported
                    if one.left_over
                ),
            )
        ]
        if gaps:
            lines += ["", "| not exported | why |", "| --- | --- |", *sorted(gaps)]
        return "\n".join(lines)


def hand_over(
    catalogue: Catalogue,
    tools: Iterable[Tool] = TOOLS,
    live: Mapping[str, Live] | None = None,
    variables: Mapping[str, str] | None = None,
) -> Written:
    """Turn the catalogue into another tool's files.

    Args:
        catalogue: what is declared.
        tools: for which tools.
        live: what lives, by id; with it, exactly that is imported, by its own identifiers.
        variables: values of the declarations' variables, for `terraform.tfvars` and for ids that a tool takes
            as plain text.
    """
    exports: dict[str, Export] = {cloud: export(catalogue, cloud, live) for cloud in CLOUDS}
    files: dict[Path, str] = {}
    for one in exports.values():
        if "terraform" in tools:
            made = terraform.files(one) | (terraform.values(one, variables) if variables else {})
            files |= {Path("terraform") / path: text for path, text in made.items()}
        if "pulumi" in tools:
            made = pulumi.files(one, variables)
            files |= {Path("pulumi") / path: text for path, text in made.items()}
    return Written(files, exports)


def write(written: Written, folder: Path) -> None:
    """Write the files, and remove generated ones of an earlier run that are no longer among them."""
    for path, text in written.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    for stale in set(generated(folder)) - set(written.files):
        if stale.parts[0] in {path.parts[0] for path in written.files}:
            (folder / stale).unlink()


def generated(folder: Path) -> list[Path]:
    """The Terraform files in a folder that say in their heading that they are generated, relative to it."""
    found = [*folder.glob("terraform/*/*.tf"), *folder.glob("terraform/modules/*/*.tf")]
    ours = (path for path in found if terraform.HEADING[0] in path.read_text(encoding="utf-8"))
    return sorted(path.relative_to(folder) for path in ours)


def _sentence(exported: Export) -> str:
    total = len(exported.folders)
    lacking = sum(bool(one.left_over) for one in exported.exported)
    imports = sum(one.import_id is not None for one in exported.exported)
    return (
        f"{exported.cloud}: {total - len(exported.missing)} of {total} declarations exported as "
        f"{len(exported.exported)} Terraform resources, {imports} of them with an import's id, "
        f"{len(pulumi.importable(exported))} in Pulumi's import file; {len(exported.missing)} declarations "
        f"and fields of {lacking} resources not exported"
    )
