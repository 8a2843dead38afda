"""EC2's networking types, in moto: addresses and rules without packets behind them."""

from __future__ import annotations

from typing import Any

from localcloud.aws.types import Clients, Properties, ServiceType, TypeHandler, pick


def _tag(aws: Clients, identifier: str, properties: Properties, before: Properties | None = None) -> None:
    gone = [{"Key": tag["Key"]} for tag in (before or {}).get("Tags", [])]
    if gone:
        aws("ec2").delete_tags(Resources=[identifier], Tags=gone)
    if properties.get("Tags"):
        aws("ec2").create_tags(Resources=[identifier], Tags=properties["Tags"])


def _retag(key: str) -> Any:
    def update(aws: Clients, before: Properties, after: Properties) -> None:
        _tag(aws, after[key], after, before)

    return update


def _create_vpc(aws: Clients, properties: Properties) -> Properties:
    ec2 = aws("ec2")
    vpc = ec2.create_vpc(**pick(properties, "CidrBlock InstanceTenancy"))["Vpc"]
    _vpc_dns(aws, vpc["VpcId"], properties)
    _tag(aws, vpc["VpcId"], properties)
    groups = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])
    return {
        "VpcId": vpc["VpcId"],
        "CidrBlockAssociations": [a["AssociationId"] for a in vpc.get("CidrBlockAssociationSet", [])],
        "DefaultSecurityGroup": groups["SecurityGroups"][0]["GroupId"],
    }


def _vpc_dns(aws: Clients, vpc_id: str, properties: Properties) -> None:
    for name in ("EnableDnsSupport", "EnableDnsHostnames"):
        if name in properties:
            aws("ec2").modify_vpc_attribute(VpcId=vpc_id, **{name: {"Value": properties[name]}})


def _update_vpc(aws: Clients, before: Properties, after: Properties) -> None:
    _vpc_dns(aws, after["VpcId"], after)
    _tag(aws, after["VpcId"], after, before)


def _create_subnet(aws: Clients, properties: Properties) -> Properties:
    subnet = aws("ec2").create_subnet(**pick(properties, "VpcId CidrBlock AvailabilityZone"))["Subnet"]
    _subnet_public(aws, subnet["SubnetId"], properties)
    _tag(aws, subnet["SubnetId"], properties)
    return {"SubnetId": subnet["SubnetId"], "AvailabilityZone": subnet["AvailabilityZone"]}


def _subnet_public(aws: Clients, subnet_id: str, properties: Properties) -> None:
    if "MapPublicIpOnLaunch" in properties:
        value = {"Value": properties["MapPublicIpOnLaunch"]}
        aws("ec2").modify_subnet_attribute(SubnetId=subnet_id, MapPublicIpOnLaunch=value)


def _update_subnet(aws: Clients, before: Properties, after: Properties) -> None:
    _subnet_public(aws, after["SubnetId"], after)
    _tag(aws, after["SubnetId"], after, before)


def _create_gateway(aws: Clients, properties: Properties) -> Properties:
    found = aws("ec2").create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    _tag(aws, found, properties)
    return {"InternetGatewayId": found}


def _attach(aws: Clients, properties: Properties) -> Properties:
    aws("ec2").attach_internet_gateway(**pick(properties, "VpcId InternetGatewayId"))
    return {"AttachmentType": "IGW"}


def _create_group(aws: Clients, properties: Properties) -> Properties:
    name = properties.get("GroupName") or f"group-{abs(hash(properties['GroupDescription'])):x}"
    group = aws("ec2").create_security_group(
        GroupName=name, Description=properties["GroupDescription"], **pick(properties, "VpcId")
    )["GroupId"]
    _rules(aws, group, {}, properties)
    _tag(aws, group, properties)
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


def _update_group(aws: Clients, before: Properties, after: Properties) -> None:
    _rules(aws, after["GroupId"], before, after)
    _tag(aws, after["GroupId"], after, before)


def _create_route_table(aws: Clients, properties: Properties) -> Properties:
    found = aws("ec2").create_route_table(VpcId=properties["VpcId"])["RouteTable"]["RouteTableId"]
    _tag(aws, found, properties)
    return {"RouteTableId": found}


def _create_route(aws: Clients, properties: Properties) -> Properties:
    names = "RouteTableId DestinationCidrBlock DestinationIpv6CidrBlock GatewayId NatGatewayId"
    aws("ec2").create_route(**pick(properties, names))
    return {"CidrBlock": properties.get("DestinationCidrBlock") or properties["DestinationIpv6CidrBlock"]}


def _associate(aws: Clients, properties: Properties) -> Properties:
    answer = aws("ec2").associate_route_table(**pick(properties, "RouteTableId SubnetId"))
    return {"Id": answer["AssociationId"]}


def _exists(operation: str, argument: str, key: str) -> Any:
    """A reader that asks the service whether the thing is still there."""

    def read(aws: Clients, properties: Properties) -> Properties:
        getattr(aws("ec2"), operation)(**{argument: [properties[key]]})
        return {}

    return read


def _delete(operation: str, names: str) -> Any:
    def delete(aws: Clients, properties: Properties) -> None:
        getattr(aws("ec2"), operation)(**pick(properties, names))

    return delete


TYPES: dict[str, TypeHandler] = {
    "AWS::EC2::VPC": ServiceType(
        "simulated", _create_vpc, _delete("delete_vpc", "VpcId"), _update_vpc,
        _exists("describe_vpcs", "VpcIds", "VpcId"),
    ),
    "AWS::EC2::Subnet": ServiceType(
        "simulated", _create_subnet, _delete("delete_subnet", "SubnetId"), _update_subnet,
        _exists("describe_subnets", "SubnetIds", "SubnetId"),
    ),
    "AWS::EC2::InternetGateway": ServiceType(
        "simulated", _create_gateway, _delete("delete_internet_gateway", "InternetGatewayId"),
        _retag("InternetGatewayId"),
        _exists("describe_internet_gateways", "InternetGatewayIds", "InternetGatewayId"),
    ),
    "AWS::EC2::VPCGatewayAttachment": ServiceType(
        "simulated", _attach, _delete("detach_internet_gateway", "VpcId InternetGatewayId")
    ),
    "AWS::EC2::SecurityGroup": ServiceType(
        "simulated", _create_group, _delete("delete_security_group", "GroupId"), _update_group,
        _exists("describe_security_groups", "GroupIds", "GroupId"),
    ),
    "AWS::EC2::RouteTable": ServiceType(
        "simulated", _create_route_table, _delete("delete_route_table", "RouteTableId"),
        _retag("RouteTableId"),
        _exists("describe_route_tables", "RouteTableIds", "RouteTableId"),
    ),
    "AWS::EC2::Route": ServiceType(
        "simulated", _create_route, _delete("delete_route", "RouteTableId DestinationCidrBlock")
    ),
    "AWS::EC2::SubnetRouteTableAssociation": ServiceType(
        "simulated", _associate, _delete("disassociate_route_table", "Id:AssociationId")
    ),
}  # fmt: skip
