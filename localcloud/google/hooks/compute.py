"""Compute Engine: networks and a global load balancer, whose forwarding rule is a real Caddy.

A forwarding rule leads to a proxy, a URL map, a backend service, its network endpoint groups and so to
addresses. Whenever one of them changes, the chain is followed again and the front door gets what it leads to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import httpx

from localcloud.frontdoor import FRONTDOOR, set_frontdoor
from localcloud.google.hooks import Hook, Refusal, invalid, not_in_the_rehearsal, verb
from localcloud.google.store import Stored
from localcloud.ports import free_loopback

if TYPE_CHECKING:
    from localcloud.google.calls import Call, Context

_LINK = re.compile(r"projects/([^/]+)/((?:global|zones/[^/]+|regions/[^/]+)/[A-Za-z]+/[^/]+)$")

#: What every project has from the beginning.
GIVEN = frozenset({"global/networks/default"})

_ZONE = re.compile(r"zones/(.+)-[a-z]/")


class Compute(Hook):
    """What all of compute's resources share: links must lead somewhere, and what is in use stays."""

    #: Whether a change of it can change where the load balancer leads.
    balances: ClassVar[bool] = False

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Refuse links to what isn't there."""
        for link in _links(body):
            project, path = link
            known = path in GIVEN or call.sibling(f"projects/{project}/{path}")
            if project == call.context.project and not known:
                raise Refusal(404, f"The resource 'projects/{project}/{path}' was not found.")

    def created(self, call: Call, resource: Stored) -> None:
        """Set up the front door anew."""
        if self.balances:
            balance(call.context)

    def updating(self, call: Call, resource: Stored, body: dict[str, Any]) -> None:
        """Refuse links to what isn't there."""
        Compute.default(self, call, body)

    def updated(self, call: Call, resource: Stored, before: dict[str, Any]) -> None:
        """Set up the front door anew."""
        if self.balances:
            balance(call.context, resource)

    def deleting(self, call: Call, resource: Stored) -> None:
        """What others refer to can't go."""
        for other in call.context.store.everything():
            if not other.type.startswith("compute/") or "operation" in other.private:
                continue
            used = any(path == resource.path.split("/", 2)[2] for _, path in _links(other.body))
            if used and other.key != resource.key:
                raise Refusal(
                    400,
                    f"The resource '{resource.path}' is already being used by '{other.path}'.",
                    "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE",
                )

    @verb("setLabels")
    def set_labels(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Labels, all at once."""
        labels = call.body.get("labels", {})

        def work(draft: Stored) -> None:
            draft.body["labels"] = labels

        return call.operation(resource or call.resource(), work, seconds=self.seconds)


class Networks(Compute):
    """VPC networks."""

    collection: ClassVar[str] = "compute/networks"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Only custom mode: subnets that make themselves aren't rehearsed."""
        super().default(call, body)
        if body.get("autoCreateSubnetworks", True):
            raise not_in_the_rehearsal("A network in auto mode (autoCreateSubnetworks: true)")
        body.setdefault("mtu", 1460)
        body.setdefault("routingConfig", {}).setdefault("routingMode", "REGIONAL")


class Subnetworks(Compute):
    """Subnetworks."""

    collection: ClassVar[str] = "compute/subnetworks"


class Firewalls(Compute):
    """Firewall rules: kept, not enforced."""

    collection: ClassVar[str] = "compute/firewalls"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """As the API fills them in."""
        super().default(call, body)
        body.setdefault("direction", "INGRESS")
        body.setdefault("priority", 1000)


class HealthChecks(Compute):
    """Health checks, which the front door really makes."""

    collection: ClassVar[str] = "compute/healthChecks"
    balances: ClassVar[bool] = True
    backing: ClassVar[str] = "caddy"


class EndpointGroups(Compute):
    """Zonal network endpoint groups."""

    collection: ClassVar[str] = "compute/networkEndpointGroups"
    balances: ClassVar[bool] = True
    backing: ClassVar[str] = "caddy"

    def shown(self, call: Call, resource: Stored) -> dict[str, Any]:
        """With its size."""
        return {**resource.body, "size": len(resource.private.get("endpoints", []))}

    @verb("attachNetworkEndpoints")
    def attach(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Add addresses; those that are there already stay."""
        wanted = call.body.get("networkEndpoints") or []
        if not all(one.get("ipAddress") for one in wanted):
            raise invalid("Invalid value for field 'networkEndpoints': each needs an ipAddress.")

        def work(draft: Stored) -> None:
            known = draft.private.setdefault("endpoints", [])
            port = draft.body.get("defaultPort")
            for one in wanted:
                endpoint = {"ipAddress": one["ipAddress"], "port": int(one.get("port") or port or 0)}
                if endpoint not in known:
                    known.append(endpoint)
            balance(call.context, draft)

        return call.operation(resource or call.resource(), work)

    @verb("detachNetworkEndpoints")
    def detach(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Take addresses away."""
        gone = call.body.get("networkEndpoints") or []

        def work(draft: Stored) -> None:
            port = draft.body.get("defaultPort")
            taken = [(one["ipAddress"], int(one.get("port") or port or 0)) for one in gone]
            draft.private["endpoints"] = [
                one
                for one in draft.private.get("endpoints", [])
                if (one["ipAddress"], one["port"]) not in taken
            ]
            balance(call.context, draft)

        return call.operation(resource or call.resource(), work)

    @verb("listNetworkEndpoints")
    def list_endpoints(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Its addresses."""
        found = resource or call.resource()
        items = [{"networkEndpoint": one} for one in found.private.get("endpoints", [])]
        kind = "compute#networkEndpointGroupsListNetworkEndpoints"
        return {"kind": kind, "items": items} if items else {"kind": kind}


class BackendServices(Compute):
    """Backend services."""

    collection: ClassVar[str] = "compute/backendServices"
    balances: ClassVar[bool] = True
    backing: ClassVar[str] = "caddy"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Complete, or refuse; a policy is set apart."""
        super().default(call, body)
        body.pop("securityPolicy", None)
        body.setdefault("protocol", "HTTP")
        body.setdefault("timeoutSec", 30)

    def updating(self, call: Call, resource: Stored, body: dict[str, Any]) -> None:
        """A policy is set apart."""
        super().updating(call, resource, body)
        if "securityPolicy" in resource.body:
            body["securityPolicy"] = resource.body["securityPolicy"]

    @verb("setSecurityPolicy")
    def protect(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Stand behind a Cloud Armor policy; nothing is filtered here."""
        link = call.body.get("securityPolicy")
        Compute.default(self, call, {"securityPolicy": link})

        def work(draft: Stored) -> None:
            draft.body["securityPolicy"] = link

        return call.operation(resource or call.resource(), work)

    @verb("getHealth")
    def health(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """Ask each endpoint of a group, now."""
        service = resource or call.resource()
        group = _follow(call.context, call.body.get("group", ""), {})
        path = _health_path(call.context, service, {})
        states = [
            {
                "ipAddress": one["ipAddress"],
                "port": one["port"],
                "healthState": "HEALTHY" if _answers(one, path) else "UNHEALTHY",
            }
            for one in (group.private.get("endpoints", []) if group else [])
        ]
        kind = "compute#backendServiceGroupHealth"
        return {"kind": kind, "healthStatus": states} if states else {"kind": kind}


class UrlMaps(Compute):
    """URL maps. The front door follows the default service alone; host and path rules are kept."""

    collection: ClassVar[str] = "compute/urlMaps"
    balances: ClassVar[bool] = True
    backing: ClassVar[str] = "caddy"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Each host rule leads to a matcher that is there."""
        super().default(call, body)
        known = {one.get("name") for one in body.get("pathMatchers", [])}
        for rule in body.get("hostRules", []):
            if rule.get("pathMatcher") not in known:
                matcher = rule.get("pathMatcher")
                raise invalid(f"Invalid value for field 'resource.hostRules': no path matcher '{matcher}'.")


class HttpProxies(Compute):
    """Target HTTP proxies."""

    collection: ClassVar[str] = "compute/targetHttpProxies"
    balances: ClassVar[bool] = True
    backing: ClassVar[str] = "caddy"


class ForwardingRules(Compute):
    """Global forwarding rules: the front door itself."""

    collection: ClassVar[str] = "compute/globalForwardingRules"
    balances: ClassVar[bool] = True
    backing: ClassVar[str] = "caddy"

    def created(self, call: Call, resource: Stored) -> None:
        """Open the front door; the rule's address is where it listens. Nothing listens for HTTPS."""
        address = balance(call.context, resource) if _is_http(resource) else None
        if address:
            resource.body["IPAddress"] = address

    def deleted(self, call: Call, resource: Stored) -> None:
        """Close the front door."""
        if _is_http(resource):
            call.context.engines.delete(FRONTDOOR)
            call.context.state.remove_endpoint(FRONTDOOR)


def _is_http(rule: Stored) -> bool:
    """Whether the rule leads to an HTTP proxy, which the front door can be."""
    return "/targetHttpProxies/" in str(rule.body.get("target", ""))


def _links(value: Any) -> Iterator[tuple[str, str]]:
    """Project and path of every link to a compute resource in a body, its own link excepted."""
    if isinstance(value, dict):
        for key, one in value.items():
            if key not in ("selfLink", "selfLinkWithId", "targetLink", "description"):
                yield from _links(one)
    elif isinstance(value, list):
        for one in value:
            yield from _links(one)
    elif isinstance(value, str):
        found = _LINK.search(value)
        if found:
            yield found[1], found[2]


def balance(context: Context, changed: Stored | None = None) -> str | None:
    """Follow the chain from the forwarding rule and set the front door up.

    Args:
        changed: a resource that is about to be stored and counts as it is now.

    Returns:
        Where the front door listens, or None: there is no rule yet, or it leads nowhere.
    """
    fresh = {changed.key: changed} if changed else {}
    with context.lock:
        rules = [one for one in context.store.of_type(ForwardingRules.collection) if _is_http(one)]
        if changed and changed.type == ForwardingRules.collection and _is_http(changed):
            rules = [changed]
        for rule in rules:
            service = _service(context, rule, fresh)
            if service:
                return _open(context, rule, service, fresh)
    return None


def _service(context: Context, rule: Stored, fresh: dict[str, Stored]) -> Stored | None:
    proxy = _follow(context, rule.body.get("target", ""), fresh)
    url_map = _follow(context, proxy.body.get("urlMap", ""), fresh) if proxy else None
    return _follow(context, url_map.body.get("defaultService", ""), fresh) if url_map else None


def _open(context: Context, rule: Stored, service: Stored, fresh: dict[str, Stored]) -> str:
    backends = service.body.get("backends", [])
    # PREFERRED backends take all traffic while they are healthy; among equals the declared order counts.
    ordered = sorted(backends, key=lambda one: one.get("preference") != "PREFERRED")
    upstreams = []
    for backend in ordered:
        group = _follow(context, backend.get("group", ""), fresh)
        zone = _ZONE.search(group.path) if group else None
        for one in group.private.get("endpoints", []) if group else []:
            address = f"{one['ipAddress']}:{one['port']}"
            upstreams.append({"address": address, "region": zone[1] if zone else "global"})
    check = _health_check(context, service, fresh)
    port = int(str(rule.body.get("portRange") or "80").split("-")[0])
    endpoint = set_frontdoor(
        context.engines,
        upstreams,
        health_path=_health_path(context, service, fresh),
        interval_seconds=float(check.get("checkIntervalSec", 5)),
        host=free_loopback(port),
        port=port,
    )
    return endpoint.host


def _follow(context: Context, link: str, fresh: dict[str, Stored]) -> Stored | None:
    found = _LINK.search(link)
    if not found:
        return None
    key = f"compute/projects/{found[1]}/{found[2]}"
    return fresh.get(key) or context.store.get(key)


def _health_check(context: Context, service: Stored, fresh: dict[str, Stored]) -> dict[str, Any]:
    links = service.body.get("healthChecks") or [""]
    found = _follow(context, links[0], fresh)
    return found.body if found else {}


def _health_path(context: Context, service: Stored, fresh: dict[str, Stored]) -> str:
    check = _health_check(context, service, fresh)
    return str((check.get("httpHealthCheck") or {}).get("requestPath") or "/")


def _answers(endpoint: dict[str, Any], path: str) -> bool:
    try:
        answer = httpx.get(f"http://{endpoint['ipAddress']}:{endpoint['port']}{path}", timeout=2)
    except httpx.HTTPError:
        return False
    return answer.status_code == 200
