"""The least-privilege policies: exactly what the checks ask for, within the vendors' limits."""

import json
from pathlib import Path

import pytest
import yaml
from account_fakes import amazon, google

from dreamnet.errors import ConfigurationError
from dreamnet.prechecks import policies
from dreamnet.prechecks.__main__ import main
from dreamnet.prechecks.aws_permissions import PASS_ROLE, needed_actions
from dreamnet.prechecks.google_permissions import needed_permissions
from dreamnet.resources.catalogue import load_catalogue

INFRASTRUCTURE = Path(__file__).resolve().parents[3] / "infrastructure"


@pytest.fixture(scope="module")
def everything():
    return tuple(load_catalogue(INFRASTRUCTURE))


def size(policy):
    return len("".join(json.dumps(policy, separators=(",", ":")).split()))


def test_the_whole_catalogue_fits_what_one_identity_can_have(everything):
    written = policies.aws_policies(everything)
    assert 1 < len(written) <= policies.POLICIES
    assert max(map(size, written)) <= policies.POLICY_SIZE


def test_aws_policies_allow_what_is_needed_and_nothing_else(everything):
    statements = [one for policy in policies.aws_policies(everything) for one in policy["Statement"]]
    allowed = [action for one in statements for action in one["Action"]]
    assert sorted(allowed) == list(needed_actions(everything))
    passing = [one for one in statements if PASS_ROLE in one["Action"]]
    assert len(passing) == 1
    assert "*" not in passing[0]["Resource"]
    assert all(one.startswith("arn:aws:iam::*:role/dreamnet") for one in passing[0]["Resource"])


def test_more_policies_than_an_identity_can_have_are_refused(everything, monkeypatch):
    monkeypatch.setattr(policies, "POLICY_SIZE", 1200)
    with pytest.raises(ConfigurationError, match=r"policies are needed, and one identity can have 10"):
        policies.aws_policies(everything)


def test_the_google_role_holds_what_is_needed_except_the_billing_accounts(everything):
    (role,) = policies.google_roles(everything)
    needed = [one for one in needed_permissions(everything) if not one.startswith("billing.")]
    assert role["includedPermissions"] == needed


def test_a_role_that_would_be_too_large_is_split(monkeypatch):
    monkeypatch.setattr(policies, "ROLE_SIZE", 10)
    roles = policies.google_roles([google("pubsub.v1/projects.topics")])
    assert max(len(role["includedPermissions"]) for role in roles) == 10
    assert roles[1]["title"] == "DreamNet gameplan 2"


def test_a_reference_in_a_roles_name_is_a_wildcard():
    (policy,) = policies.aws_policies(
        [amazon("AWS::EKS::Cluster"), amazon("AWS::IAM::Role", RoleName="dreamnet-${aws.region}-nodes")]
    )
    assert policy["Statement"][-1]["Resource"] == ["arn:aws:iam::*:role/dreamnet-*-nodes"]


def test_the_command_writes_files_that_the_clis_take(tmp_path, capsys):
    folder = tmp_path / "policies"
    assert main(["policies", str(folder), "--selection", "gameplan", "--root", str(INFRASTRUCTURE)]) == 0
    written = capsys.readouterr().out.split()
    assert sorted(written) == sorted(str(path) for path in folder.iterdir())
    assert json.loads((folder / "aws-policy-1.json").read_text())["Version"] == "2012-10-17"
    assert yaml.safe_load((folder / "google-role.yaml").read_text())["stage"] == "GA"


def test_a_selection_that_is_none_is_named(tmp_path, capsys):
    assert main(["policies", str(tmp_path), "--selection", "nothing", "--root", str(INFRASTRUCTURE)]) == 1
    assert "has no selection 'nothing'" in capsys.readouterr().err
