"""Two accounts in memory: they answer what the checks ask, and note every call that changes something."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from dreamnet.clouds.google_rest import refusal
from dreamnet.resources.model import OWNER_LABEL, Resource

PROJECT, ACCOUNT = "dreamnet-test", "123456789012"
CALLER = f"arn:aws:iam::{ACCOUNT}:user/gameplan"


@dataclass
class Identity:
    service_account_email: str = f"gameplan@{PROJECT}.iam.gserviceaccount.com"


@dataclass
class FakeGoogle:
    """Stands in for `GoogleAccount` and for `google_rest.call`.

    `refused` maps a pattern of an URL to the status that it is answered with.
    """

    project: str = PROJECT
    credentials: Identity = field(default_factory=Identity)
    enabled: set[str] = field(default_factory=set)
    billed: bool = True
    denied: set[str] = field(default_factory=set)
    invalid: set[str] = field(default_factory=set)
    quotas: dict[str, dict[str, tuple[float, float]]] = field(default_factory=dict)
    machines: Mapping[str, int] = field(default_factory=lambda: {"e2-standard-2": 2, "g2-standard-4": 4})
    locations: tuple[str, ...] = ("global", "us", "us-central1", "us-east1")
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=lambda: dict([OWNER_LABEL]))
    addresses: dict[str, dict[str, Any]] = field(default_factory=dict)
    stuck: bool = False
    sizes: list[int] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)

    def root(self, api: str, default: str) -> str:
        return f"https://{api}.test/"

    def call(
        self,
        account: FakeGoogle,
        method: str,
        url: str,
        *,
        what: str,
        parameters: Mapping[str, Any] | None = None,
        body: Any = None,
    ) -> dict[str, Any]:
        for pattern, (status, message) in self.refused.items():
            if re.search(pattern, url):
                raise refusal(what, status, {"error": {"message": message}})
        for pattern, answer in self._answers().items():
            if re.search(pattern, url):
                return answer(url, body or {})
        raise AssertionError(f"nobody expected {method} {url}")

    def _answers(self) -> dict[str, Callable[[str, Any], dict[str, Any]]]:
        return {
            r":batchEnable$": self._enable,
            r"/v1/operations/": lambda url, body: {"name": "operations/1", "done": not self.stuck},
            r"serviceusage.*/services$": lambda url, body: {
                "services": [{"config": {"name": name}} for name in sorted(self.enabled)]
            },
            r"/billingInfo$": lambda url, body: {"billingEnabled": self.billed},
            r":testIamPermissions$": self._test,
            r"cloudresourcemanager.*/projects/[^/:]+$": lambda url, body: {"state": "ACTIVE"},
            r"/regions$": lambda url, body: {
                "items": [self._region(one) for one in ("us-central1", "us-east1")]
            },
            r"compute/v1/projects/[^/]+$": lambda url, body: {"quotas": self._quotas("global")},
            r"/machineTypes/": self._machine,
            r"/acceleratorTypes/": lambda url, body: {"name": "nvidia-l4"},
            r"/locations$": lambda url, body: {"locations": [{"locationId": one} for one in self.locations]},
            r"/b/": lambda url, body: {"name": url.rsplit("/", 1)[-1], "labels": self.labels},
            r"/global/addresses/": self._address,
        }

    def _enable(self, url: str, body: Any) -> dict[str, Any]:
        self.changes.append(url)
        self.sizes.append(len(body["serviceIds"]))
        self.enabled |= set(body["serviceIds"])
        return {"name": "operations/1"}

    def _test(self, url: str, body: Any) -> dict[str, Any]:
        self.sizes.append(len(body["permissions"]))
        for one in body["permissions"]:
            if one in self.invalid:
                raise refusal(
                    "Permissions",
                    400,
                    {"error": {"message": f"Permission {one} is not valid for this resource."}},
                )
        return {"permissions": [one for one in body["permissions"] if one not in self.denied]}

    def _region(self, name: str) -> dict[str, Any]:
        zones = [f"https://x/zones/{name}-{letter}" for letter in "abc"]
        return {"name": name, "status": "UP", "zones": zones, "quotas": self._quotas(name)}

    def _quotas(self, place: str) -> list[dict[str, Any]]:
        found = self.quotas.get(place, {})
        return [{"metric": m, "limit": limit, "usage": used} for m, (limit, used) in found.items()]

    def _address(self, url: str, body: Any) -> dict[str, Any]:
        found = self.addresses.get(url.rsplit("/", 1)[-1])
        if found is None:
            raise refusal("address", 404, {"error": {"message": "not found"}})
        return found

    def _machine(self, url: str, body: Any) -> dict[str, Any]:
        name = url.rsplit("/", 1)[-1]
        if name not in self.machines:
            raise refusal(name, 404, {"error": {"message": "not found"}})
        return {"guestCpus": self.machines[name]}


def error(code: str, status: int, operation: str = "Call") -> ClientError:
    metadata: Any = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(metadata, operation)


@dataclass
class FakeAws:
    """Stands in for `AwsAccount`: every client is this object.

    Attributes:
        denied: actions by the decision that the simulation answers.
        listed: what paginated operations answer, by operation, as pages' content.
        buckets: the status that a bucket's head is answered with; 404 where it is not here.
        tags: of every bucket that is here.
    """

    account_id: str = ACCOUNT
    caller: str = CALLER
    denied: dict[str, dict[str, Any]] = field(default_factory=dict)
    quotas: dict[str, float] = field(default_factory=dict)
    defaults: dict[str, float] = field(default_factory=dict)
    listed: dict[str, Any] = field(default_factory=dict)
    regions: dict[str, str] = field(default_factory=lambda: dict.fromkeys(["us-east-1", "us-west-2"], ""))
    types: Mapping[str, int] = field(default_factory=lambda: {"t3.medium": 2, "g4dn.xlarge": 4})
    versions: Mapping[str, str] = field(default_factory=lambda: {"1.35": "STANDARD_SUPPORT"})
    buckets: Mapping[str, int] = field(default_factory=dict)
    tags: tuple[str, str] = OWNER_LABEL
    simulated: list[dict[str, Any]] = field(default_factory=list)

    def check(self) -> str:
        return self.caller

    def client(self, service: str, region: str = "us-east-1") -> FakeAws:
        return self

    def get_role(self, RoleName: str) -> Any:
        return {"Role": {"Arn": f"arn:aws:iam::{ACCOUNT}:role/teams/{RoleName}"}}

    def simulate_principal_policy(self, **asked: Any) -> Any:
        self.simulated.append(asked)
        results = [
            {"EvalActionName": name, "EvalDecision": "allowed", **self.denied.get(name, {})}
            for name in asked["ActionNames"]
        ]
        return {"EvaluationResults": results, "IsTruncated": False}

    def get_paginator(self, operation: str) -> Any:
        parent = self

        class Pages:
            def paginate(self, **asked: Any) -> list[Any]:
                return [parent.page(operation, asked)]

        return Pages()

    def page(self, operation: str, asked: Mapping[str, Any]) -> Any:
        if operation == "list_service_quotas":
            return {"Quotas": [{"QuotaCode": code, "Value": value} for code, value in self.quotas.items()]}
        if operation == "describe_instance_types":
            wanted = asked["Filters"][0]["Values"]
            found = {name: cores for name, cores in self.types.items() if name in wanted}
            return {
                "InstanceTypes": [
                    {"InstanceType": n, "VCpuInfo": {"DefaultVCpus": c}} for n, c in found.items()
                ]
            }
        empty: dict[str, Any] = {
            "describe_vpcs": {"Vpcs": []},
            "describe_internet_gateways": {"InternetGateways": []},
            "describe_instances": {"Reservations": []},
            "describe_db_instances": {"DBInstances": []},
            "describe_cache_clusters": {"CacheClusters": []},
            "describe_orderable_db_instance_options": {"OrderableDBInstanceOptions": []},
            "list_clusters": {"clusters": []},
        }
        return {**empty[operation], **self.listed.get(operation, {})}

    def get_aws_default_service_quota(self, ServiceCode: str, QuotaCode: str) -> Any:
        return {"Quota": {"Value": self.defaults[QuotaCode]}}

    def describe_regions(self, AllRegions: bool) -> Any:
        return {
            "Regions": [
                {"RegionName": name, "OptInStatus": state or "opt-in-not-required"}
                for name, state in self.regions.items()
            ]
        }

    def describe_cluster_versions(self, includeAll: bool) -> Any:
        return {
            "clusterVersions": [{"clusterVersion": v, "versionStatus": s} for v, s in self.versions.items()]
        }

    def get_resource(self, TypeName: str, Identifier: str) -> Any:
        tags = [{"Key": self.tags[0], "Value": self.tags[1]}]
        text = json.dumps({"BucketName": Identifier, "Tags": tags})
        return {"ResourceDescription": {"Identifier": Identifier, "Properties": text}}

    def head_bucket(self, Bucket: str) -> None:
        status = self.buckets.get(Bucket, 404)
        if status != 200:
            raise error(str(status), status, "HeadBucket")


def google(kind: str, name: str = "dreamnet", parent: str = "", **body: Any) -> Resource:
    """A Google declaration; in us-central1-a where nothing else is said."""
    parent = parent or f"projects/{PROJECT}/locations/us-central1-a"
    return Resource(f"google/{name}", "google", kind, name, parent, body, source="google/x.yaml:1")


def amazon(kind: str, name: str = "dreamnet", region: str = "us-east-1", **body: Any) -> Resource:
    """An AWS declaration."""
    return Resource(f"aws/{name}", "aws", kind, name, region, body, source="aws/x.yaml:1")
