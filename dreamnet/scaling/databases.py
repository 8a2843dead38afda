"""Cloud SQL and RDS instances: stopped for the night, started in the morning.

Storage, backups and addresses stay, and are paid for. What cannot be stopped is left running and said so:

* Cloud SQL: activation policy NEVER "is not supported for read replica instances" (cloud.google.com/sql/docs/
  postgres/start-stop-restart-instance, read November 2026); a primary with replicas stays up with them.
* RDS: "You can't stop a DB instance that has a read replica, or that is a read replica"; members of a cluster
  are stopped as a cluster, SQL Server in Multi-AZ not at all; after seven days AWS starts one by itself
  (docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_StopInstance.html, read November 2026).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dreamnet.clouds import google_rest
from dreamnet.errors import ResourceError
from dreamnet.resources.model import Progress
from dreamnet.scaling.snapshot import KEEP, NIGHT, NIGHT_GOOGLE, Item, Stage, State
from dreamnet.scaling.waiting import USUAL, Patience

if TYPE_CHECKING:
    from dreamnet.clouds.aws import AwsAccount
    from dreamnet.clouds.google import GoogleAccount

SQLADMIN = "https://sqladmin.googleapis.com/"
_RUNNING, _STOPPED = {"running": True}, {"running": False}


def cloud_sql_id(project: str, instance: str) -> str:
    """The id of a Cloud SQL instance among the things that can sleep."""
    return f"cloudsql/{project}/{instance}"


def rds_id(region: str, instance: str) -> str:
    """The id of an RDS instance among the things that can sleep."""
    return f"rds/{region}/{instance}"


@dataclass(frozen=True)
class CloudSql:
    """The Cloud SQL instances of a project."""

    account: GoogleAccount = field(repr=False)
    patience: Patience = USUAL
    stage: Stage = Stage.DATABASES

    @property
    def name(self) -> str:
        """For messages."""
        return f"Cloud SQL of {self.account.project}"

    def items(self) -> list[Item]:
        """Instances, running where their activation policy is ALWAYS."""
        found: list[Item] = []
        page = ""
        while True:
            answer = self._call("GET", f"instances{page}")
            found += [self._item(instance) for instance in answer.get("items", [])]
            if not answer.get("nextPageToken"):
                return found
            page = f"?pageToken={answer['nextPageToken']}"

    def night(self, original: Item) -> State:
        """Stopped."""
        return _STOPPED

    def sleep(self, originals: Sequence[Item], progress: Progress) -> None:
        """Activation policy NEVER on each, then wait."""
        self._set(originals, "NEVER", progress)

    def wake(self, originals: Sequence[Item], progress: Progress) -> None:
        """Activation policy ALWAYS on what ran before, then wait until each is RUNNABLE."""
        ran = [original for original in originals if original.state["running"]]
        self._set(ran, "ALWAYS", progress)
        self.patience.until(
            f"{self.name} runnable",
            lambda: self._not_runnable(ran),
            progress,
            "Look at the instance in the console.",
        )

    def differences(self, original: Item, live: Item) -> list[str]:
        """Running or not."""
        return _running_differs(original, live)

    def _item(self, instance: Mapping[str, Any]) -> Item:
        settings = instance.get("settings") or {}
        return Item(
            id=cloud_sql_id(self.account.project, instance["name"]),
            state=_RUNNING if settings.get("activationPolicy", "ALWAYS") != "NEVER" else _STOPPED,
            kept=_google_kept(instance, settings),
            details={
                "machine_type": settings.get("tier", ""),
                "region": instance.get("region", ""),
                "high_availability": settings.get("availabilityType") == "REGIONAL",
            },
        )

    def _set(self, originals: Sequence[Item], policy: str, progress: Progress) -> None:
        live = {item.id: item for item in self.items()}
        operations: dict[str, str] = {}
        for original in originals:
            if live[original.id].state["running"] == (policy == "ALWAYS"):
                continue
            name = original.id.rsplit("/", 1)[1]
            body = {"settings": {"activationPolicy": policy}}
            operations[name] = self._call("PATCH", f"instances/{name}", body)["name"]
            progress(f"{original.id}: activation policy {policy}")

        def look() -> str:
            waiting = []
            for name, operation in operations.items():
                now = self._call("GET", f"operations/{operation}")
                errors = (now.get("error") or {}).get("errors") or []
                if errors:
                    raise ResourceError(
                        f"Cloud SQL {name}: {errors[0].get('message', errors[0].get('code'))}.",
                        "Correct it, run again.",
                    )
                if now["status"] != "DONE":
                    waiting.append(name)
            return f"waiting for {', '.join(waiting)}" if waiting else ""

        self.patience.until(self.name, look, progress, "Look at the instance's operations in the console.")

    def _not_runnable(self, originals: Sequence[Item]) -> str:
        states = {}
        for original in originals:
            name = original.id.rsplit("/", 1)[1]
            states[name] = str(self._call("GET", f"instances/{name}").get("state"))
        return ", ".join(
            f"{name} is {state.lower()}" for name, state in states.items() if state != "RUNNABLE"
        )

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        root = self.account.root("sqladmin", SQLADMIN)
        url = f"{root}v1/projects/{self.account.project}/{path}"
        return google_rest.call(self.account, method, url, what=self.name, body=body)


@dataclass(frozen=True)
class Rds:
    """The RDS instances of one region."""

    account: AwsAccount = field(repr=False)
    region: str
    patience: Patience = USUAL
    stage: Stage = Stage.DATABASES

    @property
    def name(self) -> str:
        """For messages."""
        return f"RDS in {self.region}"

    def items(self) -> list[Item]:
        """Instances, running unless they are stopped or stopping."""
        return [self._item(instance) for instance in self._instances().values()]

    def night(self, original: Item) -> State:
        """Stopped."""
        return _STOPPED

    def sleep(self, originals: Sequence[Item], progress: Progress) -> None:
        """Stop what is available, then wait until each is stopped."""
        self._move(originals, "available", "stopped", "stop_db_instance", progress)

    def wake(self, originals: Sequence[Item], progress: Progress) -> None:
        """Start what ran before, then wait until each is available."""
        ran = [original for original in originals if original.state["running"]]
        self._move(ran, "stopped", "available", "start_db_instance", progress)

    def differences(self, original: Item, live: Item) -> list[str]:
        """Running or not."""
        return _running_differs(original, live)

    def _instances(self) -> dict[str, dict[str, Any]]:
        from dreamnet.clouds.aws import aws_errors

        found: dict[str, dict[str, Any]] = {}
        with aws_errors(self.name):
            for page in self._rds.get_paginator("describe_db_instances").paginate():
                found |= {instance["DBInstanceIdentifier"]: instance for instance in page["DBInstances"]}
        return found

    def _item(self, instance: Mapping[str, Any]) -> Item:
        return Item(
            id=rds_id(self.region, instance["DBInstanceIdentifier"]),
            state=_STOPPED if instance["DBInstanceStatus"] in ("stopped", "stopping") else _RUNNING,
            kept=_aws_kept(instance),
            details={
                "machine_type": instance.get("DBInstanceClass", ""),
                "region": self.region,
                "high_availability": bool(instance.get("MultiAZ")),
            },
        )

    def _move(
        self, originals: Sequence[Item], source: str, target: str, operation: str, progress: Progress
    ) -> None:
        """From one settled status to the other; one between two (starting, backing-up) is waited for."""
        from dreamnet.clouds.aws import aws_errors

        names = [original.id.rsplit("/", 1)[1] for original in originals]
        asked: set[str] = set()

        def look() -> str:
            instances = self._instances()
            waiting = []
            for name in names:
                status = str(instances[name]["DBInstanceStatus"]) if name in instances else "gone"
                if status == source and name not in asked:
                    with aws_errors(f"RDS {name}"):
                        getattr(self._rds, operation)(DBInstanceIdentifier=name)
                    asked.add(name)
                    progress(f"rds/{self.region}/{name}: {source} -> {target}")
                if status in ("failed", "gone", "incompatible-restore", "storage-full"):
                    raise ResourceError(
                        f"RDS {name} in {self.region} is {status}.", "Restore it, then run again."
                    )
                if status != target:
                    waiting.append(f"{name} is {status}")
            return ", ".join(waiting)

        self.patience.until(
            f"{self.name} {target}", look, progress, "Look at the instance's events in the console."
        )

    @property
    def _rds(self) -> Any:
        return self.account.client("rds", self.region)


def _google_kept(instance: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    if (settings.get("userLabels") or {}).get(NIGHT_GOOGLE) == KEEP:
        return f"it is labelled {NIGHT_GOOGLE}: {KEEP}"
    if instance.get("instanceType") in ("READ_REPLICA_INSTANCE", "READ_POOL_INSTANCE") or instance.get(
        "masterInstanceName"
    ):
        return "Cloud SQL cannot stop a read replica"
    if instance.get("replicaNames"):
        return f"it feeds the replica {instance['replicaNames'][0]}, which Cloud SQL cannot stop"
    if instance.get("instanceType") == "ON_PREMISES_INSTANCE":
        return "it stands for a server outside Cloud SQL"
    return ""


def _aws_kept(instance: Mapping[str, Any]) -> str:
    tags = {tag["Key"]: tag["Value"] for tag in instance.get("TagList") or []}
    if tags.get(NIGHT) == KEEP:
        return f"it is tagged {NIGHT}: {KEEP}"
    if instance.get("ReadReplicaSourceDBInstanceIdentifier") or instance.get(
        "ReadReplicaSourceDBClusterIdentifier"
    ):
        return "RDS cannot stop a read replica"
    if instance.get("ReadReplicaDBInstanceIdentifiers") or instance.get("ReadReplicaDBClusterIdentifiers"):
        return "RDS cannot stop an instance that has a read replica"
    if instance.get("DBClusterIdentifier"):
        return "it belongs to a DB cluster, which is stopped as a whole"
    if str(instance.get("Engine", "")).startswith("sqlserver") and instance.get("MultiAZ"):
        return "RDS cannot stop SQL Server in Multi-AZ"
    return ""


def _running_differs(original: Item, live: Item) -> list[str]:
    if original.state["running"] == live.state["running"]:
        return []
    return ["is stopped" if original.state["running"] else "runs, and was stopped before"]
