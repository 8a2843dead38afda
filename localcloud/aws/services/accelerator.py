"""Global Accelerator, as its API shows it. No packet goes through it: all regions share one machine."""

from __future__ import annotations

import secrets
import uuid
from datetime import UTC, datetime
from typing import Any

from localcloud.aws.services.kept import Kept
from localcloud.aws.services.modelled import Given, Operation, page, tags_of
from localcloud.aws.types import tag_list
from localcloud.aws.wire import AwsError, Call

#: Defaults of the API reference (CreateEndpointGroup, CreateListener).
_GROUP = {
    "TrafficDialPercentage": 100.0,
    "HealthCheckPort": 443,
    "HealthCheckProtocol": "TCP",
    "HealthCheckPath": "/",
    "HealthCheckIntervalSeconds": 30,
    "ThresholdCount": 3,
    "PortOverrides": [],
}


class Accelerators(Kept):
    """Accelerators, listeners and endpoint groups, which refuse to go while something hangs on them."""

    worldwide = True

    def table(self) -> dict[str, Operation]:
        """The operations by name."""
        return {
            "CreateAccelerator": self._create_accelerator,
            "DescribeAccelerator": lambda _, given: {"Accelerator": self._accelerator(given)},
            "ListAccelerators": lambda _, given: self._list("accelerator", "Accelerators", given),
            "UpdateAccelerator": self._update_accelerator,
            "DeleteAccelerator": self._delete_accelerator,
            "CreateListener": self._create_listener,
            "DescribeListener": lambda _, given: {"Listener": self._listener(given)},
            "ListListeners": lambda _, given: self._list("listener", "Listeners", given, "AcceleratorArn"),
            "UpdateListener": self._update_listener,
            "DeleteListener": self._delete_listener,
            "CreateEndpointGroup": self._create_group,
            "DescribeEndpointGroup": lambda _, given: {"EndpointGroup": self._group(given)},
            "ListEndpointGroups": lambda _, given: self._list(
                "group", "EndpointGroups", given, "ListenerArn"
            ),
            "UpdateEndpointGroup": self._update_group,
            "DeleteEndpointGroup": self._delete_group,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "ListTagsForResource": lambda _, given: {"Tags": tag_list(self._tags(given["ResourceArn"]))},
        }

    # -- accelerators -------------------------------------------------------------------------------------

    def _create_accelerator(self, call: Call, given: Given) -> Given:
        known = self._shelf("token").get(given.get("IdempotencyToken"))
        if known in self._shelf("accelerator"):
            return {"Accelerator": self._shelf("accelerator")[known]}
        arn = f"arn:aws:globalaccelerator::{self.account_id}:accelerator/{uuid.uuid4()}"
        now = datetime.now(UTC)
        made = {
            "AcceleratorArn": arn,
            "Name": given["Name"],
            "IpAddressType": given.get("IpAddressType", "IPV4"),
            "Enabled": given.get("Enabled", True),
            # Addresses of the documentation's networks (RFC 5737): nobody answers there.
            "IpSets": [{"IpFamily": "IPv4", "IpAddresses": [_address("192.0.2"), _address("198.51.100")]}],
            "DnsName": f"a{secrets.token_hex(8)}.awsglobalaccelerator.com",
            "Status": "DEPLOYED",
            "CreatedTime": now,
            "LastModifiedTime": now,
        }
        self._shelf("accelerator")[arn] = made
        self._shelf("tags")[arn] = tags_of(given.get("Tags"))
        self._shelf("token")[given.get("IdempotencyToken")] = arn
        return {"Accelerator": made}

    def _accelerator(self, given: Given) -> dict[str, Any]:
        return self._found("accelerator", given["AcceleratorArn"], "AcceleratorNotFoundException")

    def _update_accelerator(self, call: Call, given: Given) -> Given:
        found = self._accelerator(given)
        found |= {key: given[key] for key in ("Name", "IpAddressType", "Enabled") if key in given}
        found["LastModifiedTime"] = datetime.now(UTC)
        return {"Accelerator": found}

    def _delete_accelerator(self, call: Call, given: Given) -> Given:
        found = self._accelerator(given)
        if found["Enabled"]:
            raise AwsError("AcceleratorNotDisabledException", "Disable the accelerator before deleting it.")
        self._refuse_used("listener", "AcceleratorArn", given, "AssociatedListenerFoundException")
        self._forget("accelerator", given["AcceleratorArn"])
        return {}

    # -- listeners ----------------------------------------------------------------------------------------

    def _create_listener(self, call: Call, given: Given) -> Given:
        parent = self._accelerator(given)["AcceleratorArn"]
        arn = f"{parent}/listener/{secrets.token_hex(4)}"
        made = {
            "ListenerArn": arn,
            "AcceleratorArn": parent,
            "PortRanges": given["PortRanges"],
            "Protocol": given.get("Protocol", "TCP"),
            "ClientAffinity": given.get("ClientAffinity", "NONE"),
        }
        self._shelf("listener")[arn] = made
        return {"Listener": made}

    def _listener(self, given: Given) -> dict[str, Any]:
        return self._found("listener", given["ListenerArn"], "ListenerNotFoundException")

    def _update_listener(self, call: Call, given: Given) -> Given:
        found = self._listener(given)
        found |= {key: given[key] for key in ("PortRanges", "Protocol", "ClientAffinity") if key in given}
        return {"Listener": found}

    def _delete_listener(self, call: Call, given: Given) -> Given:
        self._listener(given)
        self._refuse_used("group", "ListenerArn", given, "AssociatedEndpointGroupFoundException")
        self._forget("listener", given["ListenerArn"])
        return {}

    # -- endpoint groups ----------------------------------------------------------------------------------

    def _create_group(self, call: Call, given: Given) -> Given:
        parent, region = self._listener(given)["ListenerArn"], given["EndpointGroupRegion"]
        same = [g for g in self._shelf("group").values() if g["ListenerArn"] == parent]
        if any(one["EndpointGroupRegion"] == region for one in same):
            raise AwsError("EndpointGroupAlreadyExistsException", f"The listener has a group in {region}.")
        arn = f"{parent}/endpoint-group/{secrets.token_hex(6)}"
        made = {"EndpointGroupArn": arn, "ListenerArn": parent, "EndpointGroupRegion": region}
        self._shelf("group")[arn] = {**made, **_GROUP, **_settings(given)}
        return {"EndpointGroup": self._shelf("group")[arn]}

    def _group(self, given: Given) -> dict[str, Any]:
        return self._found("group", given["EndpointGroupArn"], "EndpointGroupNotFoundException")

    def _update_group(self, call: Call, given: Given) -> Given:
        found = self._group(given)
        found |= _settings(given)
        return {"EndpointGroup": found}

    def _delete_group(self, call: Call, given: Given) -> Given:
        self._group(given)
        self._forget("group", given["EndpointGroupArn"])
        return {}

    # -- tags and shelves ---------------------------------------------------------------------------------

    def _tag(self, call: Call, given: Given) -> Given:
        self._tags(given["ResourceArn"]).update(tags_of(given["Tags"]))
        return {}

    def _untag(self, call: Call, given: Given) -> Given:
        tags = self._tags(given["ResourceArn"])
        for key in given["TagKeys"]:
            tags.pop(key, None)
        return {}

    def _tags(self, arn: str) -> dict[str, str]:
        """Only accelerators carry tags (TagResource's reference)."""
        self._found("accelerator", arn, "AcceleratorNotFoundException")
        tags: dict[str, str] = self._shelf("tags").setdefault(arn, {})
        return tags

    def _shelf(self, kind: str) -> dict[Any, Any]:
        return self._store.shelf(f"globalaccelerator/{kind}")

    def _found(self, kind: str, arn: str, code: str) -> dict[str, Any]:
        found: dict[str, Any] | None = self._shelf(kind).get(arn)
        if found is None:
            raise AwsError(code, f"{arn} does not exist.")
        return found

    def _list(self, kind: str, name: str, given: Given, parent: str = "") -> Given:
        items = [one for one in self._shelf(kind).values() if not parent or one[parent] == given[parent]]
        shown, rest = page(items, given)
        return {name: shown, **rest}

    def _refuse_used(self, kind: str, parent: str, given: Given, code: str) -> None:
        if any(one[parent] == given[parent] for one in self._shelf(kind).values()):
            raise AwsError(code, f"Delete what hangs on {given[parent]} first.")

    def _forget(self, kind: str, arn: str) -> None:
        self._shelf(kind).pop(arn)
        self._shelf("tags").pop(arn, None)


def _address(network: str) -> str:
    return f"{network}.{secrets.randbelow(254) + 1}"


def _settings(given: Given) -> Given:
    settings = {key: given[key] for key in _GROUP if key in given}
    if "EndpointConfigurations" in given:
        settings["EndpointDescriptions"] = [
            {"Weight": 100, "ClientIPPreservationEnabled": True, **one, "HealthState": "INITIAL"}
            for one in given["EndpointConfigurations"]
        ]
    return settings
