"""Certificates of our own making, and somebody who stands between client and server with one of them."""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dreamnet.postgres import Database
from localcloud.kubernetes.certificates import Identity, ensure_identity
from localcloud.kubernetes.config import ClusterOptions

SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


def identity(folder: Path) -> Identity:
    """A certificate for 127.0.0.1 and the authority that signed it, `ca.crt` beside it."""
    return ensure_identity(
        ClusterOptions(folder, folder.name, "google", "here", "1.37", 0, "127.0.0.1", (), 1.0, 1.0, 1.0)
    )


@contextmanager
def speaking_tls(database: Database, shown: Identity, *, onward: bool = False) -> Iterator[int]:
    """A port that ends a client's TLS with a certificate of its own and speaks to the server beyond.

    Args:
        onward: over TLS as well; else in the clear.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(shown.certificate_file, shown.key_file)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(8)  # SSLRequest
            self.request.sendall(b"S")
            with (
                suppress(OSError),
                context.wrap_socket(self.request, server_side=True) as client,
                beyond(database, onward) as server,
            ):
                back = threading.Thread(target=relay, args=(server, client), daemon=True)
                back.start()
                relay(client, server)
                back.join(10)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as listener:
        threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True).start()
        yield listener.server_address[1]
        listener.shutdown()


def beyond(database: Database, tls: bool) -> socket.socket:
    """A connection to the server itself, whose certificate is not looked at."""
    server = socket.create_connection((database.host, database.port))
    if not tls:
        return server
    server.sendall(SSL_REQUEST)
    assert server.recv(1) == b"S"
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(server)


def relay(one: socket.socket, other: socket.socket) -> None:
    """Pass on what `one` sends until it ends."""
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    with suppress(OSError):
        other.shutdown(socket.SHUT_RDWR)
