"""LimitRanges: defaults of containers, and bounds of containers, Pods and claims, at admission.

Rules and wording as Kubernetes' LimitRanger plugin has them (plugin/pkg/admission/limitranger and
kubernetes.io/docs/concepts/policy/limit-range, read November 2026).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from localcloud.kubernetes import errors
from localcloud.kubernetes.quantities import Quantity
from localcloud.kubernetes.storage import Object, Store

RESOURCE, CLAIMS = "limitranges", "persistentvolumeclaims"
ANNOTATION = "kubernetes.io/limit-ranger"
#: Written quantities by resource name, such as ``{"cpu": "100m"}``.
Amounts = dict[str, str]


class LimitRanges:
    """What a namespace's LimitRanges make of a new object."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def admit(self, resource: str, obj: Object) -> None:
        """Give a new Pod's containers their defaults, then check the bounds of a Pod or a claim.

        Raises:
            ApiError: 403, with every bound that is broken.
        """
        if resource not in ("pods", CLAIMS):
            return
        items = [
            item
            for found in self._store.list(RESOURCE, obj["metadata"]["namespace"])
            for item in found["spec"]["limits"]
        ]
        if resource == "pods":
            _set_defaults(obj, [i for i in items if i["type"] == "Container"])
        broken = [text for item in items for text in _broken(resource, obj, item)]
        if broken:
            raise errors.forbidden(
                resource, obj["metadata"]["name"], broken[0] if len(broken) == 1 else f"[{', '.join(broken)}]"
            )


def set_item_defaults(item: Object) -> None:
    """A container's default limit is its maximum, its default request that limit, or the minimum."""
    if item["type"] != "Container":
        return
    limits = item.get("max", {}) | item.get("default", {})
    requests = item.get("min", {}) | limits | item.get("defaultRequest", {})
    for name, amounts in (("default", limits), ("defaultRequest", requests)):
        if amounts:
            item[name] = amounts


def _set_defaults(pod: Object, items: list[Object]) -> None:
    limits: Amounts = {}
    requests: Amounts = {}
    for item in items:
        limits |= item.get("default", {})
        requests |= item.get("defaultRequest", {})
    said = []
    for sort in ("containers", "initContainers"):
        called = "container" if sort == "containers" else "init container"
        for container in pod["spec"].get(sort, ()):
            resources = container.setdefault("resources", {})
            for part, defaults, one in (("requests", requests, "request"), ("limits", limits, "limit")):
                lacking = {k: v for k, v in defaults.items() if k not in resources.get(part, {})}
                if lacking:
                    resources[part] = resources.get(part, {}) | lacking
                    said.append(f"{', '.join(sorted(lacking))} {one} for {called} {container['name']}")
    if said:
        annotations = pod["metadata"].setdefault("annotations", {})
        annotations[ANNOTATION] = "LimitRanger plugin set: " + "; ".join(said)


def _broken(resource: str, obj: Object, item: Object) -> Iterator[str]:
    """The bounds of one item that an object breaks."""
    spec = obj["spec"]
    if resource == CLAIMS and item["type"] == "PersistentVolumeClaim":
        resources = spec.get("resources", {})
        yield from _bounds(item, resources.get("requests", {}), resources.get("limits", {}))
    elif resource == "pods" and item["type"] == "Container":
        for container in (*spec["containers"], *spec.get("initContainers", ())):
            resources = container.get("resources", {})
            yield from _bounds(item, resources.get("requests", {}), resources.get("limits", {}))
    elif resource == "pods" and item["type"] == "Pod":
        parts = [c.get("resources", {}) for c in spec["containers"]]
        yield from _bounds(item, _sum(parts, "requests"), _sum(parts, "limits"))


def _sum(parts: Sequence[Object], name: str) -> Amounts:
    """Totals of what every container names."""
    amounts: list[Amounts] = [part.get(name, {}) for part in parts]
    shared = set.intersection(*(set(a) for a in amounts)) if amounts else set()
    return {k: str(sum((Quantity.of(a[k]) for a in amounts), Quantity())) for k in shared}


def _bounds(item: Object, requests: Amounts, limits: Amounts) -> Iterator[str]:
    sort = item["type"]
    for name, least in sorted(item.get("min", {}).items()):
        yield from _below(
            f"minimum {name} usage per {sort} is {Quantity.of(least)}", name, least, requests, limits
        )
    for name, most in sorted(item.get("max", {}).items()):
        # Claims have no limits of storage: their requests are bounded.
        wanted = requests if sort == "PersistentVolumeClaim" else limits
        yield from _above(
            f"maximum {name} usage per {sort} is {Quantity.of(most)}", name, most, requests, wanted
        )
    for name, most in sorted(item.get("maxLimitRequestRatio", {}).items()):
        yield from _ratio(
            f"{name} max limit to request ratio per {sort} is {Quantity.of(most)}",
            name,
            most,
            requests,
            limits,
        )


def _below(text: str, name: str, bound: str, requests: Amounts, limits: Amounts) -> Iterator[str]:
    least = Quantity.of(bound).thousandths
    if name not in requests:
        yield f"{text}.  No request is specified"
    elif (request := Quantity.of(requests[name])).thousandths < least:
        yield f"{text}, but request is {request}"
    elif name in limits and (limit := Quantity.of(limits[name])).thousandths < least:
        yield f"{text}, but limit is {limit}"


def _above(text: str, name: str, bound: str, requests: Amounts, limits: Amounts) -> Iterator[str]:
    most = Quantity.of(bound).thousandths
    if name not in limits:
        yield f"{text}.  No limit is specified"
    elif (limit := Quantity.of(limits[name])).thousandths > most:
        yield f"{text}, but {'request' if limits is requests else 'limit'} is {limit}"
    elif name in requests and (request := Quantity.of(requests[name])).thousandths > most:
        yield f"{text}, but request is {request}"


def _ratio(text: str, name: str, bound: str, requests: Amounts, limits: Amounts) -> Iterator[str]:
    request, limit = (Quantity.of(amounts.get(name, 0)).thousandths for amounts in (requests, limits))
    if not request:
        yield f"{text}, but no request is specified or request is 0"
    elif not limit:
        yield f"{text}, but no limit is specified or limit is 0"
    elif limit * 1000 > Quantity.of(bound).thousandths * request:
        yield f"{text}, but provided ratio is {limit / request:f}"
