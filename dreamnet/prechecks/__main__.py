"""`python -m dreamnet.prechecks policies DIR`: the least-privilege policies for a selection, offline."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dreamnet.errors import GameplanError
from dreamnet.prechecks.policies import write_policies
from dreamnet.resources.catalogue import load_catalogue
from dreamnet.resources.selections import load_selection


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and run the command.

    Returns:
        The process's exit code: 1 where nothing could be written.
    """
    parser = argparse.ArgumentParser(prog="python -m dreamnet.prechecks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("policies", help="write the AWS policies and the Google role to grant")
    command.add_argument("folder", type=Path, help="where they are written")
    command.add_argument("--selection", default="full", help="of infrastructure/selections.yaml (full)")
    command.add_argument("--root", type=Path, default=Path("infrastructure"), help="the declarations")
    options = parser.parse_args(arguments)
    try:
        selection = load_selection(options.root / "selections.yaml", options.selection)
        written = write_policies(tuple(selection.of(load_catalogue(options.root))), options.folder)
    except GameplanError as error:
        print(error, file=sys.stderr)
        return 1
    for path in written:
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
