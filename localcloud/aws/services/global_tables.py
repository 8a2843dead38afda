"""DynamoDB's global tables, which moto lacks: a replica is a table of its own that holds the very same items.

A write is in every region at once, where AWS takes about a second; conflicts can't happen.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localcloud.aws.services import Next
from localcloud.aws.wire import Answer, AwsError, Call

_JSON = "application/x-amz-json-1.0"


@dataclass(frozen=True)
class GlobalTables:
    """Replicas of DynamoDB tables.

    Attributes:
        changed: called when a replica has come or gone.
    """

    account_id: str
    changed: Callable[[], None]
    operations: frozenset[str] = frozenset(("dynamodb:UpdateTable", "dynamodb:DescribeTable"))

    def answer(self, call: Call, moto: Next) -> Answer:
        """Make and remove replicas, and show them."""
        content = call.json()
        if call.operation == "UpdateTable" and content.get("ReplicaUpdates"):
            for update in content["ReplicaUpdates"]:
                self._update(call, content["TableName"], update)
            self.changed()
            table = self._table(call.region, content["TableName"])
            answer = Answer.json(table.describe(base_key="TableDescription"), content_type=_JSON)
        else:
            answer = moto(call)
        if answer.status < 300:
            self._show(call, content["TableName"], answer)
        return answer

    def _tables(self, region: str) -> dict[str, Any]:
        from moto.dynamodb.models import dynamodb_backends

        tables: dict[str, Any] = dynamodb_backends[self.account_id][region].tables
        return tables

    def _table(self, region: str, name: str) -> Any:
        table = self._tables(region).get(name)
        if table is None:
            raise AwsError("ResourceNotFoundException", f"Requested resource not found: Table: {name}")
        return table

    def _regions(self, table: Any) -> list[str]:
        """The regions of a table and its replicas; all of them share this list."""
        found: list[str] = table.__dict__.setdefault("rehearsal_regions", [table.region_name])
        return found

    def _update(self, call: Call, name: str, update: dict[str, Any]) -> None:
        table = self._table(call.region, name)
        ((kind, content),) = update.items()
        if kind not in ("Create", "Delete"):
            raise AwsError.not_in_rehearsal("dynamodb", f"UpdateTable with a replica's {kind}")
        region, regions = content["RegionName"], self._regions(table)
        if kind == "Create":
            self._create(table, region, regions)
        elif region in regions and region != call.region:
            if self._table(region, name).deletion_protection_enabled:
                message = f"Resource cannot be deleted as it is currently protected: {name} in {region}"
                raise AwsError("ValidationException", message)
            del self._tables(region)[name]
            regions.remove(region)
        else:
            message = f"Replica specified in the Replica Update or Delete action is not found: {region}"
            raise AwsError("ValidationException", message)

    def _create(self, table: Any, region: str, regions: list[str]) -> None:
        if region in regions:
            message = f"Failed to create the new replica of table with name: '{table.name}' as it exists"
            raise AwsError("ValidationException", message)
        if table.name in self._tables(region):
            message = f"Table already exists: {table.name} in {region}"
            raise AwsError("ValidationException", message)
        if not (table.stream_specification or {}).get("StreamEnabled"):
            message = "Table needs a stream with NEW_AND_OLD_IMAGES to have replicas"
            raise AwsError("ValidationException", message)
        replica = copy.copy(table)  # the same items, since copy is shallow
        replica.region_name = region
        replica.table_arn = table.table_arn.replace(f":{table.region_name}:", f":{region}:")
        replica.tags, replica.ttl = [], copy.copy(table.ttl)
        replica.deletion_protection_enabled = False
        replica.continuous_backups = copy.deepcopy(table.continuous_backups)
        self._tables(region)[table.name] = replica
        regions.append(region)
        replica.rehearsal_regions = regions

    def _show(self, call: Call, name: str, answer: Answer) -> None:
        """Add the other regions to a table's description."""
        table = self._tables(call.region).get(name)
        regions = [region for region in self._regions(table) if region != call.region] if table else []
        if not regions:
            return
        shown = json.loads(answer.body)
        described = shown.get("Table") or shown["TableDescription"]
        described["GlobalTableVersion"] = "2019.11.21"
        described["Replicas"] = [{"RegionName": region, "ReplicaStatus": "ACTIVE"} for region in regions]
        answer.body = json.dumps(shown).encode()
        # boto3 repeats a call whose answer doesn't have the checksum that it names.
        answer.headers = {k: v for k, v in answer.headers.items() if k.lower() != "x-amz-crc32"}
