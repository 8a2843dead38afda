"""`python -m dreamnet.kubernetes validate infrastructure/kubernetes`: every overlay against Kubernetes'
definitions and the custom kinds' own, offline; `render OVERLAY NAME=VALUE...` prints one."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import yaml

from dreamnet.errors import ConfigurationError
from dreamnet.kubernetes.manifests import render, render_unfilled, validate
from dreamnet.resources.model import Problem

#: The folder under the manifests' root that holds the custom kinds' definitions.
CRDS = "crds"


def find_problems(root: Path) -> tuple[dict[str, int], list[Problem]]:
    """Everything wrong with the overlays under a folder.

    Returns:
        How many objects each overlay has, and the problems, whose source names file and object. What several
        overlays share is reported once.

    Raises:
        ConfigurationError: an overlay can't be rendered, or a component is in none: nothing would check it.
    """
    overlays, unused = _folders(root)
    counts: dict[str, int] = {}
    problems: dict[str, Problem] = {}
    for folder in overlays:
        rendered = render_unfilled(folder)
        counts[folder.relative_to(root).as_posix()] = len(rendered)
        for source, item in rendered:
            for problem in validate([item], crds=root.resolve() / CRDS):
                located = replace(problem, source=f"{_shorter(source, root)}: {problem.source}")
                problems.setdefault(str(located), located)
    if unused:
        raise ConfigurationError(
            f"No overlay takes in {', '.join(str(folder) for folder in unused)}.",
            "Name it under the components of one, so that it is validated.",
        )
    return counts, list(problems.values())


def _folders(root: Path) -> tuple[list[Path], list[Path]]:
    """The overlays, and the components that none of them takes in."""
    overlays: list[Path] = []
    components: list[Path] = []
    used: set[Path] = set()
    for file in sorted(root.rglob("kustomization.yaml")):
        content = yaml.safe_load(file.read_text())
        (components if content.get("kind") == "Component" else overlays).append(file.parent)
        used |= {(file.parent / name).resolve() for name in content.get("components", [])}
    return overlays, [folder for folder in components if folder.resolve() not in used]


def _shorter(source: str, root: Path) -> str:
    return source.replace(f"{root.resolve()}/", f"{root}/")


def _validate(root: Path) -> int:
    try:
        counts, problems = find_problems(root)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 1
    for problem in problems:
        print(problem, file=sys.stderr)
    found = ", ".join(f"{number} objects in {name}" for name, number in counts.items())
    print(f"{found or 'no overlay'}: {f'{len(problems)} problems' if problems else 'valid'}")
    return 1 if problems or not counts else 0


def _render(overlay: Path, variables: list[str]) -> int:
    values = dict(entry.split("=", 1) for entry in variables if "=" in entry)
    try:
        rendered = render(overlay, values)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 1
    yaml.safe_dump_all(rendered, sys.stdout, sort_keys=False)
    return 0


def main() -> int:
    """Run one of the two commands and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m dreamnet.kubernetes", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("validate", help="check every overlay under a folder")
    check.add_argument("root", type=Path)
    show = commands.add_parser("render", help="print an overlay, ready for kubectl apply --server-side -f -")
    show.add_argument("overlay", type=Path)
    show.add_argument("variables", nargs="*", metavar="NAME=VALUE", help="values of the files' ${NAME}")
    arguments = parser.parse_args()
    if arguments.command == "validate":
        return _validate(arguments.root)
    return _render(arguments.overlay, arguments.variables)


if __name__ == "__main__":
    sys.exit(main())
