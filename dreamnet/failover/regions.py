"""The plan's two regions as its files declare them: what serves where, and how the world reaches it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dreamnet.clouds.google import GoogleAccount
from dreamnet.errors import ResourceError
from dreamnet.failover.cloudsql import execute
from dreamnet.failover.load_balancer import Group, LoadBalancer
from dreamnet.resources.model import Progress
from dreamnet.serving.databases import INSTANCE, REPLICA

#: As infrastructure/google/global/load-balancer.yaml names them.
BACKEND_SERVICE, FORWARDING_RULE, GROUPS = "dreamnet", "dreamnet", ("dreamnet-first", "dreamnet-second")


def instances(account: GoogleAccount) -> dict[str, str]:
    """The Cloud SQL instance of each region."""
    return {account.region: INSTANCE, account.second_region: REPLICA}


def load_balancer(account: GoogleAccount, addresses: Mapping[str, str], progress: Progress) -> LoadBalancer:
    """The global load balancer with a group for each region.

    Args:
        addresses: `host:port` of each region's service.
    """
    zones = {account.region: account.zone, account.second_region: f"{account.second_region}-b"}
    groups = {
        region: Group(zones[region], name, (_endpoint(addresses[region]),))
        for region, name in zip(zones, GROUPS, strict=True)
    }
    return LoadBalancer(account, BACKEND_SERVICE, groups, progress)


def front_door(account: GoogleAccount) -> str:
    """The URL of the load balancer's forwarding rule.

    Raises:
        ResourceError: there is none, or it has no address yet.
    """
    request = (
        account.api("compute", "v1")
        .globalForwardingRules()
        .get(project=account.project, forwardingRule=FORWARDING_RULE)
    )
    rule: dict[str, Any] | None = execute(request, "read the forwarding rule", missing=None)
    if not rule or not rule.get("IPAddress"):
        raise ResourceError(
            "The global load balancer has no address.",
            "Apply infrastructure/google/global (week4-global does).",
        )
    port = str(rule.get("portRange", "80")).split("-")[0]
    return f"http://{rule['IPAddress']}:{port}"


def _endpoint(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)
