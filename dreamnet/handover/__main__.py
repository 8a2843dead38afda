"""`python -m dreamnet.handover all infrastructure`: the catalogue as Terraform and Pulumi files.

`terraform` and `pulumi` in place of `all` write one of them. `providers WHEELS` renews what is known of the
providers (see `dreamnet.handover.harvest`).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dreamnet.errors import ConfigurationError
from dreamnet.handover.harvest import harvest
from dreamnet.handover.write import TOOLS, hand_over, write
from dreamnet.resources.catalogue import load_catalogue


def main() -> int:
    """Parse the command line and run the command."""
    parser = argparse.ArgumentParser(prog="python -m dreamnet.handover", description=__doc__)
    parser.add_argument("command", choices=("all", *TOOLS, "providers"))
    parser.add_argument("root", type=Path, help="the catalogue's folder, or that of the wheels")
    given = parser.parse_args()
    if given.command == "providers":
        for name, count in harvest(given.root, Path(__file__).parent / "providers").items():
            print(f"{name}: {count} resource types")
        return 0
    try:
        written = hand_over(load_catalogue(given.root), TOOLS if given.command == "all" else (given.command,))
    except ConfigurationError as error:
        print(error.problem, file=sys.stderr)
        return 1
    write(written, given.root)
    print("\n".join(written.summary()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
