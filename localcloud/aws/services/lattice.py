"""VPC Lattice's service networks and their VPCs; moto deletes none. No traffic goes through them."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from localcloud.aws.services.kept import Kept
from localcloud.aws.services.modelled import Given, Operation, page
from localcloud.aws.wire import AwsError, Call


class Lattice(Kept):
    """Service networks and associations are kept and shown."""

    def table(self) -> dict[str, Operation]:
        """The operations by name."""
        return {
            "CreateServiceNetwork": self._create,
            "GetServiceNetwork": lambda call, given: self._shown(call, self._network(call, given)),
            "ListServiceNetworks": self._list,
            "UpdateServiceNetwork": self._update,
            "DeleteServiceNetwork": self._delete,
            "CreateServiceNetworkVpcAssociation": self._associate,
            "GetServiceNetworkVpcAssociation": self._association,
            "ListServiceNetworkVpcAssociations": self._associations,
            "UpdateServiceNetworkVpcAssociation": self._change,
            "DeleteServiceNetworkVpcAssociation": self._dissociate,
            **self.tagging("resourceArn", "tags", "tagKeys", as_map=True),
        }

    def _made(self, call: Call, given: Given, kind: str, prefix: str, record: Given) -> Given:
        """Keep a new record under an id and an ARN of its own, with its tags."""
        identifier = f"{prefix}-{secrets.token_hex(9)[:17]}"
        arn = f"arn:aws:vpc-lattice:{call.region}:{self.account_id}:{kind}/{identifier}"
        now = datetime.now(UTC)
        made = {"id": identifier, "arn": arn, "createdAt": now, "lastUpdatedAt": now, **record}
        self.shelf(call, kind)[identifier] = made
        self.tags(call, arn).update(given.get("tags") or {})
        return made

    def _create(self, call: Call, given: Given) -> Given:
        name = given["name"]
        if any(one["name"] == name for one in self.shelf(call, "servicenetwork").values()):
            raise AwsError("ConflictException", f"A service network named {name} exists already.", 409)
        record = {"name": name, "authType": given.get("authType", "NONE")}
        record |= {key: given[key] for key in ("sharingConfig",) if key in given}
        return self._made(call, given, "servicenetwork", "sn", record)

    def _network(self, call: Call, given: Given) -> dict[str, Any]:
        return self.found(call, "servicenetwork", given["serviceNetworkIdentifier"].rsplit("/", 1)[-1])

    def _vpcs(self, call: Call, network: Given) -> list[Given]:
        associations = self.shelf(call, "servicenetworkvpcassociation").values()
        return [one for one in associations if one["serviceNetworkId"] == network["id"]]

    def _shown(self, call: Call, network: Given) -> Given:
        counts = {"numberOfAssociatedVPCs": len(self._vpcs(call, network)), "numberOfAssociatedServices": 0}
        return network | counts

    def _list(self, call: Call, given: Given) -> Given:
        networks = [self._shown(call, one) for one in self.shelf(call, "servicenetwork").values()]
        items, rest = page(networks, given, "nextToken", "maxResults")
        return {"items": items, **rest}

    def _update(self, call: Call, given: Given) -> Given:
        network = self._network(call, given)
        network |= {"authType": given["authType"], "lastUpdatedAt": datetime.now(UTC)}
        return network

    def _delete(self, call: Call, given: Given) -> Given:
        network = self._network(call, given)
        if self._vpcs(call, network):
            raise AwsError("ConflictException", f"{network['id']} has associations.", 409)
        del self.shelf(call, "servicenetwork")[network["id"]]
        self.shelf(call, "tags").pop(network["arn"], None)
        return {}

    def _associate(self, call: Call, given: Given) -> Given:
        network, vpc = self._network(call, given), given["vpcIdentifier"]
        if any(one["vpcId"] == vpc for one in self.shelf(call, "servicenetworkvpcassociation").values()):
            raise AwsError("ConflictException", f"{vpc} is associated with a service network already.", 409)
        record = {
            "status": "ACTIVE",
            "createdBy": self.account_id,
            "serviceNetworkId": network["id"],
            "serviceNetworkName": network["name"],
            "serviceNetworkArn": network["arn"],
            "vpcId": vpc,
            "securityGroupIds": given.get("securityGroupIds") or [],
            "privateDnsEnabled": given.get("privateDnsEnabled", False),
        }
        return self._made(call, given, "servicenetworkvpcassociation", "snva", record)

    def _association(self, call: Call, given: Given) -> Given:
        identifier = given["serviceNetworkVpcAssociationIdentifier"].rsplit("/", 1)[-1]
        return self.found(call, "servicenetworkvpcassociation", identifier)

    def _associations(self, call: Call, given: Given) -> Given:
        network = given.get("serviceNetworkIdentifier", "").rsplit("/", 1)[-1]
        vpc = given.get("vpcIdentifier", "")
        found = [
            one
            for one in self.shelf(call, "servicenetworkvpcassociation").values()
            if network in ("", one["serviceNetworkId"]) and vpc in ("", one["vpcId"])
        ]
        items, rest = page(found, given, "nextToken", "maxResults")
        return {"items": items, **rest}

    def _change(self, call: Call, given: Given) -> Given:
        association = self._association(call, given)
        association["securityGroupIds"] = given.get("securityGroupIds") or association["securityGroupIds"]
        association["lastUpdatedAt"] = datetime.now(UTC)
        return association

    def _dissociate(self, call: Call, given: Given) -> Given:
        association = self._association(call, given)
        del self.shelf(call, "servicenetworkvpcassociation")[association["id"]]
        self.shelf(call, "tags").pop(association["arn"], None)
        return association | {"status": "DELETE_IN_PROGRESS"}
