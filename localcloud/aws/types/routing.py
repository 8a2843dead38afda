"""EC2's route tables and security groups, in moto: rules without packets that follow them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from localcloud.aws.types import Clients, Properties, ServiceType, TypeHandler, pick
from localcloud.aws.types.network import deleter, reader, retag, tag

# -- routes -----------------------------------------------------------------------------------------------

_TARGETS = "GatewayId NatGatewayId TransitGatewayId VpcPeeringConnectionId EgressOnlyInternetGatewayId"
_ROUTE = f"RouteTableId DestinationCidrBlock DestinationIpv6CidrBlock {_TARGETS}"


def _create_table(aws: Clients, properties: Properties) -> Properties:
    found = aws("ec2").create_route_table(VpcId=properties["VpcId"])["RouteTable"]["RouteTableId"]
    tag(aws, found, properties)
    return {"RouteTableId": found}


def _create_route(aws: Clients, properties: Properties) -> Properties:
    aws("ec2").create_route(**pick(properties, _ROUTE))
    return {"CidrBlock": properties.get("DestinationCidrBlock") or properties["DestinationIpv6CidrBlock"]}


def _read_route(aws: Clients, properties: Properties) -> Properties | None:
    tables = aws("ec2").describe_route_tables(RouteTableIds=[properties["RouteTableId"]])["RouteTables"]
    for route in tables[0]["Routes"]:
        if properties["CidrBlock"] in (
            route.get("DestinationCidrBlock"),
            route.get("DestinationIpv6CidrBlock"),
        ):
            return {name: route.get(name) for name in _TARGETS.split()}
    return None


def _update_route(aws: Clients, before: Properties, after: Properties) -> None:
    aws("ec2").replace_route(**pick(after, _ROUTE))


def _associate(aws: Clients, properties: Properties) -> Properties:
    answer = aws("ec2").associate_route_table(**pick(properties, "RouteTableId SubnetId"))
    return {"Id": answer["AssociationId"]}


def _read_association(aws: Clients, properties: Properties) -> Properties | None:
    filters = [{"Name": "association.route-table-association-id", "Values": [properties["Id"]]}]
    tables = aws("ec2").describe_route_tables(Filters=filters)["RouteTables"]
    return {"RouteTableId": tables[0]["RouteTableId"]} if tables else None


# -- security groups --------------------------------------------------------------------------------------


def _create_group(aws: Clients, properties: Properties) -> Properties:
    ec2 = aws("ec2")
    name = properties.get("GroupName") or f"group-{abs(hash(properties['GroupDescription'])):x}"
    group = ec2.create_security_group(
        GroupName=name, Description=properties["GroupDescription"], **pick(properties, "VpcId")
    )["GroupId"]
    before = {}
    if properties.get("SecurityGroupEgress"):  # a declared way out replaces the open one
        before = pick(_read_group(aws, {"GroupId": group}), "SecurityGroupEgress")
    _rules(aws, group, before, properties)
    tag(aws, group, properties)
    return {"Id": group, "GroupId": group, "GroupName": name}


def _rules(aws: Clients, group: str, before: Properties, after: Properties) -> None:
    ec2 = aws("ec2")
    for name, revoke, authorize in (
        ("SecurityGroupIngress", ec2.revoke_security_group_ingress, ec2.authorize_security_group_ingress),
        ("SecurityGroupEgress", ec2.revoke_security_group_egress, ec2.authorize_security_group_egress),
    ):
        old, new = before.get(name) or [], after.get(name) or []
        for rule in old:
            if rule not in new:
                revoke(GroupId=group, IpPermissions=[_permission(rule)])
        for rule in new:
            if rule not in old:
                authorize(GroupId=group, IpPermissions=[_permission(rule)])


def _permission(rule: Properties) -> dict[str, Any]:
    permission = pick(rule, "IpProtocol FromPort ToPort")
    said = pick(rule, "Description")
    if "CidrIp" in rule:
        permission["IpRanges"] = [{"CidrIp": rule["CidrIp"], **said}]
    if "CidrIpv6" in rule:
        permission["Ipv6Ranges"] = [{"CidrIpv6": rule["CidrIpv6"], **said}]
    source = rule.get("SourceSecurityGroupId") or rule.get("DestinationSecurityGroupId")
    if source:
        permission["UserIdGroupPairs"] = [{"GroupId": source, **said}]
    return permission


def _shown_rules(permissions: list[Properties], peer: str) -> Iterator[Properties]:
    """EC2's permissions as a type's rules, one an address range or group."""
    for one in permissions:
        base = pick(one, "IpProtocol FromPort ToPort")
        for found in one.get("IpRanges", []):
            yield {**base, **pick(found, "CidrIp Description")}
        for found in one.get("Ipv6Ranges", []):
            yield {**base, **pick(found, "CidrIpv6 Description")}
        for found in one.get("UserIdGroupPairs", []):
            yield {**base, **pick(found, f"GroupId:{peer} Description")}


def _read_group(aws: Clients, properties: Properties) -> Properties:
    found = aws("ec2").describe_security_groups(GroupIds=[properties["GroupId"]])["SecurityGroups"][0]
    incoming = list(_shown_rules(found["IpPermissions"], "SourceSecurityGroupId"))
    outgoing = list(_shown_rules(found["IpPermissionsEgress"], "DestinationSecurityGroupId"))
    return {"SecurityGroupIngress": incoming, "SecurityGroupEgress": outgoing, "Tags": found.get("Tags", [])}


def _update_group(aws: Clients, before: Properties, after: Properties) -> None:
    _rules(aws, after["GroupId"], before, after)
    tag(aws, after["GroupId"], after, before)


TYPES: dict[str, TypeHandler] = {
    "AWS::EC2::SecurityGroup": ServiceType(
        "simulated", _create_group, deleter("delete_security_group", "GroupId"), _update_group, _read_group
    ),
    "AWS::EC2::RouteTable": ServiceType(
        "simulated", _create_table, deleter("delete_route_table", "RouteTableId"), retag("RouteTableId"),
        reader("describe_route_tables", "RouteTables", "RouteTableId", "VpcId"),
    ),
    "AWS::EC2::Route": ServiceType(
        "simulated", _create_route, deleter("delete_route", "RouteTableId DestinationCidrBlock"),
        _update_route, _read_route,
    ),
    "AWS::EC2::SubnetRouteTableAssociation": ServiceType(
        "simulated", _associate, deleter("disassociate_route_table", "Id:AssociationId"), None,
        _read_association,
    ),
}  # fmt: skip
