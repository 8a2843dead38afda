"""EventBridge's schema registries: kept with their versions; no event is ever checked against them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from localcloud.aws.services.kept import Kept
from localcloud.aws.services.modelled import Given, Operation
from localcloud.aws.wire import AwsError, Call


class Registries(Kept):
    """Registries and schemas, as the Schemas API shows them."""

    missing = "NotFoundException"

    def table(self) -> dict[str, Operation]:
        """The operations by name."""
        return {
            "CreateRegistry": self._create_registry,
            "DescribeRegistry": self._describe_registry,
            "UpdateRegistry": self._update_registry,
            "DeleteRegistry": self._delete_registry,
            "ListRegistries": lambda call, _: {"Registries": list(self.shelf(call, "registry").values())},
            "CreateSchema": self._create_schema,
            "DescribeSchema": lambda call, given: self._schema(call, given),
            "UpdateSchema": self._update_schema,
            "DeleteSchema": self._delete_schema,
            "ListSchemas": self._list_schemas,
            **self.tagging(as_map=True),
        }

    def _with_tags(self, call: Call, record: dict[str, Any], arn: str) -> Given:
        return {**record, "Tags": dict(self.tags(call, arn))}

    def _create_registry(self, call: Call, given: Given) -> Given:
        name = given["RegistryName"]
        arn = f"arn:aws:schemas:{call.region}:{self.account_id}:registry/{name}"
        record = {"RegistryName": name, "RegistryArn": arn, "Description": given.get("Description", "")}
        self.new(call, "registry", name, record, "ConflictException")
        self.tags(call, arn).update(given.get("Tags") or {})
        return self._with_tags(call, record, arn)

    def _describe_registry(self, call: Call, given: Given) -> Given:
        record = self.found(call, "registry", given["RegistryName"])
        return self._with_tags(call, record, record["RegistryArn"])

    def _update_registry(self, call: Call, given: Given) -> Given:
        record = self.found(call, "registry", given["RegistryName"])
        record["Description"] = given.get("Description", "")
        return self._describe_registry(call, given)

    def _delete_registry(self, call: Call, given: Given) -> Given:
        record = self.found(call, "registry", given["RegistryName"])
        if any(key.startswith(f"{given['RegistryName']}/") for key in self.shelf(call, "schema")):
            raise AwsError("BadRequestException", "The registry still has schemas.")
        self.shelf(call, "registry").pop(given["RegistryName"])
        self.shelf(call, "tags").pop(record["RegistryArn"], None)
        return {}

    def _create_schema(self, call: Call, given: Given) -> Given:
        self.found(call, "registry", given["RegistryName"])
        _check(given["Type"], given["Content"])
        key = f"{given['RegistryName']}/{given['SchemaName']}"
        arn = f"arn:aws:schemas:{call.region}:{self.account_id}:schema/{key}"
        now = datetime.now(UTC)
        record = {
            "SchemaName": given["SchemaName"],
            "SchemaArn": arn,
            "SchemaVersion": "1",
            "Type": given["Type"],
            "Content": given["Content"],
            "Description": given.get("Description", ""),
            "LastModified": now,
            "VersionCreatedDate": now,
        }
        self.new(call, "schema", key, record, "ConflictException")
        self.tags(call, arn).update(given.get("Tags") or {})
        return self._with_tags(call, record, arn)

    def _schema(self, call: Call, given: Given) -> Given:
        record = self.found(call, "schema", f"{given['RegistryName']}/{given['SchemaName']}")
        if given.get("SchemaVersion", record["SchemaVersion"]) != record["SchemaVersion"]:
            raise AwsError.not_in_rehearsal("schemas", "DescribeSchema of an earlier version")
        return self._with_tags(call, record, record["SchemaArn"])

    def _update_schema(self, call: Call, given: Given) -> Given:
        record = self.found(call, "schema", f"{given['RegistryName']}/{given['SchemaName']}")
        kind = given.get("Type", record["Type"])
        now = datetime.now(UTC)
        if "Content" in given:
            _check(kind, given["Content"])
            version = str(int(record["SchemaVersion"]) + 1)
            record |= {"Content": given["Content"], "SchemaVersion": version, "VersionCreatedDate": now}
        record |= {"Type": kind, "LastModified": now}
        record["Description"] = given.get("Description", record["Description"])
        return self._with_tags(call, record, record["SchemaArn"])

    def _delete_schema(self, call: Call, given: Given) -> Given:
        key = f"{given['RegistryName']}/{given['SchemaName']}"
        record = self.found(call, "schema", key)
        self.shelf(call, "schema").pop(key)
        self.shelf(call, "tags").pop(record["SchemaArn"], None)
        return {}

    def _list_schemas(self, call: Call, given: Given) -> Given:
        self.found(call, "registry", given["RegistryName"])
        found = [
            {**record, "VersionCount": int(record["SchemaVersion"])}
            for key, record in self.shelf(call, "schema").items()
            if key.startswith(f"{given['RegistryName']}/")
        ]
        return {"Schemas": found}


def _check(kind: str, content: str) -> None:
    if kind not in ("OpenApi3", "JSONSchemaDraft4"):
        raise AwsError("BadRequestException", f"The type {kind} is neither OpenApi3 nor JSONSchemaDraft4.")
    try:
        json.loads(content)
    except ValueError as problem:
        raise AwsError("BadRequestException", f"The schema is not JSON: {problem}") from problem
