"""Compute's other parts: addresses, routers with their NATs, and what HTTPS needs. All are kept; the
rehearsal's front door speaks HTTP and follows `compute.py`'s chain alone, so that nothing here filters,
caches or translates."""

from __future__ import annotations

import copy
import ipaddress
import zlib
from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.google.hooks import Refusal, invalid, verb
from localcloud.google.hooks.compute import Compute
from localcloud.google.store import Stored

if TYPE_CHECKING:
    from localcloud.google.calls import Call

#: The rule that every security policy has (cloud.google.com/armor/docs/security-policy-overview).
LAST_RULE = 2147483647

#: Where invented public addresses come from: a range for documentation (RFC 5737), which leads nowhere.
_PUBLIC = ipaddress.ip_network("203.0.113.0/24")


class _Addresses(Compute):
    """Reserved addresses."""

    ready: ClassVar[dict[str, Any]] = {"status": "RESERVED"}

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Complete, or refuse."""
        super().default(call, body)
        body.setdefault("addressType", "EXTERNAL")
        if body["addressType"] == "EXTERNAL":
            body.setdefault("networkTier", "PREMIUM")
            number = zlib.crc32(f"{call.path}/{body['name']}".encode()) % 254 + 1
            body.setdefault("address", str(_PUBLIC[number]))
        elif not body.get("address"):
            raise invalid("Invalid value for field 'resource.address': an internal range names its address.")

    def shown(self, call: Call, resource: Stored) -> dict[str, Any]:
        """With who uses it."""
        users = [
            one.body["selfLink"]
            for one in call.context.store.everything()
            if one.key != resource.key and _is_resource(one) and _names(one.body, resource.body)
        ]
        return {**resource.body, "status": "IN_USE", "users": users} if users else resource.body


def _is_resource(stored: Stored) -> bool:
    return stored.type.startswith("compute/") and "operation" not in stored.private


def _names(body: dict[str, Any], address: dict[str, Any]) -> bool:
    """Whether a resource uses an address, by its link or its value."""
    text = str({key: value for key, value in body.items() if key != "selfLink"})
    return f"{address['selfLink']}'" in text or body.get("IPAddress") == address.get("address")


class Addresses(_Addresses):
    """Regional addresses."""

    collection: ClassVar[str] = "compute/addresses"


class GlobalAddresses(_Addresses):
    """Global addresses."""

    collection: ClassVar[str] = "compute/globalAddresses"


class Routers(Compute):
    """Cloud Routers with their NATs: kept, nothing is translated."""

    collection: ClassVar[str] = "compute/routers"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Complete, or refuse."""
        super().default(call, body)
        if not body.get("network"):
            raise invalid("Invalid value for field 'resource.network': it is required.")
        for nat in body.get("nats", []):
            if nat.get("natIpAllocateOption") == "MANUAL_ONLY" and not nat.get("natIps"):
                raise invalid("Invalid value for field 'resource.nats': MANUAL_ONLY needs natIps.")
            nat.setdefault("type", "PUBLIC")
            nat.setdefault("icmpIdleTimeoutSec", 30)

    def updating(self, call: Call, resource: Stored, body: dict[str, Any]) -> None:
        """The same rules."""
        self.default(call, body)


class BackendBuckets(Compute):
    """Backend buckets, with or without Cloud CDN."""

    collection: ClassVar[str] = "compute/backendBuckets"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """The bucket must be there."""
        super().default(call, body)
        bucket = body.get("bucketName", "")
        if call.sibling(f"b/{bucket}", "storage") is None:
            raise invalid(
                f"Invalid value for field 'resource.bucketName': the bucket '{bucket}' was not found."
            )


class SslPolicies(Compute):
    """SSL policies."""

    collection: ClassVar[str] = "compute/sslPolicies"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """As the API completes it."""
        body.setdefault("profile", "COMPATIBLE")
        body.setdefault("minTlsVersion", "TLS_1_0")


class RegionGroups(Compute):
    """Serverless network endpoint groups: the service must be there."""

    collection: ClassVar[str] = "compute/regionNetworkEndpointGroups"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Refuse a service that isn't there."""
        super().default(call, body)
        if body.get("networkEndpointType") != "SERVERLESS":
            raise invalid(
                "Invalid value for field 'resource.networkEndpointType': the rehearsal has SERVERLESS."
            )
        service = (body.get("cloudRun") or {}).get("service")
        region = call.path.split("/")[3]
        path = f"projects/{call.context.project}/locations/{region}/services/{service}"
        if service and call.sibling(path, "run") is None:
            raise invalid(f"Invalid value for field 'resource.cloudRun.service': '{service}' was not found.")
        body["size"] = 0


class HttpsProxies(Compute):
    """Target HTTPS proxies."""

    collection: ClassVar[str] = "compute/targetHttpsProxies"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Complete, or refuse: a proxy needs a certificate."""
        super().default(call, body)
        if not (body.get("sslCertificates") or body.get("certificateMap")):
            raise invalid("Invalid value for field 'resource.sslCertificates': at least one must be given.")
        chart = str(body.get("certificateMap", "")).removeprefix("//certificatemanager.googleapis.com/")
        if chart and call.sibling(chart, "certificatemanager") is None:
            raise Refusal(404, f"The resource '{chart}' was not found.")
        body.setdefault("quicOverride", "NONE")
        body.setdefault("tlsEarlyData", "DISABLED")


class SecurityPolicies(Compute):
    """Cloud Armor's policies: rules by priority, each changed by its own methods. Nothing is filtered."""

    collection: ClassVar[str] = "compute/securityPolicies"

    def default(self, call: Call, body: dict[str, Any]) -> None:
        """Complete, or refuse."""
        rules = body.setdefault("rules", [])
        if not any(rule.get("priority") == LAST_RULE for rule in rules):
            match = {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": ["*"]}}
            rules.append(
                {"priority": LAST_RULE, "action": "allow", "match": match, "description": "default rule"}
            )
        if len({rule.get("priority") for rule in rules}) < len(rules):
            raise invalid("Invalid value for field 'resource.rules': two rules have one priority.")
        for rule in rules:
            _check_rule(rule)
        rules.sort(key=lambda rule: int(rule["priority"]))
        body.setdefault("type", "CLOUD_ARMOR")

    def updating(self, call: Call, resource: Stored, body: dict[str, Any]) -> None:
        """Rules have methods of their own; a patch that holds some changes none."""
        body["rules"] = copy.deepcopy(resource.body["rules"])

    @verb("addRule", "patchRule", "removeRule")
    def change_rules(self, call: Call, resource: Stored | None) -> dict[str, Any]:
        """One rule more, changed, or less."""
        policy = resource or call.resource()
        given, name = call.body, call.method.name
        priority = int(call.query.get("priority") or given.get("priority") or 0)
        known = {int(rule["priority"]): rule for rule in policy.body["rules"]}
        if (priority in known) is (name == "addRule"):
            word = "already exists" if priority in known else "does not exist"
            raise invalid(f"Invalid value for field 'priority': a rule with priority {priority} {word}.")
        if name == "removeRule" and priority == LAST_RULE:
            raise invalid("The default rule can't be removed.")

        def work(draft: Stored) -> None:
            rules = [rule for rule in draft.body["rules"] if int(rule["priority"]) != priority]
            if name != "removeRule":
                rules.append({**known.get(priority, {}), **given, "priority": priority})
                _check_rule(rules[-1])
            draft.body["rules"] = sorted(rules, key=lambda rule: int(rule["priority"]))

        return call.operation(policy, work)


def _check_rule(rule: dict[str, Any]) -> None:
    action = str(rule.get("action", ""))
    if not action.startswith(("allow", "deny(", "redirect", "throttle", "rate_based_ban")):
        raise invalid(f"Invalid value for field 'rule.action': '{action}'")
    if not rule.get("match"):
        raise invalid("Invalid value for field 'rule.match': it is required.")
    if action in ("throttle", "rate_based_ban") and not rule.get("rateLimitOptions"):
        raise invalid(f"Invalid value for field 'rule.rateLimitOptions': {action} needs them.")
