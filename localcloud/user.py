"""DreamNet's users: somebody is always writing, before, during and after the move.

    python -m localcloud.user --state DIR --url http://... --port P [--rate 20]

Every acknowledged write goes to DIR/user/ledger.jsonl; `GET /report` says what the users see.
"""

from __future__ import annotations

import argparse
import json
import signal
import threading
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from dreamnet.traffic import WriteClient
from localcloud.state import State


def ledger_file(state: State) -> Path:
    """Where the acknowledged writes are; read it with `dreamnet.traffic.read_ledger`."""
    folder = state.dir / "user"
    folder.mkdir(exist_ok=True)
    return folder / "ledger.jsonl"


class Handler(BaseHTTPRequestHandler):
    """Answers with the report."""

    client: WriteClient

    def do_GET(self) -> None:
        """`/report`."""
        body = json.dumps(asdict(self.client.report())).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing a request."""


def main() -> None:
    """Write until SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="python -m localcloud.user", description="Users who are always writing."
    )
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--url", required=True, help="of the backend")
    parser.add_argument("--port", type=int, required=True, help="where GET /report is answered")
    parser.add_argument("--rate", type=float, default=20.0, help="writes a second")
    options = parser.parse_args()
    ledger = ledger_file(State(options.state))
    client = WriteClient(options.url, options.rate, ledger=ledger, connections=4, title="a user's dream")
    Handler.client = client
    server = ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    with client:
        server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
