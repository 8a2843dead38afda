import dataclasses
import inspect

import pytest

from dreamnet.cost import aws_charges, google_charges
from dreamnet.cost.estimate import CHARGERS, FREE_TIER, estimate, is_known
from dreamnet.cost.outlook import outlook
from dreamnet.cost.usage import Usage

GKE = """\
id: google/cluster
type: container.v1/projects.locations.clusters
name: c
parent: projects/p/locations/{location}
body:
  nodePools:
    - name: a
      initialNodeCount: 2
      config: {{machineType: e2-standard-2, diskSizeGb: 10, {more}}}
"""
AWS = """\
id: aws/{name}
type: AWS::{type}
name: {name}
parent: us-east-1
body: {body}
"""


@pytest.fixture
def priced(declare, variables, figures, unused):
    def price(used=unused, **files):
        return estimate(declare(**files), variables, figures, used)

    return price


def test_a_zonal_cluster_gets_the_management_credit_and_a_regional_one_does_not(priced):
    nodes = 2 * (0.067 * 730 + 10 * 0.10)
    assert priced(google__c=GKE.format(location="us-central1-a", more="")).total() == pytest.approx(nodes)
    regional = priced(google__c=GKE.format(location="us-central1", more=""))
    assert regional.total() == pytest.approx(73 + 3 * nodes)


def test_the_credit_covers_one_cluster_however_many_there_are(priced):
    second = GKE.format(location="us-east1-b", more="").replace("google/cluster", "google/other")
    both = priced(google__c=GKE.format(location="us-central1-a", more=""), google__d=second)
    (credit,) = [line for line in both.lines if line.id == FREE_TIER]
    assert credit.monthly == pytest.approx(-74.40)


def test_spot_nodes_cost_their_own_price(priced):
    found = priced(google__c=GKE.format(location="us-central1-a", more="spot: true"))
    (nodes,) = [line for line in found.lines if line.what.startswith("node e2-standard-2 spot")]
    assert nodes.monthly == pytest.approx(2 * 0.0268 * 730)


@pytest.mark.parametrize(
    ("version", "hourly"), [("1.35", 0.10), ("1.36", 0.10), ("1.34", 0.60), ("1.9", 0.60)]
)
def test_an_old_eks_version_costs_six_times_as_much(priced, version, hourly):
    cluster = AWS.format(name="c", type="EKS::Cluster", body=f'{{Version: "{version}"}}')
    assert priced(aws__c=cluster).total("aws") == pytest.approx(hourly * 730)


@pytest.mark.parametrize(
    ("kind", "body", "monthly"),
    [
        ("RDS::DBInstance", "{DBInstanceClass: db.t4g.micro, AllocatedStorage: '20'}", 11.68 + 2.30),
        ("RDS::DBInstance", "{DBInstanceClass: db.t4g.micro, MultiAZ: true}", 2 * (11.68 + 2.30)),
        ("Kinesis::Stream", "{ShardCount: 2}", 2 * 10.95),
        ("Kinesis::Stream", "{StreamModeDetails: {StreamMode: ON_DEMAND}}", 29.20),
        ("EC2::VPCEndpoint", "{VpcEndpointType: Gateway}", 0.0),
        ("EC2::VPCEndpoint", "{VpcEndpointType: Interface, SubnetIds: [a, b]}", 2 * 7.30),
        ("EC2::NatGateway", "{}", 32.85),
        ("WAFv2::WebACL", "{Rules: [{}, {}, {}]}", 5 + 3),
        ("Route53::HealthCheck", "{HealthCheckConfig: {Type: HTTPS_STR_MATCH, RequestInterval: 10}}", 6.75),
        ("Route53::HealthCheck", "{HealthCheckConfig: {Type: CALCULATED}}", 0.50),
        ("SecretsManager::Secret", "{ReplicaRegions: [{Region: us-west-2}]}", 0.80),
        ("CloudWatch::Alarm", "{Period: 10}", 0.30),
        (
            "ElastiCache::ReplicationGroup",
            "{Engine: valkey, CacheNodeType: cache.t4g.micro, NumNodeGroups: 2, ReplicasPerNodeGroup: 1}",
            4 * 0.0128 * 730,
        ),
        (
            "EKS::Nodegroup",
            "{CapacityType: SPOT, InstanceTypes: [t3.large], DiskSize: 30, ScalingConfig: {DesiredSize: 2}}",
            2 * (0.03 * 730 + 30 * 0.08),
        ),
        ("DynamoDB::Table", "{ProvisionedThroughput: {ReadCapacityUnits: 5, WriteCapacityUnits: 5}}", 2.847),
    ],
)
def test_what_aws_charges_by_declared_size(priced, kind, body, monthly):
    assert priced(aws__x=AWS.format(name="x", type=kind, body=body)).total() == pytest.approx(monthly)


@pytest.mark.parametrize(
    ("kind", "parent", "body", "monthly"),
    [
        ("sqladmin.v1/instances", "projects/p", "{settings: {tier: db-f1-micro}}", 0.0105 * 730 + 1.70),
        (
            "sqladmin.v1/instances",
            "projects/p",
            "{settings: {tier: db-custom-2-7680, availabilityType: REGIONAL, dataDiskSizeGb: '20'}}",
            2 * (730 * (2 * 0.0413 + 7.5 * 0.007) + 20 * 0.17),
        ),
        ("redis.v1/projects.locations.instances", "projects/p/locations/r", "{memorySizeGb: 1}", 35.77),
        (
            "spanner.v1/projects.instances",
            "projects/p",
            "{config: projects/p/instanceConfigs/regional-us-central1, processingUnits: 200}",
            2 * 65.70,
        ),
        (
            "bigtableadmin.v2/projects.instances",
            "projects/p",
            "{clusters: {a: {serveNodes: 1}, b: {serveNodes: 2}}}",
            3 * 474.50,
        ),
        ("compute.v1/securityPolicies", "projects/p/global", "{rules: [{}, {}]}", 5 + 2),
        ("compute.v1/routers", "projects/p/regions/r", "{nats: [{name: a}]}", 730 * (0.0014 + 0.005)),
        ("compute.v1/addresses", "projects/p/regions/r", "{addressType: INTERNAL}", 0.0),
        (
            "run.v2/projects.locations.services",
            "projects/p/locations/r",
            "{template: {scaling: {minInstanceCount: 1},"
            " containers: [{resources: {limits: {cpu: 500m, memory: 512Mi}}}]}}",
            730 * 0.009 * (0.5 + 0.5),
        ),
    ],
)
def test_what_google_charges_by_declared_size(priced, kind, parent, body, monthly):
    text = f"id: google/x\ntype: {kind}\nname: x\nparent: {parent}\nbody: {body}\n"
    assert priced(google__x=text).total() == pytest.approx(monthly)


POOL = """\
id: google/{name}
type: container.v1/projects.locations.clusters.nodePools
name: {name}
parent: projects/p/locations/us-central1-a/clusters/c
body: {{initialNodeCount: 0, config: {{machineType: g2-standard-4, diskSizeGb: 100}}}}
"""


def test_an_autoscaled_pool_costs_what_is_assumed_to_run(priced):
    declared = priced(google__a=POOL.format(name="a"))
    assert declared.lines == ()
    assumed = priced(Usage(running={"google/a": 0.1}), google__a=POOL.format(name="a"))
    assert assumed.total() == pytest.approx(0.1 * (0.7068 * 730 + 100 * 0.10))


BUCKET = "id: google/{name}\ntype: storage.v1/buckets\nname: {name}\nparent: projects/p\nbody: {{}}\n"


def test_use_is_added_and_a_resource_may_differ_from_its_type(priced):
    used = Usage(
        types={"storage.v1/buckets": {"storage-nearline-gb": 10}},
        resources={"google/b": {"storage-nearline-gb": 30}},
    )
    found = priced(used, google__a=BUCKET.format(name="a"), google__b=BUCKET.format(name="b"))
    assert found.by_resource("google") == {"google/b": pytest.approx(0.30), "google/a": pytest.approx(0.10)}


def test_a_free_tier_is_given_once_for_all_resources(priced):
    used = Usage(types={"storage.v1/buckets": {"storage-standard-gb": 4}})
    found = priced(used, google__a=BUCKET.format(name="a"), google__b=BUCKET.format(name="b"))
    assert found.total() == pytest.approx((8 - 5) * 0.020)


RULE = "id: google/{n}\ntype: compute.v1/globalForwardingRules\nname: {n}\nparent: projects/p\nbody: {{}}\n"


@pytest.mark.parametrize(("count", "paid"), [(1, 1), (5, 1), (6, 2)])
def test_five_forwarding_rules_cost_what_one_does(priced, count, paid):
    files = {f"google__r{number}": RULE.format(n=f"r{number}") for number in range(count)}
    assert priced(**files).total() == pytest.approx(paid * 0.025 * 730)


def test_what_the_sheet_does_not_know_is_named_and_never_zero(priced):
    text = GKE.format(location="us-central1-a", more="").replace("e2-standard-2", "c9-mega-96")
    found = priced(google__c=text, aws__x=AWS.format(name="thing", type="Braket::Thing", body="{}"))
    assert found.unknown == (
        ("google/cluster", "node c9-mega-96, pool a"),
        ("aws/thing", "AWS::Braket::Thing"),
    )
    assert "**Not in the price sheet, and not in the total:** google/cluster" in found.markdown()


def test_the_table_is_sorted_by_price_and_marks_what_was_not_verified(priced):
    found = priced(google__c=GKE.format(location="us-central1-a", more="spot: true"))
    text = found.markdown()
    prices = [
        float(row.split("|")[4].replace(",", "").replace("*", ""))
        for row in text.splitlines()
        if row.startswith(("| google/", f"| {FREE_TIER}"))
    ]
    assert prices == sorted(prices, reverse=True)
    assert "node e2-standard-2 spot, pool a † |" in text
    assert "zonal cluster |" in text
    assert "Could not be compared" in text


def test_other_regions_are_an_assumption(selected, variables, sheet, usage):
    found = estimate(selected("starter"), {**variables, "google.region": "europe-west1"}, sheet, usage)
    assert "Google Cloud's prices are us-central1's, not europe-west1's" in found.assumptions


# ---- the catalogue in the repository


def test_every_type_of_the_full_catalogue_is_priced_paid_by_use_or_free(everything, sheet, usage):
    unknown = {resource.type for resource in everything if not is_known(resource.type, sheet, usage)}
    assert unknown == set()


def test_no_size_of_the_full_catalogue_is_missing_from_the_sheet(everything, variables, sheet, usage):
    assert estimate(everything, variables, sheet, usage).unknown == ()


def test_what_is_free_is_nowhere_priced_too(everything, sheet, usage):
    free = {resource.type for resource in everything if sheet.is_free(resource.type)}
    assert free & (CHARGERS.keys() | sheet.fixed.keys() | usage.types.keys()) == set()


def test_assumptions_and_fixed_prices_are_of_what_the_catalogue_holds(everything, sheet, usage):
    types = {resource.type for resource in everything}
    assert usage.types.keys() - types == set()
    assert sheet.fixed.keys() - types == set()
    assert (usage.resources.keys() | usage.running.keys()) - everything.resources.keys() == set()
    dead = [
        pattern
        for pattern in sheet.free
        if not any(dataclasses.replace(sheet, free=(pattern,)).is_free(kind) for kind in types)
    ]
    assert dead == []


#: Prices by size: another machine or tier may be declared tomorrow.
SIZES = (
    "gce-",
    "sql-",
    "memorystore-",
    "spanner-",
    "ec2-",
    "rds-",
    "elasticache-",
    "sagemaker-ml.",
    "eks-",
    "route53-check-",
)


def test_every_price_is_used(everything, variables, sheet, usage):
    used = {(line.cloud, line.price) for line in estimate(everything, variables, sheet, usage).lines}
    by_declaration = inspect.getsource(aws_charges) + inspect.getsource(google_charges)
    idle = [
        name
        for cloud, prices in sheet.prices.items()
        for name in prices
        if (cloud, name) not in used and not name.startswith(SIZES) and f'"{name}"' not in by_declaration
    ]
    assert idle == []


def test_what_is_not_filled_in_does_not_keep_the_full_plan_from_being_priced(
    everything, variables, sheet, usage
):
    few = {name: value for name, value in variables.items() if name.endswith(("region", "zone"))}
    full = estimate(everything, variables, sheet, usage)
    assert estimate(everything, few, sheet, usage).total() == pytest.approx(full.total())


def test_the_starter_fits_the_plans_credits_for_three_months(selected, variables, sheet, usage):
    month = estimate(selected("starter"), variables, sheet, usage)
    assert month.unknown == ()
    for cloud, figures in sheet.plan.items():
        assert 0 < month.total(cloud) * 3 <= figures["credits"], cloud


def test_the_plans_own_figures_do_not_cover_what_it_lists(everything, selected, variables, sheet, usage):
    weeks = estimate(selected("gameplan"), variables, sheet, usage)
    full = estimate(everything, variables, sheet, usage)
    assert weeks.total("google") > 155
    assert weeks.total("aws") > 89
    assert full.total("google") > weeks.total("google")
    assert full.total("aws") > weeks.total("aws")
    assert "instead of 155" in weeks.against_plan()
    assert "instead of 89" in weeks.against_plan()


def test_the_outlook_shows_months_of_credits_beside_the_full_plan(priced):
    one = priced(aws__n=AWS.format(name="n", type="EC2::NatGateway", body="{}"))
    two = priced(aws__m=AWS.format(name="m", type="EC2::NatGateway", body="{}"))
    table = outlook(one, two, {"google": 1300.0, "aws": 100.0})
    assert "| AWS | 32.85 | 100.00 | 3.0 | 89 | 65.70 | 1.5 |" in table
    assert "| Google Cloud | 0.00 | 1300.00 | ∞ | 155 | 0.00 | ∞ |" in table
