"""AWS's foundation, networks, clusters and data on the local control plane: how they change, what is refused.

That all is created as declared and goes again is in test_type_lifecycle.py; what the engines behind it do
(PostgreSQL, Valkey, Kubernetes) in test_aws_server.py.
"""

import gzip
import json
import threading
import time
import urllib.error
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aws_server import REGION, quiet, wait
from aws_server import SECOND as SECOND_REGION
from botocore.exceptions import ClientError
from control_planes import StandIns

from dreamnet.clouds.aws import AwsAccount
from dreamnet.errors import ResourceError
from dreamnet.resources.apply import apply_plan
from dreamnet.resources.aws.driver import AwsDriver
from dreamnet.resources.catalogue import load_catalogue
from dreamnet.resources.model import Resource
from dreamnet.resources.plan import make_plan
from dreamnet.resources.references import Resolver
from localcloud.aws.registry import HANDLERS
from localcloud.aws.server import LocalAws
from localcloud.ports import free_port
from localcloud.state import State

pytestmark = pytest.mark.rehearsal
FOLDERS = ("aws/foundation", "aws/network", "aws/eks", "aws/data")

#: For each type that can change in place: one of its resources, a JSON pointer and another value.
CHANGES = [
    ("aws/key-data", "/Description", "other"),
    ("aws/key-alias-data", "/TargetKeyId", "another key"),
    ("aws/registry", "/ImageTagMutability", "MUTABLE"),
    ("aws/registry-replication", "/ReplicationConfiguration/Rules/0/RepositoryFilters/0/Filter", "other/"),
    ("aws/policy-media", "/PolicyDocument/Statement/0/Action", ["s3:GetObject"]),
    ("aws/role-backend", "/Description", "other"),
    ("aws/role-operator", "/Policies/0/PolicyDocument/Statement/0/Action", ["eks:DescribeUpdate"]),
    ("aws/oidc-github", "/ThumbprintList", ["0" * 40]),
    ("aws/vpc", "/EnableDnsHostnames", False),
    ("aws/subnet-second-a", "/MapPublicIpOnLaunch", False),
    ("aws/endpoint-s3", "/RouteTableIds", ["the private table"]),
    ("aws/warehouse-security-group", "/SecurityGroupIngress/0/CidrIp", "10.30.0.0/17"),
    ("aws/eks-cluster", "/UpgradePolicy/SupportType", "EXTENDED"),
    ("aws/eks-cluster-second", "/ResourcesVpcConfig/EndpointPublicAccess", False),
    ("aws/eks-nodegroup-spot", "/ScalingConfig/MaxSize", 6),
    ("aws/eks-nodegroup-gpu", "/Labels", {"dreamnet/accelerator": "t4"}),
    ("aws/eks-addon-coredns", "/ConfigurationValues", '{"replicaCount": 3}'),
    ("aws/access-delivery", "/AccessPolicies/0/AccessScope/Namespaces", ["dreamnet", "other"]),
    ("aws/pod-identity-api", "/RoleArn", "the agents' role"),
    ("aws/database", "/MaxAllocatedStorage", 200),
    ("aws/database-subnets", "/DBSubnetGroupDescription", "other"),
    ("aws/database-parameters", "/Parameters", {"rds.force_ssl": "0"}),
    ("aws/warehouse-namespace", "/LogExports", ["userlog"]),
    ("aws/warehouse", "/BaseCapacity", 8),
    ("aws/table-agent-state", "/DeletionProtectionEnabled", False),
    ("aws/table-sessions", "/TimeToLiveSpecification/AttributeName", "until"),
    ("aws/cache", "/ReplicationGroupDescription", "other"),
    ("aws/cache-subnets", "/Description", "other"),
    ("aws/bucket-media", "/LifecycleConfiguration/Rules/0/NoncurrentVersionExpiration/NoncurrentDays", 60),
    ("aws/bucket-policy-media", "/PolicyDocument/Statement/0/Sid", "Other"),
    ("aws/secret-session-key", "/Description", "other"),
    ("aws/queue-media", "/VisibilityTimeout", 60),
    ("aws/stream-activity", "/RetentionPeriodHours", 48),
    ("aws/delivery-activity", "/ExtendedS3DestinationConfiguration/BufferingHints/SizeInMBs", 32),
    ("aws/flink", "/RuntimeEnvironment", "ZEPPELIN-FLINK-2_0"),
    ("aws/lake-database", "/DatabaseInput/Description", "other"),
    ("aws/karpenter-spot", "/State", "DISABLED"),
    ("aws/queue-karpenter-policy", "/PolicyDocument/Statement/0/Sid", "Other"),
    ("aws/lattice", "/AuthType", "AWS_IAM"),
    ("aws/lattice-vpc", "/SecurityGroupIds", ["sg-0123456789abcdef0"]),
    ("aws/lake-table-activity", "/TableInput/Description", "other"),
]
#: Types that AWS changes in nothing but tags, or not at all.
FIXED = {
    "AWS::EC2::EIP",
    "AWS::EC2::InternetGateway",
    "AWS::EC2::NatGateway",
    "AWS::EC2::Route",
    "AWS::EC2::RouteTable",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::VPCGatewayAttachment",
    "AWS::EKS::FargateProfile",
    "AWS::Logs::LogGroup",
}


class Cloud:
    """The account, the catalogue and what was made of it."""

    def __init__(self, account):
        self.account = account
        self.catalogue = load_catalogue(Path(__file__).parents[2] / "infrastructure").select(FOLDERS)
        self.driver = AwsDriver(account)
        self.drivers = {"aws": self.driver}
        self.variables = {
            "aws.account_id": account.account_id,
            "aws.region": REGION,
            "aws.second_region": SECOND_REGION,
            "domain": "dreamnet.example",
        }
        self.needed = {}  # live resources that others refer to; tests leave what these refer to as it is

    def apply(self):
        secrets = {"database-password": "Secretpass1"}
        plan = make_plan(self.catalogue, self.drivers, self.variables)
        return apply_plan(plan, self.catalogue, self.drivers, self.variables, secrets, hear)

    def desired(self, resource_id):
        """The declaration with live outputs in place of its references."""

        def live(needed):
            if needed not in self.needed:
                self.needed[needed] = self.driver.read(self.desired(needed))
            return self.needed[needed]

        resolver = Resolver(self.variables, live, lambda name: "Secretpass1", strict=True)
        return resolver.resolve(self.catalogue[resource_id])

    def client(self, service, region=REGION):
        return self.account.client(service, region)


def hear(resource_id, text):
    """Progress that nobody reads."""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    state = State(tmp_path_factory.mktemp("aws"))
    server = LocalAws(state, free_port(), StandIns(state))
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    keys = state.credentials()
    account = AwsAccount.from_keys(
        account_id=keys.aws_account_id,
        region=REGION,
        second_region=SECOND_REGION,
        access_key_id=keys.aws_access_key_id,
        secret_access_key=keys.aws_secret_access_key,
        endpoint_url=server.url,
    )
    cloud = Cloud(account)
    report = cloud.apply()
    assert report.ok, report.markdown()
    yield cloud
    server.stop()
    thread.join(20)


def test_every_type_is_read_from_its_service(cloud):
    ours = [one for one in cloud.catalogue if any(folder in one.source for folder in FOLDERS)]
    assert {one.type for one in ours} <= HANDLERS.keys()
    changing = {cloud.catalogue[resource_id].type for resource_id, _, _ in CHANGES}
    assert {one.type for one in ours} == changing | FIXED


def changed(body, pointer, value):
    """The body with one value in another's place."""
    parts = pointer.removeprefix("/").split("/")
    copied = json.loads(json.dumps(dict(body)))
    inner = copied
    for part in parts[:-1]:
        inner = inner[int(part)] if part.isdigit() else inner.setdefault(part, {})
    inner[parts[-1]] = value
    return copied


def meant(cloud, value):
    """Values that name another resource."""
    outputs = {
        "the private table": ("aws/route-table-private", "RouteTableId"),
        "the agents' role": ("aws/role-agents", "Arn"),
    }
    if value == "another key":  # of the same region
        return cloud.client("kms").create_key()["KeyMetadata"]["KeyId"]
    if isinstance(value, list):
        return [meant(cloud, one) for one in value]
    if isinstance(value, str) and value in outputs:
        name, output = outputs[value]
        return cloud.driver.read(cloud.desired(name)).body[output]
    return value


@pytest.mark.parametrize(("resource_id", "pointer", "value"), CHANGES, ids=lambda one: str(one)[:40])
def test_each_type_changes_in_place_and_back(cloud, resource_id, pointer, value):
    desired = cloud.desired(resource_id)
    other = replace(desired, body=changed(desired.body, pointer, meant(cloud, value)))
    live = cloud.driver.read(desired)
    changes = cloud.driver.diff(other, live)
    assert len(changes) == 1
    assert not changes[0].replacement
    after = cloud.driver.update(other, live, changes, "plan-2", quiet)
    assert cloud.driver.diff(other, after) == []
    back = cloud.driver.diff(desired, after)  # nothing where the file doesn't say
    restored = cloud.driver.update(desired, after, back, "plan-3", quiet) if back else after
    assert cloud.driver.diff(desired, restored) == []


# -- what somebody changes through a service's own API ----------------------------------------------------


def bucket(cloud):
    return f"dreamnet-{cloud.account.account_id}-media"


def queue(cloud):
    return cloud.client("sqs").get_queue_url(QueueName="dreamnet-media")["QueueUrl"]


def role_tag(cloud):
    cloud.client("iam").untag_role(RoleName="dreamnet-backend", TagKeys=["dreamnet-id"])


def group(cloud):
    found = cloud.driver.read(cloud.desired("aws/warehouse-security-group"))
    rule = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    cloud.client("ec2").authorize_security_group_ingress(GroupId=found.identifier, IpPermissions=[rule])


def route(cloud):
    found = cloud.driver.read(cloud.desired("aws/route-nat")).body
    gateway = cloud.driver.read(cloud.desired("aws/internet-gateway")).identifier
    cloud.client("ec2").replace_route(
        RouteTableId=found["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway
    )


DRIFTS = {
    "queue": (
        "aws/queue-media",
        "/VisibilityTimeout",
        lambda cloud: cloud.client("sqs").set_queue_attributes(
            QueueUrl=queue(cloud), Attributes={"VisibilityTimeout": "7"}
        ),
    ),
    "queue's tags": (
        "aws/queue-media",
        "/Tags",
        lambda cloud: cloud.client("sqs").untag_queue(QueueUrl=queue(cloud), TagKeys=["managed-by"]),
    ),
    "bucket's tags": (
        "aws/bucket-media",
        "/Tags",
        lambda cloud: cloud.client("s3").put_bucket_tagging(
            Bucket=bucket(cloud), Tagging={"TagSet": [{"Key": "who", "Value": "somebody"}]}
        ),
    ),
    "bucket's public access": (
        "aws/bucket-media",
        "/PublicAccessBlockConfiguration",
        lambda cloud: cloud.client("s3").delete_public_access_block(Bucket=bucket(cloud)),
    ),
    "database": (
        "aws/database",
        "/BackupRetentionPeriod",
        lambda cloud: cloud.client("rds").modify_db_instance(
            DBInstanceIdentifier="dreamnet", BackupRetentionPeriod=1, ApplyImmediately=True
        ),
    ),
    "table": (
        "aws/table-agent-state",
        "/PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled",
        lambda cloud: cloud.client("dynamodb").update_continuous_backups(
            TableName="dreamnet-agent-state",
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False},
        ),
    ),
    "key": (
        "aws/key-data",
        "/EnableKeyRotation",
        lambda cloud: cloud.client("kms").disable_key_rotation(
            KeyId=cloud.driver.read(cloud.desired("aws/key-data")).identifier
        ),
    ),
    "role's policies": (
        "aws/role-backend",
        "/ManagedPolicyArns",
        lambda cloud: cloud.client("iam").attach_role_policy(
            RoleName="dreamnet-backend", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
        ),
    ),
    "role's tag": ("aws/role-backend", "/Tags", role_tag),
    "security group": ("aws/warehouse-security-group", "/SecurityGroupIngress", group),
    "route": ("aws/route-nat", "/NatGatewayId", route),
    "node group": (
        "aws/eks-nodegroup",
        "/ScalingConfig/MaxSize",
        lambda cloud: cloud.client("eks").update_nodegroup_config(
            clusterName="dreamnet", nodegroupName="default", scalingConfig={"maxSize": 9}
        ),
    ),
    "pod identity": (
        "aws/pod-identity-agents",
        "/RoleArn",
        lambda cloud: cloud.client("eks").update_pod_identity_association(
            clusterName="dreamnet",
            associationId=cloud.driver.read(cloud.desired("aws/pod-identity-agents")).body["AssociationId"],
            roleArn=f"arn:aws:iam::{cloud.account.account_id}:role/dreamnet-backend",
        ),
    ),
    "access entry": (
        "aws/access-delivery",
        "/AccessPolicies",
        lambda cloud: cloud.client("eks").disassociate_access_policy(
            clusterName="dreamnet",
            principalArn=f"arn:aws:iam::{cloud.account.account_id}:role/dreamnet-delivery",
            policyArn="arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy",
        ),
    ),
    "workgroup": (
        "aws/warehouse",
        "/MaxCapacity",
        lambda cloud: cloud.client("redshift-serverless").update_workgroup(
            workgroupName="dreamnet", maxCapacity=16
        ),
    ),
    "stream": (
        "aws/stream-activity",
        "/RetentionPeriodHours",
        lambda cloud: cloud.client("kinesis").increase_stream_retention_period(
            StreamName="dreamnet-activity", RetentionPeriodHours=30
        ),
    ),
    "secret": (
        "aws/secret-webhook-key",
        "/Description",
        lambda cloud: cloud.client("secretsmanager").update_secret(
            SecretId="dreamnet-webhook-key", Description="mine now"
        ),
    ),
    "cache": (
        "aws/cache",
        "/ReplicationGroupDescription",
        lambda cloud: cloud.client("elasticache").modify_replication_group(
            ReplicationGroupId="dreamnet", ReplicationGroupDescription="mine now"
        ),
    ),
}


@pytest.mark.parametrize("what", DRIFTS)
def test_a_change_behind_our_back_is_seen_and_undone(cloud, what):
    resource_id, pointer, change = DRIFTS[what]
    change(cloud)
    desired = cloud.desired(resource_id)
    live = cloud.driver.read(desired)
    changes = cloud.driver.diff(desired, live)
    assert changes
    assert all(one.path.startswith(pointer) for one in changes)
    after = cloud.driver.update(desired, live, changes, f"undo-{what}", quiet)
    assert cloud.driver.diff(desired, after) == []


# -- EKS --------------------------------------------------------------------------------------------------


def refusal(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def test_eks_shows_what_cloud_control_made(cloud):
    eks = cloud.client("eks")
    assert "vpc-cni" in eks.list_addons(clusterName="dreamnet")["addons"]
    addon = eks.describe_addon(clusterName="dreamnet", addonName="aws-ebs-csi-driver")["addon"]
    assert addon["status"] == "ACTIVE"
    associations = eks.list_pod_identity_associations(clusterName="dreamnet", namespace="kube-system")
    owned = [one for one in associations["associations"] if one.get("ownerArn") == addon["addonArn"]]
    assert [one["associationArn"] for one in owned] == addon["podIdentityAssociations"]
    entries = eks.list_access_entries(clusterName="dreamnet")["accessEntries"]
    root = f"arn:aws:iam::{cloud.account.account_id}:root"  # whoever made the cluster
    assert {entry.rsplit("/", 1)[-1] for entry in entries} == {root, "dreamnet-operator", "dreamnet-delivery"}
    profile = eks.describe_fargate_profile(clusterName="dreamnet", fargateProfileName="worker")
    assert profile["fargateProfile"]["selectors"] == [
        {"namespace": "prefect", "labels": {"app": "prefect-worker"}}
    ]
    shown = eks.describe_cluster(name="dreamnet")["cluster"]
    assert shown["accessConfig"] == {"authenticationMode": "API"}


def test_an_addon_without_nodes_is_degraded_until_there_are_some(cloud):
    eks = cloud.client("eks", SECOND_REGION)

    def coredns():
        return eks.describe_addon(clusterName="dreamnet", addonName="coredns")["addon"]

    def scale(size):
        scaling = {"minSize": min(size, 1), "desiredSize": size}
        eks.update_nodegroup_config(clusterName="dreamnet", nodegroupName="default", scalingConfig=scaling)

    scale(0)
    assert coredns()["status"] == "DEGRADED"
    assert coredns()["health"]["issues"][0]["code"] == "InsufficientNumberOfReplicas"
    network = eks.describe_addon(clusterName="dreamnet", addonName="vpc-cni")["addon"]
    assert network["status"] == "ACTIVE"  # a DaemonSet: nothing is missing where there is no node
    scale(1)
    assert coredns()["status"] == "ACTIVE"


def test_a_cluster_is_upgraded_a_minor_at_a_time(cloud):
    eks, where = cloud.client("eks", SECOND_REGION), {"name": "dreamnet"}
    desired = cloud.desired("aws/eks-cluster-second")
    for version, code in (("1.34", "InvalidParameterException"), ("1.99", "InvalidParameterException")):
        assert refusal(eks.update_cluster_version, **where, version=version) == code
    newer = replace(desired, body={**desired.body, "Version": "1.36"})
    live = cloud.driver.read(desired)
    live = cloud.driver.update(newer, live, cloud.driver.diff(newer, live), "upgrade", quiet)
    assert live.body["Version"] == "1.36"
    update = eks.list_updates(**where)["updateIds"][-1]
    assert eks.describe_update(**where, updateId=update)["update"]["status"] == "Successful"
    group = {"clusterName": "dreamnet", "nodegroupName": "default"}
    assert eks.describe_nodegroup(**group)["nodegroup"]["version"] == "1.35"  # nodes follow when asked to
    eks.update_nodegroup_version(**group)
    assert eks.describe_nodegroup(**group)["nodegroup"]["version"] == "1.36"


@pytest.mark.parametrize(
    ("operation", "arguments", "code"),
    [
        ("create_addon", {"addonName": "no-such-addon"}, "InvalidParameterException"),
        ("create_addon", {"addonName": "vpc-cni"}, "ResourceInUseException"),
        ("create_addon", {"addonName": "adot", "addonVersion": "v0"}, "InvalidParameterException"),
        ("describe_addon", {"addonName": "adot"}, "ResourceNotFoundException"),
        (
            "create_pod_identity_association",
            {"namespace": "dreamnet", "serviceAccount": "dreamnet-api", "roleArn": "arn:aws:iam::1:role/x"},
            "ResourceInUseException",
        ),
        (
            "create_pod_identity_association",
            {"namespace": "dreamnet", "serviceAccount": "new", "roleArn": "arn:aws:iam::1:role/none"},
            "InvalidParameterException",
        ),
        ("create_access_entry", {"principalArn": "arn:aws:iam::1:role/none"}, "InvalidParameterException"),
        ("create_capability", {"capabilityName": "a", "type": "ACK", "roleArn": "r"}, "NotInRehearsal"),
    ],
)
def test_what_eks_refuses(cloud, operation, arguments, code):
    if operation == "create_capability":
        arguments = {**arguments, "deletePropagationPolicy": "RETAIN"}
    call = getattr(cloud.client("eks"), operation)
    assert refusal(call, clusterName="dreamnet", **arguments) == code


def test_fargate_wants_private_subnets(cloud):
    eks = cloud.client("eks")
    public = cloud.driver.read(cloud.desired("aws/subnet-a")).identifier
    with pytest.raises(ClientError, match="is not a private subnet"):
        eks.create_fargate_profile(
            clusterName="dreamnet",
            fargateProfileName="public",
            podExecutionRoleArn=cloud.driver.read(cloud.desired("aws/eks-fargate-role")).body["Arn"],
            subnets=[public],
            selectors=[{"namespace": "x"}],
        )


def test_a_protected_cluster_is_not_deleted(cloud):
    eks = cloud.client("eks")
    eks.update_cluster_config(name="dreamnet", deletionProtection=True)
    assert refusal(eks.delete_cluster, name="dreamnet") == "InvalidRequestException"
    eks.update_cluster_config(name="dreamnet", deletionProtection=False)


# -- data -------------------------------------------------------------------------------------------------


def test_a_global_table_holds_the_same_items_in_both_regions(cloud):
    here, there = cloud.client("dynamodb"), cloud.client("dynamodb", SECOND_REGION)
    item = {"session_id": {"S": "s1"}, "who": {"S": "a dreamer"}}
    here.put_item(TableName="dreamnet-sessions", Item=item)
    key = {"session_id": item["session_id"]}
    assert there.get_item(TableName="dreamnet-sessions", Key=key)["Item"] == item
    there.delete_item(TableName="dreamnet-sessions", Key=key)
    assert "Item" not in here.get_item(TableName="dreamnet-sessions", Key=key)
    shown = there.describe_table(TableName="dreamnet-sessions")["Table"]
    assert [one["RegionName"] for one in shown["Replicas"]] == [REGION]
    assert f":{SECOND_REGION}:" in shown["TableArn"]


def test_media_arrive_in_the_second_region(cloud):
    s3, copies = cloud.client("s3"), f"{bucket(cloud)}-second"
    s3.put_object(Bucket=bucket(cloud), Key="a/dream.png", Body=b"picture", Metadata={"dream": "1"})

    def copied():
        found = s3.list_objects_v2(Bucket=copies).get("Contents", [])
        return [(one["Key"], one["StorageClass"]) for one in found]

    wait(lambda: copied() == [("a/dream.png", "STANDARD_IA")])
    arrived = s3.get_object(Bucket=copies, Key="a/dream.png")
    assert (arrived["Body"].read(), arrived["Metadata"]) == (b"picture", {"dream": "1"})
    s3.delete_object(Bucket=bucket(cloud), Key="a/dream.png")
    wait(lambda: copied() == [])
    for name in (bucket(cloud), copies):
        versions = s3.list_object_versions(Bucket=name)
        for one in [*versions.get("Versions", []), *versions.get("DeleteMarkers", [])]:
            s3.delete_object(Bucket=name, Key=one["Key"], VersionId=one["VersionId"])


def test_what_people_do_arrives_in_the_lake(cloud):
    kinesis, s3 = cloud.client("kinesis"), cloud.client("s3")
    lake = f"dreamnet-{cloud.account.account_id}-lake"
    lines = [json.dumps({"event_id": str(n)}).encode() + b"\n" for n in range(3)]
    records = [{"Data": line, "PartitionKey": str(n)} for n, line in enumerate(lines)]
    kinesis.put_records(StreamName="dreamnet-activity", Records=records)

    def arrived():
        found = s3.list_objects_v2(Bucket=lake, Prefix=f"activity/day={datetime.now(UTC):%Y-%m-%d}/")
        return [one["Key"] for one in found.get("Contents", [])]

    def lines_there():
        contents = (s3.get_object(Bucket=lake, Key=key)["Body"].read() for key in arrived())
        return sorted(line for content in contents for line in gzip.decompress(content).splitlines(True))

    wait(lambda: lines_there() == lines)
    for key in arrived():
        assert key.endswith(".gz")
        s3.delete_object(Bucket=lake, Key=key)


def test_redshift_serverless_shows_and_refuses_as_redshift_does(cloud):
    client = cloud.client("redshift-serverless")
    group = client.get_workgroup(workgroupName="dreamnet")["workgroup"]
    assert (group["status"], group["baseCapacity"], group["endpoint"]["port"]) == ("AVAILABLE", 4, 5439)
    assert refusal(client.delete_namespace, namespaceName="dreamnet") == "ConflictException"
    code = refusal(client.update_workgroup, workgroupName="dreamnet", baseCapacity=5)
    assert code == "ValidationException"
    subnets = {"subnetIds": group["subnetIds"][:2]}
    assert refusal(client.update_workgroup, workgroupName="dreamnet", **subnets) == "ValidationException"
    assert refusal(client.get_workgroup, workgroupName="none") == "ResourceNotFoundException"
    assert refusal(client.create_usage_limit, resourceArn="a", usageType="x", amount=1) == "NotInRehearsal"


def test_a_secret_is_made_by_aws_and_copied(cloud):
    here = cloud.client("secretsmanager").get_secret_value(SecretId="dreamnet-session-key")
    there = cloud.client("secretsmanager", SECOND_REGION).get_secret_value(SecretId="dreamnet-session-key")
    assert len(here["SecretString"]) == 64
    assert there["SecretString"] == here["SecretString"]
    shown = cloud.driver.read(cloud.desired("aws/secret-session-key")).body
    assert "SecretString" not in shown


# -- what goes wrong on request ---------------------------------------------------------------------------


@pytest.fixture
def faults(cloud):
    """Asks for a fault; forgets all afterwards."""
    url = f"{cloud.account.endpoint_url}/_rehearsal/faults"

    def send(method, fault=None):
        data = json.dumps(fault).encode() if fault else None
        request = urllib.request.Request(url, data=data, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    yield lambda **fault: send("POST", fault)
    send("DELETE")


def made(cloud, name):
    """A queue, declared and created."""
    body = {"QueueName": name, "VisibilityTimeout": 5}
    resource = Resource(f"aws/{name}", "aws", "AWS::SQS::Queue", name, REGION, body, source="test:1")
    return resource, cloud.driver.create(resource, f"plan-{name}", quiet)


def test_a_throttled_call_is_repeated(cloud, faults):
    faults(operation="cloudcontrolapi:CreateResource", code="ThrottlingException", times=2)
    faults(operation="sqs:CreateQueue", code="ThrottlingException", times=1)
    resource, live = made(cloud, "throttled")
    assert faults(operation="sqs:Never", code="X")[0]["operation"] == "sqs:Never"  # the others are used up
    cloud.driver.delete(resource, live, "gone", quiet)


def test_a_request_that_fails_is_made_again(cloud, faults):
    faults(operation="cloudcontrolapi:*", type="AWS::SQS::*", request=True, code="NotStabilized", times=1)
    resource, live = made(cloud, "unstable")
    cloud.driver.delete(resource, live, "gone", quiet)


def test_what_was_half_made_is_found_again(cloud, faults):
    faults(
        operation="cloudcontrolapi:CreateResource",
        type="AWS::SQS::Queue",
        request=True,
        made=True,
        code="GeneralServiceException",
        times=1,
    )
    with pytest.raises(ResourceError, match="GeneralServiceException"):
        made(cloud, "half")
    resource, live = made(cloud, "half")
    assert live.owned
    assert cloud.driver.diff(resource, live) == []
    cloud.driver.delete(resource, live, "gone", quiet)


def test_a_slow_request_goes_on(cloud, faults):
    faults(operation="cloudcontrolapi:CreateResource", request=True, seconds=0.7, times=1)
    began = time.monotonic()
    resource, live = made(cloud, "slow")
    assert time.monotonic() - began > 0.7
    cloud.driver.delete(resource, live, "gone", quiet)


@pytest.mark.parametrize(
    "fault", [{"operation": "create"}, {"operation": "a:b", "colour": 1}, {"operation": "a:b", "made": True}]
)
def test_what_is_no_fault_is_refused(faults, fault):
    with pytest.raises(urllib.error.HTTPError) as caught:
        faults(**fault)
    assert caught.value.code == 400
