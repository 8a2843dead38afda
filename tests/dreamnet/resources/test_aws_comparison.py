"""Which differences count."""

import pytest

from dreamnet.resources.aws.comparison import changes, tags_of
from dreamnet.resources.aws.schemas import resource_schema


def paths(type_name, declared, live):
    return [(c.path, c.replacement) for c in changes(resource_schema(type_name, "us-east-1"), declared, live)]


def test_what_the_declaration_leaves_out_is_not_compared():
    assert paths("AWS::SQS::Queue", {"QueueName": "q"}, {"QueueName": "q", "DelaySeconds": 5}) == []


def test_a_nested_field_is_named_by_its_own_path():
    declared = {"ScalingConfig": {"MinSize": 1, "MaxSize": 5}}
    live = {"ScalingConfig": {"MinSize": 1, "MaxSize": 3, "DesiredSize": 1}}
    assert paths("AWS::EKS::Nodegroup", declared, live) == [("/ScalingConfig/MaxSize", False)]


@pytest.mark.parametrize(
    ("low", "high", "size", "expected"),
    [
        (1, 3, 3, []),  # the autoscaler's
        (1, 3, 1, []),
        (1, 3, 0, [("/ScalingConfig/DesiredSize", False)]),  # nobody's: outside of what was declared
        (1, 9, 7, [("/ScalingConfig/MaxSize", False), ("/ScalingConfig/DesiredSize", False)]),
    ],
)
def test_a_size_within_its_bounds_is_the_autoscalers(low, high, size, expected):
    declared = {"ScalingConfig": {"MinSize": 1, "MaxSize": 3, "DesiredSize": 2}}
    live = {"ScalingConfig": {"MinSize": low, "MaxSize": high, "DesiredSize": size}}
    assert paths("AWS::EKS::Nodegroup", declared, live) == expected


def test_a_create_only_field_means_replacement():
    assert paths("AWS::EC2::VPC", {"CidrBlock": "10.0.0.0/16"}, {"CidrBlock": "10.1.0.0/16"}) == [
        ("/CidrBlock", True)
    ]


def test_write_only_fields_are_never_compared():
    declared = {"MasterUserPassword": "new", "DBInstanceClass": "db.t4g.micro"}
    assert paths("AWS::RDS::DBInstance", declared, {"DBInstanceClass": "db.t4g.micro"}) == []
    code = {"Code": {"S3Bucket": "b", "S3Key": "k"}}
    assert paths("AWS::Lambda::Function", code, {}) == []


def test_a_change_never_shows_a_write_only_value():
    schema = resource_schema("AWS::SecretsManager::Secret", "us-east-1")
    found = changes(schema, {"SecretString": "hunter2", "Description": "d"}, {})
    assert "hunter2" not in str(found)


def test_sets_compare_without_order_and_lists_with_it():
    arns = ["arn:a", "arn:b"]
    assert paths("AWS::IAM::Role", {"ManagedPolicyArns": arns}, {"ManagedPolicyArns": arns[::-1]}) == []
    assert paths("AWS::IAM::Role", {"ManagedPolicyArns": arns}, {"ManagedPolicyArns": ["arn:a"] * 2}) != []
    keys = [{"AttributeName": "a", "KeyType": "HASH"}, {"AttributeName": "b", "KeyType": "RANGE"}]
    found = paths("AWS::DynamoDB::Table", {"KeySchema": keys}, {"KeySchema": keys[::-1]})
    assert found == [("/KeySchema", False)]


def test_only_declared_tags_count_and_foreign_ones_stay():
    schema = resource_schema("AWS::SQS::Queue", "us-east-1")
    foreign = {"Key": "team", "Value": "x"}
    mine = {"Key": "a", "Value": "1"}
    assert changes(schema, {"Tags": [mine]}, {"Tags": [foreign, mine]}) == []
    (change,) = changes(schema, {"Tags": [mine]}, {"Tags": [foreign]})
    assert tags_of({"Tags": change.after}, "Tags") == {"team": "x", "a": "1"}


@pytest.mark.parametrize(
    ("declared", "live"), [("20", 20), (20, "20"), (True, "true"), ({"a": 1}, '{"a": 1}')]
)
def test_the_same_value_in_another_form_is_no_change(declared, live):
    schema = resource_schema("AWS::RDS::DBInstance", "us-east-1")
    assert changes(schema, {"AllocatedStorage": declared}, {"AllocatedStorage": live}) == []


def test_absent_and_empty_are_the_same_but_zero_is_not():
    assert paths("AWS::SQS::Queue", {"FifoQueue": False, "Tags": []}, {}) == []
    assert paths("AWS::SQS::Queue", {"DelaySeconds": 0}, {}) == [("/DelaySeconds", False)]
