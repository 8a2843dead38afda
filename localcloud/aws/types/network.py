"""EC2's networks, in moto: addresses without packets behind them."""

from __future__ import annotations

from typing import Any

from localcloud.aws.types import Clients, Properties, ServiceType, TypeHandler, pick, tag_changes


def tag(aws: Clients, identifier: str, properties: Properties, before: Properties | None = None) -> None:
    """Bring the tags of something of EC2's to what the declaration says."""
    gone, new = tag_changes(before or {}, properties)
    if gone:
        aws("ec2").delete_tags(Resources=[identifier], Tags=[{"Key": key} for key in gone])
    if new:
        aws("ec2").create_tags(Resources=[identifier], Tags=new)


def retag(key: str) -> Any:
    """An update that changes nothing but tags."""

    def update(aws: Clients, before: Properties, after: Properties) -> None:
        tag(aws, after[key], after, before)

    return update


def reader(operation: str, answer: str, key: str, names: str, argument: str = "") -> Any:
    """A reader by identifier: one element of a describe call, of which `names` are shown, and the tags."""

    def read(aws: Clients, properties: Properties) -> Properties:
        found = getattr(aws("ec2"), operation)(**{argument or f"{key}s": [properties[key]]})[answer][0]
        return {**pick(found, names), "Tags": found.get("Tags", [])}

    return read


def deleter(operation: str, names: str) -> Any:
    """A delete by one call."""

    def delete(aws: Clients, properties: Properties) -> None:
        getattr(aws("ec2"), operation)(**pick(properties, names))

    return delete


# -- VPCs and subnets -------------------------------------------------------------------------------------


def _create_vpc(aws: Clients, properties: Properties) -> Properties:
    ec2 = aws("ec2")
    vpc = ec2.create_vpc(**pick(properties, "CidrBlock InstanceTenancy"))["Vpc"]
    _vpc_dns(aws, vpc["VpcId"], properties)
    tag(aws, vpc["VpcId"], properties)
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


def _read_vpc(aws: Clients, properties: Properties) -> Properties:
    ec2, vpc_id = aws("ec2"), properties["VpcId"]
    found = ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"][0]
    dns = {
        name: ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute=name[:1].lower() + name[1:])[name]["Value"]
        for name in ("EnableDnsSupport", "EnableDnsHostnames")
    }
    return {**pick(found, "CidrBlock InstanceTenancy"), **dns, "Tags": found.get("Tags", [])}


def _update_vpc(aws: Clients, before: Properties, after: Properties) -> None:
    _vpc_dns(aws, after["VpcId"], after)
    tag(aws, after["VpcId"], after, before)


def _create_subnet(aws: Clients, properties: Properties) -> Properties:
    subnet = aws("ec2").create_subnet(**pick(properties, "VpcId CidrBlock AvailabilityZone"))["Subnet"]
    _subnet_public(aws, subnet["SubnetId"], properties)
    tag(aws, subnet["SubnetId"], properties)
    return {"SubnetId": subnet["SubnetId"], "AvailabilityZone": subnet["AvailabilityZone"]}


def _subnet_public(aws: Clients, subnet_id: str, properties: Properties) -> None:
    if "MapPublicIpOnLaunch" in properties:
        value = {"Value": properties["MapPublicIpOnLaunch"]}
        aws("ec2").modify_subnet_attribute(SubnetId=subnet_id, MapPublicIpOnLaunch=value)


def _update_subnet(aws: Clients, before: Properties, after: Properties) -> None:
    _subnet_public(aws, after["SubnetId"], after)
    tag(aws, after["SubnetId"], after, before)


# -- ways out ---------------------------------------------------------------------------------------------


def _create_gateway(aws: Clients, properties: Properties) -> Properties:
    found = aws("ec2").create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    tag(aws, found, properties)
    return {"InternetGatewayId": found}


def _attach(aws: Clients, properties: Properties) -> Properties:
    aws("ec2").attach_internet_gateway(**pick(properties, "VpcId InternetGatewayId"))
    return {"AttachmentType": "IGW"}


def _read_attachment(aws: Clients, properties: Properties) -> Properties | None:
    filters = [{"Name": "attachment.vpc-id", "Values": [properties["VpcId"]]}]
    found = aws("ec2").describe_internet_gateways(Filters=filters)["InternetGateways"]
    return {"InternetGatewayId": found[0]["InternetGatewayId"]} if found else None


def _create_address(aws: Clients, properties: Properties) -> Properties:
    made = aws("ec2").allocate_address(Domain="vpc")
    tag(aws, made["AllocationId"], properties)
    return pick(made, "PublicIp AllocationId")


def _create_nat(aws: Clients, properties: Properties) -> Properties:
    names = "SubnetId AllocationId ConnectivityType"
    made = aws("ec2").create_nat_gateway(**pick(properties, names))["NatGateway"]
    tag(aws, made["NatGatewayId"], properties)
    return {
        **pick(made, "NatGatewayId VpcId"),
        **pick(made["NatGatewayAddresses"][0], "NetworkInterfaceId:EniId"),
    }


def _read_nat(aws: Clients, properties: Properties) -> Properties | None:
    found = aws("ec2").describe_nat_gateways(NatGatewayIds=[properties["NatGatewayId"]])["NatGateways"]
    if not found or found[0]["State"] in ("deleting", "deleted"):
        return None
    return {**pick(found[0], "SubnetId ConnectivityType"), "Tags": found[0].get("Tags", [])}


_ENDPOINT = "VpcId ServiceName VpcEndpointType RouteTableIds SubnetIds SecurityGroupIds PrivateDnsEnabled"


def _create_endpoint(aws: Clients, properties: Properties) -> Properties:
    made = aws("ec2").create_vpc_endpoint(**pick(properties, _ENDPOINT))["VpcEndpoint"]
    tag(aws, made["VpcEndpointId"], properties)
    return {"Id": made["VpcEndpointId"]}


def _read_endpoint(aws: Clients, properties: Properties) -> Properties | None:
    found = aws("ec2").describe_vpc_endpoints(VpcEndpointIds=[properties["Id"]])["VpcEndpoints"]
    if not found or found[0]["State"].lower() in ("deleting", "deleted"):
        return None
    return {**pick(found[0], "VpcEndpointType RouteTableIds SubnetIds"), "Tags": found[0].get("Tags", [])}


def _update_endpoint(aws: Clients, before: Properties, after: Properties) -> None:
    old, new = set(before.get("RouteTableIds") or ()), set(after.get("RouteTableIds") or ())
    change = {"AddRouteTableIds": sorted(new - old), "RemoveRouteTableIds": sorted(old - new)}
    arguments = {key: value for key, value in change.items() if value}
    if arguments:
        aws("ec2").modify_vpc_endpoint(VpcEndpointId=after["Id"], **arguments)
    tag(aws, after["Id"], after, before)


def _delete_endpoint(aws: Clients, properties: Properties) -> None:
    aws("ec2").delete_vpc_endpoints(VpcEndpointIds=[properties["Id"]])


TYPES: dict[str, TypeHandler] = {
    "AWS::EC2::VPC": ServiceType(
        "simulated", _create_vpc, deleter("delete_vpc", "VpcId"), _update_vpc, _read_vpc
    ),
    "AWS::EC2::Subnet": ServiceType(
        "simulated", _create_subnet, deleter("delete_subnet", "SubnetId"), _update_subnet,
        reader("describe_subnets", "Subnets", "SubnetId",
               "VpcId CidrBlock AvailabilityZone MapPublicIpOnLaunch"),
    ),
    "AWS::EC2::InternetGateway": ServiceType(
        "simulated", _create_gateway, deleter("delete_internet_gateway", "InternetGatewayId"),
        retag("InternetGatewayId"),
        reader("describe_internet_gateways", "InternetGateways", "InternetGatewayId", ""),
    ),
    "AWS::EC2::VPCGatewayAttachment": ServiceType(
        "simulated", _attach, deleter("detach_internet_gateway", "VpcId InternetGatewayId"), None,
        _read_attachment,
    ),
    "AWS::EC2::EIP": ServiceType(
        "simulated", _create_address, deleter("release_address", "AllocationId"), retag("AllocationId"),
        reader("describe_addresses", "Addresses", "AllocationId", "Domain"),
    ),
    "AWS::EC2::NatGateway": ServiceType(
        "simulated", _create_nat, deleter("delete_nat_gateway", "NatGatewayId"), retag("NatGatewayId"),
        _read_nat,
    ),
    "AWS::EC2::VPCEndpoint": ServiceType(
        "simulated", _create_endpoint, _delete_endpoint, _update_endpoint, _read_endpoint
    ),
}  # fmt: skip
