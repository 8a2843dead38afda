"""How large the new databases' disks are and may become, from answers as the clouds' APIs give them."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from dreamnet.clouds import google_rest
from dreamnet.errors import ResourceError
from dreamnet.postgres.precheck_target import Disk
from dreamnet.serving.databases import GIB, cloud_sql_disk, rds_disk

TIB = 1024 * GIB


@pytest.fixture
def cloud_sql(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Disk]:
    """The disk of an instance with these settings; the API writes 64-bit numbers as strings."""

    def disk(**settings: Any) -> Disk:
        def call(account: Any, verb: str, url: str, *, what: str) -> dict[str, Any]:
            assert (verb, url) == (
                "GET",
                "https://sqladmin.googleapis.com/v1/projects/acme/instances/dreamnet",
            )
            given = {"tier": "db-custom-2-7680", "dataDiskSizeGb": "10", "dataDiskType": "PD_SSD", **settings}
            return {"kind": "sql#instance", "state": "RUNNABLE", "settings": given}

        monkeypatch.setattr(google_rest, "call", call)
        account = SimpleNamespace(project="acme", root=lambda api, default: default)
        return cloud_sql_disk(account)  # type: ignore[arg-type]

    return disk


@pytest.mark.parametrize(
    ("settings", "most"),
    [
        ({"storageAutoResize": False}, 10 * GIB),
        ({"storageAutoResize": True, "storageAutoResizeLimit": "100"}, 100 * GIB),
        ({"storageAutoResize": True, "storageAutoResizeLimit": "0"}, 64 * TIB),
        ({"storageAutoResize": True}, 64 * TIB),
        ({}, 64 * TIB),  # growing is what the service does unless told otherwise
        ({"tier": "db-f1-micro", "storageAutoResize": True}, 3 * TIB),
        ({"tier": "db-g1-small", "storageAutoResizeLimit": "5000"}, 3 * TIB),
        ({"storageAutoResize": True, "storageAutoResizeLimit": "5"}, 10 * GIB),
    ],
    ids=["fixed", "limit", "limit 0", "no limit", "default", "shared core", "limit beyond", "limit below"],
)
def test_cloud_sql_disk_grows_to_its_limit_or_the_services(
    cloud_sql: Callable[..., Disk], settings: dict[str, Any], most: int
) -> None:
    assert cloud_sql(**settings) == Disk(10 * GIB, most)


def rds(instance: dict[str, Any] | None) -> Disk:
    """The disk of an RDS instance as botocore's own model of the service lets it be answered; None: none."""
    client = boto3.client("rds", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        if instance is None:
            stub.add_client_error("describe_db_instances", "DBInstanceNotFound", "no such instance", 404)
        else:
            answer = {"DBInstances": [{"DBInstanceIdentifier": "dreamnet", **instance}]}
            stub.add_response("describe_db_instances", answer, {"DBInstanceIdentifier": "dreamnet"})
        return rds_disk(SimpleNamespace(client=lambda service: client))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("instance", "most"),
    [
        ({"AllocatedStorage": 20, "MaxAllocatedStorage": 100}, 100 * GIB),
        ({"AllocatedStorage": 20}, 20 * GIB),
    ],
    ids=["autoscaling", "fixed"],
)
def test_rds_disk_grows_only_where_autoscaling_is_on(instance: dict[str, Any], most: int) -> None:
    assert rds(instance) == Disk(20 * GIB, most)


def test_absent_rds_instance_is_said_with_what_makes_it() -> None:
    with pytest.raises(ResourceError, match=r"no RDS instance dreamnet yet.*week2-data"):
        rds(None)


@pytest.mark.parametrize(
    ("status", "says"), [(404, "no Cloud SQL instance dreamnet yet.*week2-data"), (403, "no")]
)
def test_absent_cloud_sql_instance_is_said_with_what_makes_it(
    monkeypatch: pytest.MonkeyPatch, status: int, says: str
) -> None:
    def call(*arguments: Any, **rest: Any) -> Any:
        raise google_rest.Refused("no", "Ask.", status, "why")

    monkeypatch.setattr(google_rest, "call", call)
    account = SimpleNamespace(project="acme", root=lambda api, default: default)
    with pytest.raises(ResourceError, match=says):
        cloud_sql_disk(account)  # type: ignore[arg-type]
