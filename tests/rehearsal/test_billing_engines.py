"""Simulated bills in a BigQuery emulator and a Cost Explorer endpoint, read by the production code."""

import sys
from datetime import date

import boto3
import pytest
from google.cloud import bigquery
from google.oauth2.credentials import Credentials

from dreamnet.cost.billing import AWS, GOOGLE, aws_cost_rows, google_billing_rows, report_window
from dreamnet.cost.report import daily_costs
from dreamnet.errors import ConfigurationError, UnreachableError
from localcloud.billing import DAYS, seed_billing
from localcloud.engines import Engines
from localcloud.google.data import start_bigquery
from localcloud.ports import free_port
from localcloud.state import State

TODAY = date(2026, 11, 25)
MOTO_ACCOUNT = "123456789012"


@pytest.fixture(scope="module")
def clouds(tmp_path_factory):
    """The emulator itself, without the control plane before it, and moto without a wrapper."""
    state = State(tmp_path_factory.mktemp("billing"))
    engines = Engines(state)
    port = free_port()
    try:
        engines.process(
            "aws",
            kind="aws",
            region="global",
            argv=[sys.executable, "-m", "moto.server", "-p", str(port)],
            environment={},
            ready=f"http://127.0.0.1:{port}/moto-api/data.json",
            host="127.0.0.1",
            port=port,
        )
        warehouse = start_bigquery(state)
        address = f"http://{warehouse.host}:{warehouse.port}"
        state.update_endpoints({"aws": f"http://127.0.0.1:{port}", "google": {"bigquery": address}})
        yield state
    finally:
        for engine in engines.list():
            engines.delete(engine.name)


@pytest.mark.rehearsal
def test_both_bills_are_read_by_the_cost_report_and_seeding_again_changes_nothing(clouds):
    credentials = clouds.credentials()
    object.__setattr__(credentials, "aws_account_id", MOTO_ACCOUNT)  # the only account that bare moto has
    clouds.credentials = lambda: credentials
    first = seed_billing(clouds, today=TODAY)
    assert seed_billing(clouds, today=TODAY) == first
    google = google_billing_rows(warehouse(clouds), first["google_table"], *report_window(TODAY))
    aws = aws_cost_rows(cost_explorer(clouds), MOTO_ACCOUNT, *report_window(TODAY))
    for rows, provider in ((google, GOOGLE), (aws, AWS)):
        daily = daily_costs(rows)[provider]
        assert len(daily) == DAYS
        assert (daily > 0).all()
        assert rows["BilledCost"].sum() == pytest.approx(0, abs=0.01), "promotional credits pay all of it"
        assert all(name.endswith("(simulated)") for name in rows["ServiceName"])


@pytest.mark.rehearsal
def test_an_export_that_is_not_there_is_a_clear_error(clouds):
    table = "dreamnet-62b49.nowhere.gcp_billing_export_v1_X"
    with pytest.raises(ConfigurationError, match="There is no billing export"):
        google_billing_rows(warehouse(clouds), table, *report_window(TODAY))


def test_without_a_local_cloud_seeding_says_so(tmp_path):
    with pytest.raises(UnreachableError, match=r"no google\.bigquery endpoint"):
        seed_billing(State(tmp_path), today=TODAY)


def warehouse(state):
    address = state.endpoints()["google"]["bigquery"]
    return bigquery.Client("dreamnet-62b49", Credentials("any"), client_options={"api_endpoint": address})


def cost_explorer(state):
    address = state.endpoints()["aws"]
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
    return boto3.client("ce", region_name="us-east-1", endpoint_url=address, **keys)
