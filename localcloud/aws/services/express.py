"""ECS Express Mode: one call makes load balancer, service and scaling, all shown by moto. No task runs."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from localcloud.aws.services.kept import Kept
from localcloud.aws.services.modelled import Given, Operation
from localcloud.aws.store import Store
from localcloud.aws.types import Clients
from localcloud.aws.wire import AwsError, Call

#: Defaults of the API reference (CreateExpressGatewayService).
_SCALING = {
    "minTaskCount": 1,
    "maxTaskCount": 20,
    "autoScalingMetric": "AVERAGE_CPU",
    "autoScalingTargetValue": 60,
}
_METRICS = {
    "AVERAGE_CPU": "ECSServiceAverageCPUUtilization",
    "AVERAGE_MEMORY": "ECSServiceAverageMemoryUtilization",
    "REQUEST_COUNT_PER_TARGET": "ALBRequestCountPerTarget",
}
_CONFIGURATION = (
    "executionRoleArn",
    "taskRoleArn",
    "cpu",
    "memory",
    "networkConfiguration",
    "healthCheckPath",
    "primaryContainer",
    "scalingTarget",
)


def gateway_name(service: str) -> str:
    """The name of everything that Express Mode makes for a service: at most 32 characters, as ELB has it."""
    return f"ecs-express-{service}"[:32]


class Express(Kept):
    """The four operations of Express Mode."""

    missing = "ServiceNotFoundException"

    def __init__(self, store: Store, account_id: str, clients: Callable[[str], Clients]) -> None:
        self._clients = clients
        super().__init__("ecs", store, account_id)

    def table(self) -> dict[str, Operation]:
        """The operations by name."""
        return {
            "CreateExpressGatewayService": self._create,
            "DescribeExpressGatewayService": lambda call, given: {"service": self._record(call, given)},
            "UpdateExpressGatewayService": self._update,
            "DeleteExpressGatewayService": self._delete,
        }

    def _record(self, call: Call, given: Given) -> dict[str, Any]:
        return self.found(call, "express", given["serviceArn"])

    def _create(self, call: Call, given: Given) -> Given:
        aws, cluster = self._clients(call.region), given.get("cluster", "default").rsplit("/", 1)[-1]
        if "primaryContainer" not in given or "executionRoleArn" not in given:
            raise AwsError("InvalidParameterException", "primaryContainer and executionRoleArn are required.")
        if not aws("ecs").describe_clusters(clusters=[cluster])["clusters"]:
            raise AwsError("ClusterNotFoundException", "Cluster not found.")
        name = given.get("serviceName") or f"express-{secrets.token_hex(4)}"
        arn = f"arn:aws:ecs:{call.region}:{self.account_id}:service/{cluster}/{name}"
        if arn in self.shelf(call, "express"):
            raise AwsError("InvalidParameterException", f"Creation of service was not idempotent: {name}")
        configuration = {"cpu": "256", "memory": "512", "healthCheckPath": "/ping"}
        configuration |= {key: given[key] for key in _CONFIGURATION if key in given}
        configuration["scalingTarget"] = {**_SCALING, **given.get("scalingTarget", {})}
        endpoint = f"{name}-{secrets.token_hex(6)}.ecs.{call.region}.on.aws"
        configuration["ingressPaths"] = [{"accessType": "PUBLIC", "endpoint": endpoint}]
        now = datetime.now(UTC)
        record = {
            "cluster": cluster,
            "serviceName": name,
            "serviceArn": arn,
            "infrastructureRoleArn": given["infrastructureRoleArn"],
            "status": {"statusCode": "ACTIVE"},
            "activeConfigurations": [configuration],
            "tags": given.get("tags", []),
            "createdAt": now,
            "updatedAt": now,
        }
        _make(aws, record, configuration, endpoint)
        self.shelf(call, "express")[arn] = record
        return {"service": record}

    def _update(self, call: Call, given: Given) -> Given:
        aws, record = self._clients(call.region), self._record(call, given)
        configuration = dict(record["activeConfigurations"][0])
        configuration |= {key: given[key] for key in _CONFIGURATION if key in given}
        scaling = {**record["activeConfigurations"][0]["scalingTarget"], **given.get("scalingTarget", {})}
        configuration["scalingTarget"] = scaling
        family = _task(aws, record["serviceName"], configuration)
        aws("ecs").update_service(
            cluster=record["cluster"], service=record["serviceName"], taskDefinition=family
        )
        _scale(aws, record, scaling)
        record |= {"activeConfigurations": [configuration], "updatedAt": datetime.now(UTC)}
        return {"service": {**record, "targetConfiguration": configuration}}

    def _delete(self, call: Call, given: Given) -> Given:
        record = self._record(call, given)
        _unmake(self._clients(call.region), record)
        self.shelf(call, "express").pop(record["serviceArn"])
        return {"service": {**record, "status": {"statusCode": "INACTIVE"}}}


def _make(aws: Clients, record: dict[str, Any], configuration: dict[str, Any], endpoint: str) -> None:
    """Security group, load balancer, certificate, listener, task definition, service and scaling."""
    name, container = gateway_name(record["serviceName"]), configuration["primaryContainer"]
    network = configuration.get("networkConfiguration") or {}
    subnets = network.get("subnets") or _default_subnets(aws)
    vpc = aws("ec2").describe_subnets(SubnetIds=subnets[:1])["Subnets"][0]["VpcId"]
    groups = network.get("securityGroups") or [
        aws("ec2").create_security_group(GroupName=name, Description="Made by ECS Express Mode", VpcId=vpc)[
            "GroupId"
        ]
    ]
    elb = aws("elbv2")
    balancer = elb.create_load_balancer(
        Name=name, Subnets=subnets, SecurityGroups=groups, Scheme="internet-facing"
    )["LoadBalancers"][0]
    port = container.get("containerPort", 80)
    target = elb.create_target_group(
        Name=name,
        Protocol="HTTP",
        Port=port,
        VpcId=vpc,
        TargetType="ip",
        HealthCheckPath=configuration["healthCheckPath"],
    )["TargetGroups"][0]["TargetGroupArn"]
    certificate = aws("acm").request_certificate(DomainName=endpoint)["CertificateArn"]
    elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": certificate}],
        DefaultActions=[{"Type": "forward", "TargetGroupArn": target}],
    )
    aws("ecs").create_service(
        cluster=record["cluster"],
        serviceName=record["serviceName"],
        taskDefinition=_task(aws, record["serviceName"], configuration),
        desiredCount=configuration["scalingTarget"]["minTaskCount"],
        launchType="FARGATE",
        loadBalancers=[{"targetGroupArn": target, "containerName": "Main", "containerPort": port}],
        networkConfiguration={"awsvpcConfiguration": {"subnets": subnets, "securityGroups": groups}},
        tags=record["tags"],
    )
    _scale(aws, record, configuration["scalingTarget"])


def _default_subnets(aws: Clients) -> list[str]:
    default = [{"Name": "default-for-az", "Values": ["true"]}]
    found = [one["SubnetId"] for one in aws("ec2").describe_subnets(Filters=default)["Subnets"]]
    if len(found) < 2:
        raise AwsError("InvalidParameterException", "The region has no default VPC with two subnets.")
    return found


def _task(aws: Clients, service: str, configuration: dict[str, Any]) -> str:
    container = configuration["primaryContainer"]
    definition = {
        "name": "Main",
        "image": container["image"],
        "essential": True,
        "portMappings": [{"containerPort": container.get("containerPort", 80)}],
        **{key: container[key] for key in ("command", "environment", "secrets") if key in container},
    }
    roles = {key: configuration[key] for key in ("executionRoleArn", "taskRoleArn") if key in configuration}
    made = aws("ecs").register_task_definition(
        family=gateway_name(service),
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu=configuration["cpu"],
        memory=configuration["memory"],
        containerDefinitions=[definition],
        **roles,
    )
    return str(made["taskDefinition"]["taskDefinitionArn"])


def _target(record: dict[str, Any]) -> dict[str, str]:
    return {
        "ServiceNamespace": "ecs",
        "ResourceId": f"service/{record['cluster']}/{record['serviceName']}",
        "ScalableDimension": "ecs:service:DesiredCount",
    }


def _scale(aws: Clients, record: dict[str, Any], scaling: dict[str, Any]) -> None:
    client = aws("application-autoscaling")
    client.register_scalable_target(
        **_target(record), MinCapacity=scaling["minTaskCount"], MaxCapacity=scaling["maxTaskCount"]
    )
    metric = {"PredefinedMetricType": _METRICS[scaling["autoScalingMetric"]]}
    client.put_scaling_policy(
        **_target(record),
        PolicyName=gateway_name(record["serviceName"]),
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": float(scaling["autoScalingTargetValue"]),
            "PredefinedMetricSpecification": metric,
        },
    )


def _unmake(aws: Clients, record: dict[str, Any]) -> None:
    name, elb = gateway_name(record["serviceName"]), aws("elbv2")
    client = aws("application-autoscaling")
    client.delete_scaling_policy(**_target(record), PolicyName=name)
    client.deregister_scalable_target(**_target(record))
    aws("ecs").delete_service(cluster=record["cluster"], service=record["serviceName"], force=True)
    balancer = elb.describe_load_balancers(Names=[name])["LoadBalancers"][0]
    listeners = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    for listener in listeners:
        elb.delete_listener(ListenerArn=listener["ListenerArn"])
        for one in listener.get("Certificates", ()):
            aws("acm").delete_certificate(CertificateArn=one["CertificateArn"])
    elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    target = elb.describe_target_groups(Names=[name])["TargetGroups"][0]
    elb.delete_target_group(TargetGroupArn=target["TargetGroupArn"])
    ours = [{"Name": "group-name", "Values": [name]}, {"Name": "vpc-id", "Values": [balancer["VpcId"]]}]
    for group in aws("ec2").describe_security_groups(Filters=ours)["SecurityGroups"]:
        aws("ec2").delete_security_group(GroupId=group["GroupId"])
