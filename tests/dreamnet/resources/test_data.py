"""What holds data, and what protects it: by the vendors' own names."""

from __future__ import annotations

import pytest

from dreamnet.errors import PrecheckFailed
from dreamnet.resources import data
from dreamnet.resources.aws.schemas import resource_schema
from dreamnet.resources.google.discovery import load_type

#: Of each API, the version in use.
VERSIONS = {
    "alloydb": "v1",
    "artifactregistry": "v1",
    "bigquery": "v2",
    "bigtableadmin": "v2",
    "cloudkms": "v1",
    "compute": "v1",
    "documentai": "v1",
    "file": "v1",
    "firestore": "v1",
    "logging": "v2",
    "pubsub": "v1",
    "redis": "v1",
    "secretmanager": "v1",
    "spanner": "v1",
    "sqladmin": "v1",
    "storage": "v1",
    "aiplatform": "v1",
}


@pytest.mark.parametrize("name", data.HOLDS)
def test_every_type_that_holds_data_exists(name: str) -> None:
    if name.startswith("AWS::"):
        assert "delete" in resource_schema(name, "us-east-1").handlers
    else:
        api, _, collection = name.partition("/")
        full = f"{api}.{VERSIONS[api]}/{collection}"
        assert load_type(full).key == name
        assert data.held_by(full, {"messageRetentionDuration": "7d"}) == data.HOLDS[name]


def test_what_can_be_made_again_is_no_data() -> None:
    assert data.held_by("compute.v1/networks", {}) == ""
    assert data.held_by("AWS::IAM::Role", {}) == ""
    assert data.held_by("pubsub.v1/projects.topics", {}) == ""


@pytest.mark.parametrize(
    ("body", "path", "lifted"),
    [
        (
            {"settings": {"deletionProtectionEnabled": True, "tier": "x"}},
            "/settings/deletionProtectionEnabled",
            {"settings": {"deletionProtectionEnabled": False}},
        ),
        ({"enableDropProtection": True}, "/enableDropProtection", {"enableDropProtection": False}),
        ({"DeletionProtection": "ACTIVE"}, "/DeletionProtection", {"DeletionProtection": "INACTIVE"}),
        (
            {
                "Replicas": [
                    {"Region": "a", "DeletionProtectionEnabled": True},
                    {"Region": "b", "DeletionProtectionEnabled": False},
                ]
            },
            "/Replicas",
            {
                "Replicas": [
                    {"Region": "a", "DeletionProtectionEnabled": False},
                    {"Region": "b", "DeletionProtectionEnabled": False},
                ]
            },
        ),
        (
            {"LoadBalancerAttributes": [{"Key": "deletion_protection.enabled", "Value": "true"}]},
            "/LoadBalancerAttributes",
            {"LoadBalancerAttributes": [{"Key": "deletion_protection.enabled", "Value": "false"}]},
        ),
    ],
)
def test_protection_is_found_and_lifted(body: dict, path: str, lifted: dict) -> None:
    guard = data.protection(body)
    assert guard
    assert (guard.path, guard.lifted) == (path, lifted)
    assert data.protection({**body, **lifted}) is None


def test_what_is_not_protected_is_not() -> None:
    for body in ({}, {"DeletionProtection": False}, {"settings": None}, {"Replicas": [{"Region": "a"}]}):
        assert data.protection(body) is None


def test_missing_consents_are_all_named() -> None:
    needed = [("lose-data:a", "takes a"), ("lose-data:b", "takes b")]
    data.refuse_without_consent(needed, ["lose-data:a", "lose-data:b"], "It")
    with pytest.raises(PrecheckFailed, match=r"It takes b\. Nothing was changed\.") as missing:
        data.refuse_without_consent(needed, ["lose-data:a"], "It")
    assert missing.value.remedy.endswith("lose-data:b.")
