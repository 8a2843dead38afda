"""Private service access: a network's peering with Google's own networks, kept and not routed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.google.hooks import Hook, Refusal, invalid, verb
from localcloud.google.store import Stored

if TYPE_CHECKING:
    from localcloud.google.calls import Call

#: What the peering is called in the network.
PEERING = "servicenetworking-googleapis-com"


class Connections(Hook):
    """One connection a network; it has no name of its own."""

    collection: ClassVar[str] = "servicenetworking/services.connections"

    @verb("create")
    def create(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """Peer a network."""
        network = str(call.body.get("network", ""))
        _check(call, network, call.body.get("reservedPeeringRanges") or [])
        parent = call.path.rsplit("/", 1)[0]
        body = {**call.body, "peering": PEERING, "service": parent}
        resource = Stored(call.key(_path(parent, network)), self.collection, body)
        if not call.context.store.add(resource):
            raise Refusal(409, f"The network {network} is connected already; change the connection.")
        store = call.context.store
        return call.context.operations.start(
            call,
            resource,
            lambda draft: None,
            seconds=self.seconds,
            on_failure=lambda: store.remove(resource.key),
        )

    @verb("list")
    def list_(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """The connection of the network asked about."""
        network = call.query.get("network", "")
        if not network:
            raise invalid("network is required.")
        found = call.sibling(_path(call.path.rsplit("/", 1)[0], network))
        return {"connections": [found.body]} if found else {}

    @verb("patch")
    def patch(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """Other ranges for the connection of the network that the body names."""
        network = str(call.body.get("network", ""))
        ranges = call.body.get("reservedPeeringRanges") or []
        _check(call, network, ranges)
        resource = _required(call, network)

        def work(draft: Stored) -> None:
            draft.body["reservedPeeringRanges"] = ranges

        return call.operation(resource, work, seconds=self.seconds)

    @verb("deleteConnection")
    def delete(self, call: Call, _: Stored | None) -> dict[str, Any]:
        """End the peering, unless an instance still has an address in it."""
        resource = _required(call, str(call.body.get("consumerNetwork", "")))
        return call.context.operations.start(
            call, resource, lambda draft: None, seconds=self.seconds, removes=True
        )


def _path(parent: str, network: str) -> str:
    return f"{parent}/connections/{network.rsplit('/', 1)[-1]}"


def _required(call: Call, network: str) -> Stored:
    parent = call.path.rsplit("/", 2)[0]
    found = call.sibling(_path(parent, network))
    if found is None:
        raise Refusal(404, f"The network {network} has no connection.")
    return found


def _check(call: Call, network: str, ranges: list[str]) -> None:
    above = f"projects/{call.context.project}/global"
    if call.sibling(f"{above}/networks/{network.rsplit('/', 1)[-1]}", "compute") is None:
        raise invalid(f"The network {network} was not found.")
    for name in ranges:
        found = call.sibling(f"{above}/addresses/{name}", "compute")
        if found is None or found.body.get("purpose") != "VPC_PEERING":
            raise invalid(f"The range {name} was not found, or is not for VPC_PEERING.")
