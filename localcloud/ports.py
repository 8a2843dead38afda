"""Ports and loopback addresses that are free now.

Ports are drawn at random from below the range that the kernel gives to outgoing connections (32768 and up on
Linux, 49152 on macOS): a port from inside that range can be taken by any client between our test and the
server's bind, and two processes that ask at once would be given neighbours.
"""

from __future__ import annotations

import errno
import random
import socket
import sys
import threading
import time

from dreamnet.errors import ConfigurationError

_LOWEST, _HIGHEST = 10240, 32767
_ATTEMPTS = 200
#: Seconds that a port may stay taken before we say so: another process' probe may hold it for a moment.
_PATIENCE = 0.5

#: Held while a port is probed and while a process is forked. A child forked meanwhile would hold a copy of
#: the probe's socket until it executes its program, and the port would look taken to whoever was given it.
FORKING = threading.Lock()


def can_bind(host: str, port: int) -> bool:
    """Whether a TCP server could listen there now."""
    return _bind_error(host, port) is None


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port on `host` on which nothing listens."""
    for _ in range(_ATTEMPTS):
        # Not security: spreads concurrent callers over the range.
        port = random.randint(_LOWEST, _HIGHEST)
        if can_bind(host, port):
            return port
    raise ConfigurationError(
        f"No free TCP port was found on {host} in {_ATTEMPTS} attempts.", "Stop what holds them, start again."
    )


def free_loopback(port: int) -> str:
    """An address 127.x.y.z on which `port` can be bound.

    For things that have an address but no choice of port, such as a Cloud SQL instance or a load balancer.
    Linux answers on all of 127.0.0.0/8; other systems only on 127.0.0.1.
    """
    if sys.platform != "linux":
        require_free("127.0.0.1", port)
        return "127.0.0.1"
    error = None
    for _ in range(_ATTEMPTS):
        host = f"127.{random.randint(1, 254)}.{random.randint(0, 255)}.{random.randint(1, 254)}"
        error = _bind_error(host, port)
        if error is None:
            return host
        if error == errno.EACCES:
            break
    raise _refusal("every loopback address tried", port, error)


def require_free(host: str, port: int) -> None:
    """Raise `ConfigurationError` unless `port` on `host` can be bound now."""
    deadline = time.monotonic() + _PATIENCE
    while (error := _bind_error(host, port)) is not None:
        if error != errno.EADDRINUSE or time.monotonic() > deadline:
            raise _refusal(host, port, error)
        time.sleep(0.05)


def _bind_error(host: str, port: int) -> int | None:
    with FORKING, socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last connections are in TIME_WAIT is free, one with a listener is not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            return error.errno
    return None


def _refusal(host: str, port: int, error: int | None) -> ConfigurationError:
    if error == errno.EACCES:
        return ConfigurationError(
            f"Port {port} on {host} may only be opened by root.",
            "Run `sysctl net.ipv4.ip_unprivileged_port_start=0`, or start the rehearsal as root.",
        )
    return ConfigurationError(
        f"Port {port} on {host} is taken by another program.",
        f"Stop it (`ss -ltnp 'sport = :{port}'` shows which), or choose another port.",
    )
