"""The fault injector: takes a region of the local cloud down, and brings it back.

    GET  /regions                  {"us-central1": {"running": [...], "failed": [...]}}
    POST /regions/REGION/fail      kill -9 of everything in it; {"region", "killed": [...]}
    POST /regions/REGION/restore   starts again what was killed; {"region", "started": [...]}

The failover drill's profile holds its address as the webhook that causes the failure; against real accounts
the same place holds a vendor's fault injection.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from dreamnet.errors import GameplanError
from localcloud.engines import Engines
from localcloud.state import State

_ACTION = re.compile(r"/regions/([a-z0-9-]+)/(fail|restore)")
#: Not a region: what no region's failure touches.
_GLOBAL = "global"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    engines: Engines

    def do_GET(self) -> None:
        """The regions and what is in them."""
        if self.path == "/regions":
            self._answer(200, regions(self.engines))
        else:
            self._answer(404, {"error": "GET /regions, POST /regions/REGION/fail or /restore"})

    def do_POST(self) -> None:
        """Fail or restore a region."""
        match = _ACTION.fullmatch(self.path)
        if match is None or match[1] not in regions(self.engines):
            self._answer(
                404, {"error": f"there is no such region; there are {', '.join(regions(self.engines))}"}
            )
            return
        region, action = match[1], match[2]
        try:
            if action == "fail":
                self._answer(200, {"region": region, "killed": self.engines.fail_region(region)})
            else:
                self._answer(200, {"region": region, "started": self.engines.restore_region(region)})
        except GameplanError as error:
            self._answer(500, {"error": str(error)})

    def _answer(self, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def regions(engines: Engines) -> dict[str, dict[str, list[str]]]:
    """Every region that holds an engine, with the names of those that run and those that don't."""
    found: dict[str, dict[str, list[str]]] = {}
    for engine in engines.list():
        if engine.region != _GLOBAL:
            group = found.setdefault(engine.region, {"running": [], "failed": []})
            if engine.status in group:
                group[engine.status].append(engine.name)
    return found


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="python -m localcloud.faults", description="Fails and restores regions."
    )
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    Handler.engines = Engines(State(options.state))
    server = ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
