"""VPC Lattice's types, behind its own API (`localcloud.aws.services.lattice`)."""

from __future__ import annotations

from localcloud.aws.types import Clients, Properties, ServiceType, TypeHandler, tags_map
from localcloud.aws.types.shapes import retag, shown_tags

_NETWORK = {"id": "Id", "arn": "Arn"}
_ASSOCIATION = {
    "id": "Id",
    "arn": "Arn",
    "status": "Status",
    "serviceNetworkId": "ServiceNetworkId",
    "serviceNetworkName": "ServiceNetworkName",
    "serviceNetworkArn": "ServiceNetworkArn",
    "vpcId": "VpcId",
}


def _outputs(found: Properties, names: dict[str, str]) -> Properties:
    shown = {new: found[old] for old, new in names.items()}
    return shown | {"CreatedAt": found["createdAt"].isoformat()}


def _retagged(aws: Clients, before: Properties, after: Properties) -> None:
    client, arn = aws("vpc-lattice"), after["Arn"]
    retag(
        before,
        after,
        lambda tags: client.tag_resource(resourceArn=arn, tags=tags),
        lambda keys: client.untag_resource(resourceArn=arn, tagKeys=keys),
    )


def _tags(aws: Clients, arn: str) -> Properties:
    return shown_tags(aws("vpc-lattice").list_tags_for_resource(resourceArn=arn)["tags"])


def _create(aws: Clients, properties: Properties) -> Properties:
    made = aws("vpc-lattice").create_service_network(
        name=properties["Name"],
        authType=properties.get("AuthType", "NONE"),
        tags=tags_map(properties),
    )
    return _read(aws, properties | {"Arn": made["arn"]})


def _read(aws: Clients, properties: Properties) -> Properties:
    found = aws("vpc-lattice").get_service_network(serviceNetworkIdentifier=properties["Arn"])
    shown = {"Name": found["name"], "AuthType": found["authType"]}
    shown["LastUpdatedAt"] = found["lastUpdatedAt"].isoformat()
    return {**shown, **_outputs(found, _NETWORK), **_tags(aws, found["arn"])}


def _update(aws: Clients, before: Properties, after: Properties) -> None:
    aws("vpc-lattice").update_service_network(
        serviceNetworkIdentifier=after["Arn"], authType=after.get("AuthType", "NONE")
    )
    _retagged(aws, before, after)


def _delete(aws: Clients, properties: Properties) -> None:
    aws("vpc-lattice").delete_service_network(serviceNetworkIdentifier=properties["Arn"])


def _associate(aws: Clients, properties: Properties) -> Properties:
    made = aws("vpc-lattice").create_service_network_vpc_association(
        serviceNetworkIdentifier=properties["ServiceNetworkIdentifier"],
        vpcIdentifier=properties["VpcIdentifier"],
        securityGroupIds=properties.get("SecurityGroupIds", []),
        tags=tags_map(properties),
    )
    return _read_association(aws, {"Arn": made["arn"]})


def _read_association(aws: Clients, properties: Properties) -> Properties:
    found = aws("vpc-lattice").get_service_network_vpc_association(
        serviceNetworkVpcAssociationIdentifier=properties["Arn"]
    )
    groups = {"SecurityGroupIds": found["securityGroupIds"]}
    return {**groups, **_outputs(found, _ASSOCIATION), **_tags(aws, found["arn"])}


def _change(aws: Clients, before: Properties, after: Properties) -> None:
    if after.get("SecurityGroupIds"):  # the API takes at least one: an association's groups can't all go
        aws("vpc-lattice").update_service_network_vpc_association(
            serviceNetworkVpcAssociationIdentifier=after["Arn"], securityGroupIds=after["SecurityGroupIds"]
        )
    _retagged(aws, before, after)


def _dissociate(aws: Clients, properties: Properties) -> None:
    aws("vpc-lattice").delete_service_network_vpc_association(
        serviceNetworkVpcAssociationIdentifier=properties["Arn"]
    )


TYPES: dict[str, TypeHandler] = {
    "AWS::VpcLattice::ServiceNetwork": ServiceType("simulated", _create, _delete, _update, _read),
    "AWS::VpcLattice::ServiceNetworkVpcAssociation": ServiceType(
        "simulated", _associate, _dissociate, _change, _read_association
    ),
}
