"""What AWS's resources are charged for by the sizes that they declare.

Defaults are those of the CloudFormation reference (docs.aws.amazon.com, November 2026).
"""

from __future__ import annotations

from collections.abc import Iterator

from dreamnet.cost.charges import Charge, Chargers
from dreamnet.resources.model import Resource

#: Older versions of Kubernetes are in extended support, at six times the price (1.34 from 2 December 2026).
EKS_STANDARD_FROM = (1, 35)
#: Health checks without an endpoint that someone else could host.
_OWN_CHECKS = ("CALCULATED", "CLOUDWATCH_METRIC", "RECOVERY_CONTROL")


def _eks(resource: Resource, running: float | None) -> Iterator[Charge]:
    version = str(resource.body.get("Version", ""))
    numbers = tuple(int(part) for part in version.split(".")) if version else EKS_STANDARD_FROM
    support = "standard" if numbers >= EKS_STANDARD_FROM else "extended"
    yield Charge(f"cluster {version}, {support} support", f"eks-cluster-{support}-hour", 1)


def _nodegroup(resource: Resource, running: float | None) -> Iterator[Charge]:
    body = resource.body
    declared = float(body.get("ScalingConfig", {}).get("DesiredSize", 1))
    nodes = declared if running is None else running
    machine = body.get("InstanceTypes", ["t3.medium"])[0]
    spot = "-spot" if body.get("CapacityType") == "SPOT" else ""
    yield Charge(f"node {machine}{spot.replace('-', ' ')}", f"ec2-{machine}{spot}-hour", nodes)
    yield Charge("node volume", "ebs-gp3-gb", nodes * float(body.get("DiskSize", 20)))


def _rds(resource: Resource, running: float | None) -> Iterator[Charge]:
    body = resource.body
    copies = 2 if body.get("MultiAZ") is True else 1
    size = body.get("DBInstanceClass", "")
    yield Charge(f"instance {size}", f"rds-{size}-hour", copies)
    yield Charge("storage", "rds-gp3-gb", copies * float(body.get("AllocatedStorage", 20)))


def _elasticache(resource: Resource, running: float | None) -> Iterator[Charge]:
    body = resource.body
    kind, engine = body.get("CacheNodeType", ""), body.get("Engine", "redis")
    shards = float(body.get("NumNodeGroups", 1))
    nodes = float(body.get("NumCacheClusters", shards * (1 + float(body.get("ReplicasPerNodeGroup", 0)))))
    yield Charge(f"{engine} node {kind}", f"elasticache-{engine}-{kind}-hour", nodes)


def _kinesis(resource: Resource, running: float | None) -> Iterator[Charge]:
    on_demand = resource.body.get("StreamModeDetails", {}).get("StreamMode") == "ON_DEMAND"
    if on_demand:
        yield Charge("stream on demand", "kinesis-stream-hour", 1)
    else:
        yield Charge("shards", "kinesis-shard-hour", float(resource.body.get("ShardCount", 1)))


def _dynamodb(resource: Resource, running: float | None) -> Iterator[Charge]:
    throughput = resource.body.get("ProvisionedThroughput")
    if throughput:
        yield Charge("read capacity", "dynamodb-rcu-hour", float(throughput["ReadCapacityUnits"]))
        yield Charge("write capacity", "dynamodb-wcu-hour", float(throughput["WriteCapacityUnits"]))


def _vpc_endpoint(resource: Resource, running: float | None) -> Iterator[Charge]:
    """Gateways (S3, DynamoDB) cost nothing; interfaces cost in every subnet."""
    if resource.body.get("VpcEndpointType", "Gateway") == "Interface":
        yield Charge("interface", "vpc-endpoint-hour", max(1, len(resource.body.get("SubnetIds", []))))


def _web_acl(resource: Resource, running: float | None) -> Iterator[Charge]:
    yield Charge("web ACL", "waf-acl-month", 1)
    yield Charge("rules", "waf-rule-month", len(resource.body.get("Rules", [])))


def _health_check(resource: Resource, running: float | None) -> Iterator[Charge]:
    config = resource.body.get("HealthCheckConfig", {})
    kind = config.get("Type", "")
    place = "aws" if kind in _OWN_CHECKS else "elsewhere"
    yield Charge("health check", f"route53-check-{place}-month", 1)
    features = (
        kind.startswith("HTTPS"),
        kind.endswith("STR_MATCH"),
        config.get("RequestInterval") == 10,
        config.get("MeasureLatency") is True,
    )
    if any(features):
        yield Charge("features of the check", f"route53-check-feature-{place}-month", sum(features))


def _secret(resource: Resource, running: float | None) -> Iterator[Charge]:
    yield Charge("secret", "secrets-manager-secret-month", 1 + len(resource.body.get("ReplicaRegions", [])))


def _alarm(resource: Resource, running: float | None) -> Iterator[Charge]:
    metrics = [metric for metric in resource.body.get("Metrics", []) if "MetricStat" in metric]
    fast = resource.body.get("Period", 60) < 60
    name = "cloudwatch-fast-alarm-month" if fast else "cloudwatch-alarm-month"
    yield Charge("alarm, by metric", name, max(1, len(metrics)))


def _express_service(resource: Resource, running: float | None) -> Iterator[Charge]:
    """Fargate tasks and the load balancer that comes with them. Defaults: one task of 1 vCPU and 2 GB."""
    body = resource.body
    tasks = float(body.get("ScalingTarget", {}).get("MinTaskCount", 1)) if running is None else running
    yield Charge("Fargate vCPUs", "fargate-vcpu-hour", tasks * float(body.get("Cpu", 1024)) / 1024)
    yield Charge("Fargate GB", "fargate-gb-hour", tasks * float(body.get("Memory", 2048)) / 1024)
    yield Charge("load balancer", "load-balancer-hour", 1)


def _notebook(resource: Resource, running: float | None) -> Iterator[Charge]:
    kind = resource.body.get("InstanceType", "")
    yield Charge(f"notebook {kind}", f"sagemaker-{kind}-hour", 1 if running is None else running)


CHARGERS: Chargers = {
    "AWS::EKS::Cluster": _eks,
    "AWS::EKS::Nodegroup": _nodegroup,
    "AWS::RDS::DBInstance": _rds,
    "AWS::ElastiCache::ReplicationGroup": _elasticache,
    "AWS::Kinesis::Stream": _kinesis,
    "AWS::DynamoDB::Table": _dynamodb,
    "AWS::EC2::VPCEndpoint": _vpc_endpoint,
    "AWS::WAFv2::WebACL": _web_acl,
    "AWS::Route53::HealthCheck": _health_check,
    "AWS::SecretsManager::Secret": _secret,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::ECS::ExpressGatewayService": _express_service,
    "AWS::SageMaker::NotebookInstance": _notebook,
}
