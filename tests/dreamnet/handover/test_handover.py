"""The whole catalogue handed over: each resource is there or named, and the files hold together."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pygohcl
import pytest

from dreamnet.handover import Written, hand_over, write
from dreamnet.handover.aws import OLDER
from dreamnet.handover.export import Export, export
from dreamnet.handover.google_rules import RULES
from dreamnet.handover.hcl import Attribute, Block, Expression, codes, document, value
from dreamnet.handover.providers import Attributes, computed, inside, kind, provider, required
from dreamnet.handover.regions import regions
from dreamnet.handover.terraform import FOLDERS, HEADING, module_folder
from dreamnet.resources.catalogue import CLOUDS, load_catalogue
from dreamnet.resources.model import Live

INFRASTRUCTURE = Path(__file__).parents[3] / "infrastructure"
CATALOGUE = load_catalogue(INFRASTRUCTURE)
WRITTEN = hand_over(CATALOGUE)
PROJECT = "projects/${google.project}"
#: Ends of a reference into another resource: `google_x.name`, or `var.name`.
ADDRESS = re.compile(r"\b(google_\w+|awscc_\w+|aws_\w+|var)\.(\w+)")


def wrong(items: list[Any], attributes: Attributes, where: str) -> Iterator[str]:
    """What the provider's schema would refuse: unknown names, blocks for attributes, required ones absent."""
    given = {}
    for item in items:
        if isinstance(item, Attribute) and item.name == "ignore_changes":
            continue
        name = item.name if isinstance(item, Attribute) else item.type
        given[name] = item
        if name == "lifecycle":
            continue
        if name not in attributes:
            yield f"{where}: {name} is unknown"
            continue
        if isinstance(item, Block) != (kind(attributes[name]) in ("block", "block1")):
            yield f"{where}: {name} must be {kind(attributes[name])}"
        elif isinstance(item, Block):
            yield from wrong(item.body, inside(attributes[name]), f"{where}/{name}")
        else:
            for one in objects(item.value, kind(attributes[name])):
                members = [Attribute(key, given) for key, given in one.items()]
                yield from wrong(members, inside(attributes[name]), f"{where}/{name}")
    yield from (
        f"{where}: {name} is missing"
        for name, spec in attributes.items()
        if required(spec) and name not in given
    )


def objects(given: Any, form: str) -> list[Mapping[str, Any]]:
    """The objects in an attribute's value, by its kind."""
    found = {"object": [given], "objects": given, "map": [*given.values()] if isinstance(given, dict) else []}
    return [one for one in found.get(form, ()) if isinstance(one, Mapping)]


@pytest.fixture(params=CLOUDS)
def exported(request: pytest.FixtureRequest) -> Export:
    return WRITTEN.exports[request.param]


def test_every_declaration_is_exported_or_named_as_not(exported: Export) -> None:
    declared = {one.id for one in CATALOGUE if one.cloud == exported.cloud}
    there = {one.id for one in exported.exported}
    assert there | set(exported.missing) == declared
    assert not there & set(exported.missing)
    lines = "".join(WRITTEN.files.values()).splitlines()
    comments = [line[2:].removeprefix("not exported: ") for line in lines if line.startswith("# ")]
    assert declared <= {word for line in comments for word in re.split(r"[,:] ", line)}


def test_a_type_that_no_provider_has_is_named(tmp_path: Path) -> None:
    (tmp_path / "google" / "ai").mkdir(parents=True)
    declaration = (
        "id: google/x\ntype: translate.v3/projects.locations.glossaries\nname: x\nparent: p\nbody: {}\n"
    )
    (tmp_path / "google" / "ai" / "x.yaml").write_text(declaration)
    made = hand_over(load_catalogue(tmp_path))
    assert set(made.exports["google"].missing) == {"google/x"}
    said = "# not exported: google/x: no Terraform provider has a resource for translate.v3/"
    assert said in made.files[Path("terraform/gcp/ai.tf")]


def test_every_rule_names_a_type_of_its_provider_that_takes_the_name() -> None:
    for rule in RULES.values():
        known = provider("google").types[rule.terraform].attributes
        assert not rule.identity or not computed(known[rule.identity]), rule
    assert {rule.terraform for rule in OLDER.values()} <= set(provider("aws").types)


def test_names_are_unique(exported: Export) -> None:
    addresses = [one.address for one in exported.exported]
    assert len(addresses) == len(set(addresses))


def test_blocks_are_what_the_providers_schema_admits(exported: Export) -> None:
    found = [
        one for each in exported.exported for one in wrong(each.block.body, each.type.attributes, each.id)
    ]
    assert not found, "\n".join(found)


def test_the_schema_check_notices() -> None:
    attributes = {"a": "string required", "b": ["block1", {"c": "string required"}]}
    items = [Attribute("b", {}), Attribute("x", 1)]
    assert [*wrong(items, attributes, "/")] == [
        "/: b must be block1",
        "/: x is unknown",
        "/: a is missing",
    ]
    assert [*wrong([Attribute("a", 1), Block("b")], attributes, "")] == ["/b: c is missing"]
    nested = {"o": ["objects", {"x": ["object", {"y": "string required"}]}], "m": ["map", {"z": "number"}]}
    items = [Attribute("o", [{"x": {}}, {"w": 1}]), Attribute("m", {"key": {"q": 1}})]
    assert [*wrong(items, nested, "")] == ["/o/x: y is missing", "/o: w is unknown", "/m: q is unknown"]


def test_references_lead_to_what_is_declared(exported: Export) -> None:
    known = {one.address for one in exported.exported} | {f"var.{name}" for name in exported.terms.variables}
    for one in exported.exported:
        for code in codes(one.block):
            for found in ADDRESS.finditer(code):
                assert found[0] in known, f"{one.id}: {code}"


def test_files_parse_and_hold_every_resource_once(exported: Export) -> None:
    both = regions(exported)
    root, module = read(FOLDERS[exported.cloud]), read(f"modules/{module_folder(exported)}")
    twins = {first.address for first, _ in both.twins}
    assert resources(module) == twins
    assert resources(root) == {one.address for one in exported.exported} - set(both.moved)
    assert len(resources(root)) + 2 * len(twins) == len(exported.exported)


def test_every_name_that_a_file_uses_is_declared(exported: Export) -> None:
    for folder in (FOLDERS[exported.cloud], f"modules/{module_folder(exported)}"):
        parsed = read(folder)
        declared = resources(parsed) | {f"var.{name}" for name in parsed["variable"]}
        for path, text in texts(folder):
            for line in text.splitlines():
                if line.lstrip().startswith(("#", "description")):
                    continue
                code = re.sub(r'"(?:[^"\\$]|\\.|\$[^{])*"|module\.\S+', "", line)
                for found in ADDRESS.finditer(code):
                    assert found[0] in declared, f"{path}: {line}"


def test_imports_lead_to_resources(exported: Export) -> None:
    folder = FOLDERS[exported.cloud]
    imported = re.findall(
        r"^  to = (\S+)$", WRITTEN.files[Path(f"terraform/{folder}/imports.tf")], re.MULTILINE
    )
    assert len(imported) == len(set(imported)) == sum(one.import_id is not None for one in exported.exported)
    module = resources(read(f"modules/{module_folder(exported)}"))
    known = resources(read(folder)) | {
        f"module.{call}.{one}" for call in ("first", "second") for one in module
    }
    assert set(imported) <= known


def test_the_regions_module_is_called_with_what_it_takes_and_asked_for_what_it_gives(
    exported: Export,
) -> None:
    module = read(f"modules/{module_folder(exported)}")
    root = read(FOLDERS[exported.cloud])
    for call in ("first", "second"):
        assert set(root["module"][call]) - {"source", "providers"} == set(module["variable"])
    asked = {
        found[1]
        for _, text in texts(FOLDERS[exported.cloud])
        for found in re.finditer(r"module\.(?:first|second)\.(\w+)", text)
        if not found[1].startswith(("google_", "awscc_", "aws_"))  # imports name resources
    }
    assert asked == set(module["output"])


def texts(folder: str) -> Iterator[tuple[Path, str]]:
    """The configuration's files in a folder below `terraform/`."""
    for path, text in WRITTEN.files.items():
        if path.parent == Path("terraform") / folder and path.suffix == ".tf":
            yield path, text


def read(folder: str) -> dict[str, Any]:
    """A folder's files, as Terraform's own parser reads them, by kind of block; imports left out."""
    found: dict[str, Any] = {"resource": {}, "variable": {}, "output": {}, "module": {}}
    for path, text in texts(folder):
        for kind_of, given in pygohcl.loads(text).items():
            if kind_of == "resource":
                for name, named in given.items():
                    found["resource"].setdefault(name, {}).update(named)
            elif kind_of in found:
                found[kind_of] |= given
            else:
                assert kind_of in ("provider", "terraform", "import"), path
    return found


def resources(parsed: Mapping[str, Any]) -> set[str]:
    """Addresses of the resources that a folder declares."""
    return {f"{name}.{one}" for name, named in parsed["resource"].items() for one in named}


def test_secrets_are_sensitive_variables_and_nothing_else() -> None:
    variables = pygohcl.loads(WRITTEN.files[Path("terraform/gcp/variables.tf")])["variable"]
    assert variables["database_password"]["sensitive"] is True
    assert "sensitive" not in variables["google_project"]
    assert not any("${secret." in text for text in WRITTEN.files.values())


#: Values that stand otherwise in Terraform, or say what its resource type says already: type and pointer.
SAID_OTHERWISE = {
    ("bigtableadmin.v2/projects.instances", "/type"),
    ("bigtableadmin.v2/projects.instances.tables", "/granularity"),
    ("bigtableadmin.v2/projects.instances.tables", "/deletionProtection"),
    ("storage.v1/buckets", "/lifecycle/rule/condition/isLive"),
    ("sqladmin.v1/instances", "/instanceType"),
    ("compute.v1/healthChecks", "/type"),
    ("monitoring.v3/services.serviceLevelObjectives", "/rollingPeriod"),
    ("cloudfunctions.v2/projects.locations.functions", "/environment"),
    ("AWS::Budgets::Budget", "/NotificationsWithSubscribers/Subscribers/SubscriptionType"),
}


def leaves(given: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Every scalar of a body with its pointer, without the indexes of lists."""
    if isinstance(given, Mapping):
        for key, item in given.items():
            yield from leaves(item, f"{pointer}/{key}")
    elif isinstance(given, list):
        for item in given:
            yield from leaves(item, pointer)
    else:
        yield pointer, given


def test_no_declared_value_is_lost(exported: Export) -> None:
    texts_of: dict[str, str] = {}
    fields: dict[str, tuple[str, ...]] = {}
    for one in exported.exported:
        texts_of[one.id] = texts_of.get(one.id, "") + document([one.block])
        fields[one.id] = fields.get(one.id, ()) + one.left_over
    lost = [
        (CATALOGUE[resource_id].type, pointer)
        for resource_id, text in texts_of.items()
        for pointer, given in leaves(CATALOGUE[resource_id].body)
        if "${" not in str(given)
        and value(given).strip('"') not in text
        and not any(pointer.startswith(field) for field in fields[resource_id])
    ]
    assert set(lost) <= SAID_OTHERWISE


def attribute(cloud: str, address: str, name: str) -> Any:
    """An attribute of an exported resource."""
    return next(one for one in WRITTEN.exports[cloud].exported if one.address == address).block.attribute(
        name
    )


def test_outputs_are_called_as_the_provider_calls_them(tmp_path: Path) -> None:
    channel = Expression("google_monitoring_notification_channel.notification_channel.name")
    alert = "google_monitoring_alert_policy.alert_undelivered_events"
    assert attribute("google", alert, "notification_channels") == [channel]
    role = Expression("google_project_iam_custom_role.role_operator.name")
    assert attribute("google", "google_project_iam_member.access_operator", "role") == role
    queue = Expression("awscc_sqs_queue.queue.arn")
    assert attribute("aws", "awscc_lambda_event_source_mapping.function_trigger", "event_source_arn") == queue
    (tmp_path / "google" / "data").mkdir(parents=True)
    (tmp_path / "google" / "data" / "x.yaml").write_text(
        "id: google/t\ntype: pubsub.v1/projects.topics\nname: t\nparent: projects/p\nbody: {}\n---\n"
        "id: google/s\ntype: pubsub.v1/projects.subscriptions\nname: s\nparent: projects/p\n"
        "body: {topic: '${resource:google/t.name}'}\n"
    )
    text = hand_over(load_catalogue(tmp_path)).files[Path("terraform/gcp/data.tf")]
    assert "topic = google_pubsub_topic.t.id\n" in text


def test_what_a_resource_belongs_to_is_a_reference() -> None:
    for address, name, expected in (
        ("google_sql_database.cloud_sql_database", "instance", "google_sql_database_instance.cloud_sql.name"),
        ("google_spanner_database.spanner_database", "instance", "google_spanner_instance.spanner.name"),
        (
            "google_bigtable_table.bigtable_table_activity",
            "instance_name",
            "google_bigtable_instance.bigtable.name",
        ),
        (
            "google_storage_bucket_iam_member.access_api_media",
            "bucket",
            "google_storage_bucket.bucket_media.name",
        ),
        (
            "google_bigquery_table.table_dream_events",
            "dataset_id",
            "google_bigquery_dataset.dataset_events.dataset_id",
        ),
        (
            "google_service_account_iam_member.workload_identity_api",
            "service_account_id",
            "google_service_account.account_api.name",
        ),
    ):
        assert attribute("google", address, name) == Expression(expected)


def test_a_clusters_pools_are_resources_and_its_first_one_goes() -> None:
    cluster = "google_container_cluster.gke_cluster"
    assert attribute("google", cluster, "remove_default_node_pool") is True
    assert attribute("google", cluster, "network") == Expression("google_compute_network.network.self_link")
    pool = "google_container_node_pool.gke_cluster_pool_default"
    assert attribute("google", pool, "cluster") == Expression(f"{cluster}.name")
    garbage = "google_bigtable_gc_policy.bigtable_table_activity_event"
    assert attribute("google", garbage, "table") == Expression(
        "google_bigtable_table.bigtable_table_activity.name"
    )


def test_dependencies_that_no_reference_makes_are_said() -> None:
    text = WRITTEN.files[Path("terraform/gcp/data.tf")]
    assert "  depends_on = [google_bigtable_instance.bigtable]\n" in text


def test_import_ids(exported: Export) -> None:
    ids = {one.address: one.import_id for one in exported.exported}
    wanted = {
        "google": {
            "google_container_cluster.gke_cluster": f"{PROJECT}/locations/${{google.zone}}/clusters/dreamnet",
            "google_container_node_pool.pool_spot": "${google.project}/${google.zone}/dreamnet/spot",
            "google_container_node_pool.gke_cluster_pool_default": (
                "${google.project}/${google.zone}/dreamnet/default"
            ),
            "google_sql_user.cloud_sql_user": "${google.project}/dreamnet/dreamnet",
            "google_storage_bucket.bucket_lake": "${google.project}-lake",
            "google_project_iam_member.access_api_sql": "${google.project} roles/cloudsql.client "
            "serviceAccount:dreamnet-api@${google.project}.iam.gserviceaccount.com",
            "google_bigquery_table.table_dream_events": (
                f"{PROJECT}/datasets/dreamnet_events/tables/dream_events"
            ),
            "google_monitoring_alert_policy.alert_undelivered_events": None,
            "google_service_networking_connection.private_services": (
                "projects/${google.project_number}/global/networks/dreamnet:servicenetworking.googleapis.com"
            ),
            "google_vertex_ai_dataset.dataset_dream_texts": None,
        },
        "aws": {
            "awscc_eks_cluster.eks_cluster": "dreamnet",
            "aws_eks_node_group.eks_nodegroup": "dreamnet:default",
            "awscc_s3_bucket.bucket_lake": "dreamnet-${aws.account_id}-lake",
            "awscc_ec2_vpc.vpc": None,
            "awscc_ec2_subnet_route_table_association.route_subnet_a": None,
        },
    }
    for address, import_id in wanted[exported.cloud].items():
        assert ids[address] == import_id


def test_what_lives_is_imported_by_its_own_identifier() -> None:
    live = {
        "aws/vpc": Live("vpc-1", {"VpcId": "vpc-1"}, owned=True),
        "aws/eks-nodegroup": Live("dreamnet|default", {}, owned=True),
    }
    ids = {one.id: one.import_id for one in export(CATALOGUE, "aws", live).exported if one.import_id}
    assert ids == {"aws/vpc": "vpc-1", "aws/eks-nodegroup": "dreamnet:default"}
    channel = {
        "google/notification-channel": Live("x", {"name": "projects/p/notificationChannels/7"}, owned=True)
    }
    google = export(CATALOGUE, "google", channel).exported
    assert {one.import_id for one in google} == {None, "projects/p/notificationChannels/7"}


def test_pulumi_takes_types_names_and_filled_in_ids() -> None:
    live = {"aws/eks-nodegroup": Live("dreamnet|default", {}, owned=True)}
    made = hand_over(CATALOGUE, ("pulumi",), live, {"google.project": "p-1"})
    resources = json.loads(made.files[Path("pulumi/aws/import.json")])["resources"]
    assert resources == [
        {"type": "aws-native:eks:Nodegroup", "name": "eks_nodegroup", "id": "dreamnet|default"}
    ]
    offline = hand_over(CATALOGUE, ("pulumi",), variables={"google.project": "p-1"})
    named = {
        one["name"]: one for one in json.loads(offline.files[Path("pulumi/gcp/import.json")])["resources"]
    }
    assert named["bucket_lake"] == {
        "type": "gcp:storage/bucket:Bucket",
        "name": "bucket_lake",
        "id": "p-1-lake",
    }
    assert {path.parts[0] for path in offline.files} == {"pulumi"}


def test_other_regions_of_aws_have_their_provider() -> None:
    text = WRITTEN.files[Path("terraform/aws/main.tf")]
    assert 'provider "awscc" {\n  region = var.aws_region\n}' in text
    regions = {one.region for one in WRITTEN.exports["aws"].exported} - {"${aws.region}"}
    for region in regions:
        assert text.count("alias") >= len(regions), region


def test_generated_files_of_before_go_and_others_stay(tmp_path: Path) -> None:
    stay = ("terraform/gcp/mine.tf", "terraform/README.md", "pulumi/gcp/resources.ts")
    gone = ("terraform/gcp/old.tf", "terraform/modules/gcp-region/old.tf")
    for name in (*stay, *gone):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"# {HEADING[0]}" if name in gone else "mine")
    write(Written({Path("terraform/gcp/main.tf"): "new"}, {}), tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")} == {
        *stay,
        "terraform/gcp/main.tf",
    }


def test_the_summary_counts_and_names_what_is_not_exported(tmp_path: Path) -> None:
    (tmp_path / "google" / "ai").mkdir(parents=True)
    (tmp_path / "google" / "ai" / "x.yaml").write_text(
        "id: google/x\ntype: translate.v3/projects.locations.glossaries\nname: x\nparent: p\nbody: {}\n---\n"
        "id: google/y\ntype: pubsub.v1/projects.topics\nname: y\nparent: p\nbody: {state: ACTIVE}\n"
    )
    made = hand_over(load_catalogue(tmp_path))
    said = made.markdown()
    assert "google: 1 of 2 declarations exported as 1 Terraform resources" in said
    assert "| google/x | no Terraform provider has a resource for translate.v3/" in said
    assert "| google/y | fields /state |" in said
    text = made.files[Path("terraform/gcp/ai.tf")]
    assert "# google/y\n# not exported: /state: the provider has no such attribute\n" in text
