"""Services: Endpoints and EndpointSlices of ready Pods, and a loopback address for load balancers."""

from __future__ import annotations

from collections.abc import Iterable

from localcloud.kubernetes.controllers.runtime import MANAGER, is_active, is_ready, owner_reference
from localcloud.kubernetes.storage import Change, Key, Object, copy
from localcloud.kubernetes.verbs import Verbs
from localcloud.ports import free_loopback


class Services:
    """The endpoints and load-balancer controllers."""

    def __init__(self, verbs: Verbs) -> None:
        self._verbs = verbs

    def keys(self, change: Change) -> Iterable[Key]:
        """Changed Services, and Services of the namespace of a Pod whose readiness or address changed."""
        if change.resource == "services":
            yield change.key
        elif change.resource == "pods" and (
            change.deleted or change.old is None or _seen(change.old) != _seen(change.new)
        ):
            yield from (
                (change.key[0], s["metadata"]["name"])
                for s in self._verbs.store.list("services", change.key[0])
            )

    def reconcile(self, key: Key) -> float | None:
        """Address and endpoints of one Service."""
        service = self._verbs.store.get("services", *key)
        if service is None:
            endpoints = self._verbs.store.get("endpoints", *key)
            if endpoints is not None:
                self._verbs.store.remove("endpoints", *key)
            return None
        if service["metadata"].get("deletionTimestamp"):
            return None
        self._load_balancer(service)
        selector = service["spec"].get("selector")
        if selector:
            pods = [
                p
                for p in self._verbs.store.list("pods", key[0])
                if is_active(p)
                and p["status"].get("podIP")
                and all((p["metadata"].get("labels") or {}).get(k) == v for k, v in selector.items())
            ]
            self._endpoints(service, pods)
            self._slice(service, pods)
        return None

    def _load_balancer(self, service: Object) -> None:
        """A load balancer's address is a loopback address of its own on which its port is free."""
        status = service.get("status", {})
        if service["spec"]["type"] != "LoadBalancer":
            if status.get("loadBalancer"):
                self._verbs.set_status("services", service, {"loadBalancer": {}})
        elif not status.get("loadBalancer", {}).get("ingress"):
            wanted = service["spec"].get("loadBalancerIP")
            address = wanted or free_loopback(service["spec"]["ports"][0]["port"])
            ingress = [{"ip": address, "ipMode": "VIP"}]
            self._verbs.set_status("services", service, status | {"loadBalancer": {"ingress": ingress}})

    def _put(self, resource: str, body: Object) -> None:
        live = self._verbs.store.get(resource, body["metadata"]["namespace"], body["metadata"]["name"])
        kind = self._verbs.kinds.by_resource(resource)
        assert kind is not None
        if live is None:
            self._verbs.create(kind, body["metadata"]["namespace"], body, MANAGER)
            return
        new = copy(live) | {k: v for k, v in body.items() if k != "metadata"}
        if new != live:
            self._verbs.store.put(resource, new)

    def _endpoints(self, service: Object, pods: list[Object]) -> None:
        metadata = service["metadata"]

        def addresses(ready: bool) -> list[Object]:
            return [
                {"ip": p["status"]["podIP"], "nodeName": p["spec"]["nodeName"], "targetRef": _target(p)}
                for p in pods
                if is_ready(p) == ready
            ]

        subset: Object = {"ports": _ports(service, pods)}
        for field, ready in (("addresses", True), ("notReadyAddresses", False)):
            if found := addresses(ready):
                subset[field] = found
        body = {"metadata": {"name": metadata["name"], "namespace": metadata["namespace"]}}
        self._put("endpoints", body | {"subsets": [subset] if len(subset) > 1 else []})

    def _slice(self, service: Object, pods: list[Object]) -> None:
        metadata = service["metadata"]
        endpoints = [
            {
                "addresses": [p["status"]["podIP"]],
                "conditions": {"ready": is_ready(p), "serving": is_ready(p), "terminating": False},
                "nodeName": p["spec"]["nodeName"],
                "targetRef": _target(p),
            }
            for p in pods
        ]
        labels = {
            "kubernetes.io/service-name": metadata["name"],
            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        }
        body = {
            "metadata": {
                "name": f"{metadata['name']}-{metadata['uid'][:5]}",
                "namespace": metadata["namespace"],
                "labels": labels,
                "ownerReferences": [owner_reference(service)],
            },
            "addressType": "IPv4",
            "endpoints": endpoints,
            "ports": _ports(service, pods),
        }
        self._put("endpointslices.discovery.k8s.io", body)


def _seen(pod: Object) -> tuple[object, ...]:
    return (
        is_ready(pod),
        is_active(pod),
        pod["status"].get("podIP"),
        pod["metadata"].get("labels"),
    )


def _target(pod: Object) -> Object:
    metadata = pod["metadata"]
    return {
        "kind": "Pod",
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "uid": metadata["uid"],
    }


def target_port(port: Object, pods: list[Object]) -> int:
    """A Service port's number in the Pods: given, or by the name of a container's port."""
    wanted = port["targetPort"]
    if isinstance(wanted, int):
        return wanted
    for pod in pods:
        for container in pod["spec"]["containers"]:
            for own in container.get("ports", ()):
                if own.get("name") == wanted:
                    return int(own["containerPort"])
    return int(port["port"])


def _ports(service: Object, pods: list[Object]) -> list[Object]:
    return [
        # kubectl reads the name of every port: of one without it, the controller writes an empty one.
        {"name": p.get("name", ""), "port": target_port(p, pods), "protocol": p["protocol"]}
        for p in service["spec"].get("ports", ())
    ]
