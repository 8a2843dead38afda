"""The published schemas, read without cfn-lint, and the offline checks on them."""

import subprocess
import sys

import pytest

from dreamnet.errors import ConfigurationError
from dreamnet.resources.aws.schemas import resource_schema
from dreamnet.resources.aws.validation import schema_problems

REGION = "us-east-1"


def problems(type_name, properties, references=True):
    schema = resource_schema(type_name, REGION)
    return list(schema_problems(schema, REGION, properties, references=references))


def test_says_the_same_as_cfnlints_own_manager():
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    for name in ("AWS::EKS::Nodegroup", "AWS::RDS::DBInstance", "AWS::SQS::Queue"):
        theirs = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-1", name).schema
        assert resource_schema(name, "eu-west-1").document == theirs


def test_does_not_import_cfnlint():
    code = (
        "import sys; from dreamnet.resources.aws.schemas import resource_schema; "
        "resource_schema('AWS::EKS::Cluster', 'us-east-1'); sys.exit('cfnlint' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_reads_identifier_outputs_and_tags():
    vpc, group = resource_schema("AWS::EC2::VPC", REGION), resource_schema("AWS::EKS::Nodegroup", REGION)
    assert vpc.identifier == ("VpcId",)
    assert vpc.chosen_by_cloud == ("VpcId",)
    assert not vpc.tags_are_a_map
    assert group.tags_are_a_map
    assert group.list_needs == ("ClusterName",)
    route = resource_schema("AWS::EC2::Route", REGION)
    assert route.identifier_of({"RouteTableId": "rtb-1", "CidrBlock": "0.0.0.0/0"}) == "rtb-1|0.0.0.0/0"
    assert route.identifier_of({"RouteTableId": "rtb-1"}) is None


def test_an_unknown_type_is_named():
    with pytest.raises(ConfigurationError, match="AWS::EKS::Clusterr"):
        resource_schema("AWS::EKS::Clusterr", REGION)


def test_references_stand_for_any_value():
    body = {
        "ClusterName": "${resource:aws/eks-cluster.Name}",
        "NodeRole": "${resource:aws/role.Arn}",
        "Subnets": ["${resource:aws/subnet-a.SubnetId}"],
        "ScalingConfig": {"MinSize": "${resource:aws/x.Size}", "MaxSize": 3},
    }
    assert problems("AWS::EKS::Nodegroup", body) == []
    assert problems("AWS::EKS::Nodegroup", body, references=False) != []


@pytest.mark.parametrize(
    ("change", "path", "word"),
    [
        ({"ScalingConfig": {"MaxSize": "three"}}, "/ScalingConfig/MaxSize", "integer"),
        ({"AmiType": "Windows95"}, "/AmiType", "Windows95"),
        ({"Colour": "blue"}, "", "Colour"),
        ({"Arn": "arn:x"}, "/Arn", "output"),
        ({"Subnets": None}, "/Subnets", "array"),
    ],
)
def test_each_mistake_is_found_where_it_is(change, path, word):
    body = {"ClusterName": "c", "NodeRole": "r", "Subnets": ["s"], **change}
    found = problems("AWS::EKS::Nodegroup", body)
    assert len(found) == 1
    assert found[0][0] == path
    assert word in found[0][1]


def test_a_missing_property_is_named():
    assert [message for _, message in problems("AWS::EC2::Subnet", {})] == ['"VpcId" is a required property']


def test_patterns_in_another_dialect_do_not_stop_the_check():
    assert problems("AWS::Logs::LogGroup", {"LogGroupName": "/a", "RetentionInDays": 8}) != []
    assert problems("AWS::Logs::LogGroup", {"LogGroupName": "/a", "RetentionInDays": 7}) == []


def test_tags_that_are_fixed_at_creation_are_told():
    assert resource_schema("AWS::SQS::Queue", "us-east-1").tags_change
    assert not resource_schema("AWS::CE::AnomalyMonitor", "us-east-1").tags_change
    assert not resource_schema("AWS::EC2::Route", "us-east-1").tags_change


def test_what_aws_never_shows_is_said_again_with_what_it_is_a_part_of():
    from dreamnet.resources.aws.driver import _write_only

    schema = resource_schema("AWS::Lambda::Function", "us-east-1")
    declared = {"Code": {"S3Bucket": "b", "S3Key": "k"}, "Handler": "h.h"}
    whole = [{"op": "add", "path": "/Code", "value": declared["Code"]}]
    assert list(_write_only(schema, declared, {"Handler": "h.h"})) == whole
    parts = list(_write_only(schema, declared, {"Code": {}}))
    assert [one["path"] for one in parts] == ["/Code/S3Bucket", "/Code/S3Key"]
