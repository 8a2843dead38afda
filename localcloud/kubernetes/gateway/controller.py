"""The Gateways' controller: an address and a Caddy for each, and what the objects' status says of it."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Iterable

from localcloud.kubernetes.certificates import self_signed
from localcloud.kubernetes.config import ClusterOptions
from localcloud.kubernetes.controllers.runtime import Runtime, set_condition
from localcloud.kubernetes.gateway import definitions, routes
from localcloud.kubernetes.gateway.proxy import Proxy
from localcloud.kubernetes.storage import Change, Key, Object
from localcloud.kubernetes.verbs import Verbs
from localcloud.ports import can_bind, free_loopback

GATEWAYS, ROUTES, CLASSES = (
    f"{plural}.gateway.networking.k8s.io" for plural in ("gateways", "httproutes", "gatewayclasses")
)
#: What changes where requests go.
WATCHED = (GATEWAYS, ROUTES, "services", "endpointslices.discovery.k8s.io", "secrets")
STAND_IN = "The certificate is a local stand-in, signed by itself: the vendor's own is not reachable here."
Attached = list[tuple[Object, Object]]


class Gateways:
    """Accepts classes of the controllers played here, and serves their Gateways."""

    def __init__(self, verbs: Verbs, options: ClusterOptions, runtime: Runtime) -> None:
        self._verbs, self._options, self._runtime = verbs, options, runtime
        self._store = verbs.store
        self._proxies: dict[Key, Proxy] = {}
        self._certificates: dict[tuple[str, ...], tuple[str, str]] = {}

    async def stop(self) -> None:
        """Stop every Caddy."""
        await asyncio.gather(*(proxy.close() for proxy in self._proxies.values()))

    def keys(self, change: Change) -> Iterable[Key]:
        """Changed classes, and every Gateway when something changed that it may route to."""
        if change.resource == CLASSES and not change.deleted:
            yield change.key
        if change.resource == "customresourcedefinitions.apiextensions.k8s.io":
            if change.key[1] == CLASSES and not change.deleted:
                yield "", ""
        elif change.resource in (*WATCHED, CLASSES):
            if change.resource == GATEWAYS and change.deleted:
                yield change.key
            for gateway in self._store.list(GATEWAYS):
                yield gateway["metadata"]["namespace"], gateway["metadata"]["name"]

    def reconcile(self, key: Key) -> float | None:
        """One Gateway; or a class (no namespace); or the first classes, once their kind is served."""
        if key == ("", ""):
            if self._verbs.kinds.by_resource(CLASSES) is None:
                return 0.1
            definitions.install_classes(self._verbs, self._options.cloud)
        elif not key[0]:
            self._accept_class(key)
        else:
            self._gateway(key)
        return None

    def _accept_class(self, key: Key) -> None:
        found = self._store.get(CLASSES, *key)
        if found is not None and found["spec"]["controllerName"] in definitions.CONTROLLERS:
            accepted = [("Accepted", True, "Accepted", "")]
            status = {"conditions": _conditions(found, found.get("status", {}), accepted)}
            self._verbs.set_status(CLASSES, found, status)

    def _gateway(self, key: Key) -> None:
        gateway = self._store.get(GATEWAYS, *key)
        if gateway is None:
            proxy = self._proxies.pop(key, None)
            if proxy is not None:
                self._runtime.spawn(proxy.close())
            return
        kind = self._store.get(CLASSES, "", gateway["spec"]["gatewayClassName"])
        controller = kind["spec"]["controllerName"] if kind else ""
        if controller not in definitions.CONTROLLERS:
            return
        attached = self._attach(gateway, controller)
        host = self._host(gateway)
        proxy = self._proxies.get(key)
        if proxy is None:
            engine = re.sub(r"[^A-Za-z0-9._-]", "-", f"{self._options.name}.gateway.{'.'.join(key)}")[:63]
            proxy = Proxy(
                self._options.state, engine, self._options.region, lambda: self._runtime.enqueue(self, key)
            )
            self._proxies[key] = proxy
        wanted = self._applications(gateway, host, attached, proxy)
        proxy.want(host, gateway["spec"]["listeners"][0]["port"], wanted)
        self._show(gateway, host, attached, proxy, proxy.serving == wanted)

    def _host(self, gateway: Object) -> str:
        """The address that it has, or a loopback one on which all its ports are free."""
        for one in gateway.get("status", {}).get("addresses", ()):
            return str(one["value"])
        ports = {listener["port"] for listener in gateway["spec"]["listeners"]}
        while True:
            host = free_loopback(min(ports))
            if all(can_bind(host, port) for port in ports) or host == "127.0.0.1":
                return host

    # Routes

    def _attach(self, gateway: Object, controller: str) -> Attached:
        """Routes with the listener that each is attached to; every route's status is written."""
        attached: Attached = []
        for route in self._store.list(ROUTES):
            parents = []
            for parent in route["spec"].get("parentRefs", ()):
                if not _is_parent(parent, route, gateway):
                    continue
                listeners = [
                    one for one in gateway["spec"]["listeners"] if _meets(parent, route, one, gateway)
                ]
                problem = routes.unsupported(route)
                if not problem:
                    attached += [(route, one) for one in listeners]
                parents.append(self._parent_status(route, parent, controller, bool(listeners), problem))
            if parents:
                refs = [one["parentRef"] for one in parents]
                kept = [p for p in route.get("status", {}).get("parents", ()) if p["parentRef"] not in refs]
                given = route["spec"]["parentRefs"]
                kept = [p for p in kept if p["parentRef"] in given]
                self._verbs.set_status(ROUTES, route, {"parents": [*kept, *parents]})
        return attached

    def _parent_status(
        self, route: Object, parent: Object, controller: str, met: bool, problem: str
    ) -> Object:
        known = route.get("status", {}).get("parents", ())
        old = next((p for p in known if p["parentRef"] == parent), {})
        missing = routes.unresolved(self._store, route)
        accepted = ("Accepted", True, "Accepted", "")
        if problem:
            accepted = ("Accepted", False, "UnsupportedValue", problem)
        elif not met:
            accepted = ("Accepted", False, "NoMatchingParent", "no listener of the Gateway takes this route")
        resolved = ("ResolvedRefs", not missing, "BackendNotFound" if missing else "ResolvedRefs", missing)
        conditions = _conditions(route, old, [accepted, resolved])
        return {"parentRef": parent, "controllerName": controller, "conditions": conditions}

    # Caddy

    def _applications(self, gateway: Object, host: str, attached: Attached, proxy: Proxy) -> Object:
        servers: Object = {
            f"answers-{code}": {
                "listen": [address],
                "automatic_https": {"disable": True},
                "routes": [{"handle": [{"handler": "static_response", "status_code": code}]}],
            }
            for code, address in proxy.failing.items()
        }
        certificates: list[Object] = []
        listeners = gateway["spec"]["listeners"]
        for port in sorted({one["port"] for one in listeners}):
            here = [one for one in listeners if one["port"] == port]
            secured = any(one["protocol"] == "HTTPS" for one in here)
            server: Object = {
                "listen": [f"{host}:{port}"],
                "automatic_https": {"disable": True},
                "protocols": ["h1", "h2"] if secured else ["h1"],
                "routes": [
                    *routes.caddy_routes(
                        self._store, [pair for pair in attached if pair[1]["port"] == port], proxy.failing
                    ),
                    {"handle": [{"handler": "static_response", "status_code": 404}]},
                ],
            }
            if secured:
                server["tls_connection_policies"] = [{}]
                for one in here:
                    certificate, key = self._certificate(gateway, one)
                    certificates.append({"certificate": certificate, "key": key})
            servers[f"port-{port}"] = server
        made: Object = {"http": {"servers": servers, "grace_period": "10s"}}
        if certificates:
            made["tls"] = {"certificates": {"load_pem": certificates}}
        return made

    def _certificate(self, gateway: Object, listener: Object) -> tuple[str, str]:
        """That of the Secret which the listener names, or a stand-in."""
        found = self._secret(gateway, listener)
        if found is not None:
            data = found["data"]
            return base64.b64decode(data["tls.crt"]).decode(), base64.b64decode(data["tls.key"]).decode()
        names = (listener.get("hostname", "localhost"),)
        if names not in self._certificates:
            self._certificates[names] = self_signed(names)
        return self._certificates[names]

    def _secret(self, gateway: Object, listener: Object) -> Object | None:
        for reference in listener.get("tls", {}).get("certificateRefs", ()):
            found = self._store.get("secrets", gateway["metadata"]["namespace"], reference["name"])
            if found is not None and {"tls.crt", "tls.key"} <= set(found.get("data", {})):
                return found
        return None

    # Status

    def _show(self, gateway: Object, host: str, attached: Attached, proxy: Proxy, serving: bool) -> None:
        status = gateway.get("status", {})
        if proxy.problem:
            programmed = ("Programmed", False, "Invalid", proxy.problem)
        elif serving or _is_true(status, "Programmed"):
            # New routes are on their way while the old ones serve.
            programmed = ("Programmed", True, "Programmed", "")
        else:
            programmed = ("Programmed", False, "Pending", "the proxy starts")
        shown = [self._listener(gateway, one, attached, programmed) for one in gateway["spec"]["listeners"]]
        self._verbs.set_status(
            GATEWAYS,
            gateway,
            {
                "addresses": [{"type": "IPAddress", "value": host}],
                "conditions": _conditions(gateway, status, [("Accepted", True, "Accepted", ""), programmed]),
                "listeners": shown,
            },
        )

    def _listener(
        self, gateway: Object, listener: Object, attached: Attached, programmed: tuple[str, bool, str, str]
    ) -> Object:
        known = gateway.get("status", {}).get("listeners", ())
        old = next((one for one in known if one["name"] == listener["name"]), {})
        wanted = listener.get("tls", {}).get("certificateRefs")
        resolved = ("ResolvedRefs", True, "ResolvedRefs", "")
        if listener["protocol"] == "HTTPS" and self._secret(gateway, listener) is None:
            if wanted:
                said = f"Secret {wanted[0]['name']} with tls.crt and tls.key not found"
                resolved = ("ResolvedRefs", False, "InvalidCertificateRef", said)
            else:
                resolved = ("ResolvedRefs", True, "ResolvedRefs", STAND_IN)
        routed = {
            (route["metadata"]["namespace"], route["metadata"]["name"])
            for route, one in attached
            if one["name"] == listener["name"]
        }
        return {
            "name": listener["name"],
            "supportedKinds": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute"}],
            "attachedRoutes": len(routed),
            "conditions": _conditions(
                gateway, old, [("Accepted", True, "Accepted", ""), programmed, resolved]
            ),
        }


def _conditions(obj: Object, old: Object, wanted: list[tuple[str, bool, str, str]]) -> list[Object]:
    conditions: list[Object] = old.get("conditions", [])
    for kind, true, reason, message in wanted:
        conditions = set_condition(conditions, kind, str(true), reason, message)
        conditions[-1]["observedGeneration"] = obj["metadata"].get("generation", 1)
    return sorted(conditions, key=lambda condition: str(condition["type"]))


def _is_true(status: Object, kind: str) -> bool:
    return any(c["type"] == kind and c["status"] == "True" for c in status.get("conditions", ()))


def _is_parent(parent: Object, route: Object, gateway: Object) -> bool:
    metadata = gateway["metadata"]
    namespace = parent.get("namespace", route["metadata"]["namespace"])
    return (parent.get("kind", "Gateway"), namespace, parent["name"]) == (
        "Gateway",
        metadata["namespace"],
        metadata["name"],
    )


def _meets(parent: Object, route: Object, listener: Object, gateway: Object) -> bool:
    """Whether a listener is the one meant, shares a name with the route and lets its namespace in."""
    allowed = listener.get("allowedRoutes", {}).get("namespaces", {}).get("from", "Same")
    same = route["metadata"]["namespace"] == gateway["metadata"]["namespace"]
    return (
        parent.get("sectionName", listener["name"]) == listener["name"]
        and parent.get("port", listener["port"]) == listener["port"]
        and routes.hostnames(route, listener) is not None
        and (allowed == "All" or (allowed == "Same" and same))
    )
