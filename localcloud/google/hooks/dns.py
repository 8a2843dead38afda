"""Cloud DNS: zones with the records that every zone has, record sets under the zone's name. Nothing
resolves them."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.google.hooks import Hook, Refusal, invalid
from localcloud.google.store import Stored
from localcloud.google.times import now

if TYPE_CHECKING:
    from localcloud.google.calls import Call

RECORDS = "dns/resourceRecordSets"

#: The record types that Cloud DNS takes (cloud.google.com/dns/docs/records-overview, November 2026).
TYPES = frozenset(
    [
        "A",
        "AAAA",
        "ALIAS",
        "CAA",
        "CNAME",
        "DNSKEY",
        "DS",
        "HTTPS",
        "IPSECKEY",
        "MX",
        "NAPTR",
        "NS",
        "PTR",
        "SOA",
        "SPF",
        "SRV",
        "SSHFP",
        "SVCB",
        "TLSA",
        "TXT",
    ]
)

_SERVERS = tuple(f"ns-cloud-a{number}.googledomains.com." for number in range(1, 5))


class Zones(Hook):
    """Managed zones."""

    collection: ClassVar[str] = "dns/managedZones"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Complete, or refuse."""
        name = str(body.get("dnsName", ""))
        if not name.endswith(".") or name == ".":
            raise invalid(f"Invalid value for 'entity.managedZone.dnsName': '{name}'")
        if not body.get("description"):
            raise invalid("The 'entity.managedZone.description' parameter is required but was missing.")
        body.setdefault("visibility", "public")
        if body["visibility"] == "private":
            networks = (body.get("privateVisibilityConfig") or {}).get("networks", [])
            for network in networks:
                _require_network(call, network.get("networkUrl", ""))

    def created(self, call: Call, resource: Stored) -> None:
        """Its name servers, and the records that say so."""
        resource.body["nameServers"] = list(_SERVERS)
        resource.body["creationTime"] = now()
        apex = resource.body["dnsName"]
        soa = f"{_SERVERS[0]} cloud-dns-hostmaster.google.com. 1 21600 3600 259200 300"
        for kind, ttl, data in (("NS", 21600, list(_SERVERS)), ("SOA", 21600, [soa])):
            body = {
                "kind": "dns#resourceRecordSet",
                "name": apex,
                "type": kind,
                "ttl": ttl,
                "rrdatas": data,
                "signatureRrdatas": [],
            }
            call.context.store.put(Stored(f"{resource.key}/rrsets/{apex}/{kind}", RECORDS, body))

    def updating(self, call: Call, resource: Stored, body: dict[str, Any]) -> None:
        """A zone's name stays."""
        if body.get("dnsName") != resource.body["dnsName"]:
            raise invalid("Invalid value for 'entity.managedZone.dnsName': it can't be changed.")

    def deleting(self, call: Call, resource: Stored) -> None:
        """Only an empty zone goes."""
        own = [
            one for one in call.context.store.children(resource.key) if one.body["type"] not in ("NS", "SOA")
        ]
        if own:
            message = (
                f"The resource named '{resource.name}' cannot be deleted because it contains record sets"
            )
            raise Refusal(400, message, "FAILED_PRECONDITION")


class Records(Hook):
    """Record sets."""

    collection: ClassVar[str] = RECORDS

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Complete, or refuse: the name in the zone, a type that there is, values that the type has."""
        zone = call.required(call.path.rsplit("/", 1)[0])
        name, kind = str(body.get("name", "")), body.get("type")
        apex = zone.body["dnsName"]
        if name != apex and not name.endswith(f".{apex}"):
            raise invalid(f"Invalid value for 'entity.rrset.name': '{name}' is not in the zone {apex}")
        if kind not in TYPES:
            raise invalid(f"Invalid value for 'entity.rrset.type': '{kind}'")
        others = {
            one.body["type"]
            for one in call.context.store.children(zone.key)
            if one.body.get("name") == name and one.body["type"] != kind
        }
        if others and (kind == "CNAME" or "CNAME" in others):
            raise Refusal(409, f"The record set '{name}' conflicts with another: a CNAME stands alone.")
        _check_values(kind, body.get("rrdatas") or [], body)
        body.setdefault("ttl", 300)
        body["signatureRrdatas"] = []

    def updating(self, call: Call, resource: Stored, body: dict[str, Any]) -> None:
        """Values that the type has."""
        _check_values(str(resource.body["type"]), body.get("rrdatas") or [], body)


def _check_values(kind: str, values: list[str], body: dict[str, Any]) -> None:
    if not values and not body.get("routingPolicy"):
        raise invalid("The 'entity.rrset.rrdata' parameter is required but was missing.")
    if kind == "CNAME" and len(values) > 1:
        raise invalid("Invalid value for 'entity.rrset.rrdata': a CNAME has one value")
    for value in values if kind in ("A", "AAAA", "CNAME", "NS") else []:
        if not _fits(kind, value):
            raise invalid(f"Invalid value for 'entity.rrset.rrdata[0]': '{value}'")


def _fits(kind: str, value: str) -> bool:
    if kind in ("CNAME", "NS"):
        return value.endswith(".")
    try:
        return ipaddress.ip_address(value).version == (4 if kind == "A" else 6)
    except ValueError:
        return False


class Policies(Hook):
    """Server policies of networks."""

    collection: ClassVar[str] = "dns/policies"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """The networks must be there."""
        for network in body.get("networks", []):
            _require_network(call, network.get("networkUrl", ""))


def _require_network(call: Call, link: str) -> None:
    name = link.rsplit("/", 1)[-1]
    if call.sibling(f"projects/{call.context.project}/global/networks/{name}", "compute") is None:
        raise invalid(f"Invalid value for 'networkUrl': there is no network '{link}'")
