"""Compute's parts that have a method of their own: a security policy's rules, one by one, and which policy a
backend service stands behind (compute.v1, `securityPolicies.patch`, `backendServices.setSecurityPolicy`,
November 2026)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dreamnet.resources.google.discovery import Collection
from dreamnet.resources.google.requests import Request, own_path, update
from dreamnet.resources.model import Change, Live, Resource

SECURITY_POLICIES = "compute/securityPolicies"
BACKEND_SERVICES = "compute/backendServices"


def policy_updates(
    collection: Collection, resource: Resource, live: Live, changes: list[Change]
) -> list[Request]:
    """The calls that bring a security policy to its declared values: its own fields, then rule by rule."""
    own = [change for change in changes if change.path.split("/")[1] != "rules"]
    requests = [update(collection, resource, live, own, "")] if own else []
    if len(own) < len(changes):
        requests += _rule_updates(collection, resource, live)
    return requests


def _rule_updates(collection: Collection, resource: Resource, live: Live) -> Iterator[Request]:
    """What is new is added before what is gone is removed: nothing is let through in between."""
    path = own_path(collection, resource)
    present = {int(rule["priority"]): rule for rule in live.body.get("rules", [])}
    wanted: dict[int, dict[str, Any]] = {int(rule["priority"]): rule for rule in resource.body["rules"]}
    for priority, rule in wanted.items():
        if priority not in present:
            yield Request(collection.methods["addRule"], f"{path}/addRule", {}, rule)
        elif any(present[priority].get(key) != value for key, value in rule.items()):
            query = {"priority": priority}
            yield Request(collection.methods["patchRule"], f"{path}/patchRule", query, rule)
    for priority in present.keys() - wanted.keys():
        yield Request(collection.methods["removeRule"], f"{path}/removeRule", {"priority": priority})


def service_updates(
    collection: Collection, resource: Resource, live: Live, changes: list[Change]
) -> list[Request]:
    """The calls that bring a backend service to its declared values."""
    own = [change for change in changes if change.path != "/securityPolicy"]
    requests = [update(collection, resource, live, own, "")] if own else []
    if len(own) < len(changes):
        path = f"{own_path(collection, resource)}/setSecurityPolicy"
        body = {"securityPolicy": resource.body["securityPolicy"]}
        requests.append(Request(collection.methods["setSecurityPolicy"], path, {}, body))
    return requests
