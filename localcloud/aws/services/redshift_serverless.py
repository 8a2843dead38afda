"""Redshift Serverless, which moto lacks: namespaces and workgroups as records. No query runs behind them."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from localcloud.aws.services import Next
from localcloud.aws.store import Store
from localcloud.aws.wire import Answer, AwsError, Call

Record = dict[str, Any]

#: Seconds until a namespace or workgroup is available.
_SECONDS = 0.15
#: Redshift processing units (its management guide, "Compute capacity", November 2026).
_CAPACITIES = frozenset({4, *range(8, 513, 8), *range(544, 1025, 32)})
#: "They must span across three Availability Zones" (management guide, "Considerations when using Redshift
#: Serverless", November 2026).
_ZONES = 3
_NAMESPACE = [
    "adminUsername",
    "dbName",
    "defaultIamRoleArn",
    "iamRoles",
    "kmsKeyId",
    "logExports",
    "adminPasswordSecretKmsKeyId",
]
_WORKGROUP = [
    "baseCapacity",
    "maxCapacity",
    "configParameters",
    "enhancedVpcRouting",
    "port",
    "publiclyAccessible",
    "securityGroupIds",
    "subnetIds",
    "trackName",
    "pricePerformanceTarget",
    "ipAddressType",
]


@dataclass(frozen=True)
class RedshiftServerless:
    """The service's operations on namespaces, workgroups and tags.

    Attributes:
        store: where the records are.
        changed: called after every call.
    """

    account_id: str
    store: Store
    changed: Callable[[], None]

    @property
    def operations(self) -> frozenset[str]:
        """Everything that is here."""
        return frozenset(f"redshift-serverless:{name}" for name in self._ours())

    def _ours(self) -> dict[str, Callable[[Call], Record]]:
        return {
            "CreateNamespace": self._create_namespace,
            "GetNamespace": lambda call: {"namespace": _shown(self._namespace(call))},
            "ListNamespaces": lambda call: self._list(call, "namespaces"),
            "UpdateNamespace": self._update_namespace,
            "DeleteNamespace": self._delete_namespace,
            "CreateWorkgroup": self._create_workgroup,
            "GetWorkgroup": lambda call: {"workgroup": _shown(self._workgroup(call))},
            "ListWorkgroups": lambda call: self._list(call, "workgroups"),
            "UpdateWorkgroup": self._update_workgroup,
            "DeleteWorkgroup": self._delete_workgroup,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "ListTagsForResource": lambda call: {"tags": self._tags(call)},
        }

    def answer(self, call: Call, moto: Next) -> Answer:
        """Answer one call."""
        content = self._ours()[call.operation](call)
        self.changed()
        return Answer.json(content, content_type="application/x-amz-json-1.1")

    def _kept(self, call: Call, kind: str) -> dict[str, Record]:
        return self.store.shelf(f"redshift-serverless/{kind}", call.region)

    def _arn(self, call: Call, kind: str, identifier: str) -> str:
        return f"arn:aws:redshift-serverless:{call.region}:{self.account_id}:{kind}/{identifier}"

    def _found(self, call: Call, kind: str, name: str) -> Record:
        found = self._kept(call, f"{kind}s").get(name)
        if found is None:
            message = f"The {kind} {name} was not found."
            raise AwsError("ResourceNotFoundException", message, 404)
        return found

    def _settled(self, call: Call, kind: str, name: str) -> Record:
        record = self._found(call, kind, name)
        if _status(record) != "AVAILABLE":
            message = f"There is an operation running on the {kind} {name}."
            raise AwsError("ConflictException", message)
        return record

    def _list(self, call: Call, kind: str) -> Record:
        return {kind: [_shown(record) for record in self._kept(call, kind).values()]}

    # -- namespaces ---------------------------------------------------------------------------------------

    def _namespace(self, call: Call) -> Record:
        return self._found(call, "namespace", call.json()["namespaceName"])

    def _create_namespace(self, call: Call) -> Record:
        content = call.json()
        name, kept = content["namespaceName"], self._kept(call, "namespaces")
        if name in kept:
            raise AwsError("ConflictException", f"The namespace {name} already exists.")
        identifier = str(uuid.uuid4())
        record = {
            "namespaceName": name,
            "namespaceId": identifier,
            "namespaceArn": self._arn(call, "namespace", identifier),
            "creationDate": _now(),
            "dbName": "dev",
            "adminUsername": "admin",
            "kmsKeyId": "AWS_OWNED_KMS_KEY",
            "iamRoles": [],
            "logExports": [],
            **{key: content[key] for key in _NAMESPACE if key in content},
            "tags": content.get("tags") or [],
        }
        if content.get("manageAdminPassword"):
            secret = f"secret:redshift!{name}-{content.get('adminUsername', 'admin')}-{secrets.token_hex(3)}"
            arn = f"arn:aws:secretsmanager:{call.region}:{self.account_id}:{secret}"
            record["adminPasswordSecretArn"] = arn
        kept[name] = record
        record |= {"status": "MODIFYING", "since": time.time()}
        return {"namespace": _shown(record)}

    def _update_namespace(self, call: Call) -> Record:
        content = call.json()
        record = self._settled(call, "namespace", content["namespaceName"])
        record |= {key: content[key] for key in _NAMESPACE if key in content}
        record |= {"status": "MODIFYING", "since": time.time()}
        return {"namespace": _shown(record)}

    def _delete_namespace(self, call: Call) -> Record:
        record = self._settled(call, "namespace", call.json()["namespaceName"])
        name = record["namespaceName"]
        if any(one["namespaceName"] == name for one in self._kept(call, "workgroups").values()):
            raise AwsError("ConflictException", f"The namespace {name} still has a workgroup.")
        del self._kept(call, "namespaces")[name]
        return {"namespace": {**_shown(record), "status": "DELETING"}}

    # -- workgroups ---------------------------------------------------------------------------------------

    def _workgroup(self, call: Call) -> Record:
        return self._found(call, "workgroup", call.json()["workgroupName"])

    def _create_workgroup(self, call: Call) -> Record:
        content = call.json()
        name, kept = content["workgroupName"], self._kept(call, "workgroups")
        if name in kept:
            raise AwsError("ConflictException", f"The workgroup {name} already exists.")
        namespace = self._settled(call, "namespace", content["namespaceName"])
        if any(one["namespaceName"] == namespace["namespaceName"] for one in kept.values()):
            raise AwsError("ConflictException", "The namespace has a workgroup already.")
        self._check(call, content)
        identifier = str(uuid.uuid4())
        address = f"{name}.{self.account_id}.{call.region}.redshift-serverless.amazonaws.com"
        record = {
            "workgroupName": name,
            "workgroupId": identifier,
            "workgroupArn": self._arn(call, "workgroup", identifier),
            "namespaceName": namespace["namespaceName"],
            "creationDate": _now(),
            "baseCapacity": 128,
            "enhancedVpcRouting": False,
            "publiclyAccessible": False,
            "port": 5439,
            "configParameters": [],
            "securityGroupIds": [],
            "subnetIds": [],
            "trackName": "current",
            **{key: content[key] for key in _WORKGROUP if key in content},
            "tags": content.get("tags") or [],
        }
        record["endpoint"] = {"address": address, "port": record["port"], "vpcEndpoints": []}
        kept[name] = record
        record |= {"status": "CREATING", "since": time.time()}
        return {"workgroup": _shown(record)}

    def _check(self, call: Call, content: Record) -> None:
        """What Redshift refuses: a capacity that it lacks, a limit below it, too few zones."""
        base = content.get("baseCapacity", 128)
        if base not in _CAPACITIES:
            raise AwsError("ValidationException", f"The base capacity {base} is not supported.")
        if content.get("maxCapacity") is not None and content["maxCapacity"] < base:
            raise AwsError("ValidationException", "The maximum capacity is below the base capacity.")
        if content.get("subnetIds") and len(self._zones(call.region, content["subnetIds"])) < _ZONES:
            raise AwsError("ValidationException", f"The subnets must be in {_ZONES} Availability Zones.")

    def _zones(self, region: str, subnets: list[str]) -> set[str]:
        from moto.ec2.models import ec2_backends

        backend = ec2_backends[self.account_id][region]
        return {backend.get_subnet(subnet).availability_zone for subnet in subnets}

    def _update_workgroup(self, call: Call) -> Record:
        content = call.json()
        record = self._settled(call, "workgroup", content["workgroupName"])
        self._check(call, {**record, **content})
        record |= {key: content[key] for key in _WORKGROUP if key in content}
        record["endpoint"]["port"] = record["port"]
        record |= {"status": "MODIFYING", "since": time.time()}
        return {"workgroup": _shown(record)}

    def _delete_workgroup(self, call: Call) -> Record:
        record = self._settled(call, "workgroup", call.json()["workgroupName"])
        del self._kept(call, "workgroups")[record["workgroupName"]]
        return {"workgroup": {**_shown(record), "status": "DELETING"}}

    # -- tags ---------------------------------------------------------------------------------------------

    def _tags(self, call: Call) -> list[Record]:
        arn = call.json()["resourceArn"]
        for kind in ("namespace", "workgroup"):
            for record in self._kept(call, f"{kind}s").values():
                if record[f"{kind}Arn"] == arn:
                    tags: list[Record] = record["tags"]
                    return tags
        raise AwsError("ResourceNotFoundException", f"The resource {arn} was not found.", 404)

    def _tag(self, call: Call) -> Record:
        tags, new = self._tags(call), call.json()["tags"]
        keys = {one["key"] for one in new}
        tags[:] = [one for one in tags if one["key"] not in keys] + new
        return {}

    def _untag(self, call: Call) -> Record:
        tags = self._tags(call)
        tags[:] = [one for one in tags if one["key"] not in call.json()["tagKeys"]]
        return {}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _status(record: Record) -> str:
    """What is under way for a moment, then that it is available."""
    return "AVAILABLE" if time.time() > record["since"] + _SECONDS else str(record["status"])


def _shown(record: Record) -> Record:
    shown = {key: value for key, value in record.items() if key not in ("tags", "since")}
    return {**shown, "status": _status(record)}
