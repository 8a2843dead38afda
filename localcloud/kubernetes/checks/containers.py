"""Containers: names, images, ports, environment, mounts, probes and amounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.kubernetes.checks import formats
from localcloud.kubernetes.checks.causes import (
    Cause,
    Object,
    broken,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_negative,
    one_of,
    required,
)
from localcloud.kubernetes.checks.resources import check_resources

PROTOCOLS = ("SCTP", "TCP", "UDP")
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def check_container(
    container: Object, path: str, volumes: Mapping[str, Object], init: bool = False
) -> Iterator[Cause]:
    """What is wrong with one container.

    Args:
        volumes: the Pod's volumes by name.
        init: an init container has probes only where it runs on beside the others.
    """
    yield from broken(f"{path}.name", container["name"], formats.label)
    image = container.get("image", "")
    if not image:
        yield required(f"{path}.image")
    elif image != image.strip():
        yield invalid(f"{path}.image", image, "must not have leading or trailing whitespace")
    yield from one_of(container, "imagePullPolicy", path, ("Always", "IfNotPresent", "Never"))
    yield from _ports(container.get("ports") or (), f"{path}.ports")
    yield from _environment(container.get("env") or (), f"{path}.env")
    yield from _mounts(container.get("volumeMounts") or (), f"{path}.volumeMounts", volumes)
    for name in _PROBES:
        if name in container:
            if init and container.get("restartPolicy") != "Always":
                yield forbidden(
                    f"{path}.{name}", "may not be set for init containers without restartPolicy=Always"
                )
            else:
                yield from _probe(container[name], f"{path}.{name}")
    if container.get("resources"):
        yield from check_resources(container["resources"], f"{path}.resources")


def check_port(port: Any, field: str) -> Iterator[Cause]:
    """A port's number, or the name of a container's port."""
    if isinstance(port, str):
        yield from broken(field, port, formats.port_name)
    elif not 1 <= port <= 65535:
        yield invalid(field, port, formats.PORT_TEXT)


def _ports(ports: Any, path: str) -> Iterator[Cause]:
    names = set()
    for i, port in enumerate(ports):
        where = f"{path}[{i}]"
        if name := port.get("name"):
            wrong = list(broken(f"{where}.name", name, formats.port_name))
            yield from wrong
            if not wrong and name in names:
                yield duplicate(f"{where}.name", name)
            names.add(name)
        if port.get("containerPort") == 0:
            yield required(f"{where}.containerPort")
        else:
            yield from check_port(port["containerPort"], f"{where}.containerPort")
        if port.get("hostPort"):
            yield from check_port(port["hostPort"], f"{where}.hostPort")
        yield from one_of(port, "protocol", where, PROTOCOLS)


def _environment(variables: Any, path: str) -> Iterator[Cause]:
    for i, variable in enumerate(variables):
        where = f"{path}[{i}]"
        yield from broken(f"{where}.name", variable["name"], formats.environment_name)
        source = variable.get("valueFrom")
        if source is None:
            continue
        given = [name for name in _SOURCES if source.get(name) is not None]
        if not given:
            text = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
            yield invalid(f"{where}.valueFrom", "", text)
        elif variable.get("value"):
            yield invalid(f"{where}.valueFrom", "", "may not be specified when `value` is not empty")
        elif len(given) > 1:
            yield invalid(f"{where}.valueFrom", "", "may not have more than one field specified at a time")


def _mounts(mounts: Any, path: str, volumes: Mapping[str, Object]) -> Iterator[Cause]:
    places = set()
    for i, mount in enumerate(mounts):
        where = f"{path}[{i}]"
        if mount["name"] not in volumes:
            yield not_found(f"{where}.name", mount["name"])
        place = mount.get("mountPath", "")
        if not place:
            yield required(f"{where}.mountPath")
        elif place in places:
            yield invalid(f"{where}.mountPath", place, "must be unique")
        places.add(place)
        for name in ("subPath", "subPathExpr"):
            if mount.get(name, "").startswith("/"):
                yield invalid(f"{where}.{name}", mount[name], "must be a relative path")
            elif ".." in mount.get(name, "").split("/"):
                yield invalid(f"{where}.{name}", mount[name], "must not contain '..'")
        if mount.get("subPath") and mount.get("subPathExpr"):
            yield invalid(
                f"{where}.subPathExpr", mount["subPathExpr"], "subPathExpr and subPath are mutually exclusive"
            )


def _probe(probe: Object, path: str) -> Iterator[Cause]:
    given = [name for name in _HANDLERS if probe.get(name) is not None]
    if not given:
        yield required(path, "must specify a handler type")
    for name in given[1:]:
        yield forbidden(f"{path}.{name}", "may not specify more than 1 handler type")
    for name in given[:1]:
        handler, where = probe[name], f"{path}.{name}"
        if name == "exec" and not handler.get("command"):
            yield required(f"{where}.command")
        elif name != "exec":
            yield from check_port(handler["port"], f"{where}.port")
        if name == "httpGet":
            yield from one_of(handler, "scheme", where, ("HTTP", "HTTPS"))
    numbers = (
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    )
    yield from not_negative(probe, path, *numbers)
    if not path.endswith("readinessProbe") and probe.get("successThreshold", 1) not in (0, 1):
        yield invalid(f"{path}.successThreshold", probe["successThreshold"], "must be 1")
