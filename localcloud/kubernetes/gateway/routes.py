"""HTTPRoutes as Caddy's routes: matches, filters, and upstreams weighted over the Services' ready endpoints.

Caddy's JSON configuration: https://caddyserver.com/docs/json/ (2.11). Semantics and precedence of matches:
https://gateway-api.sigs.k8s.io/reference/spec/ (HTTPRoute, v1.6).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from localcloud.kubernetes.storage import Object, Store

#: What is understood of a rule; a route with more is not accepted.
RULE_FIELDS = {"name", "matches", "filters", "backendRefs"}
FILTERS = {"RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect"}


def unsupported(route: Object) -> str:
    """What of a route this data plane cannot do; empty where it can do all."""
    for rule in route["spec"].get("rules", ()):
        if more := sorted(set(rule) - RULE_FIELDS):
            return f"the rehearsal routes without {', '.join(more)}"
        types = [one["type"] for one in rule.get("filters", ())]
        types += [
            f"backendRefs' {f['type']}" for b in rule.get("backendRefs", ()) for f in b.get("filters", ())
        ]
        if more := sorted(set(types) - FILTERS):
            return f"the rehearsal has no filter {', '.join(more)}"
        if any("path" in one.get("requestRedirect", {}) for one in rule.get("filters", ())):
            return "the rehearsal redirects without another path"
    return ""


def unresolved(store: Store, route: Object) -> str:
    """The first backend of a route that does not exist; empty where all do."""
    namespace = route["metadata"]["namespace"]
    for rule in route["spec"].get("rules", ()):
        for backend in rule.get("backendRefs", ()):
            if _service(store, namespace, backend) is None:
                return f"Service {namespace}/{backend['name']} with port {backend.get('port')} not found"
    return ""


def hostnames(route: Object, listener: Object) -> list[str] | None:
    """The names under which a route is reached through a listener: [] any; None: they share none."""
    wanted, bound = route["spec"].get("hostnames", []), listener.get("hostname")
    if not bound:
        return list(wanted)
    if not wanted:
        return [bound]
    common = [
        name if _covers(bound, name) else bound
        for name in wanted
        if _covers(bound, name) or _covers(name, bound)
    ]
    return common or None


def _covers(pattern: str, name: str) -> bool:
    return pattern == name or (
        pattern.startswith("*.") and name.endswith(pattern[1:]) and name != pattern[1:]
    )


def caddy_routes(
    store: Store, attached: Sequence[tuple[Object, Object]], failing: Mapping[int, str]
) -> list[Object]:
    """Caddy's routes of one port, the most specific first.

    Args:
        attached: routes with the listener that each is attached to.
        failing: addresses that answer 500 and 503, for backends that do not exist or have no endpoint.
    """
    found: list[tuple[tuple[Any, ...], Object]] = []
    for route, listener in attached:
        metadata = route["metadata"]
        age = (metadata["creationTimestamp"], metadata["namespace"], metadata["name"])
        for number, rule in enumerate(route["spec"].get("rules") or [{}]):
            handle = _handle(store, metadata["namespace"], rule, listener, failing)
            for match in rule.get("matches") or [{}]:
                for host in hostnames(route, listener) or [""]:
                    entry = {"match": [_matcher(match, host)], "handle": handle, "terminal": True}
                    found.append(((*_precedence(match, host), *age, number), entry))
    return [entry for _, entry in sorted(found, key=lambda pair: pair[0])]


def _precedence(match: Object, host: str) -> tuple[Any, ...]:
    """First come exact names, exact paths, longer prefixes, a method, more headers and parameters."""
    path = match.get("path") or {"type": "PathPrefix", "value": "/"}
    kinds = {"Exact": 0, "PathPrefix": 1, "RegularExpression": 2}
    return (
        (not host, host.startswith("*"), -len(host)),
        (kinds[path.get("type", "PathPrefix")], -len(path.get("value", "/"))),
        ("method" not in match, -len(match.get("headers", ())), -len(match.get("queryParams", ()))),
    )


def _matcher(match: Object, host: str) -> Object:
    """Every condition is a regular expression: Caddy's plain ones ignore case or take wildcards."""
    made: Object = {}
    conditions: dict[str, str] = {}
    if host.startswith("*."):
        conditions["{http.request.host}"] = f"^.+{re.escape(host[1:])}$"
    elif host:
        made["host"] = [host]
    path = match.get("path") or {}
    value, kind = path.get("value", "/"), path.get("type", "PathPrefix")
    if kind == "Exact":
        made["path_regexp"] = {"pattern": f"^{re.escape(value)}$"}
    elif kind == "RegularExpression":
        made["path_regexp"] = {"pattern": value}
    elif value != "/":
        made["path_regexp"] = {"pattern": f"^{re.escape(value.rstrip('/'))}(/.*)?$"}
    for one in match.get("headers", ()):
        conditions[f"{{http.request.header.{one['name']}}}"] = _pattern(one)
    for one in match.get("queryParams", ()):
        conditions[f"{{http.request.uri.query.{one['name']}}}"] = _pattern(one)
    if conditions:
        made["vars_regexp"] = {key: {"pattern": pattern} for key, pattern in conditions.items()}
    if "method" in match:
        made["method"] = [match["method"]]
    return made


def _pattern(condition: Object) -> str:
    exact = condition.get("type", "Exact") == "Exact"
    return f"^{re.escape(condition['value'])}$" if exact else str(condition["value"])


def _handle(
    store: Store, namespace: str, rule: Object, listener: Object, failing: Mapping[int, str]
) -> list[Object]:
    handlers: list[Object] = []
    for one in rule.get("filters", ()):
        if one["type"] == "RequestRedirect":
            return [*handlers, _redirect(one["requestRedirect"], listener)]
        request = one["type"] == "RequestHeaderModifier"
        field = "requestHeaderModifier" if request else "responseHeaderModifier"
        changes = _header_changes(one.get(field, {}))
        response = {"response": {**changes, "deferred": True}}
        handlers.append({"handler": "headers", **({"request": changes} if request else response)})
    upstreams = weighted(store, namespace, rule.get("backendRefs", ()), failing)
    proxy = {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": address} for address, _ in upstreams],
        "load_balancing": {
            "selection_policy": {
                "policy": "weighted_round_robin",
                "weights": [weight for _, weight in upstreams],
            },
            # A connection that is refused is tried elsewhere: an endpoint that just left.
            "try_duration": "2s",
            "try_interval": "20ms",
        },
        "transport": {"protocol": "http", "dial_timeout": "500ms"},
    }
    return [*handlers, proxy]


def _redirect(given: Object, listener: Object) -> Object:
    scheme = given.get("scheme") or ("https" if listener["protocol"] == "HTTPS" else "http")
    port = given.get("port") or (None if "scheme" in given else listener["port"])
    shown = "" if port in (None, {"http": 80, "https": 443}[scheme]) else f":{port}"
    location = f"{scheme}://{given.get('hostname', '{http.request.host}')}{shown}{{http.request.uri}}"
    return {
        "handler": "static_response",
        "status_code": given.get("statusCode", 302),
        "headers": {"Location": [location]},
    }


def _header_changes(given: Object) -> Object:
    def values(field: str) -> dict[str, list[str]]:
        made: dict[str, list[str]] = {}
        for one in given.get(field, ()):
            made.setdefault(one["name"], []).append(one["value"])
        return made

    changes = {"set": values("set"), "add": values("add"), "delete": list(given.get("remove", ()))}
    return {key: value for key, value in changes.items() if value}


def weighted(
    store: Store, namespace: str, backends: Iterable[Object], failing: Mapping[int, str]
) -> list[tuple[str, int]]:
    """Addresses and whole weights: each backend's weight is shared by its ready endpoints.

    A backend that does not exist answers 500, one without a ready endpoint 503, all of weight 0 together 500.
    """
    groups: list[tuple[list[str], int]] = []
    for backend in backends:
        weight = backend.get("weight", 1)
        if weight:
            service = _service(store, namespace, backend)
            found = [] if service is None else endpoints(store, service, backend["port"])
            groups.append((found or [failing[500 if service is None else 503]], weight))
    if not groups:
        return [(failing[500], 1)]
    common = math.lcm(*(len(addresses) for addresses, _ in groups))
    shares = [(addresses, weight * common // len(addresses)) for addresses, weight in groups]
    divisor = math.gcd(*(share for _, share in shares))
    return [(address, share // divisor) for addresses, share in shares for address in addresses]


def endpoints(store: Store, service: Object, port: int) -> list[str]:
    """`address:port` of a Service's ready endpoints, each once: a Deployment's Pods share a process."""
    metadata = service["metadata"]
    names = [one.get("name", "") for one in service["spec"]["ports"] if one["port"] == port]
    found: dict[str, None] = {}
    for piece in store.list("endpointslices.discovery.k8s.io", metadata["namespace"]):
        if piece["metadata"].get("labels", {}).get("kubernetes.io/service-name") != metadata["name"]:
            continue
        ports = [one["port"] for one in piece.get("ports", ()) if one.get("name", "") in names]
        for one in piece.get("endpoints", ()):
            if one["conditions"].get("ready"):
                found |= {f"{address}:{number}": None for address in one["addresses"] for number in ports}
    return list(found)


def _service(store: Store, namespace: str, backend: Object) -> Object | None:
    if backend.get("kind", "Service") != "Service" or backend.get("namespace", namespace) != namespace:
        return None
    service = store.get("services", namespace, backend["name"])
    ports = service["spec"].get("ports", ()) if service else ()
    return service if any(one["port"] == backend.get("port") for one in ports) else None
