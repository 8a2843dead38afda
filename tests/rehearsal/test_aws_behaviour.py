"""AWS services that act by themselves, through boto3: alarms, deliveries, schedules, logs, bills, prices."""

import io
import json
import urllib.error
import urllib.request
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from aws_server import REGION, local_aws, wait
from botocore.exceptions import ClientError

pytestmark = pytest.mark.rehearsal


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with local_aws(tmp_path_factory.mktemp("aws")) as running:
        yield running


@pytest.fixture
def client(cloud):
    return cloud.account.client


class Inbox:
    """A queue and what arrives in it."""

    def __init__(self, client, name):
        self.sqs = client("sqs")
        self.url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        wanted = ["QueueArn"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=wanted)
        self.arn = found["Attributes"]["QueueArn"]

    def take(self):
        """The content of a message, once."""
        found = self.sqs.receive_message(QueueUrl=self.url).get("Messages", ())
        for one in found:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=one["ReceiptHandle"])
        return [json.loads(one["Body"]) for one in found]

    def next(self, what):
        """The next message's content."""
        return wait(self.take, 20, what)[0]


def function(client, name, source):
    """A function from its source; its ARN."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("index.py", source)
    role = f"arn:aws:iam::{client('sts').get_caller_identity()['Account']}:role/any"
    client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    made = client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="index.handler",
        Role=role.replace("/any", f"/{name}"),
        Code={"ZipFile": stream.getvalue()},
        Timeout=10,
    )
    return made["FunctionArn"]


FORWARD = """
import json, boto3
def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl={url!r}, MessageBody=json.dumps(event))
"""


def permit(client, name, service, source=None):
    extra = {"SourceArn": source} if source else {}
    client("lambda").add_permission(
        FunctionName=name, StatementId="s", Action="lambda:InvokeFunction", Principal=service, **extra
    )


# -- alarms -----------------------------------------------------------------------------------------------


def put_alarm(client, name, **changes):
    given = {
        "AlarmName": name,
        "Namespace": "Tests",
        "MetricName": name,
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 10,
    }
    client("cloudwatch").put_metric_alarm(**{**given, **changes})


def state(client, name):
    found = client("cloudwatch").describe_alarms(
        AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    return [*found["MetricAlarms"], *found["CompositeAlarms"]][0]["StateValue"]


def test_an_alarm_is_evaluated_and_tells_its_topic_and_function(client):
    inbox, calls = Inbox(client, "alarm-mail"), Inbox(client, "alarm-calls")
    topic = client("sns").create_topic(Name="alarms")["TopicArn"]
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=inbox.arn)
    called = function(client, "alarm-action", FORWARD.format(url=calls.url))
    put_alarm(client, "load", AlarmActions=[topic, called], OKActions=[topic])
    client("cloudwatch").put_composite_alarm(AlarmName="any", AlarmRule="ALARM(load)", AlarmActions=[topic])
    assert state(client, "load") == "INSUFFICIENT_DATA"
    client("cloudwatch").put_metric_data(Namespace="Tests", MetricData=[{"MetricName": "load", "Value": 11}])
    said = [json.loads(inbox.next("the alarm's message")["Message"]) for _ in range(2)]
    assert [(one["AlarmName"], one["NewStateValue"]) for one in said] == [("load", "ALARM"), ("any", "ALARM")]
    assert calls.next("the alarm's call")["alarmData"]["AlarmName"] == "load"
    put_alarm(client, "load", Threshold=100, OKActions=[topic])
    assert wait(lambda: state(client, "load") == state(client, "any") == "OK", 10, "both are well again")
    assert json.loads(inbox.next("the good news")["Message"])["NewStateValue"] == "OK"


def test_a_state_set_by_hand_acts_too_and_lasts_until_the_next_look(client):
    inbox = Inbox(client, "hand-mail")
    topic = client("sns").create_topic(Name="by-hand")["TopicArn"]
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=inbox.arn)
    put_alarm(client, "quiet", TreatMissingData="notBreaching", AlarmActions=[topic])
    client("cloudwatch").set_alarm_state(AlarmName="quiet", StateValue="ALARM", StateReason="a test")
    assert "a test" in inbox.next("the message")["Message"]
    assert wait(lambda: state(client, "quiet") == "OK", 10, "the evaluation")


def test_what_would_only_be_stored_is_refused(client):
    for given in (
        {"ComparisonOperator": "GreaterThanUpperThreshold"},
        {"Metrics": [{"Id": "m", "Expression": "1"}]},
    ):
        with pytest.raises(ClientError, match="NotInRehearsal"):
            put_alarm(client, "math", **given)
    with pytest.raises(ClientError, match="do not exist"):
        client("cloudwatch").put_composite_alarm(AlarmName="x", AlarmRule="ALARM(nobody)")


# -- deliveries -------------------------------------------------------------------------------------------


def rule(client, name, target, **more):
    arn = client("events").put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))["RuleArn"]
    client("events").put_targets(Rule=name, Targets=[{"Id": "t", "Arn": target, **more}])
    return arn


def emit(client, source, detail):
    entry = {"Source": source, "DetailType": "t", "Detail": json.dumps(detail)}
    assert client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0


def test_a_rule_calls_a_function_that_permits_it(client):
    inbox, dead = Inbox(client, "rule-mail"), Inbox(client, "rule-dead")
    called = function(client, "by-rule", FORWARD.format(url=inbox.url))
    more = {"RetryPolicy": {"MaximumRetryAttempts": 0}, "DeadLetterConfig": {"Arn": dead.arn}}
    arn = rule(client, "to-function", called, **more)
    emit(client, "to-function", {"n": 1})
    assert dead.next("the event that may not come")["detail"] == {"n": 1}
    permit(client, "by-rule", "events.amazonaws.com", arn)
    emit(client, "to-function", {"n": 2})
    event = inbox.next("the event")
    assert event["detail"] == {"n": 2}
    assert event["time"].endswith("Z")
    emit(client, "somebody-else", {"n": 3})
    client("events").disable_rule(Name="to-function")
    emit(client, "to-function", {"n": 4})
    assert inbox.take() == dead.take() == []


def test_a_rule_feeds_a_stream_and_a_topic(client):
    client("kinesis").create_stream(StreamName="events", ShardCount=1)
    stream = client("kinesis").describe_stream(StreamName="events")["StreamDescription"]
    path = {"KinesisParameters": {"PartitionKeyPath": "$.detail.key"}}
    rule(client, "to-stream", stream["StreamARN"], **path)
    emit(client, "to-stream", {"key": "k7"})
    shard = stream["Shards"][0]["ShardId"]
    start = client("kinesis").get_shard_iterator(
        StreamName="events", ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    found = wait(lambda: client("kinesis").get_records(ShardIterator=start)["Records"], 20, "the record")
    assert found[0]["PartitionKey"] == "k7"
    assert json.loads(found[0]["Data"])["detail"] == {"key": "k7"}
    inbox, topic = Inbox(client, "topic-mail"), client("sns").create_topic(Name="told")["TopicArn"]
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=inbox.arn)
    transformer = {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": '"number <n>"'}
    rule(client, "to-topic", topic, InputTransformer=transformer)
    emit(client, "to-topic", {"n": 5})
    assert inbox.next("the message")["Message"] == "number 5"


def test_schedules_fire_once_and_may_delete_themselves(client):
    inbox = Inbox(client, "schedule-mail")
    role = "arn:aws:iam::123456789012:role/scheduler"
    soon = (datetime.now(UTC) + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%S")
    client("scheduler").create_schedule(
        Name="soon",
        ScheduleExpression=f"at({soon})",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target={"Arn": inbox.arn, "RoleArn": role, "Input": '{"task": "tidy"}'},
    )
    assert inbox.next("the schedule's message") == {"task": "tidy"}
    assert inbox.take() == []
    assert client("scheduler").list_schedules()["Schedules"] == []


# -- HTTP -------------------------------------------------------------------------------------------------

ECHO = """
def handler(event, context):
    if event["rawPath"] == "/broken":
        raise ValueError("no")
    return {"path": event.get("pathParameters"), "query": event.get("queryStringParameters"),
            "body": event.get("body"), "stage": event["requestContext"]["stage"]}
"""


def fetch(url, data=None, **headers):
    request = urllib.request.Request(url, data, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, dict(answer.headers), json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), json.loads(error.read() or b"null")


def test_an_http_api_answers_with_what_its_function_says(client):
    arn, api = function(client, "echo", ECHO), client("apigatewayv2")
    made = api.create_api(
        Name="echo", ProtocolType="HTTP", CorsConfiguration={"AllowOrigins": ["https://a.example"]}
    )
    target = api.create_integration(
        ApiId=made["ApiId"], IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0"
    )["IntegrationId"]
    for key in ("ANY /things/{id}", "GET /broken"):
        api.create_route(ApiId=made["ApiId"], RouteKey=key, Target=f"integrations/{target}")
    url = api.get_api(ApiId=made["ApiId"])["ApiEndpoint"]
    assert fetch(f"{url}/things/7")[0] == 404  # there is no stage yet
    for stage in ("$default", "beta"):
        api.create_stage(ApiId=made["ApiId"], StageName=stage, AutoDeploy=True)
    assert fetch(f"{url}/things/7")[0] == 500  # the function does not permit it yet
    permit(client, "echo", "apigateway.amazonaws.com")
    status, headers, said = fetch(f"{url}/things/7?a=1&a=2", b"text", Origin="https://a.example")
    assert (status, headers["access-control-allow-origin"]) == (200, "https://a.example")
    assert said == {"path": {"id": "7"}, "query": {"a": "1,2"}, "body": "text", "stage": "$default"}
    assert fetch(f"{url}/beta/things/7")[2]["stage"] == "beta"
    assert fetch(f"{url}/broken")[0] == 500
    assert fetch(f"{url}/elsewhere")[0] == 404


# -- logs -------------------------------------------------------------------------------------------------


def test_a_metric_filter_counts_and_an_alarm_sees_it(client):
    logs = client("logs")
    logs.create_log_group(logGroupName="app")
    logs.create_log_stream(logGroupName="app", logStreamName="one")
    value = {"metricName": "Errors", "metricNamespace": "App", "metricValue": "1"}
    logs.put_metric_filter(
        logGroupName="app", filterName="errors", filterPattern="ERROR", metricTransformations=[value]
    )
    put_alarm(client, "app-errors", Namespace="App", MetricName="Errors", Statistic="Sum", Threshold=1)
    now = int(datetime.now(UTC).timestamp() * 1000)
    events = [{"timestamp": now, "message": text} for text in ("ERROR a", "fine", "ERROR b")]
    logs.put_log_events(logGroupName="app", logStreamName="one", logEvents=events)
    assert wait(lambda: state(client, "app-errors") == "ALARM", 10, "the alarm")
    with pytest.raises(ClientError, match="NotInRehearsal"):
        logs.put_metric_filter(
            logGroupName="app", filterName="j", filterPattern="{ $.a = 1 }", metricTransformations=[value]
        )


# -- bills and prices -------------------------------------------------------------------------------------


def seed(cloud, days):
    results = [
        {
            "TimePeriod": {"Start": f"2026-11-{day:02}", "End": f"2026-11-{day + 1:02}"},
            "Total": {},
            "Groups": [{"Keys": ["EC2"], "Metrics": {"UnblendedCost": {"Amount": str(cost), "Unit": "USD"}}}],
            "Estimated": False,
        }
        for day, cost in days.items()
    ]
    body = json.dumps({"account_id": cloud.account.account_id, "results": [{"ResultsByTime": results}]})
    urllib.request.urlopen(
        urllib.request.Request(
            f"{cloud.url}/moto-api/static/ce/cost-and-usage-results",
            body.encode(),
            {"Content-Type": "application/json"},
        ),
        timeout=10,
    ).close()


def test_anomalies_and_forecast_come_from_the_bill(cloud, client):
    ce, period = client("ce"), {"Start": "2026-11-28", "End": "2026-12-02"}
    with pytest.raises(ClientError, match="DataUnavailable"):
        ce.get_cost_forecast(TimePeriod=period, Metric="UNBLENDED_COST", Granularity="DAILY")
    seed(cloud, {**dict.fromkeys(range(1, 10), 2.0), 10: 30.0})
    monitor = ce.create_anomaly_monitor(
        AnomalyMonitor={"MonitorName": "m", "MonitorType": "DIMENSIONAL", "MonitorDimension": "SERVICE"}
    )["MonitorArn"]
    found = ce.get_anomalies(MonitorArn=monitor, DateInterval={"StartDate": "2026-11-01"})["Anomalies"]
    assert [(one["DimensionValue"], one["Impact"]["TotalImpact"]) for one in found] == [("EC2", 28.0)]
    assert ce.get_anomalies(DateInterval={"StartDate": "2026-11-11"})["Anomalies"] == []
    forecast = ce.get_cost_forecast(TimePeriod=period, Metric="UNBLENDED_COST", Granularity="MONTHLY")
    assert [one["TimePeriod"]["End"] for one in forecast["ForecastResultsByTime"]] == [
        "2026-12-01",
        "2026-12-02",
    ]
    assert float(forecast["Total"]["Amount"]) == pytest.approx(4 * 4.8)
    with pytest.raises(ClientError, match="UnknownMonitor"):
        ce.get_anomalies(MonitorArn="arn:x", DateInterval={"StartDate": "2026-11-01"})


def test_a_budget_changes_and_keeps_its_subscribers(cloud, client):
    budgets, account = client("budgets"), cloud.account.account_id
    limit = {"Amount": "89", "Unit": "USD"}
    budget = {"BudgetName": "b", "BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": limit}
    notification = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80.0}
    first = {"SubscriptionType": "EMAIL", "Address": "a@example.com"}
    budgets.create_budget(
        AccountId=account,
        Budget=budget,
        NotificationsWithSubscribers=[{"Notification": notification, "Subscribers": [first]}],
    )
    more = {**budget, "BudgetLimit": {"Amount": "120", "Unit": "USD"}}
    budgets.update_budget(AccountId=account, NewBudget=more)
    found = budgets.describe_budget(AccountId=account, BudgetName="b")["Budget"]
    assert float(found["BudgetLimit"]["Amount"]) == 120
    where = {"AccountId": account, "BudgetName": "b", "Notification": notification}
    second = {"SubscriptionType": "EMAIL", "Address": "b@example.com"}
    budgets.create_subscriber(**where, Subscriber=second)
    assert budgets.describe_subscribers_for_notification(**where)["Subscribers"] == [first, second]
    with pytest.raises(ClientError, match="NotFound"):
        budgets.update_budget(AccountId=account, NewBudget={**more, "BudgetName": "none"})


def test_the_price_list_answers_from_the_sheet(client):
    pricing = client("pricing")
    assert "AmazonEKS" in [one["ServiceCode"] for one in pricing.describe_services()["Services"]]
    filters = [
        {"Type": "TERM_MATCH", "Field": "instanceType", "Value": "t3.medium"},
        {"Type": "TERM_MATCH", "Field": "regionCode", "Value": REGION},
    ]
    found = pricing.get_products(ServiceCode="AmazonEC2", Filters=filters)["PriceList"]
    assert json.loads(found[0])["product"]["attributes"]["instanceType"] == "t3.medium"
