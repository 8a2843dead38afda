"""Gateway API: how a Service is reached through its Gateway, and what share of its requests another gets."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from dreamnet.errors import PrecheckFailed, ResourceError
from dreamnet.kubernetes.cluster import (
    CANARY_MANAGER,
    FIELD_MANAGER,
    MERGE_PATCH,
    Cluster,
    Conflict,
    NotFound,
    Object,
)

GROUP = "gateway.networking.k8s.io/v1"
#: Annotation of an HTTPRoute: its rules before requests were shared.
RULES = "dreamnet/rules-before-canary"
#: A live route's new rules, and the note of those before; None removes the note.
Change = Callable[[Object], tuple[list[Object], str | None]]
_REMEDY = "Apply a Gateway and an HTTPRoute (components/gateway of the manifests), or promote without canary."


@dataclass(frozen=True)
class Front:
    """Where a Service is reached through a Gateway.

    Attributes:
        url: scheme, address and port.
        host: the name that requests carry; empty where any will do.
    """

    url: str
    host: str


def find_route(cluster: Cluster, namespace: str, service: str) -> Object:
    """The HTTPRoute that leads to a Service.

    Raises:
        PrecheckFailed: there is none, or it shares the Service's requests with somebody else.
    """
    try:
        kind = cluster.kind(GROUP, "HTTPRoute")
    except NotFound:
        raise PrecheckFailed(f"{cluster} serves no HTTPRoute: no weights can be set.", _REMEDY) from None
    for route in cluster.items(kind.path(namespace)):
        if _shared_rules(route, service):
            return {"apiVersion": GROUP, "kind": "HTTPRoute", **route}
    raise PrecheckFailed(f"{cluster}: no HTTPRoute leads to Service {namespace}/{service}.", _REMEDY)


def front(cluster: Cluster, route: Object, timeout: float, poll: float = 0.2) -> Front:
    """Where a route's Gateway listens, once the Gateway is programmed and has taken the route.

    Args:
        timeout: seconds. Google takes several minutes for a new Gateway, AWS two to three.

    Raises:
        ResourceError: it is not in time; the message says what its conditions say.
    """
    namespace, name = route["metadata"]["namespace"], route["metadata"]["name"]
    path = cluster.path_of(route)
    deadline = time.monotonic() + timeout
    while True:
        live = cluster.get(path)
        parent = next((p for p in live.get("status", {}).get("parents", []) if _is(p, "Accepted")), None)
        reference = parent["parentRef"] if parent else live["spec"]["parentRefs"][0]
        where = reference.get("namespace", namespace), reference["name"]
        gateway = cluster.find(cluster.kind(GROUP, "Gateway").path(*where)) or {}
        status = gateway.get("status", {})
        if parent and _is(status, "Programmed") and status.get("addresses"):
            return _front(live, gateway, reference)
        if time.monotonic() > deadline:
            said = _said(status) or "it has no status: no controller has taken it"
            raise ResourceError(
                f"{cluster}: Gateway {'/'.join(where)} does not serve HTTPRoute {namespace}/{name}: {said}.",
                "Look at both with kubectl describe: the class's controller, the certificate, a quota.",
            )
        time.sleep(poll)


def share(cluster: Cluster, route: Object, service: str, other: str, percent: int) -> None:
    """Give another Service of the same ports this share of a Service's requests; the rules before are noted.

    The change is made under a manager of its own: server-side apply of the manifests leaves the rules alone
    until `unshare`.
    """

    def change(live: Object) -> tuple[list[Object], str | None]:
        before = live["metadata"].get("annotations", {}).get(RULES) or json.dumps(live["spec"]["rules"])
        rules = json.loads(before)
        for rule in _shared_rules({"spec": {"rules": rules}}, service):
            own = next(ref for ref in rule["backendRefs"] if ref["name"] == service)
            rule["backendRefs"] = [
                {**own, "weight": 100 - percent},
                {**own, "name": other, "weight": percent},
            ]
        return rules, before

    _write(cluster, route, change, CANARY_MANAGER)


def unshare(cluster: Cluster, route: Object) -> bool:
    """Put a route's rules back as they were before `share`; whether they were shared."""
    if RULES not in cluster.get(cluster.path_of(route))["metadata"].get("annotations", {}):
        return False

    def change(live: Object) -> tuple[list[Object], str | None]:
        before = live["metadata"].get("annotations", {}).get(RULES)
        return json.loads(before) if before else live["spec"]["rules"], None

    # As the gameplan again, so that the manifests' next apply may change them.
    _write(cluster, route, change, FIELD_MANAGER)
    return True


def _write(cluster: Cluster, route: Object, change: Change, manager: str) -> None:
    """Read, change, write: again where a controller wrote its status meanwhile."""
    path = cluster.path_of(route)
    for left in (4, 3, 2, 1, 0):
        live = cluster.get(path)
        rules, note = change(live)
        metadata = {"resourceVersion": live["metadata"]["resourceVersion"], "annotations": {RULES: note}}
        body = {"metadata": metadata, "spec": {"rules": rules}}
        try:
            cluster.call("PATCH", path, query={"fieldManager": manager}, body=body, content_type=MERGE_PATCH)
        except Conflict:
            if not left:
                raise
        else:
            return


def _shared_rules(route: Object, service: str) -> list[Object]:
    """The rules that lead to a Service."""
    return [
        rule
        for rule in route["spec"].get("rules", [])
        if any(
            ref["name"] == service and ref.get("kind", "Service") == "Service"
            for ref in rule.get("backendRefs", [])
        )
    ]


def refuse_others(cluster: Cluster, route: Object, service: str) -> None:
    """Refuse a route that shares a Service's requests with another one already.

    Raises:
        PrecheckFailed: it does.
    """
    for rule in _shared_rules(route, service):
        others = [
            ref["name"] for ref in rule["backendRefs"] if ref["name"] != service and ref.get("weight", 1)
        ]
        if others and RULES not in route["metadata"].get("annotations", {}):
            raise PrecheckFailed(
                f"{cluster}: HTTPRoute {route['metadata']['name']} shares the requests of {service} with"
                f" {', '.join(others)} already.",
                "Set their weights to 0 first, or promote without canary.",
            )


def _front(route: Object, gateway: Object, reference: Object) -> Front:
    listeners = [
        one
        for one in gateway["spec"]["listeners"]
        if reference.get("sectionName", one["name"]) == one["name"]
        and reference.get("port", one["port"]) == one["port"]
    ]
    listener = next((one for one in listeners if one["protocol"] == "HTTPS"), listeners[0])
    scheme = "https" if listener["protocol"] == "HTTPS" else "http"
    names = [*route["spec"].get("hostnames", []), listener.get("hostname", "")]
    address = gateway["status"]["addresses"][0]["value"]
    # A wildcard stands for any name.
    return Front(f"{scheme}://{address}:{listener['port']}", names[0].replace("*", "canary"))


def _is(status: Object, kind: str) -> bool:
    return any(c["type"] == kind and c["status"] == "True" for c in status.get("conditions", []))


def _said(status: Object) -> str:
    wrong = [c for c in status.get("conditions", []) if c["status"] != "True"]
    return "; ".join(f"{c['type']} is {c['status']} ({c['reason']}: {c.get('message', '')})" for c in wrong)
