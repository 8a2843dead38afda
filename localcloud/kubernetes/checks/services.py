"""Services, Ingresses and NetworkPolicies."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from localcloud.kubernetes.checks import formats
from localcloud.kubernetes.checks.causes import (
    Cause,
    Object,
    broken,
    duplicate,
    forbidden,
    invalid,
    one_of,
    required,
    unsupported,
)
from localcloud.kubernetes.checks.containers import PROTOCOLS, check_port
from localcloud.kubernetes.checks.metadata import check_labels, check_selector

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
#: Ports that a Service takes of every node (the default of kube-apiserver's --service-node-port-range).
NODE_PORTS = range(30000, 32768)
_BAD_PATHS = ("//", "/./", "/../", "%2f", "%2F")


def check_service(obj: Object) -> Iterator[Cause]:
    """A Service's type, address and ports."""
    spec = obj["spec"]
    sort, ports, address = spec["type"], spec.get("ports") or (), spec.get("clusterIP", "")
    if not ports and address != "None" and sort != "ExternalName":
        yield required("spec.ports")
    if sort == "LoadBalancer" and address == "None":
        yield invalid("spec.clusterIPs[0]", address, "may not be set to 'None' for LoadBalancer services")
    if sort == "NodePort" and address == "None":
        yield invalid("spec.clusterIPs[0]", address, "may not be set to 'None' for NodePort services")
    if sort == "ExternalName":
        if address:
            yield forbidden("spec.clusterIPs", "may not be set when `type` is 'ExternalName'")
        if name := spec.get("externalName"):
            yield from broken("spec.externalName", name.removesuffix("."), formats.subdomain)
        else:
            yield invalid("spec.externalName", "", next(iter(formats.subdomain("")), ""))
    elif address not in ("", "None"):
        yield from broken("spec.clusterIPs[0]", address, formats.address)
    yield from one_of(spec, "type", "spec", _TYPES)
    yield from one_of(spec, "sessionAffinity", "spec", ("ClientIP", "None"))
    yield from check_labels(spec.get("selector") or {}, "spec.selector")
    yield from _ports(list(ports), sort)


def _ports(ports: list[Object], sort: str) -> Iterator[Cause]:
    names: set[str] = set()
    taken: set[tuple[str, int]] = set()
    for i, port in enumerate(ports):
        where, name = f"spec.ports[{i}]", port.get("name", "")
        if not name:
            if len(ports) > 1:
                yield required(f"{where}.name")
        else:
            wrong = list(broken(f"{where}.name", name, formats.label))
            yield from wrong
            if not wrong and name in names:
                yield duplicate(f"{where}.name", name)
            names.add(name)
        if not 1 <= port["port"] <= 65535:
            yield invalid(f"{where}.port", port["port"], formats.PORT_TEXT)
        yield from one_of(port, "protocol", where, PROTOCOLS)
        if "targetPort" in port:
            yield from check_port(port["targetPort"], f"{where}.targetPort")
        yield from _node_port(port, where, sort)
        key = (port.get("protocol", "TCP"), port["port"])
        if key in taken:
            yield duplicate(where, {"protocol": key[0], "port": key[1]})
        taken.add(key)


def _node_port(port: Object, where: str, sort: str) -> Iterator[Cause]:
    number, field = port.get("nodePort"), f"{where}.nodePort"
    if not number:
        return
    if sort in ("ClusterIP", "ExternalName"):
        yield forbidden(field, f"may not be used when `type` is '{sort}'")
    elif number not in NODE_PORTS:
        text = "provided port is not in the valid range. The range of valid ports is 30000-32767"
        yield invalid(field, number, text)


def check_ingress(obj: Object) -> Iterator[Cause]:
    """An Ingress's rules and backends."""
    spec = obj.get("spec") or {}
    rules, backend = spec.get("rules") or [], spec.get("defaultBackend")
    if not rules and backend is None:
        yield invalid("spec", rules, "either `defaultBackend` or `rules` must be specified")
    if backend is not None:
        yield from _backend(backend, "spec.defaultBackend")
    for i, rule in enumerate(rules):
        path = f"spec.rules[{i}]"
        if host := rule.get("host"):
            yield from broken(f"{path}.host", host.removeprefix("*."), formats.subdomain)
        if "http" in rule:
            paths = rule["http"].get("paths") or []
            if not paths:
                yield required(f"{path}.http.paths")
            for n, entry in enumerate(paths):
                yield from _path(entry, f"{path}.http.paths[{n}]")


def _path(entry: Object, where: str) -> Iterator[Cause]:
    sort, path = entry.get("pathType"), entry.get("path", "")
    if sort is None:
        yield required(f"{where}.pathType", "pathType must be specified")
    elif sort in ("Exact", "Prefix"):
        if not path.startswith("/"):
            yield invalid(f"{where}.path", path, "must be an absolute path")
        for sequence in _BAD_PATHS:
            if sequence in path:
                yield invalid(f"{where}.path", path, f"must not contain '{sequence}'")
    elif sort == "ImplementationSpecific":
        if path and not path.startswith("/"):
            yield invalid(f"{where}.path", path, "must be an absolute path")
    else:
        yield unsupported(f"{where}.pathType", sort, ("Exact", "ImplementationSpecific", "Prefix"))
    yield from _backend(entry["backend"], f"{where}.backend")


def _backend(backend: Object, path: str) -> Iterator[Cause]:
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        yield invalid(path, "", "cannot set both resource and service backends")
    elif service is not None:
        yield from broken(f"{path}.service.name", service["name"], formats.dns1035)
        port = service.get("port") or {}
        if port.get("name") and port.get("number"):
            yield invalid(path, "", "cannot set both port name & port number")
        elif port.get("name"):
            yield from broken(f"{path}.service.port.name", port["name"], formats.port_name)
        elif port.get("number"):
            yield from check_port(port["number"], f"{path}.service.port.number")
        else:
            yield required(path, "port name or number is required")
    elif resource is None:
        yield required(path, "resource or service backend is required")


def check_network_policy(obj: Object) -> Iterator[Cause]:
    """A NetworkPolicy's peers and ports."""
    spec = obj.get("spec") or {}
    yield from check_selector(spec.get("podSelector"), "spec.podSelector")
    for way, peers in (("ingress", "from"), ("egress", "to")):
        for i, rule in enumerate(spec.get(way) or ()):
            for n, port in enumerate(rule.get("ports") or ()):
                yield from _policy_port(port, f"spec.{way}[{i}].ports[{n}]")
            for n, peer in enumerate(rule.get(peers) or ()):
                yield from _peer(peer, f"spec.{way}[{i}].{peers}[{n}]")
    types = spec.get("policyTypes") or []
    if len(types) > 2:
        yield invalid("spec.policyTypes", types, "may not specify more than two policyTypes")
        return
    for i, sort in enumerate(types):
        if sort not in ("Ingress", "Egress"):
            yield unsupported(f"spec.policyTypes[{i}]", sort, ("Ingress", "Egress"))


def _policy_port(port: Object, where: str) -> Iterator[Cause]:
    yield from one_of(port, "protocol", where, ("TCP", "UDP", "SCTP"))
    number, last = port.get("port"), port.get("endPort")
    if number is not None:
        yield from check_port(number, f"{where}.port")
    if last is None:
        return
    if number is None:
        yield invalid(f"{where}.endPort", last, "may not be specified when `port` is not specified")
    elif isinstance(number, str):
        yield invalid(f"{where}.endPort", last, "may not be specified when `port` is non-numeric")
    else:
        if last < number:
            yield invalid(f"{where}.endPort", last, "must be greater than or equal to `port`")
        yield from check_port(last, f"{where}.endPort")


def _peer(peer: Object, where: str) -> Iterator[Cause]:
    given = [n for n in ("podSelector", "namespaceSelector", "ipBlock") if peer.get(n) is not None]
    for name in given:
        if name == "ipBlock":
            yield from _block(peer[name], f"{where}.ipBlock")
        else:
            yield from check_selector(peer[name], f"{where}.{name}")
    if not given:
        yield required(where, "must specify a peer")
    elif len(given) > 1 and "ipBlock" in given:
        yield forbidden(where, "may not specify both ipBlock and another peer")


def _block(block: Object, where: str) -> Iterator[Cause]:
    wrong = list(broken(f"{where}.cidr", block["cidr"], formats.network))
    yield from wrong
    for i, text in enumerate(block.get("except") or ()):
        field = f"{where}.except[{i}]"
        bad = list(broken(field, text, formats.network))
        yield from bad
        if wrong or bad:
            continue
        whole, part = (ipaddress.ip_network(t, strict=False) for t in (block["cidr"], text))
        inside = whole.version == part.version and part.network_address in whole
        if not inside or whole.prefixlen >= part.prefixlen:
            yield invalid(field, text, "must be a strict subset of `cidr`")
