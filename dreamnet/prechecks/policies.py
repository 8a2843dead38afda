"""The least that must be granted, written from the same lists that the checks ask about."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from dreamnet.errors import ConfigurationError
from dreamnet.prechecks.aws_permissions import PASS_ROLE, declared_roles, needed_actions
from dreamnet.prechecks.google_permissions import needed_permissions
from dreamnet.resources.model import Resource
from dreamnet.resources.references import references

#: Characters of a customer managed policy, white space not counted; managed policies that a user or role can
#: have (IAM User Guide, "IAM and AWS STS quotas", November 2026; the second can be raised to 20).
POLICY_SIZE, POLICIES = 6144, 10

#: Permissions of a custom role (cloud.google.com/iam/quotas, November 2026).
ROLE_SIZE = 3000

_STATEMENT = 400
"""Characters kept for a policy's frame and its statement about roles."""


def aws_policies(resources: Sequence[Resource]) -> list[dict[str, Any]]:
    """Managed policies that together allow what these resources take, each within AWS's limit.

    Roles can be handed to services only where the declarations make them.

    Raises:
        ConfigurationError: more policies than one identity can have.
    """
    actions = [action for action in needed_actions(resources) if action != PASS_ROLE]
    roles = [f"arn:aws:iam::*:role/{_wild(role)}" for role in declared_roles(resources)]
    room = POLICY_SIZE - _STATEMENT
    groups: list[list[str]] = [[]]
    for action in actions:
        if len(json.dumps([*groups[-1], action], separators=(",", ":"))) > room:
            groups.append([])
        groups[-1].append(action)
    policies = [_policy([_allow("Gameplan", group, "*")]) for group in groups]
    if roles:
        statement = _allow("Roles", [PASS_ROLE], roles)
        if _size(policies[-1]) + _size(statement) > POLICY_SIZE:
            policies.append(_policy([]))
        policies[-1]["Statement"].append(statement)
    if len(policies) > POLICIES:
        raise ConfigurationError(
            f"{len(policies)} policies are needed, and one identity can have {POLICIES}.",
            "Choose a smaller selection, or have AWS raise the quota `Managed policies attached to a role`.",
        )
    return policies


def _policy(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(name: str, actions: list[str], target: str | list[str]) -> dict[str, Any]:
    return {"Sid": name, "Effect": "Allow", "Action": actions, "Resource": target}


def _wild(name: str) -> str:
    """A role's name with `*` for each reference that only a profile could fill in."""
    for _, text in references(name):
        name = name.replace(f"${{{text}}}", "*")
    return name


def _size(document: Any) -> int:
    return len(json.dumps(document, separators=(",", ":")))


def google_roles(resources: Iterable[Resource]) -> list[dict[str, Any]]:
    """Custom roles of the project, as `gcloud iam roles create --file` takes them, each within the limit.

    Budgets are the billing account's: a project's role can't hold their permissions.
    """
    permissions = [one for one in needed_permissions(resources) if not one.startswith("billing.")]
    parts = [permissions[start : start + ROLE_SIZE] for start in range(0, len(permissions), ROLE_SIZE)]
    return [
        {
            "title": "DreamNet gameplan" + (f" {number}" if len(parts) > 1 else ""),
            "description": "What the selected declarations need, and nothing else.",
            "stage": "GA",
            "includedPermissions": part,
        }
        for number, part in enumerate(parts, 1)
    ]


def write_policies(resources: Sequence[Resource], folder: Path) -> list[Path]:
    """Write every policy and role into the folder, and say where each is."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, policy in enumerate(aws_policies(resources), 1):
        path = folder / f"aws-policy-{number}.json"
        path.write_text(json.dumps(policy, indent=1) + "\n", encoding="utf-8")
        written.append(path)
    for number, role in enumerate(google_roles(resources), 1):
        path = folder / f"google-role{'' if number == 1 else f'-{number}'}.yaml"
        path.write_text(yaml.safe_dump(role, sort_keys=False), encoding="utf-8")
        written.append(path)
    return written
