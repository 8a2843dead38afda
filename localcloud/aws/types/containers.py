"""ECS, in moto: clusters and Express Mode's services, with all that hangs on them. No task runs."""

from __future__ import annotations

from typing import Any

from localcloud.aws.services.express import gateway_name
from localcloud.aws.types import Clients, HandlerError, Properties, ServiceType, TypeHandler, pick
from localcloud.aws.types.shapes import declared_tags, lower, retag, upper

_SERVICE = (
    "ServiceName Cluster Cpu Memory HealthCheckPath ExecutionRoleArn InfrastructureRoleArn TaskRoleArn "
    "NetworkConfiguration PrimaryContainer ScalingTarget"
)
_CHANGEABLE = (
    "Cpu Memory HealthCheckPath ExecutionRoleArn TaskRoleArn NetworkConfiguration PrimaryContainer "
    "ScalingTarget"
)


def _retag(aws: Clients, before: Properties, after: Properties, arn: str) -> None:
    client = aws("ecs")
    retag(
        before,
        after,
        lambda tags: client.tag_resource(
            resourceArn=arn, tags=[{"key": key, "value": value} for key, value in tags.items()]
        ),
        lambda keys: client.untag_resource(resourceArn=arn, tagKeys=keys),
    )


def _settings(properties: Properties) -> dict[str, Any]:
    return {"settings": lower(properties["ClusterSettings"])} if "ClusterSettings" in properties else {}


def _create_cluster(aws: Clients, properties: Properties) -> Properties:
    made = aws("ecs").create_cluster(
        clusterName=properties["ClusterName"],
        tags=lower(declared_tags(properties)),
        **_settings(properties),
        **pick(properties, "CapacityProviders:capacityProviders"),
    )
    return {"Arn": made["cluster"]["clusterArn"]}


def _read_cluster(aws: Clients, properties: Properties) -> Properties | None:
    found = aws("ecs").describe_clusters(clusters=[properties["ClusterName"]], include=["TAGS", "SETTINGS"])[
        "clusters"
    ]
    if not found or found[0]["status"] == "INACTIVE":
        return None
    shown = pick(found[0], "capacityProviders:CapacityProviders")
    return {**shown, "Tags": upper(found[0].get("tags", []))}


def _update_cluster(aws: Clients, before: Properties, after: Properties) -> None:
    client, name = aws("ecs"), after["ClusterName"]
    client.update_cluster(cluster=name, **_settings(after))
    if before.get("CapacityProviders") != after.get("CapacityProviders"):
        client.put_cluster_capacity_providers(
            cluster=name,
            capacityProviders=after.get("CapacityProviders") or [],
            defaultCapacityProviderStrategy=lower(after.get("DefaultCapacityProviderStrategy") or []),
        )
    _retag(aws, before, after, after["Arn"])


def _delete_cluster(aws: Clients, properties: Properties) -> None:
    aws("ecs").delete_cluster(cluster=properties["ClusterName"])


# -- Express Mode -----------------------------------------------------------------------------------------


def _create_service(aws: Clients, properties: Properties) -> Properties:
    made = aws("ecs").create_express_gateway_service(
        **lower(pick(properties, _SERVICE)), tags=lower(declared_tags(properties))
    )["service"]
    return _outputs(aws, made)


def _outputs(aws: Clients, service: Properties) -> Properties:
    configuration = service["activeConfigurations"][0]
    return {
        "ServiceArn": service["serviceArn"],
        "Status": {"StatusCode": service["status"]["statusCode"]},
        "Endpoint": configuration["ingressPaths"][0]["endpoint"],
        "CreatedAt": service["createdAt"].isoformat(),
        "UpdatedAt": service["updatedAt"].isoformat(),
        "ECSManagedResourceArns": _managed(aws, service["serviceName"]),
    }


def _managed(aws: Clients, name: str) -> Properties:
    elb, gateway = aws("elbv2"), gateway_name(name)
    balancer = elb.describe_load_balancers(Names=[gateway])["LoadBalancers"][0]
    listener = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"][0]
    target = elb.describe_target_groups(Names=[gateway])["TargetGroups"][0]
    return {
        "IngressPath": {
            "LoadBalancerArn": balancer["LoadBalancerArn"],
            "LoadBalancerSecurityGroups": balancer["SecurityGroups"],
            "ListenerArn": listener["ListenerArn"],
            "TargetGroupArns": [target["TargetGroupArn"]],
            "CertificateArn": listener["Certificates"][0]["CertificateArn"],
        },
        "ServiceSecurityGroups": balancer["SecurityGroups"],
    }


def _read_service(aws: Clients, properties: Properties) -> Properties | None:
    client = aws("ecs")
    found = client.describe_express_gateway_service(serviceArn=properties["ServiceArn"])["service"]
    tags = client.list_tags_for_resource(resourceArn=properties["ServiceArn"])["tags"]
    return {**_outputs(aws, found), "Tags": upper(tags)}


def _update_service(aws: Clients, before: Properties, after: Properties) -> None:
    if before.get("Tags") != after.get("Tags"):
        raise HandlerError("InvalidRequest", "tags of an Express Mode service can only be given at creation")
    aws("ecs").update_express_gateway_service(
        serviceArn=after["ServiceArn"], **lower(pick(after, _CHANGEABLE))
    )


def _delete_service(aws: Clients, properties: Properties) -> None:
    aws("ecs").delete_express_gateway_service(serviceArn=properties["ServiceArn"])


TYPES: dict[str, TypeHandler] = {
    "AWS::ECS::Cluster": ServiceType(
        "simulated", _create_cluster, _delete_cluster, _update_cluster, _read_cluster
    ),
    "AWS::ECS::ExpressGatewayService": ServiceType(
        "simulated", _create_service, _delete_service, _update_service, _read_service
    ),
}
