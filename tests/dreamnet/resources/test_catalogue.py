import pytest

from dreamnet.errors import ConfigurationError
from dreamnet.resources.catalogue import load_catalogue

NETWORK = """\
# a comment before
---
id: google/network
type: compute.v1/networks
name: dreamnet
parent: projects/${google.project}/global
body:
  autoCreateSubnetworks: false
"""
CLUSTER = """\
id: google/cluster
type: container.v1/projects.locations.clusters
name: dreamnet
parent: projects/${google.project}/locations/${google.zone}
body:
  network: ${resource:google/network.selfLink}
  nodePools:
    - name: default
      config:
        machineType: e2-standard-2
"""
BUCKET = """\
id: aws/bucket
type: AWS::S3::Bucket
name: lake
parent: ${aws.region}
body: {Policy: {Version: 2012-10-17}}
"""


def load(write, **files):
    return load_catalogue(write({name.replace("__", "/") + ".yaml": text for name, text in files.items()}))


def test_dependencies_come_first_whatever_the_files_order(write):
    catalogue = load(write, google__gke__a_cluster=CLUSTER, google__gke__network=NETWORK)
    assert [resource.id for resource in catalogue] == ["google/network", "google/cluster"]
    assert catalogue["google/network"].source.endswith("network.yaml:3")
    assert catalogue["google/network"].cloud == "google"


def test_select_takes_a_folder_and_what_it_depends_on(write):
    root = {"google__gke__cluster": CLUSTER, "google__net": NETWORK, "aws__data__s3": BUCKET}
    catalogue = load(write, **root)
    assert set(catalogue.select(["google/gke"]).resources) == {"google/network", "google/cluster"}
    assert set(catalogue.select(["aws/data/s3.yaml"]).resources) == {"aws/bucket"}
    with pytest.raises(ConfigurationError, match="google/gk declares no resource"):
        catalogue.select(["google/gk"])


def test_dates_are_text_and_only_true_and_false_are_booleans(write):
    catalogue = load(write, aws__s3=BUCKET.replace("body: {", "body: {on: no, yes: true, "))
    assert catalogue["aws/bucket"].body == {"on": "no", "yes": True, "Policy": {"Version": "2012-10-17"}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (NETWORK + "bodyy: {}\n", r"net\.yaml:9: bodyy: is unknown"),
        (NETWORK.replace("name: dreamnet\n", ""), r"net\.yaml:3: name: is missing"),
        (NETWORK + "depends_on: google/x\n", r"net\.yaml:9: depends_on: must be a list"),
        (NETWORK + "depends_on: [{a: 1}]\n", r"net\.yaml:9: depends_on: must be a list of ids"),
        (NETWORK + "options: [1]\n", r"net\.yaml:9: options: must be a mapping"),
        (NETWORK.replace("dreamnet", "7"), r"net\.yaml:5: name: must be text"),
        (NETWORK + "name: again\n", r"net\.yaml:9: /name: stands at line 5 too"),
        (NETWORK + "depends_on: [google/x]\n", r"net\.yaml:9: depends_on: google/network needs google/x"),
        (NETWORK + "  b: ${resource:google/x.a}\n", r"net\.yaml:9: body/b: google/network needs google/x"),
        (NETWORK + "  b: ['${Not A Reference}']\n", r"net\.yaml:9: /body/b/0: \$\{Not A Reference\}"),
        (NETWORK + "  b: ${resource:google/x}\n", r"net\.yaml:9: /body/b: .* is no reference"),
        (NETWORK.replace("google/network", "aws/network"), r"net\.yaml:3: id: aws/network must read google/"),
        (NETWORK.replace("google/network", "google/a/b"), r"net\.yaml:3: id: google/a/b must read"),
        (NETWORK + "  c: [\n", r"net\.yaml:10: YAML: "),
        (NETWORK + "---\n" + NETWORK, r"net\.yaml:12: id: google/network is declared at .*net\.yaml:3 too"),
        (
            NETWORK + "---\n" + NETWORK.replace("google/network", "google/other"),
            r"net\.yaml:14: name: dreamnet is the name of google/network too, at .*net\.yaml:3",
        ),
        ("- 1\n", r"net\.yaml:1: document: must be a mapping"),
        ("", "No resource is declared"),
    ],
)
def test_mistakes_name_file_line_and_field(write, text, message):
    with pytest.raises(ConfigurationError, match=message):
        load(write, google__net=text)


def test_a_cycle_names_its_members(write):
    first = NETWORK + "depends_on: [google/cluster]\n"
    with pytest.raises(
        ConfigurationError, match=r"yaml:\d+: .*: these wait for one another: google/(\w+) ->"
    ):
        load(write, google__net=first, google__cluster=CLUSTER)


def test_validate_points_at_the_field(write, cloud):
    text = CLUSTER.replace("  nodePools:", "  bad: 1\n  nodePools:")
    catalogue = load(write, google__net=NETWORK, google__cluster=text)
    (problem,) = catalogue.validate({"google": cloud})
    assert str(problem).endswith("google/cluster.yaml:7: /bad: is unknown")


def test_a_field_that_is_not_in_the_file_is_shown_at_its_parent(write):
    catalogue = load(write, google__net=NETWORK, google__cluster=CLUSTER)
    assert catalogue.line("google/cluster", "/nodePools/0/config/diskSizeGb") == 9
    assert catalogue.line("google/cluster", "/absent") == 5
