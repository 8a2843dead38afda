"""Everything declared for AWS's services, global edge and costs, at work on the local AWS.

That all is created as declared and goes again is in test_type_lifecycle.py.
"""

import json
import re
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from aws_server import REGION, SECOND, local_aws, quiet, wait
from botocore.exceptions import ClientError

from dreamnet.events.delivery import Delivery, code_versions
from dreamnet.resources.apply import apply_plan
from dreamnet.resources.catalogue import load_catalogue
from dreamnet.resources.plan import make_plan
from dreamnet.resources.references import Resolver

pytestmark = pytest.mark.rehearsal
ROOT = Path(__file__).parents[2]
FOLDERS = ("aws/services", "aws/global", "aws/costs")

#: One change in place for each type that can change, as JSON pointer and new value.
CHANGES = {
    "AWS::ApiGatewayV2::Api": ("/Description", "other"),
    "AWS::ApiGatewayV2::Integration": ("/TimeoutInMillis", 5000),
    "AWS::ApiGatewayV2::Route": ("/OperationName", "other"),
    "AWS::ApiGatewayV2::Stage": ("/Description", "other"),
    "AWS::BCMDataExports::Export": ("/Export/Description", "other"),
    "AWS::Budgets::Budget": ("/Budget/BudgetLimit/Amount", 120),
    "AWS::CE::AnomalyMonitor": ("/MonitorName", "other"),
    "AWS::CE::AnomalySubscription": ("/Frequency", "WEEKLY"),
    "AWS::CloudFront::CachePolicy": ("/CachePolicyConfig/Comment", "other"),
    "AWS::CloudFront::Distribution": ("/DistributionConfig/PriceClass", "PriceClass_200"),
    "AWS::CloudFront::OriginAccessControl": ("/OriginAccessControlConfig/Description", "other"),
    "AWS::CloudFront::OriginRequestPolicy": ("/OriginRequestPolicyConfig/Comment", "other"),
    "AWS::CloudFront::ResponseHeadersPolicy": ("/ResponseHeadersPolicyConfig/Comment", "other"),
    "AWS::CloudTrail::Trail": ("/IsMultiRegionTrail", False),
    "AWS::CloudWatch::Alarm": ("/Threshold", 7),
    "AWS::CloudWatch::CompositeAlarm": ("/AlarmDescription", "other"),
    "AWS::Comprehend::Flywheel": ("/DataAccessRoleArn", "arn:aws:iam::123456789012:role/other"),
    "AWS::ECS::Cluster": ("/CapacityProviders", ["FARGATE"]),
    "AWS::CloudWatch::Dashboard": ("/DashboardBody", '{"widgets": []}'),
    "AWS::Events::Rule": ("/State", "DISABLED"),
    "AWS::Lambda::EventSourceMapping": ("/BatchSize", 5),
    "AWS::Lambda::Function": ("/MemorySize", 512),
    "AWS::Logs::LogGroup": ("/RetentionInDays", 30),
    "AWS::SNS::Topic": ("/DisplayName", "other"),
    "AWS::EventSchemas::Registry": ("/Description", "other"),
    "AWS::EventSchemas::Schema": ("/Content", '{"type": "object"}'),
    "AWS::Events::Archive": ("/RetentionDays", 7),
    "AWS::GlobalAccelerator::Accelerator": ("/Enabled", False),
    "AWS::GlobalAccelerator::EndpointGroup": ("/TrafficDialPercentage", 50),
    "AWS::GlobalAccelerator::Listener": ("/ClientAffinity", "SOURCE_IP"),
    "AWS::Logs::MetricFilter": ("/FilterPattern", "other"),
    "AWS::Route53::HealthCheck": ("/HealthCheckConfig/FailureThreshold", 5),
    "AWS::Route53::HostedZone": ("/HostedZoneConfig/Comment", "other"),
    "AWS::Route53::RecordSet": ("/TTL", "60"),
    "AWS::SNS::Subscription": ("/FilterPolicy", {"kind": ["alarm"]}),
    "AWS::SageMaker::NotebookInstance": ("/VolumeSizeInGB", 10),
    "AWS::SageMaker::Pipeline": ("/PipelineDescription", "other"),
    "AWS::Scheduler::Schedule": ("/Description", "other"),
    "AWS::WAFv2::WebACL": ("/Description", "other"),
    "AWS::XRay::Group": ("/FilterExpression", "fault = true"),
    "AWS::XRay::SamplingRule": ("/SamplingRule/FixedRate", 0.5),
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with local_aws(tmp_path_factory.mktemp("aws")) as running:
        running.catalogue = load_catalogue(ROOT / "infrastructure").select(FOLDERS)
        running.variables = {
            "aws.account_id": running.account.account_id,
            "aws.region": REGION,
            "aws.second_region": SECOND,
            "domain": "dreamnet.example",
            "image": "dreamnet:1",
            "operator.email": "operator@dreamnet.example",
            **code_versions(),
        }
        running.drivers = {"aws": running.driver}
        running.needed = {}  # live resources that others refer to
        yield running


def hear(resource_id, text):
    """Progress that nobody reads."""


@pytest.fixture(scope="module")
def built(cloud):
    """The whole selection, applied once."""
    deliver = Delivery(None, cloud.account)
    plan = make_plan(cloud.catalogue, cloud.drivers, cloud.variables)
    report = apply_plan(plan, cloud.catalogue, cloud.drivers, cloud.variables, {}, hear, 16, deliver=deliver)
    assert report.ok, report.markdown()
    return cloud


def resolved(cloud, resource):
    """The declaration with live outputs in place of its references."""

    def live(resource_id):
        if resource_id not in cloud.needed:
            cloud.needed[resource_id] = cloud.driver.read(resolved(cloud, cloud.catalogue[resource_id]))
        return cloud.needed[resource_id]

    return Resolver(cloud.variables, live, strict=True).resolve(resource)


def one_of_each(cloud):
    """A resource of each type that is declared in these folders."""
    found = {}
    for resource in cloud.catalogue:
        if resource.source.startswith(tuple(f"infrastructure/{folder}" for folder in FOLDERS)) or any(
            folder in resource.source for folder in FOLDERS
        ):
            found.setdefault(resource.type, resource)
    return found


def changed(body, pointer, value):
    """The body with one value in another's place."""
    first, _, rest = pointer.removeprefix("/").partition("/")
    inner = changed(body.get(first, {}), f"/{rest}", value) if rest else value
    return {**body, first: inner}


def test_nothing_is_made_of_thin_air(built):
    """Every type of these folders has a handler: its service's own API shows it."""
    from localcloud.aws.registry import HANDLERS

    assert set(one_of_each(built)) <= set(HANDLERS)


def change_and_back(cloud, kind):
    """What is wrong with a type that does not change in place; nothing if it does."""
    pointer, value = CHANGES[kind]
    resource = resolved(cloud, one_of_each(cloud)[kind])
    before = cloud.driver.read(resource)
    other = replace(resource, body=changed(resource.body, pointer, value))
    differences = cloud.driver.diff(other, before)
    if not differences or any(one.replacement for one in differences):
        return f"{kind}: {differences}"
    after = cloud.driver.update(other, before, differences, f"other-{kind}", quiet)
    back = cloud.driver.diff(resource, after)
    if cloud.driver.diff(other, after):
        return f"{kind}: {after.body}"
    live = cloud.driver.update(resource, after, back, f"back-{kind}", quiet) if back else after
    return "".join(f"{kind}: {one}" for one in cloud.driver.diff(resource, live))


def test_each_type_changes_in_place_and_back(built):
    with ThreadPoolExecutor(8) as pool:
        wrong = pool.map(lambda kind: change_and_back(built, kind), CHANGES)
    assert [text for text in wrong if text] == []


def test_every_tag_is_read_from_its_service(built):
    """Whatever carries our mark loses it when a tag is taken off by hand, and drift can say so."""
    client, name = built.account.client("sagemaker"), "dreamnet-moods"
    arn = client.describe_model_package_group(ModelPackageGroupName=name)["ModelPackageGroupArn"]
    resource = resolved(built, built.catalogue["aws/sagemaker-models"])
    live = built.driver.read(resource)
    client.delete_tags(ResourceArn=arn, TagKeys=["managed-by"])
    found = built.driver.read(resource)
    assert (live.owned, found.owned) == (True, False)
    client.add_tags(ResourceArn=arn, Tags=[{"Key": "managed-by", "Value": "dreamnet-gameplan"}])
    assert built.driver.read(resource).owned


def test_a_fixed_property_means_replacement(built):
    route = resolved(built, built.catalogue["aws/api-route-health"])
    other = replace(route, body={**route.body, "ApiId": "elsewhere"})
    assert [one.replacement for one in built.driver.diff(other, built.driver.read(route))] == [True]


def untag(built, resource, live):
    """Take our tags off through the service's own API."""
    client, keys = built.account.client, ["dreamnet-id", "managed-by"]
    arn = f"arn:aws:apigateway:{REGION}::/apis/{live.body.get('ApiId')}"
    if resource.type == "AWS::ApiGatewayV2::Stage":
        client("apigatewayv2").untag_resource(ResourceArn=f"{arn}/stages/$default", TagKeys=keys)
    elif resource.type == "AWS::ApiGatewayV2::Api":
        client("apigatewayv2").untag_resource(ResourceArn=arn, TagKeys=keys)
    elif resource.type == "AWS::GlobalAccelerator::Accelerator":
        client("globalaccelerator").untag_resource(ResourceArn=live.identifier, TagKeys=keys)
    elif resource.type == "AWS::XRay::Group":
        client("xray").untag_resource(ResourceARN=live.identifier, TagKeys=keys)
    else:
        client("schemas").untag_resource(ResourceArn=live.identifier, TagKeys=keys)


@pytest.mark.parametrize(
    "resource_id", ["aws/api-stage", "aws/api", "aws/accelerator", "aws/trace-group", "aws/event-registry"]
)
def test_without_its_tag_it_is_found_by_its_name_and_is_not_ours(built, resource_id):
    resource = resolved(built, built.catalogue[resource_id])
    live = built.driver.read(resource)
    assert live.owned
    untag(built, resource, live)
    found = built.driver.read(resource)
    assert (found.identifier, found.owned) == (live.identifier, False)
    marks = [one for one in built.driver.diff(resource, found) if re.match("/(Resource)?Tags", one.path)]
    assert marks
    again = built.driver.update(resource, found, marks, f"mark-{resource_id}", quiet)
    assert again.owned
    assert built.driver.diff(resource, again) == []


def test_what_hangs_together_goes_in_order(built):
    client = built.account.client("globalaccelerator")
    live = built.driver.read(resolved(built, built.catalogue["aws/accelerator"]))
    with pytest.raises(ClientError, match="AcceleratorNotDisabledException"):
        client.delete_accelerator(AcceleratorArn=live.identifier)
    client.update_accelerator(AcceleratorArn=live.identifier, Enabled=False)
    with pytest.raises(ClientError, match="AssociatedListenerFoundException"):
        client.delete_accelerator(AcceleratorArn=live.identifier)
    client.update_accelerator(AcceleratorArn=live.identifier, Enabled=True)


def test_the_container_service_is_what_ecs_and_elb_show(built):
    live = built.driver.read(resolved(built, built.catalogue["aws/container-service"]))
    balancer = live.body["ECSManagedResourceArns"]["IngressPath"]["LoadBalancerArn"]
    found = built.account.client("elbv2").describe_load_balancers(LoadBalancerArns=[balancer])
    assert found["LoadBalancers"][0]["Scheme"] == "internet-facing"
    service = built.account.client("ecs").describe_services(cluster="dreamnet", services=["dreamnet"])
    assert service["services"][0]["launchType"] == "FARGATE"
    targets = built.account.client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="ecs", ResourceIds=["service/dreamnet/dreamnet"]
    )["ScalableTargets"]
    assert [(one["MinCapacity"], one["MaxCapacity"]) for one in targets] == [(1, 100)]


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("comprehend", "detect_sentiment", {"Text": "t", "LanguageCode": "en"}),
        (
            "comprehend",
            "start_flywheel_iteration",
            {"FlywheelArn": "arn:aws:comprehend:us-east-1:1:flywheel/x"},
        ),
        ("rekognition", "detect_labels", {"Image": {"Bytes": b"x"}}),
        ("textract", "detect_document_text", {"Document": {"Bytes": b"x"}}),
        ("sagemaker", "start_pipeline_execution", {"PipelineName": "dreamnet-moods"}),
        ("ecs", "run_task", {"taskDefinition": "ecs-express-dreamnet"}),
        ("route53", "get_health_check_status", {"HealthCheckId": "x" * 36}),
        ("globalaccelerator", "create_custom_routing_accelerator", {"Name": "x"}),
    ],
)
def test_what_the_services_cannot_do_here_is_named(built, service, operation, arguments):
    with pytest.raises(ClientError) as caught:
        getattr(built.account.client(service), operation)(**arguments)
    assert caught.value.response["Error"]["Code"] == "NotInRehearsal"


# -- what was declared works together --------------------------------------------------------------------


def ask(cloud, method, path, body=None):
    """Status and content of a request to the declared HTTP API."""
    api = cloud.driver.read(resolved(cloud, cloud.catalogue["aws/api"]))
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{api.body['ApiEndpoint']}{path}", data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def received(cloud, queue):
    """The bodies of a queue's messages."""
    client = cloud.account.client("sqs")
    url = client.get_queue_url(QueueName=queue)["QueueUrl"]
    found = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return [json.loads(one["Body"]) for one in found.get("Messages", ())]


def test_a_posted_dream_is_recorded_and_read_back(built):
    assert ask(built, "GET", "/health") == (200, {"status": "ok"})
    assert ask(built, "POST", "/dreams", {"id": "d1", "title": "Sea"}) == (202, {"id": "d1"})
    found = wait(lambda: (answer := ask(built, "GET", "/dreams/d1"))[0] == 200 and answer, 30, "the record")
    assert found[1] == {"id": "d1", "title": "Sea"}
    assert ask(built, "GET", "/nothing")[0] == 404
    assert ask(built, "POST", "/dreams", {})[0] == 400


def test_a_webhook_becomes_a_dream(built):
    ask(built, "POST", "/webhooks/calendar", {"id": "7", "title": "Rain"})
    path = "/dreams/webhook:calendar:7"
    assert wait(lambda: ask(built, "GET", path)[0] == 200, 30, "the webhook's dream")


def test_an_agent_takes_its_task(built):
    entry = {
        "EventBusName": "dreamnet",
        "Source": "dreamnet.agents",
        "DetailType": "agent.requested",
        "Detail": json.dumps({"id": "t1", "task": "summarise", "text": "I flew over water"}),
    }
    built.account.client("events").put_events(Entries=[entry])
    table, key = built.account.client("dynamodb"), {"event_id": {"S": "agent:t1"}}
    item = wait(
        lambda: table.get_item(TableName="dreamnet-processed-events", Key=key).get("Item"), 30, "the result"
    )
    assert json.loads(item["detail"]["S"])["words"] == 4
    # Its log is counted by the declared metric filter.
    metrics = built.account.client("cloudwatch")
    assert wait(lambda: "AgentsFinished" in str(metrics.list_metrics(Namespace="DreamNet")), 10, "the metric")


def test_what_the_ai_services_refuse_is_a_dead_letter(built):
    """Rekognition detects nothing in a rehearsal: the event is tried again, then kept."""
    bucket = f"dreamnet-{built.account.account_id}-ai"
    built.account.client("s3").put_object(Bucket=bucket, Key="uploads/a.png", Body=b"x")
    found = wait(lambda: received(built, "dream-events-dead-letters"), 30, "the dead letter")
    assert found[0]["detail"]["object"]["key"] == "uploads/a.png"


def test_a_dead_letter_raises_the_alarm_of_all(built):
    client = built.account.client("cloudwatch")

    def state(name):
        found = client.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        return [one["StateValue"] for one in (*found["MetricAlarms"], *found["CompositeAlarms"])]

    assert wait(lambda: state("dreamnet-dead-letters") == ["ALARM"], 10, "the alarm")
    assert wait(lambda: state("dreamnet") == ["ALARM"], 10, "the composite alarm")
