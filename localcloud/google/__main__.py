"""`python -m localcloud.google --state DIR --port P`: the local Google control plane."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from localcloud.engines import Engines
from localcloud.google.auth import Identity
from localcloud.google.server import Server
from localcloud.state import State


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m localcloud.google", description=__doc__)
    parser.add_argument("--state", type=Path, default=Path(".rehearsal"), help="the state directory")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    state = State(arguments.state)
    credentials = state.credentials()
    server = Server(state, Identity.of(credentials), arguments.port, Engines(state))
    token_uri = f"{server.context.base_url}/token"
    state.update_endpoints(
        {"google": server.endpoints(), "credentials": credentials.endpoints(token_uri)},
    )
    server.run()


if __name__ == "__main__":
    main()
