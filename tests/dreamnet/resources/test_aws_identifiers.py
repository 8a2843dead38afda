"""Which resource a declaration means, where AWS makes the identifier."""

import json

import pytest

from dreamnet.resources.aws.driver import AwsDriver
from dreamnet.resources.aws.identifiers import findable, known_identifier, natural_key
from dreamnet.resources.aws.schemas import resource_schema
from dreamnet.resources.model import Change, Live, Resource

REGION = "us-east-1"


def schema(kind):
    return resource_schema(kind, REGION)


@pytest.mark.parametrize(
    ("kind", "declared", "key"),
    [
        ("AWS::ApiGatewayV2::Api", {"Name": "a", "ProtocolType": "HTTP"}, {"Name": "a"}),
        (
            "AWS::ApiGatewayV2::Route",
            {"ApiId": "x", "RouteKey": "GET /", "Target": "t"},
            {"ApiId": "x", "RouteKey": "GET /"},
        ),
        (
            "AWS::Budgets::Budget",
            {"Budget": {"BudgetName": "b", "TimeUnit": "MONTHLY"}},
            {"Budget": {"BudgetName": "b"}},
        ),
        ("AWS::XRay::Group", {"GroupName": "g", "FilterExpression": "f"}, {"GroupName": "g"}),
        ("AWS::EC2::VPC", {"CidrBlock": "10.0.0.0/16"}, {}),
        ("AWS::EC2::VPCGatewayAttachment", {"VpcId": "v"}, {"VpcId": "v"}),
    ],
)
def test_the_name_or_what_cannot_change_tells_resources_apart(kind, declared, key):
    assert natural_key(schema(kind), declared) == key


def test_identifiers_that_follow_a_rule_are_known():
    declared = {"Cluster": "c", "ServiceName": "s"}
    express = schema("AWS::ECS::ExpressGatewayService")
    assert known_identifier(express, declared, REGION, "123456789012") == (
        "arn:aws:ecs:us-east-1:123456789012:service/c/s"
    )
    assert findable(express)
    assert known_identifier(schema("AWS::SQS::Queue"), {"QueueName": "q"}, REGION, "1") is None
    assert known_identifier(schema("AWS::S3::Bucket"), {"BucketName": "b"}, REGION, "1") == "b"


class Account:
    """Cloud Control with what a test says is there."""

    account_id = "123456789012"

    def __init__(self, found):
        self.found = found

    def client(self, name, region):
        return self

    def list_resources(self, TypeName, NextToken=""):
        """One a page."""
        here, *later = [key for key in self.found if key >= NextToken]
        page = {"ResourceDescriptions": [self._described(here)]}
        return {**page, "NextToken": later[0]} if later else page

    def get_resource(self, TypeName, Identifier):
        return {"ResourceDescription": self._described(Identifier)}

    def _described(self, key):
        return {"Identifier": key, "Properties": json.dumps(self.found[key])}


def api(**tags):
    return {"Name": "dreamnet", "ProtocolType": "HTTP", "Tags": tags}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"a": api(), "b": api(**{"dreamnet-id": "aws/api"})}, "b"),
        ({"a": {**api(), "Name": "other"}, "b": api()}, "b"),
        ({"a": api(**{"dreamnet-id": "aws/another"})}, None),
        ({"a": {**api(), "Name": "other"}}, None),
    ],
)
def test_our_tag_counts_most_then_the_name(found, expected):
    declared = {"Name": "dreamnet", "ProtocolType": "HTTP"}
    resource = Resource(
        "aws/api", "aws", "AWS::ApiGatewayV2::Api", "dreamnet", REGION, declared, source="t:1"
    )
    live = AwsDriver(Account(found)).read(resource)
    assert (live and live.identifier) == expected
    assert live is None or not live.owned


def test_many_of_a_type_are_listed_and_read_once_for_one_plan():
    class Counting(Account):
        calls = 0

        def list_resources(self, **asked):
            self.calls += 1
            return super().list_resources(**asked)

        def get_resource(self, **asked):
            self.calls += 1
            return super().get_resource(**asked)

    account = Counting({f"id{n:02}": api(**{"dreamnet-id": f"aws/api{n}"}) for n in range(20)})
    driver = AwsDriver(account).remembering()
    for n in range(20):
        resource = Resource(
            f"aws/api{n}", "aws", "AWS::ApiGatewayV2::Api", "dreamnet", REGION, {"Name": "dreamnet"}
        )
        live = driver.read(resource)
        assert live
        assert live.identifier == f"id{n:02}"
    assert account.calls == 40  # as many pages as there are (one each, here), and one read each


class Updated(Account):
    """Remembers the patch of an update."""

    def update_resource(self, **arguments):
        self.patch = json.loads(arguments["PatchDocument"])
        event = {"OperationStatus": "SUCCESS", "Identifier": "f", "RequestToken": "t"}
        return {"ProgressEvent": event}


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ({}, {"/Code": {"S3Bucket": "b", "S3Key": "k", "S3ObjectVersion": "v"}}),
        ({"Code": {}}, {"/Code/S3Bucket": "b", "/Code/S3Key": "k", "/Code/S3ObjectVersion": "v"}),
    ],
)
def test_what_aws_never_shows_is_said_again_with_what_it_stands_in(shown, expected):
    code = {"S3Bucket": "b", "S3Key": "k", "S3ObjectVersion": "v"}
    declared = {"FunctionName": "f", "Role": "r", "MemorySize": 256, "Code": code}
    account = Updated({"f": {"FunctionName": "f", "MemorySize": 128, **shown}})
    driver = AwsDriver(account)
    resource = Resource("aws/f", "aws", "AWS::Lambda::Function", "f", REGION, declared, source="t:1")
    live = Live("f", account.found["f"], owned=True)
    change = Change("/MemorySize", 128, 256)
    driver.update(resource, live, [change], "token", print)
    said = {one["path"]: one["value"] for one in account.patch if one["op"] == "add"}
    assert said == expected
