"""Where the new databases are, read from the clouds' own records of their instances."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamnet.clouds import google_rest
from dreamnet.clouds.aws import aws_errors
from dreamnet.errors import ResourceError
from dreamnet.postgres.database import Database
from dreamnet.postgres.precheck_target import Disk

if TYPE_CHECKING:
    from dreamnet.clouds.aws import AwsAccount
    from dreamnet.clouds.google import GoogleAccount

#: As infrastructure/*/data declares instance, database and owner.
INSTANCE, REPLICA, DATABASE, OWNER = "dreamnet", "dreamnet-replica", "dreamnet", "dreamnet"

#: Both services count in GiB, whatever they call it.
GIB = 1024**3
#: What a Cloud SQL disk grows to where no limit is set, and on machine types with a shared core: 64 and 3 TB
#: ("Quotas and limits", section "Cloud SQL storage limits", docs.cloud.google.com/sql/docs/quotas, as of 10
#: April 2026). The API counts in GiB and calls them GB.
CLOUD_SQL_MOST, SHARED_CORE_MOST = 64 * 1024 * GIB, 3 * 1024 * GIB
SHARED_CORE = ("db-f1-micro", "db-g1-small")


def cloud_sql(account: GoogleAccount, password: str, instance: str = INSTANCE) -> Database:
    """A Cloud SQL instance's database; its server certificate is verified with the instance's own CA.

    Raises:
        ResourceError: there is no such instance, or it has no primary address yet.
    """
    found = _cloud_sql_record(account, instance)
    addresses = {item["type"]: item["ipAddress"] for item in found.get("ipAddresses", [])}
    if "PRIMARY" not in addresses:
        raise ResourceError(
            f"Cloud SQL instance {instance} has no primary address; its state is {found.get('state')}.",
            "Wait until it is RUNNABLE, or start it (flow morning-scale-up).",
        )
    database = Database(host=addresses["PRIMARY"], dbname=DATABASE, user=OWNER, password=password)
    certificate = found.get("serverCaCert", {}).get("cert")
    return _verified(database, "verify-ca", _stored(instance, certificate)) if certificate else database


def rds(account: AwsAccount, password: str, instance: str = INSTANCE, certificates: str = "") -> Database:
    """An RDS instance's database.

    Args:
        certificates: path of AWS's bundle of RDS certificate authorities; without it the server's identity is
            not verified.

    Raises:
        ResourceError: there is no such instance, or it has no address yet.
    """
    found = _rds_record(account, instance)
    if "Endpoint" not in found:
        raise ResourceError(
            f"RDS instance {instance} has no address; its status is {found.get('DBInstanceStatus')}.",
            "Wait until it is available, or start it (flow morning-scale-up).",
        )
    database = Database(
        host=found["Endpoint"]["Address"],
        port=found["Endpoint"]["Port"],
        dbname=DATABASE,
        user=OWNER,
        password=password,
    )
    return _verified(database, "verify-full", certificates) if certificates else database


def cloud_sql_disk(account: GoogleAccount, instance: str = INSTANCE) -> Disk:
    """A Cloud SQL instance's disk, and what it grows to by itself.

    Raises:
        ResourceError: there is no such instance.
    """
    settings = _cloud_sql_record(account, instance)["settings"]
    size = int(settings["dataDiskSizeGb"]) * GIB
    if not settings.get("storageAutoResize", True):
        return Disk(size, size)
    ceiling = SHARED_CORE_MOST if settings["tier"] in SHARED_CORE else CLOUD_SQL_MOST
    limit = int(settings.get("storageAutoResizeLimit", 0)) * GIB  # 0: none
    return Disk(size, max(size, min(limit or ceiling, ceiling)))


def rds_disk(account: AwsAccount, instance: str = INSTANCE) -> Disk:
    """An RDS instance's disk, and what it grows to by itself.

    Raises:
        ResourceError: there is no such instance.
    """
    found = _rds_record(account, instance)
    size = int(found["AllocatedStorage"]) * GIB
    return Disk(size, max(size, int(found.get("MaxAllocatedStorage", 0)) * GIB))


def _cloud_sql_record(account: GoogleAccount, instance: str) -> dict[str, Any]:
    root = account.root("sqladmin", "https://sqladmin.googleapis.com/").rstrip("/")
    url = f"{root}/v1/projects/{account.project}/instances/{instance}"
    try:
        return google_rest.call(account, "GET", url, what=f"Cloud SQL {instance}")
    except google_rest.Refused as error:
        if error.status != 404:
            raise
        raise _missing("Cloud SQL", instance) from None


def _rds_record(account: AwsAccount, instance: str) -> dict[str, Any]:
    client = account.client("rds")
    with aws_errors(f"RDS {instance}"):
        try:
            found: dict[str, Any] = client.describe_db_instances(DBInstanceIdentifier=instance)
        except client.exceptions.DBInstanceNotFoundFault:
            raise _missing("RDS", instance) from None
    record: dict[str, Any] = found["DBInstances"][0]
    return record


def _missing(service: str, instance: str) -> ResourceError:
    flows = "week4-global" if instance == REPLICA else "week2-data, or deploy-data-gcp and deploy-data-aws"
    return ResourceError(f"There is no {service} instance {instance} yet.", f"Create it (flow {flows}).")


def application_url(database: Database) -> str:
    """The connection URL for DreamNet's pods, which have none of our certificate files."""
    return replace(database, sslmode="require" if database.sslrootcert else "prefer", sslrootcert="").url()


def _verified(database: Database, sslmode: str, sslrootcert: str) -> Database:
    return replace(database, sslmode=sslmode, sslrootcert=sslrootcert)


def _stored(instance: str, certificate: str) -> str:
    """A file with the certificate, as libpq wants one: the same path for the same instance."""
    folder = Path.home() / ".cache" / "dreamnet-gameplan"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"cloud-sql-{instance}-ca.pem"
    if not path.exists() or path.read_text() != certificate:
        path.write_text(certificate)
    return str(path)
