"""Global Accelerator's types, behind its own API (`localcloud.aws.services.accelerator`)."""

from __future__ import annotations

from localcloud.aws.types import Clients, Properties, ServiceType, TypeHandler, pick, tag_list
from localcloud.aws.types.shapes import declared_tags, retag, shown_tags

_ACCELERATOR = "Name IpAddressType Enabled"
_LISTENER = "PortRanges Protocol ClientAffinity"
_GROUP = (
    "TrafficDialPercentage HealthCheckPort HealthCheckProtocol HealthCheckPath HealthCheckIntervalSeconds "
    "ThresholdCount PortOverrides EndpointConfigurations"
)


def _outputs(found: Properties) -> Properties:
    addresses = [ip for pair in found["IpSets"] for ip in pair["IpAddresses"]]
    return {**pick(found, "AcceleratorArn DnsName"), "Ipv4Addresses": addresses}


def _create(aws: Clients, properties: Properties) -> Properties:
    made = aws("globalaccelerator").create_accelerator(
        **pick(properties, _ACCELERATOR), Tags=declared_tags(properties)
    )
    return _outputs(made["Accelerator"])


def _read(aws: Clients, properties: Properties) -> Properties:
    client, arn = aws("globalaccelerator"), properties["AcceleratorArn"]
    found = client.describe_accelerator(AcceleratorArn=arn)["Accelerator"]
    tags = client.list_tags_for_resource(ResourceArn=arn)["Tags"]
    return {**pick(found, _ACCELERATOR), **_outputs(found), **shown_tags(tags)}


def _update(aws: Clients, before: Properties, after: Properties) -> None:
    client, arn = aws("globalaccelerator"), after["AcceleratorArn"]
    client.update_accelerator(AcceleratorArn=arn, **pick(after, _ACCELERATOR))
    retag(
        before,
        after,
        lambda tags: client.tag_resource(ResourceArn=arn, Tags=tag_list(tags)),
        lambda keys: client.untag_resource(ResourceArn=arn, TagKeys=keys),
    )


def _delete(aws: Clients, properties: Properties) -> None:
    client, arn = aws("globalaccelerator"), properties["AcceleratorArn"]
    client.update_accelerator(AcceleratorArn=arn, Enabled=False)  # only a disabled one can go
    client.delete_accelerator(AcceleratorArn=arn)


def _create_listener(aws: Clients, properties: Properties) -> Properties:
    made = aws("globalaccelerator").create_listener(**pick(properties, f"AcceleratorArn {_LISTENER}"))
    return pick(made["Listener"], "ListenerArn")


def _read_listener(aws: Clients, properties: Properties) -> Properties:
    found = aws("globalaccelerator").describe_listener(ListenerArn=properties["ListenerArn"])
    return pick(found["Listener"], _LISTENER)


def _update_listener(aws: Clients, before: Properties, after: Properties) -> None:
    aws("globalaccelerator").update_listener(**pick(after, f"ListenerArn {_LISTENER}"))


def _delete_listener(aws: Clients, properties: Properties) -> None:
    aws("globalaccelerator").delete_listener(ListenerArn=properties["ListenerArn"])


def _create_group(aws: Clients, properties: Properties) -> Properties:
    given = pick(properties, f"ListenerArn EndpointGroupRegion {_GROUP}")
    made = aws("globalaccelerator").create_endpoint_group(**given)
    return pick(made["EndpointGroup"], "EndpointGroupArn")


def _read_group(aws: Clients, properties: Properties) -> Properties:
    arn = properties["EndpointGroupArn"]
    found = aws("globalaccelerator").describe_endpoint_group(EndpointGroupArn=arn)["EndpointGroup"]
    shown = pick(found, _GROUP)
    if "EndpointDescriptions" in found:
        configuration = "EndpointId Weight ClientIPPreservationEnabled"
        shown["EndpointConfigurations"] = [pick(one, configuration) for one in found["EndpointDescriptions"]]
    return shown


def _update_group(aws: Clients, before: Properties, after: Properties) -> None:
    aws("globalaccelerator").update_endpoint_group(**pick(after, f"EndpointGroupArn {_GROUP}"))


def _delete_group(aws: Clients, properties: Properties) -> None:
    aws("globalaccelerator").delete_endpoint_group(EndpointGroupArn=properties["EndpointGroupArn"])


TYPES: dict[str, TypeHandler] = {
    "AWS::GlobalAccelerator::Accelerator": ServiceType("simulated", _create, _delete, _update, _read),
    "AWS::GlobalAccelerator::Listener": ServiceType(
        "simulated", _create_listener, _delete_listener, _update_listener, _read_listener
    ),
    "AWS::GlobalAccelerator::EndpointGroup": ServiceType(
        "simulated", _create_group, _delete_group, _update_group, _read_group
    ),
}
