"""The AWS driver, boto3 and Lambda against the local AWS and its real engines."""

import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import gpu_agents
import psycopg
import pytest
from botocore.exceptions import ClientError

from dreamnet.clouds.aws import AwsAccount
from dreamnet.errors import CredentialsError, NotRehearsable, ResourceError
from dreamnet.kubernetes.connect import connect_eks
from dreamnet.resources.aws.driver import AwsDriver
from dreamnet.resources.model import Resource
from localcloud.engines import Engines
from localcloud.ports import free_port
from localcloud.state import State

pytestmark = pytest.mark.rehearsal
REGION, SECOND = "us-east-1", "us-west-2"
OIDC = {"type": "oidc", "name": "n"}


class Server:
    """`python -m localcloud.aws` as a process."""

    def __init__(self, directory, port):
        self.directory, self.port = directory, port
        self.process = None

    def start(self):
        command = [
            sys.executable,
            "-m",
            "localcloud.aws",
            "--state",
            str(self.directory),
            "--port",
            str(self.port),
        ]
        with open(self.directory / "aws.log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        wait(lambda: self.resources() is not None, 30, "the local AWS")

    def stop(self, number=signal.SIGTERM):
        os.kill(self.process.pid, number)
        self.process.wait(20)

    def resources(self):
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}/_rehearsal/resources", timeout=5
            ) as answer:
                return json.load(answer)
        except OSError:
            return None


def wait(condition, seconds=15.0, what="the condition"):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not come within {seconds} s"
        time.sleep(0.05)
    return found


def account_of(state, port, **changes):
    keys = state.credentials()
    arguments = {
        "account_id": keys.aws_account_id,
        "region": REGION,
        "second_region": SECOND,
        "access_key_id": keys.aws_access_key_id,
        "secret_access_key": keys.aws_secret_access_key,
        "endpoint_url": f"http://127.0.0.1:{port}",
    }
    return AwsAccount.from_keys(**{**arguments, **changes})


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    state = State(tmp_path_factory.mktemp("aws"))
    server = Server(state.dir, free_port())
    server.start()
    account = account_of(state, server.port)
    engines = Engines(state)
    yield SimpleNamespace(
        state=state, server=server, account=account, driver=AwsDriver(account), engines=engines
    )
    server.stop()
    for engine in engines.list():
        engines.delete(engine.name)


def declared(type_name, name, body, parent=REGION):
    return Resource(
        id=f"aws/{name}", cloud="aws", type=type_name, name=name, parent=parent, body=body, source="test:1"
    )


def quiet(text):
    """Progress that nobody reads."""


def make(cloud, type_name, name, body, parent=REGION):
    resource = declared(type_name, name, body, parent)
    assert cloud.driver.validate(resource) == []
    live = cloud.driver.read(resource)
    if live is None:
        live = cloud.driver.create(resource, "plan-1", quiet)
    assert live.owned
    assert cloud.driver.diff(resource, live) == []
    return resource, live


def role(cloud):
    return make(cloud, "AWS::IAM::Role", "a-role", {"AssumeRolePolicyDocument": {"Statement": []}})[1].body[
        "Arn"
    ]


def network(cloud):
    _, vpc = make(cloud, "AWS::EC2::VPC", "vpc", {"CidrBlock": "10.0.0.0/16"})
    return [
        make(
            cloud,
            "AWS::EC2::Subnet",
            f"subnet-{zone}",
            {
                "VpcId": vpc.body["VpcId"],
                "CidrBlock": f"10.0.{i}.0/24",
                "AvailabilityZone": f"{REGION}{zone}",
            },
        )[1].body["SubnetId"]
        for i, zone in enumerate("ab")
    ]


# -- one resource's life ----------------------------------------------------------------------------------


def test_create_change_and_delete(cloud):
    resource, live = make(cloud, "AWS::SQS::Queue", "life", {"QueueName": "life", "VisibilityTimeout": 5})
    longer = replace(resource, body={"QueueName": "life", "VisibilityTimeout": 9})
    changes = cloud.driver.diff(longer, live)
    assert [(c.path, c.before, c.after, c.replacement) for c in changes] == [
        ("/VisibilityTimeout", 5, 9, False)
    ]
    after = cloud.driver.update(longer, live, changes, "plan-2", quiet)
    assert cloud.driver.diff(longer, after) == []
    attributes = cloud.account.client("sqs").get_queue_attributes(
        QueueUrl=live.identifier, AttributeNames=["VisibilityTimeout"]
    )
    assert attributes["Attributes"]["VisibilityTimeout"] == "9"
    cloud.driver.delete(longer, after, "plan-3", quiet)
    assert cloud.driver.read(longer) is None
    cloud.driver.delete(longer, after, "plan-4", quiet)  # gone already: no error


def test_a_repeated_create_finds_the_first(cloud):
    resource, live = make(cloud, "AWS::EC2::VPC", "twice", {"CidrBlock": "10.9.0.0/16"})
    again = cloud.driver.create(resource, "plan-1", quiet)
    assert again.identifier == live.identifier


def test_a_fixed_property_means_replacement_and_aws_refuses_it(cloud):
    resource, live = make(cloud, "AWS::EC2::VPC", "fixed", {"CidrBlock": "10.8.0.0/16"})
    other = replace(resource, body={"CidrBlock": "10.7.0.0/16"})
    changes = cloud.driver.diff(other, live)
    assert [c.replacement for c in changes if c.path == "/CidrBlock"] == [True]
    with pytest.raises(ResourceError, match="createOnlyProperties"):
        cloud.driver.update(other, live, changes, "plan-5", quiet)


def test_what_somebody_else_made_is_not_ours(cloud):
    client = cloud.account.client("cloudcontrol")
    client.create_resource(TypeName="AWS::S3::Bucket", DesiredState=json.dumps({"BucketName": "of-others"}))
    resource = declared("AWS::S3::Bucket", "of-others", {})
    live = wait(lambda: cloud.driver.read(resource))
    assert not live.owned


def test_the_mark_goes_beside_other_tags_and_what_carries_it_undeclared_is_listed(cloud):
    declaration, live = make(cloud, "AWS::EC2::VPC", "marked", {"CidrBlock": "10.12.0.0/16"})
    other = replace(declaration, id="aws/other", name="other")
    assert cloud.driver.listing(other) == cloud.driver.listing(declaration)

    def undeclared(known):
        found = cloud.driver.undeclared([declaration, other], known)
        return live.identifier in [one.identifier for one in found]

    assert undeclared({"aws/other": None, declaration.id: None})
    assert not undeclared({"aws/other": None, declaration.id: live})
    assert not undeclared({"aws/other": None})  # it was not looked at, but is declared
    tags = [{"Key": "managed-by", "Value": "somebody"}, {"Key": "team", "Value": "dreams"}]
    patch = [{"op": "replace", "path": "/Tags", "value": tags}]
    cloud.account.client("cloudcontrol").update_resource(
        TypeName="AWS::EC2::VPC", Identifier=live.identifier, PatchDocument=json.dumps(patch)
    )
    wait(lambda: not cloud.driver.look_up(declaration, live.identifier).owned)
    theirs = cloud.driver.look_up(declaration, live.identifier)
    assert (theirs.owned, theirs.owner) == (False, "somebody")
    marked = cloud.driver.mark(declaration, theirs, "mark", quiet)
    assert marked.owned
    assert {"Key": "team", "Value": "dreams"} in marked.body["Tags"]
    assert cloud.driver.diff(declaration, marked) == []
    assert cloud.driver.listing(declared("AWS::EC2::Route", "route", {})) is None


def test_a_deletion_takes_what_is_inside_with_it(cloud):
    versions = {"VersioningConfiguration": {"Status": "Enabled"}}
    bucket, live = make(cloud, "AWS::S3::Bucket", "full-bucket", versions)
    s3 = cloud.account.client("s3")
    for number in range(3):
        s3.put_object(Bucket=live.identifier, Key=f"dream {number % 2}", Body=str(number).encode())
    s3.delete_object(Bucket=live.identifier, Key="dream 1")
    with pytest.raises(ClientError, match="BucketNotEmpty"):
        s3.delete_bucket(Bucket=live.identifier)
    cloud.driver.delete(bucket, live, "plan-5", quiet)
    assert cloud.driver.read(bucket) is None


def test_what_is_deleted_behind_our_back_is_gone(cloud):
    resource, _ = make(cloud, "AWS::S3::Bucket", "vanishing-bucket", {})
    cloud.account.client("s3").delete_bucket(Bucket="vanishing-bucket")
    assert cloud.driver.read(resource) is None


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"QueueName": "q", "Colour": "blue"}, "ValidationException"),
        ({"QueueName": "q", "Arn": "arn:x"}, "ValidationException"),
        ({"QueueName": "q", "DelaySeconds": "soon"}, "ValidationException"),
    ],
)
def test_a_wrong_model_is_refused(cloud, state, code):
    with pytest.raises(ClientError) as caught:
        cloud.account.client("cloudcontrol").create_resource(
            TypeName="AWS::SQS::Queue", DesiredState=json.dumps(state)
        )
    assert caught.value.response["Error"]["Code"] == code


def test_cloud_controls_own_errors(cloud):
    client = cloud.account.client("cloudcontrol")

    def code(operation, **arguments):
        with pytest.raises(ClientError) as caught:
            getattr(client, operation)(**arguments)
        return caught.value.response["Error"]["Code"]

    assert code("get_resource", TypeName="AWS::S3::Bukket", Identifier="b") == "TypeNotFoundException"
    assert code("get_resource", TypeName="AWS::S3::Bucket", Identifier="b") == "ResourceNotFoundException"
    assert code("list_resources", TypeName="AWS::IAM::Policy") == "UnsupportedActionException"
    assert code("list_resources", TypeName="AWS::EKS::Nodegroup") == "InvalidRequestException"
    assert code("get_resource_request_status", RequestToken="x") == "RequestTokenNotFoundException"
    first = json.dumps({"BucketName": "token-one"})
    client.create_resource(TypeName="AWS::S3::Bucket", DesiredState=first, ClientToken="T")
    again = client.create_resource(TypeName="AWS::S3::Bucket", DesiredState=first, ClientToken="T")
    other = json.dumps({"BucketName": "token-two"})
    assert (
        code("create_resource", TypeName="AWS::S3::Bucket", DesiredState=other, ClientToken="T")
        == "ClientTokenConflictException"
    )
    token = again["ProgressEvent"]["RequestToken"]
    wait(
        lambda: (
            client.get_resource_request_status(RequestToken=token)["ProgressEvent"]["OperationStatus"]
            == "SUCCESS"
        )
    )
    second = client.create_resource(TypeName="AWS::S3::Bucket", DesiredState=first)["ProgressEvent"][
        "RequestToken"
    ]
    event = wait(lambda: _ended(client, second))
    assert event["ErrorCode"] == "AlreadyExists"


def _ended(client, token):
    event = client.get_resource_request_status(RequestToken=token)["ProgressEvent"]
    return event if event["OperationStatus"] not in ("PENDING", "IN_PROGRESS") else None


def test_a_type_without_anything_behind_it_says_that_it_is_simulated(cloud):
    _, live = make(cloud, "AWS::EC2::NatGateway", "nat", {"SubnetId": network(cloud)[0]})
    assert live.identifier.startswith("nat-")
    backing = {one["identifier"]: one["backing"] for one in cloud.server.resources()}
    assert backing[live.identifier] == "simulated"


# -- who may call, and what is missing --------------------------------------------------------------------


def test_only_the_issued_keys_are_accepted(cloud):
    assert cloud.state.credentials().aws_account_id in cloud.account.check()
    for wrong in ({"secret_access_key": "x"}, {"access_key_id": "AKIAWRONG"}):
        account = account_of(cloud.state, cloud.server.port, **wrong)
        with pytest.raises(CredentialsError) as caught:
            account.check()
        assert cloud.state.credentials().aws_secret_access_key not in str(caught.value)
        with pytest.raises(CredentialsError):
            AwsDriver(account).read(declared("AWS::S3::Bucket", "b", {}))
    with pytest.raises(CredentialsError, match="belong to account"):
        account_of(cloud.state, cloud.server.port, account_id="1" * 12).check()


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("globalaccelerator", "list_byoip_cidrs", {}),
        (
            "pricing",
            "list_price_lists",
            {"ServiceCode": "AmazonEC2", "EffectiveDate": "2026-11-01T00:00:00Z", "CurrencyCode": "USD"},
        ),
        ("eks", "describe_identity_provider_config", {"clusterName": "c", "identityProviderConfig": OIDC}),
        ("elasticache", "test_failover", {"ReplicationGroupId": "a", "NodeGroupId": "0001"}),
        ("cloudformation", "create_stack", {"StackName": "s", "TemplateBody": "{}"}),
        ("comprehend", "detect_sentiment", {"Text": "t", "LanguageCode": "en"}),
        ("ce", "get_savings_plans_coverage", {"TimePeriod": {"Start": "2026-11-01", "End": "2026-11-02"}}),
    ],
)
def test_what_is_missing_says_so(cloud, service, operation, arguments):
    with pytest.raises(ClientError) as caught:
        getattr(cloud.account.client(service), operation)(**arguments)
    assert caught.value.response["Error"]["Code"] == "NotInRehearsal"


def test_the_driver_says_so_too(cloud):
    resource = declared(
        "AWS::RDS::DBInstance",
        "oracle",
        {
            "Engine": "mysql",
            "DBInstanceClass": "db.t4g.micro",
            "AllocatedStorage": "20",
            "MasterUsername": "u",
            "MasterUserPassword": "p" * 10,
        },
    )
    with pytest.raises(NotRehearsable):
        cloud.driver.create(resource, "plan-1", quiet)


def test_cost_explorer_answers_what_was_seeded(cloud):
    period = {"Start": "2026-11-01", "End": "2026-11-02"}
    total = {"UnblendedCost": {"Amount": "2.41", "Unit": "USD"}}
    seeded = {"ResultsByTime": [{"TimePeriod": period, "Total": total, "Groups": [], "Estimated": False}]}
    body = json.dumps({"account_id": cloud.account.account_id, "results": [seeded]}).encode()
    url = f"{cloud.account.endpoint_url}/moto-api/static/ce/cost-and-usage-results"
    urllib.request.urlopen(
        urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"}), timeout=10
    ).close()
    answer = cloud.account.client("ce").get_cost_and_usage(
        TimePeriod=period, Granularity="DAILY", Metrics=["UnblendedCost"]
    )
    assert answer["ResultsByTime"][0]["Total"] == total


# -- engines ----------------------------------------------------------------------------------------------


def two_nodes(cloud, subnets):
    body = {
        "ClusterName": "dreamnet",
        "NodegroupName": "nodes",
        "NodeRole": role(cloud),
        "Subnets": subnets,
        "InstanceTypes": ["t3.medium"],
        "ScalingConfig": {"MinSize": 0, "MaxSize": 3, "DesiredSize": 2},
    }
    return make(cloud, "AWS::EKS::Nodegroup", "nodes", body)


def test_eks_cluster_and_nodes_are_real(cloud):
    subnets = network(cloud)
    body = {"RoleArn": role(cloud), "Version": "1.35", "ResourcesVpcConfig": {"SubnetIds": subnets}}
    _, cluster = make(cloud, "AWS::EKS::Cluster", "dreamnet", body)
    shown = cloud.account.client("eks").describe_cluster(name="dreamnet")["cluster"]
    assert shown["status"] == "ACTIVE"
    assert shown["endpoint"] == cluster.body["Endpoint"]
    assert shown["certificateAuthority"]["data"] == cluster.body["CertificateAuthorityData"]
    group, live = two_nodes(cloud, subnets)
    assert nodes(cloud) == 2
    cloud.account.client("eks").update_nodegroup_config(
        clusterName="dreamnet", nodegroupName="nodes", scalingConfig={"desiredSize": 0}
    )
    assert nodes(cloud) == 0
    assert (
        cloud.driver.diff(group, cloud.driver.read(group)) == []
    )  # within its bounds: an autoscaler's doing
    cloud.account.client("eks").update_nodegroup_config(
        clusterName="dreamnet", nodegroupName="nodes", scalingConfig={"maxSize": 5, "desiredSize": 5}
    )
    assert nodes(cloud) == 5
    drifted = cloud.driver.read(group)
    changes = cloud.driver.diff(group, drifted)
    assert {(c.path, c.before, c.after) for c in changes} == {
        ("/ScalingConfig/MaxSize", 5, 3),
        ("/ScalingConfig/DesiredSize", 5, 2),
    }
    cloud.driver.update(group, drifted, changes, "plan-2", quiet)
    assert nodes(cloud) == 2
    assert live.identifier == "dreamnet/nodes"
    eks = cloud.account.client("eks")
    eks.update_cluster_version(name="dreamnet", version="1.36")
    wait(lambda: eks.describe_cluster(name="dreamnet")["cluster"]["status"] == "ACTIVE", 30, "the upgrade")
    assert kubernetes(cloud, "/version")["minor"] == "36"
    assert nodes(cloud) == 2


def test_a_node_group_with_bounds_grows_where_a_cluster_autoscaler_runs(cloud):
    subnets = network(cloud)
    body = {"RoleArn": role(cloud), "Version": "1.36", "ResourcesVpcConfig": {"SubnetIds": subnets}}
    make(cloud, "AWS::EKS::Cluster", "dreamnet", body)
    two_nodes(cloud, subnets)
    given = gpu_agents.declared("aws/eks-nodegroup-gpu")
    group, _ = make(
        cloud, "AWS::EKS::Nodegroup", "gpu", given | {"NodeRole": role(cloud), "Subnets": subnets[1:]}
    )
    cluster = connect_eks(cloud.account, "dreamnet", REGION)
    gpu_agents.deploy_agents(cluster, "eks-full")
    gpu_agents.until(lambda: gpu_agents.unschedulable(cluster, "dreamnet-agents"))
    assert cloud.driver.read(group).body["ScalingConfig"]["DesiredSize"] == 0  # EKS itself moves no group
    association = {"ClusterName": "dreamnet", "Namespace": "kube-system"}
    association |= {"ServiceAccount": "cluster-autoscaler", "RoleArn": role(cloud)}
    make(cloud, "AWS::EKS::PodIdentityAssociation", "cluster-autoscaler", association)
    node = gpu_agents.until(lambda: gpu_agents.node_of(cluster, "dreamnet-agents"))
    labels = node["metadata"]["labels"]
    assert labels["eks.amazonaws.com/nodegroup"] == "gpu"
    assert labels["eks.amazonaws.com/capacityType"] == "SPOT"
    assert labels["dreamnet/accelerator"] == "nvidia"
    assert labels["node.kubernetes.io/instance-type"] == "g4dn.xlarge"
    assert labels["topology.kubernetes.io/zone"] == f"{REGION}b"  # the zone of its only subnet
    assert node["spec"]["taints"] == [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]
    assert gpu_agents.unschedulable(cluster, "plain")  # wants a GPU, and tolerates nothing
    live = cloud.driver.read(group)
    assert live.body["ScalingConfig"] == {"MinSize": 0, "MaxSize": 1, "DesiredSize": 1}
    assert cloud.driver.diff(group, live) == []
    eks, where = cloud.account.client("eks"), {"clusterName": "dreamnet", "nodegroupName": "gpu"}
    with pytest.raises(ClientError, match="between minSize and maxSize"):
        eks.update_nodegroup_config(**where, scalingConfig={"minSize": 2, "maxSize": 3})
    cloud.driver.delete(group, live, "plan-1", quiet)
    gpu_agents.until(lambda: not cluster.items(cluster.kind("v1", "Node").path(None), "dreamnet/accelerator"))


def eks_token(account, cluster):
    """What `aws eks get-token` prints: a presigned GetCallerIdentity that names the cluster in a header."""
    import base64

    from botocore.signers import RequestSigner

    client = account.client("sts")
    signer = RequestSigner(
        client.meta.service_model.service_id,
        REGION,
        "sts",
        "v4",
        account.session.get_credentials(),
        account.session.events,
    )
    request = {
        "method": "GET",
        "url": f"https://sts.{REGION}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15",
        "body": {},
        "headers": {"x-k8s-aws-id": cluster},
        "context": {},
    }
    url = signer.generate_presigned_url(request, region_name=REGION, expires_in=60, operation_name="")
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def nodes(cloud):
    """How many nodes the cluster's own API shows."""
    return len(kubernetes(cloud, "/api/v1/nodes")["items"])


def kubernetes(cloud, path):
    """What the cluster's own API answers."""
    import ssl

    endpoint = cloud.account.client("eks").describe_cluster(name="dreamnet")["cluster"]["endpoint"]
    ca = cloud.state.engines / f"eks-{REGION}-dreamnet" / "ca.crt"
    headers = {"Authorization": f"Bearer {eks_token(cloud.account, 'dreamnet')}"}
    request = urllib.request.Request(f"{endpoint}{path}", headers=headers)
    context = ssl.create_default_context(cafile=str(ca))
    with urllib.request.urlopen(request, context=context, timeout=10) as answer:
        return json.load(answer)


def database_status(rds, name):
    return rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]["DBInstanceStatus"]


def dsn(live):
    endpoint = live.body["Endpoint"]
    return f"postgresql://dream:Secretpass1@{endpoint['Address']}:{endpoint['Port']}/dreamnet"


def test_rds_stops_starts_and_its_replica_is_promoted(cloud):
    body = {
        "Engine": "postgres",
        "DBInstanceClass": "db.t4g.micro",
        "AllocatedStorage": "20",
        "MasterUsername": "dream",
        "MasterUserPassword": "Secretpass1",
        "DBName": "dreamnet",
    }
    primary, live = make(cloud, "AWS::RDS::DBInstance", "primary", body)
    assert "Secretpass1" not in json.dumps(dict(live.body))
    with psycopg.connect(dsn(live)) as connection:
        connection.execute("create table t as select 42 as answer")
    source = f"arn:aws:rds:{REGION}:{cloud.account.account_id}:db:primary"
    replica_body = {"SourceDBInstanceIdentifier": source, "DBInstanceClass": "db.t4g.micro"}
    gone, gone_live = make(cloud, "AWS::RDS::DBInstance", "replica-of-a-day", replica_body, SECOND)
    cloud.driver.delete(gone, gone_live, "plan-8", quiet)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(dsn(gone_live), connect_timeout=2)
    _, replica = make(cloud, "AWS::RDS::DBInstance", "replica", replica_body, SECOND)
    with psycopg.connect(dsn(replica)) as connection:
        assert connection.execute("select pg_is_in_recovery()").fetchone() == (True,)

    rds = cloud.account.client("rds")
    rds.stop_db_instance(DBInstanceIdentifier="primary")
    wait(lambda: database_status(rds, "primary") == "stopped")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(dsn(live), connect_timeout=2)
    assert cloud.driver.diff(primary, cloud.driver.read(primary)) == []
    rds.start_db_instance(DBInstanceIdentifier="primary")
    wait(lambda: database_status(rds, "primary") == "available")

    second = cloud.account.client("rds", SECOND)
    second.promote_read_replica(DBInstanceIdentifier="replica")
    wait(lambda: database_status(second, "replica") == "available")
    with psycopg.connect(dsn(replica)) as connection:
        assert connection.execute("select pg_is_in_recovery()").fetchone() == (False,)
        connection.execute("insert into t values (43)")
    with psycopg.connect(dsn(live)) as connection:
        assert connection.execute("select count(*) from t").fetchone() == (1,)
    with pytest.raises(ClientError, match="not a read replica"):
        second.promote_read_replica(DBInstanceIdentifier="replica")


def test_elasticache_answers_on_its_endpoint(cloud):
    import socket

    body = {"ReplicationGroupDescription": "d", "Engine": "valkey", "CacheNodeType": "cache.t4g.micro"}
    resource, live = make(cloud, "AWS::ElastiCache::ReplicationGroup", "cache", body)
    address = live.body["PrimaryEndPoint"]["Address"], int(live.body["PrimaryEndPoint"]["Port"])
    with socket.create_connection(address, timeout=5) as connection:
        connection.sendall(b"PING\r\n")
        assert connection.recv(16) == b"+PONG\r\n"
    cloud.driver.delete(resource, live, "plan-9", quiet)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(address, timeout=2)


# -- events and functions ---------------------------------------------------------------------------------


def package(source, name="index.py"):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, source)
    return stream.getvalue()


def function(cloud, name, source, timeout=5):
    client = cloud.account.client("lambda")
    client.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="index.handler",
        Role=role(cloud),
        Timeout=timeout,
        Code={"ZipFile": package(source)},
        Environment={"Variables": {"GREETING": "hello"}},
    )
    return client


def test_an_event_becomes_a_record(cloud):
    from pathlib import Path

    source = Path(__file__).parents[2] / "functions" / "aws" / "dream_events" / "handler.py"
    make(cloud, "AWS::S3::Bucket", "function-code", {})
    cloud.account.client("s3").put_object(
        Bucket="function-code", Key="f.zip", Body=package(source.read_text(), "dream_events.py")
    )
    make(
        cloud,
        "AWS::DynamoDB::Table",
        "processed",
        {
            "KeySchema": [{"AttributeName": "event_id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "event_id", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
        },
    )
    _, queue = make(cloud, "AWS::SQS::Queue", "dream-events", {"QueueName": "dream-events"})
    make(cloud, "AWS::Events::EventBus", "dreams", {})
    rule = {
        "Name": "dreams",
        "EventBusName": "dreams",
        "EventPattern": {"source": ["dreamnet"]},
        "Targets": [{"Id": "queue", "Arn": queue.body["Arn"]}],
    }
    make(cloud, "AWS::Events::Rule", "rule", rule)
    make(
        cloud,
        "AWS::Lambda::Function",
        "dream-events",
        {
            "Role": role(cloud),
            "Runtime": "python3.12",
            "Handler": "dream_events.handler",
            "Timeout": 10,
            "Code": {"S3Bucket": "function-code", "S3Key": "f.zip"},
            "Environment": {"Variables": {"PROCESSED_TABLE": "processed"}},
        },
    )
    mapping = {
        "FunctionName": "dream-events",
        "EventSourceArn": queue.body["Arn"],
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }
    make(cloud, "AWS::Lambda::EventSourceMapping", "trigger", mapping)
    entry = {"Source": "dreamnet", "DetailType": "dream.created", "EventBusName": "dreams"}
    sent = cloud.account.client("events").put_events(
        Entries=[
            {**entry, "Detail": json.dumps({"dream": {"id": "d1"}})},
            {**entry, "Source": "someone-else", "Detail": "{}"},
        ]
    )
    table = cloud.account.client("dynamodb")
    items = wait(lambda: table.scan(TableName="processed")["Items"], 20, "the record")
    assert [item["event_id"]["S"] for item in items] == [sent["Entries"][0]["EventId"]]
    assert items[0]["dream_id"]["S"] == "d1"
    assert waiting(cloud, queue.identifier) == 0


def waiting(cloud, url):
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = cloud.account.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def test_a_function_runs_with_its_environment_and_log(cloud):
    source = (
        "import os\n"
        "def handler(event, context):\n"
        "    print('working')\n"
        "    return os.environ['GREETING'] + event['who']\n"
    )
    client = function(cloud, "greet", source)
    answer = client.invoke(FunctionName="greet", Payload=b'{"who": " you"}', LogType="Tail")
    assert json.load(answer["Payload"]) == "hello you"
    assert "FunctionError" not in answer
    import base64

    assert base64.b64decode(answer["LogResult"]) == b"working\n"


def test_failures_of_a_function_are_its_answer(cloud):
    client = function(cloud, "raises", "def handler(event, context):\n    raise ValueError('no dream')\n")
    answer = client.invoke(FunctionName="raises", Payload=b"{}")
    assert answer["FunctionError"] == "Unhandled"
    assert json.load(answer["Payload"])["errorType"] == "ValueError"
    client = function(
        cloud, "slow", "import time\ndef handler(event, context):\n    time.sleep(60)\n", timeout=1
    )
    started = time.monotonic()
    answer = client.invoke(FunctionName="slow", Payload=b"{}")
    assert "timed out after 1.00 seconds" in json.load(answer["Payload"])["errorMessage"]
    assert time.monotonic() - started < 10
    client = function(cloud, "crash", "import os\ndef handler(event, context):\n    os._exit(3)\n")
    assert json.load(client.invoke(FunctionName="crash")["Payload"])["errorType"] == "Runtime.ExitError"


def test_a_package_that_is_not_there_is_refused(cloud):
    make(cloud, "AWS::S3::Bucket", "empty-bucket", {})
    with pytest.raises(ClientError, match="NoSuchKey"):
        cloud.account.client("lambda").create_function(
            FunctionName="nothing",
            Runtime="python3.12",
            Handler="a.b",
            Role=role(cloud),
            Code={"S3Bucket": "empty-bucket", "S3Key": "none.zip"},
        )


def test_what_fails_again_and_again_ends_in_the_dead_letter_queue(cloud):
    _, dead = make(cloud, "AWS::SQS::Queue", "dead", {"QueueName": "dead"})
    policy = {"deadLetterTargetArn": dead.body["Arn"], "maxReceiveCount": 2}
    body = {"QueueName": "poison", "VisibilityTimeout": 1, "RedrivePolicy": policy}
    _, queue = make(cloud, "AWS::SQS::Queue", "poison", body)
    function(cloud, "poisoned", "def handler(event, context):\n    raise ValueError('always')\n")
    make(
        cloud,
        "AWS::Lambda::EventSourceMapping",
        "poison-trigger",
        {"FunctionName": "poisoned", "EventSourceArn": queue.body["Arn"]},
    )
    cloud.account.client("sqs").send_message(QueueUrl=queue.identifier, MessageBody="bad")
    wait(lambda: waiting(cloud, dead.identifier) == 1, 20, "the dead letter")


def wait_until_saved(cloud):
    snapshot, began = cloud.state.dir / "aws" / "snapshot.pickle", time.time()
    wait(lambda: snapshot.exists() and snapshot.stat().st_mtime > began, 20, "the snapshot")


# -- last: it is stopped and started ----------------------------------------------------------------------


def test_everything_is_there_again_after_a_restart(cloud):
    resource, live = make(cloud, "AWS::EC2::VPC", "kept", {"CidrBlock": "10.6.0.0/16"})
    queue, queue_live = make(cloud, "AWS::SQS::Queue", "kept-queue", {"QueueName": "kept-queue"})
    cloud.account.client("sqs").send_message(QueueUrl=queue_live.identifier, MessageBody="still here")
    accelerators = cloud.account.client("globalaccelerator", "us-west-2")
    kept = accelerators.create_accelerator(Name="kept", IdempotencyToken="t")["Accelerator"]["AcceleratorArn"]
    before = cloud.server.resources()
    cloud.server.stop()
    cloud.server.start()
    assert cloud.server.resources() == before
    assert accelerators.describe_accelerator(AcceleratorArn=kept)["Accelerator"]["Name"] == "kept"
    assert cloud.driver.read(resource).identifier == live.identifier
    assert cloud.driver.diff(queue, cloud.driver.read(queue)) == []
    message = cloud.account.client("sqs").receive_message(QueueUrl=queue_live.identifier)["Messages"][0]
    assert message["Body"] == "still here"
    assert (
        cloud.account.client("lambda").invoke(FunctionName="greet", Payload=b'{"who": "!"}')["StatusCode"]
        == 200
    )
    # After a kill too: what is some seconds old is on disk.
    other, _ = make(cloud, "AWS::EC2::VPC", "kept-too", {"CidrBlock": "10.5.0.0/16"})
    wait_until_saved(cloud)
    cloud.server.stop(signal.SIGKILL)
    cloud.server.start()
    assert cloud.driver.read(other) is not None
