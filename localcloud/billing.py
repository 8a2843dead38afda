"""Bills for the rehearsal: past days of a Google billing export and of AWS Cost Explorer, clearly simulated.

Nobody bills a rehearsal. These are the catalogue's starter resources at the price sheet's prices, spread over
two past weeks with a week's rhythm, in the form in which both clouds bill. Every service's name ends in
`(simulated)`; Google's rows carry the label `rehearsal=simulated` too.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from dreamnet.cost.billing import aws_cost_rows, report_window
from dreamnet.cost.estimate import estimate
from dreamnet.errors import UnreachableError
from dreamnet.resources.catalogue import load_catalogue
from dreamnet.resources.selections import load_selection
from localcloud.state import State

#: Dataset and table of the export, as Cloud Billing would name it.
DATASET = "billing_export"
TABLE = "gcp_billing_export_v1_000000_5180A7_ED0000"
#: How long the resources have run: long enough for an average, short enough that 100 USD last.
DAYS = 14

_BILLING_ACCOUNT = "000000-5180A7-ED0000"
#: What of the four weeks is billed: what the first two build.
_BILLED = ("google/gke", "google/data", "aws/eks", "aws/data")
_VARIABLES = {
    "google.region": "us-central1",
    "google.zone": "us-central1-a",
    "google.second_region": "us-east1",
    "aws.region": "us-east-1",
    "aws.second_region": "us-west-2",
    "image": "rehearsal",
    "operator.email": "operator@example.com",
    "frontdoor.port": "80",
}
#: Share of an average day, Monday to Sunday: fewer nodes on weekends. Their mean is 1.
_WEEK = (1.06, 1.08, 1.07, 1.06, 1.05, 0.85, 0.83)
_SERVICES = {
    "container.v1": "Kubernetes Engine",
    "sqladmin.v1": "Cloud SQL",
    "redis.v1": "Cloud Memorystore for Redis",
    "compute.v1": "Compute Engine",
    "storage.v1": "Cloud Storage",
    "bigquery.v2": "BigQuery",
    "pubsub.v1": "Cloud Pub/Sub",
    "secretmanager.v1": "Secret Manager",
    "AWS::EKS::Cluster": "Amazon Elastic Container Service for Kubernetes",
    "AWS::EKS::Nodegroup": "Amazon Elastic Compute Cloud - Compute",
    "AWS::RDS::DBInstance": "Amazon Relational Database Service",
    "AWS::ElastiCache::ReplicationGroup": "Amazon ElastiCache",
    "AWS::SecretsManager::Secret": "AWS Secrets Manager",
    "AWS::S3::Bucket": "Amazon Simple Storage Service",
    "AWS::SQS::Queue": "Amazon Simple Queue Service",
    "AWS::DynamoDB::Table": "Amazon DynamoDB",
    "AWS::EC2::InternetGateway": "AWS Data Transfer",
}
_MARK = "(simulated)"


def seed_billing(
    state: State, infrastructure: Path = Path("infrastructure"), today: date | None = None
) -> dict[str, str]:
    """Write the bills of the two weeks before today (UTC); a second call changes nothing.

    Args:
        state: whose local BigQuery and AWS get them; both must be up.
        infrastructure: the catalogue with its price sheet.
        today: the day after the last one billed; by default today.

    Returns:
        `google_table`: the export's full name. `aws_account`: whose Cost Explorer has the answer.

    Raises:
        UnreachableError: a local endpoint is not up, or refused.
    """
    start, end = report_window(today or datetime.now(UTC).date())
    credentials = state.credentials()
    identities = {"google.project": credentials.google_project, "aws.account_id": credentials.aws_account_id}
    monthly = _monthly_by_service(infrastructure, {**_VARIABLES, **identities})
    days = [end - timedelta(days=number) for number in range(DAYS, 0, -1)]
    table = f"{credentials.google_project}.{DATASET}.{TABLE}"
    _load_export(state, table, list(_export_rows(days, monthly["google"], credentials.google_project)))
    _seed_cost_explorer(state, start, end, [_cost_period(day, monthly["aws"]) for day in days])
    return {"google_table": table, "aws_account": credentials.aws_account_id}


def _monthly_by_service(infrastructure: Path, variables: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Cloud -> service -> list price a month; below half a cent it is no bill.

    Google's free tiers are the service `(free tier)`, negative; AWS bills what they leave of a service's use.
    """
    gameplan = load_selection(infrastructure / "selections.yaml", "gameplan")
    catalogue = gameplan.of(load_catalogue(infrastructure)).select(_BILLED)
    sums: dict[str, dict[str, float]] = {"google": defaultdict(float), "aws": defaultdict(float)}
    by_price: dict[str, str] = {}
    for line in estimate(catalogue, variables).lines:
        resource = catalogue.resources.get(line.id)
        if resource is None:
            service = by_price[line.price] if line.cloud == "aws" else line.id
        else:
            kind = resource.type
            service = _SERVICES.get(kind) or _SERVICES.get(kind.partition("/")[0]) or kind
            by_price.setdefault(line.price, service)
        sums[line.cloud][service] += line.monthly
    return {
        cloud: {service: monthly for service, monthly in services.items() if abs(monthly) > 0.005}
        for cloud, services in sums.items()
    }


def _of_day(monthly: float, day: date) -> float:
    return monthly * 12 / 365 * _WEEK[day.weekday()]


def _export_rows(days: list[date], services: Mapping[str, float], project: str) -> Iterator[dict[str, Any]]:
    """Rows of the standard export: one a day and service, all paid by the promotional credit."""
    free_tier = services.get("(free tier)", 0.0)
    for day in days:
        begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
        for service, monthly in services.items():
            if service == "(free tier)":
                continue
            cost = _of_day(monthly, day)
            free = _of_day(free_tier, day) if service == "Kubernetes Engine" else 0.0
            credits = [_credit("FREE_TIER", free)] if free else []
            credits.append(_credit("PROMOTION", -(cost + free)))
            yield {
                "billing_account_id": _BILLING_ACCOUNT,
                "service": {"id": service.upper().replace(" ", "-"), "description": f"{service} {_MARK}"},
                "sku": {"id": "SIMULATED", "description": f"{service} {_MARK}"},
                "usage_start_time": begins.isoformat(),
                "usage_end_time": (begins + timedelta(days=1)).isoformat(),
                "project": {"id": project, "name": project},
                "labels": [{"key": "rehearsal", "value": "simulated"}],
                "export_time": (begins + timedelta(days=1, hours=6)).isoformat(),
                "cost": round(cost, 6),
                "currency": "USD",
                "credits": credits,
                "invoice": {"month": f"{day:%Y%m}"},
                "cost_type": "regular",
            }


def _credit(kind: str, amount: float) -> dict[str, Any]:
    return {"name": f"{kind} {_MARK}", "amount": round(amount, 6), "type": kind}


def _schema() -> list[Any]:
    """The columns of the standard export that a report may read (the real one has more)."""
    from google.cloud.bigquery import SchemaField

    def columns(kind: str, *names: str) -> list[Any]:
        return [SchemaField(name, kind) for name in names]

    def record(name: str, *fields: Any, mode: str = "NULLABLE") -> Any:
        return SchemaField(name, "RECORD", mode=mode, fields=fields)

    return [
        *columns("STRING", "billing_account_id", "currency", "cost_type"),
        *columns("TIMESTAMP", "usage_start_time", "usage_end_time", "export_time"),
        *columns("FLOAT", "cost"),
        record("service", *columns("STRING", "id", "description")),
        record("sku", *columns("STRING", "id", "description")),
        record("project", *columns("STRING", "id", "name")),
        record("invoice", *columns("STRING", "month")),
        record("labels", *columns("STRING", "key", "value"), mode="REPEATED"),
        record("credits", *columns("STRING", "name", "type"), *columns("FLOAT", "amount"), mode="REPEATED"),
    ]


def _load_export(state: State, table: str, rows: list[dict[str, Any]]) -> None:
    from google.api_core.client_options import ClientOptions
    from google.cloud import bigquery
    from google.oauth2.credentials import Credentials

    credentials = state.credentials()
    client = bigquery.Client(
        project=credentials.google_project,
        credentials=Credentials(credentials.google_access_token),
        client_options=ClientOptions(api_endpoint=_endpoint(state, "google", "bigquery")),
    )
    client.create_dataset(bigquery.Dataset(table.rpartition(".")[0]), exists_ok=True)
    # A load that truncates replaces what an earlier call wrote: as often as wanted, the same table.
    job = bigquery.LoadJobConfig(schema=_schema(), write_disposition="WRITE_TRUNCATE")
    client.load_table_from_json(rows, table, job_config=job, job_id=f"billing-{uuid.uuid4()}").result()


def _cost_period(day: date, services: Mapping[str, float]) -> dict[str, Any]:
    groups = []
    for service, monthly in services.items():
        cost = _of_day(monthly, day)
        for kind, amount in (("Usage", cost), ("Credit", -cost)):
            metrics = {"UnblendedCost": {"Amount": f"{amount:.6f}", "Unit": "USD"}}
            groups.append({"Keys": [f"{service} {_MARK}", kind], "Metrics": metrics})
    period = {"Start": day.isoformat(), "End": (day + timedelta(days=1)).isoformat()}
    return {"TimePeriod": period, "Total": {}, "Groups": groups, "Estimated": False}


def _seed_cost_explorer(state: State, start: date, end: date, periods: list[dict[str, Any]]) -> None:
    """Queue the answer for the report's window and ask once: moto gives it to the same question again."""
    import boto3

    credentials = state.credentials()
    address = _endpoint(state, "aws")
    client = boto3.client(
        "ce",
        region_name="us-east-1",
        endpoint_url=address,
        aws_access_key_id=credentials.aws_access_key_id,
        aws_secret_access_key=credentials.aws_secret_access_key,
    )
    if len(aws_cost_rows(client, credentials.aws_account_id, start, end)):
        return
    answer = {"ResultsByTime": periods, "DimensionValueAttributes": []}
    reply = httpx.post(
        f"{address}/moto-api/static/ce/cost-and-usage-results",
        json={"account_id": credentials.aws_account_id, "results": [answer]},
        timeout=30,
    )
    if reply.status_code != httpx.codes.CREATED:
        raise UnreachableError(
            f"The local AWS refused the simulated costs (HTTP {reply.status_code}).",
            f"See {state.logs} and start it again with `python -m localcloud up`.",
        )
    aws_cost_rows(client, credentials.aws_account_id, start, end)


def _endpoint(state: State, *path: str) -> str:
    found: Any = state.endpoints()
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, str):
        raise UnreachableError(
            f"The local cloud has no {'.'.join(path)} endpoint.", "Start it with `python -m localcloud up`."
        )
    return found
