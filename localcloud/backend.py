"""DreamNet's backend, a stand-in: a small HTTP service that writes and reads dreams in PostgreSQL.

    python -m localcloud.backend --host 127.0.0.1 --port 8080

| request | answer |
| --- | --- |
| `POST /dreams {"title", "content", "id"?, "tags"?, "mood"?, "metadata"?}` | 201 `{"id"}`, only after the
commit | | `GET /dreams/{id}`, `GET /dreams?limit=` | 200, 404 |
| `GET /healthz` | 200 only if its database is reachable and takes writes |
| `GET /readyz` | 200 only if its database is reachable |
| `GET /livez` | 200: the process serves |
| `GET /metrics` | 200: Prometheus' text format, with `dreamnet_http_requests_total` (without probes) |

A write that the database refuses or that did not become durable answers 503 with Retry-After, never 201.
Repeating one with the same `id` writes nothing twice.

Environment: the database is `DATABASE_URL`, or `DATABASE_URL_FILE`, or `DATABASE_SECRET` (see
`localcloud.backend_source`). `DURABLE_WRITES=1`: acknowledge only what every streaming standby has on disk.
`DURABLE_TIMEOUT_SECONDS`: how long to wait for that (5). `REGION` is answered as `X-Region`, `RELEASE` as
`X-Release`. A release that is no good: `FAILING_SHARE` of the dreams' requests (0 to 1) answer 500, or all
are answered `SLOW_SECONDS` late.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import socket
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
from prometheus_client import CONTENT_TYPE_LATEST, Counter, generate_latest

from localcloud.backend_database import Database, NotDurable
from localcloud.backend_source import source_from_environment

_LARGEST_BODY = 1 << 20
_DREAM = re.compile(r"/dreams/([0-9a-fA-F-]{32,36})")
#: Answered requests; those of probes and of whoever reads metrics are no load.
_REQUESTS = Counter("dreamnet_http_requests", "Requests answered, without probes.", ["method", "code"])
_UNCOUNTED = frozenset({"/livez", "/readyz", "/healthz", "/metrics"})
_MOODS = frozenset({"serene", "curious", "restless", "ominous"})


class Refused(Exception):
    """A request that cannot be served: its status, and what is wrong with it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Handler(BaseHTTPRequestHandler):
    """One connection's requests."""

    protocol_version = "HTTP/1.1"
    database: Database
    region: str
    release = ""
    failing_share = slow_seconds = 0.0

    def setup(self) -> None:
        """Send small answers at once."""
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def do_GET(self) -> None:
        """Reads, probes and metrics."""
        if self.path == "/metrics":
            self._send(200, generate_latest(), CONTENT_TYPE_LATEST)
        else:
            self._serve(self._get)

    def do_POST(self) -> None:
        """Writes."""
        self._serve(self._post)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing a request: at hundreds a second the log would be all that the disk does."""

    def _serve(self, do: Any) -> None:
        try:
            if urlsplit(self.path).path.startswith("/dreams"):
                self._misbehave()
            status, answer = do()
        except Refused as error:
            status, answer = error.status, {"error": str(error)}
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            status, answer = 400, {"error": error.diag.message_primary or "refused by the database"}
        except NotDurable as error:
            status, answer = 503, {"error": str(error)}
        except psycopg.Error as error:
            # Only the kind: a connection error's text may name the host and user.
            status, answer = 503, {"error": f"the database does not take this now ({type(error).__name__})"}
        self._answer(status, answer)

    def _misbehave(self) -> None:
        """Be the release that a rehearsal asks for."""
        time.sleep(self.slow_seconds)
        if random.random() < self.failing_share:
            raise Refused(500, "this release fails")

    def _get(self) -> tuple[int, Any]:
        url = urlsplit(self.path)
        if url.path == "/livez":
            return 200, {"status": "serving"}
        if url.path == "/readyz":
            self.database.check()
            return 200, {"status": "ready"}
        if url.path == "/healthz":
            writable = self.database.check()
            return (200, {"status": "ok"}) if writable else (503, {"error": "the database is read-only"})
        if url.path == "/dreams":
            return 200, {"dreams": self.database.latest(_limit(url.query))}
        match = _DREAM.fullmatch(url.path)
        dream = self.database.dream(_uuid(match[1])) if match else None
        return (200, dream) if dream else (404, {"error": "there is no such dream"})

    def _post(self) -> tuple[int, Any]:
        body = self._body()
        if urlsplit(self.path).path != "/dreams":
            return 404, {"error": "POST /dreams is the only write"}
        return 201, {"id": str(self.database.write(_dream(body)))}

    def _body(self) -> dict[str, Any]:
        length = int(self.headers.get("Content-Length") or 0)
        if length > _LARGEST_BODY:
            self.close_connection = True
            raise Refused(413, "the body is larger than 1 MiB")
        try:
            body = json.loads(self.rfile.read(length))
        except ValueError as error:
            raise Refused(400, "the body is not JSON") from error
        if not isinstance(body, dict):
            raise Refused(400, "the body is not an object")
        return body

    def _answer(self, status: int, content: Any) -> None:
        if urlsplit(self.path).path not in _UNCOUNTED:
            _REQUESTS.labels(self.command, str(status)).inc()
        self._send(status, json.dumps(content, default=str).encode(), "application/json")

    def _send(self, status: int, body: bytes, media: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Region", self.region)
        if self.release:
            self.send_header("X-Release", self.release)
        if status == 503:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """One thread a connection."""

    daemon_threads = True
    request_queue_size = 256


def _dream(body: dict[str, Any]) -> dict[str, Any]:
    title, content = body.get("title"), body.get("content")
    if not isinstance(title, str) or not title or not isinstance(content, str):
        raise Refused(400, "title and content are required, and are text")
    tags, mood, metadata = body.get("tags", []), body.get("mood", "curious"), body.get("metadata", {})
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise Refused(400, "tags is a list of text")
    if mood not in _MOODS:
        raise Refused(400, f"mood is one of {', '.join(sorted(_MOODS))}")
    identifier = _uuid(str(body["id"])) if "id" in body else uuid.uuid4()
    dream = {"id": identifier, "title": title, "content": content}
    return {**dream, "tags": tags, "mood": mood, "metadata": metadata}


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise Refused(400, "id is not a UUID") from error


def _limit(query: str) -> int:
    text = parse_qs(query).get("limit", ["20"])[0]
    if not text.isdigit() or not 1 <= int(text) <= 1000:
        raise Refused(400, "limit is a number from 1 to 1000")
    return int(text)


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="python -m localcloud.backend",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"))
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8080")))
    options = parser.parse_args()
    # A series that no request has made yet reads as none: the rate of an idle backend is 0.
    _REQUESTS.labels("GET", "200")
    Handler.region = os.environ.get("REGION", "")
    Handler.release = os.environ.get("RELEASE", "")
    Handler.failing_share = float(os.environ.get("FAILING_SHARE", "0"))
    Handler.slow_seconds = float(os.environ.get("SLOW_SECONDS", "0"))
    Handler.database = Database(
        source_from_environment(os.environ),
        durable=os.environ.get("DURABLE_WRITES") == "1",
        durable_timeout=float(os.environ.get("DURABLE_TIMEOUT_SECONDS", "5")),
    )
    server = Server((options.host, options.port), Handler)

    def leave(*_: Any) -> None:
        # shutdown() waits for the serving loop, which this very thread runs.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
