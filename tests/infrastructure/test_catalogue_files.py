"""The catalogue in the repository: valid by the vendors' schemas, complete, and without secrets."""

import re
from pathlib import Path

import pytest

from dreamnet.events.delivery import code_versions
from dreamnet.resources.__main__ import offline_drivers, validate
from dreamnet.resources.catalogue import load_catalogue
from dreamnet.resources.references import references, strings

ROOT = Path(__file__).parents[2] / "infrastructure"

#: What blocks define; a reference to anything else would fail an operator's first plan.
VARIABLES = {
    "google.project",
    "google.region",
    "google.zone",
    "google.second_region",
    "aws.account_id",
    "aws.region",
    "aws.second_region",
    "image",
    "operator.email",
    "frontdoor.port",
    "google.project_number",
    "google.billing_account",
    "domain",
    *code_versions(),
}
SECRETS = {"secret.database-password"}


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue(ROOT)


def test_every_declaration_is_valid_offline(capsys):
    code = validate(ROOT)
    captured = capsys.readouterr()
    assert code == 0, captured.err
    assert captured.out.rstrip().endswith("valid")


def test_a_mistake_is_reported_with_file_line_and_field(tmp_path, capsys):
    good = (ROOT / "google/data/memorystore.yaml").read_text()
    target = tmp_path / "google/memorystore.yaml"
    target.parent.mkdir()
    target.write_text(good.replace("memorySizeGb: 1", "memorySizeGB: 1").split("depends_on")[0])
    assert validate(tmp_path) == 1
    assert "google/memorystore.yaml:8: " in capsys.readouterr().err


def test_each_weeks_folders_hold_resources(catalogue):
    for week in (
        ["google/gke", "aws/eks"],
        ["google/data", "aws/data"],
        ["google/services", "aws/services"],
        ["google/global"],
    ):
        assert len(catalogue.select(week)) > 0


def test_only_known_variables_and_secrets_are_referred_to(catalogue):
    for resource in catalogue:
        for _, text in references([resource.name, resource.parent, resource.body]):
            if not text.startswith("resource:"):
                assert text in VARIABLES | SECRETS, f"{resource.source}: {text}"


def test_no_password_is_written_out(catalogue):
    for resource in catalogue:
        for pointer, text in strings(resource.body):
            if "password" in pointer.lower():
                assert text.startswith("${secret."), f"{resource.source}: {pointer}"


#: Actions that can't be granted on single resources (Service Authorization Reference, November 2026).
WITHOUT_RESOURCES = {
    "comprehend:DetectDominantLanguage",
    "comprehend:DetectSentiment",
    "rekognition:DetectLabels",
    "textract:DetectDocumentText",
}


def test_roles_name_actions_and_resources(catalogue):
    """Least privilege: no wildcard action, and no statement on every resource where one can be named."""
    for resource in catalogue:
        for policy in resource.body.get("Policies", []) if resource.type == "AWS::IAM::Role" else []:
            for statement in policy["PolicyDocument"]["Statement"]:
                if not WITHOUT_RESOURCES.issuperset(statement["Action"]):
                    assert statement["Resource"] != "*", resource.source
                assert not any("*" in action for action in statement["Action"]), resource.source


#: Take no resource (service authorization reference, Tagging), and ask for the thing's own service's too.
TAGGING = {"tag:TagResources", "tag:UntagResources"}


def test_policies_name_resources_unless_the_action_has_none(catalogue):
    """Every resource only for what looks (AWS offers nothing narrower) and for logging in to the registry."""
    looking = re.compile(r"\w+[:-]?\w*:(Describe|List|Get)\w+")
    policies = [resource for resource in catalogue if resource.type == "AWS::IAM::ManagedPolicy"]
    assert policies
    for resource in policies:
        for statement in resource.body["PolicyDocument"]["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            assert not any("*" in action for action in actions), f"{resource.source}: {statement['Sid']}"
            if statement["Resource"] == "*":
                assert all(looking.match(action) or action in TAGGING for action in actions), (
                    f"{resource.source}: {statement['Sid']}"
                )


def test_drivers_cover_both_clouds():
    assert set(offline_drivers()) == {"google", "aws"}
