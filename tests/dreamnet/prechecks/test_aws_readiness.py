"""AWS's side: permissions, quotas, regions and names, against a fake account."""

import pytest
from account_fakes import ACCOUNT, CALLER, amazon

from dreamnet.prechecks import aws_offers, aws_quotas, names
from dreamnet.prechecks.aws_permissions import (
    OPERATIONS,
    PASS_ROLE,
    check_permissions,
    needed_actions,
    principal,
)
from dreamnet.prechecks.quotas import Demand
from dreamnet.resources.aws.schemas import resource_schema

NODES = "AWS::EKS::Nodegroup"


def only(findings):
    found = list(findings)
    assert len(found) == 1, found
    return found[0]


# ---- permissions


def test_actions_are_those_of_the_schemas_handlers_and_ours():
    schema = resource_schema("AWS::SQS::Queue", "us-east-1").document
    listed = {action for handler in schema["handlers"].values() for action in handler["permissions"]}
    assert set(needed_actions([amazon("AWS::SQS::Queue")])) == listed | set(OPERATIONS)


def test_emptying_a_bucket_is_asked_for_with_the_bucket():
    assert "s3:DeleteObjectVersion" in needed_actions([amazon("AWS::S3::Bucket")])
    assert "s3:DeleteObjectVersion" not in needed_actions([amazon("AWS::SQS::Queue")])


def test_words_that_are_no_actions_are_left_out():
    found = needed_actions([amazon("AWS::CloudTrail::Trail")])
    assert "cloudtrail:CreateTrail" in found
    assert not [one for one in found if one.startswith("CloudTrail:") or "." in one]


def test_all_actions_are_simulated_in_batches(aws_account):
    wanted = [amazon("AWS::EKS::Cluster"), amazon("AWS::RDS::DBInstance"), amazon("AWS::S3::Bucket")]
    found = only(check_permissions(aws_account, CALLER, wanted))
    assert found.level == "fine"
    asked = [name for call in aws_account.simulated for name in call["ActionNames"]]
    assert sorted(asked) == list(needed_actions(wanted))
    assert max(len(call["ActionNames"]) for call in aws_account.simulated) == 100


def test_a_wildcard_of_a_schema_is_asked_about_action_by_action(aws_account):
    wanted = [amazon("AWS::Redshift::Cluster")]
    assert "ec2:Describe*" in needed_actions(wanted)
    list(check_permissions(aws_account, CALLER, wanted))
    asked = {name for call in aws_account.simulated for name in call["ActionNames"]}
    assert "ec2:DescribeSubnets" in asked
    assert not [name for name in asked if "*" in name]


def test_a_missing_action_blocks_with_the_command_that_grants_it(aws_account):
    aws_account.denied = {"sqs:CreateQueue": {"EvalDecision": "implicitDeny"}}
    found = only(check_permissions(aws_account, CALLER, [amazon("AWS::SQS::Queue")]))
    assert found.level == "blocks"
    assert f"not granted for {CALLER}: sqs:CreateQueue." in found.sentence
    assert "attach-user-policy --user-name gameplan" in found.command


def test_what_the_organization_forbids_is_not_to_be_granted(aws_account):
    aws_account.denied = {
        "sqs:CreateQueue": {
            "EvalDecision": "implicitDeny",
            "OrganizationsDecisionDetail": {"AllowedByOrganizations": False},
        },
        "sqs:DeleteQueue": {"EvalDecision": "explicitDeny"},
    }
    found = list(check_permissions(aws_account, CALLER, [amazon("AWS::SQS::Queue")]))
    assert ["organization" in one.sentence for one in found] == [False, True]
    assert not any(one.command for one in found)


def test_a_session_is_asked_about_as_its_role(aws_account):
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/me@dreamnet.example"
    assert principal(aws_account, session).arn == f"arn:aws:iam::{ACCOUNT}:role/teams/deployer"
    aws_account.denied = {"sqs:CreateQueue": {"EvalDecision": "implicitDeny"}}
    found = only(check_permissions(aws_account, session, [amazon("AWS::SQS::Queue")]))
    assert "attach-role-policy --role-name deployer" in found.command


def test_the_root_of_an_account_is_not_simulated(aws_account):
    found = only(check_permissions(aws_account, f"arn:aws:iam::{ACCOUNT}:root", [amazon("AWS::SQS::Queue")]))
    assert found.level == "to do"
    assert not aws_account.simulated


def test_roles_are_passed_only_where_they_are_declared(aws_account):
    wanted = [amazon("AWS::EKS::Cluster"), amazon("AWS::IAM::Role", "r", RoleName="dreamnet-nodes")]
    list(check_permissions(aws_account, CALLER, wanted))
    passed = only(call for call in aws_account.simulated if PASS_ROLE in call["ActionNames"])
    assert passed["ResourceArns"] == [f"arn:aws:iam::{ACCOUNT}:role/dreamnet-nodes"]


# ---- quotas


def nodes(name="nodes", kind="t3.medium", first=2, most=3, **more):
    scaling = {"MinSize": 1, "DesiredSize": first, "MaxSize": most}
    return amazon(NODES, name, InstanceTypes=[kind], ScalingConfig=scaling, **more)


def test_demand_is_added_up_by_quota_and_region():
    wanted = [
        nodes(),
        nodes("spot", CapacityType="SPOT"),
        nodes("gpu", "g4dn.xlarge", 0, 1),
        amazon("AWS::EC2::VPC", "one"),
        amazon("AWS::EC2::VPC", "two", "us-west-2"),
        amazon("AWS::RDS::DBInstance", AllocatedStorage="20", MaxAllocatedStorage=100),
        amazon("AWS::ElastiCache::ReplicationGroup", NumNodeGroups=2, ReplicasPerNodeGroup=1),
    ]
    found = aws_quotas.demands(wanted, {"t3.medium": 2, "g4dn.xlarge": 4})
    assert found[aws_quotas.STANDARD, "us-east-1"] == Demand(4, 6)
    assert found[aws_quotas.STANDARD_SPOT, "us-east-1"] == Demand(4, 6)
    assert found[aws_quotas.GRAPHICS, "us-east-1"] == Demand(4, 4)
    assert found[aws_quotas.VPCS, "us-east-1"] == found[aws_quotas.VPCS, "us-west-2"] == Demand(1, 1)
    assert found[aws_quotas.STORAGE, "us-east-1"] == Demand(20, 100)
    assert found[aws_quotas.CACHES, "us-east-1"] == Demand(4, 4)


@pytest.mark.parametrize(
    ("kind", "quota"),
    [
        ("t4g.large", aws_quotas.STANDARD),
        ("m7i-flex.large", aws_quotas.STANDARD),
        ("is4gen.large", aws_quotas.STANDARD),
        ("g6.xlarge", aws_quotas.GRAPHICS),
        ("p5.48xlarge", None),
        ("inf2.xlarge", None),
        ("hpc7g.4xlarge", None),
    ],
)
def test_families_have_the_quota_that_aws_counts_them_by(kind, quota):
    assert aws_quotas.vcpu_quota(kind, spot=False) == quota


def test_a_quota_too_small_blocks_with_link_and_command(aws_account):
    aws_account.quotas = {"L-1216C47A": 5.0}
    found = only(aws_quotas.check_quotas(aws_account, [nodes(first=3)], {"t3.medium": 2}))
    assert found.level == "blocks"
    assert found.sentence.startswith(
        "vCPUs of standard on-demand instances in us-east-1: 6 are needed at once"
    )
    assert found.link.endswith("/servicequotas/home/services/ec2/quotas/L-1216C47A")
    assert "--quota-code L-1216C47A --desired-value 6" in found.command


def test_autoscaling_beyond_a_quota_is_to_be_done(aws_account):
    aws_account.quotas = {"L-1216C47A": 4.0}
    assert only(aws_quotas.check_quotas(aws_account, [nodes()], {"t3.medium": 2})).level == "to do"


def test_others_use_counts_and_ours_does_not(aws_account):
    ours = [{"Key": "managed-by", "Value": "dreamnet-gameplan"}]
    aws_account.quotas = {"L-F678F1CE": 5.0}
    aws_account.listed["describe_vpcs"] = {"Vpcs": [{"Tags": ours}, *({"VpcId": n} for n in range(4))]}
    assert only(aws_quotas.check_quotas(aws_account, [amazon("AWS::EC2::VPC")], {})).level == "fine"
    aws_account.listed["describe_vpcs"]["Vpcs"].append({"VpcId": 5})
    found = only(aws_quotas.check_quotas(aws_account, [amazon("AWS::EC2::VPC")], {}))
    assert (found.level, "of 5, 5 are taken" in found.sentence) == ("blocks", True)


def test_nodes_of_other_clusters_count(aws_account):
    def instance(cluster):
        return {
            "InstanceType": "t3.large",
            "State": {"Name": "running"},
            "CpuOptions": {"CoreCount": 1, "ThreadsPerCore": 2},
            "Tags": [{"Key": "eks:cluster-name", "Value": cluster}],
        }

    aws_account.quotas = {"L-1216C47A": 8.0}
    found = [{"Instances": [instance("dreamnet"), instance("other"), instance("other")]}]
    aws_account.listed["describe_instances"] = {"Reservations": found}
    wanted = [amazon("AWS::EKS::Cluster"), nodes(first=1, most=1)]
    aws_account.quotas["L-1194D53C"] = 100.0
    vcpus = next(
        one
        for one in aws_quotas.check_quotas(aws_account, wanted, {"t3.medium": 2})
        if "vCPUs" in one.sentence
    )
    assert "of 8, 4 are taken" in vcpus.sentence


def test_a_quota_that_nobody_changed_has_its_default(aws_account):
    aws_account.defaults = {"L-F678F1CE": 5.0}
    assert "of 5" in only(aws_quotas.check_quotas(aws_account, [amazon("AWS::EC2::VPC")], {})).sentence


# ---- regions, versions, names


def test_a_region_without_the_type_blocks_at_its_line(aws_account):
    aws_account.regions["ap-southeast-7"] = "opted-in"
    wanted = amazon("AWS::AppRunner::Service", region="ap-southeast-7")
    found = only(aws_offers.check_regions(aws_account, [wanted]))
    assert found.level == "blocks"
    assert found.sentence == (
        "aws/x.yaml:1: ap-southeast-7 does not offer AWS::AppRunner::Service (aws/dreamnet)."
    )


@pytest.mark.parametrize(
    ("region", "sentence"),
    [("us-middle-1", "has no region us-middle-1"), ("me-central-1", "not enabled for this account")],
)
def test_a_region_that_can_not_be_used_blocks_once(aws_account, region, sentence):
    aws_account.regions["me-central-1"] = "not-opted-in"
    wanted = [amazon("AWS::SQS::Queue", name, region) for name in ("one", "two")]
    found = only(aws_offers.check_regions(aws_account, wanted))
    assert (found.level, sentence in found.sentence) == ("blocks", True)


def test_an_instance_type_that_the_region_lacks_blocks(aws_account):
    vcpus, missing = aws_offers.vcpus(aws_account, [nodes(), nodes("odd", "zz9.large")])
    assert vcpus == {"t3.medium": 2}
    assert only(missing).sentence == "us-east-1 offers no zz9.large instances, which a node group asks for."


@pytest.mark.parametrize(("version", "level"), [("1.35", "fine"), ("1.33", "to do"), ("1.20", "blocks")])
def test_eks_must_have_the_version(aws_account, version, level):
    aws_account.versions = {"1.35": "STANDARD_SUPPORT", "1.33": "EXTENDED_SUPPORT"}
    found = only(aws_offers.check_versions(aws_account, [amazon("AWS::EKS::Cluster", Version=version)]))
    assert found.level == level


@pytest.mark.parametrize(("version", "level"), [("18", "fine"), ("18.1", "fine"), ("12", "blocks")])
def test_rds_must_have_engine_and_class(aws_account, version, level):
    aws_account.listed["describe_orderable_db_instance_options"] = {
        "OrderableDBInstanceOptions": [{"EngineVersion": "18.1"}]
    }
    body = {"Engine": "postgres", "EngineVersion": version, "DBInstanceClass": "db.t4g.micro"}
    found = only(aws_offers.check_versions(aws_account, [amazon("AWS::RDS::DBInstance", **body)]))
    assert found.level == level


@pytest.mark.parametrize(
    ("status", "level"), [(403, "blocks"), (301, "blocks"), (404, "fine"), (200, "fine")]
)
def test_a_bucket_name_of_somebody_else_blocks(aws_account, status, level):
    aws_account.buckets = {"dreams": status}
    found = only(names.check_aws_buckets(aws_account, [amazon("AWS::S3::Bucket", BucketName="dreams")]))
    assert found.level == level


def test_a_bucket_here_without_our_tag_blocks(aws_account):
    aws_account.buckets, aws_account.tags = {"dreams": 200}, ("team", "others")
    found = only(names.check_aws_buckets(aws_account, [amazon("AWS::S3::Bucket", BucketName="dreams")]))
    assert (found.level, "does not carry our mark" in found.sentence) == ("blocks", True)
