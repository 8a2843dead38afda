"""`python -m localcloud.aws --state DIR --port P`: the local AWS."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from localcloud.aws.server import LocalAws
from localcloud.state import State


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m localcloud.aws", description=__doc__)
    parser.add_argument("--state", type=Path, default=Path(".rehearsal"), help="the state directory")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    LocalAws(State(arguments.state), arguments.port).run()


if __name__ == "__main__":
    main()
