"""gcloud drives the local control plane, as an operator would: its endpoint overrides lead there.

Where gcloud is not installed, Google's own API client sends the same requests.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from google_server import CREDENTIALS, PROJECT, Running, running

from dreamnet.resources.google import GoogleDriver
from dreamnet.resources.model import Resource
from localcloud.google.hooks import container

P = f"projects/{PROJECT}"
REGION, ZONE = f"{P}/locations/us-central1", "us-central1-a"

#: gcloud's name of an API, and what its override leads to below the root.
OVERRIDES = {
    "artifactregistry": "artifactregistry/",
    "cloudfunctions": "cloudfunctions/",
    "cloudresourcemanager": "cloudresourcemanager/",
    "cloudscheduler": "cloudscheduler/",
    "cloudtasks": "cloudtasks/",
    "compute": "compute/compute/v1/",
    "container": "container/",
    "dns": "dns/dns/v1/",
    "iam": "iam/",
    "logging": "logging/",
    "pubsub": "pubsub/",
    "redis": "redis/",
    "run": "run/",
    "secretmanager": "secretmanager/",
    "spanner": "spanner/",
    "sql": "sqladmin/",
}

#: A command, what Google's API client does in its place, and the names that both show.
COMMANDS: list[tuple[str, str, list[str]]] = [
    ("container clusters list", "container v1 projects.locations.clusters", ["dreamnet"]),
    ("sql instances list", "sqladmin v1 instances", ["dreamnet"]),
    ("pubsub topics list", "pubsub v1 projects.topics", ["dream-events"]),
    ("compute networks list", "compute v1 networks", ["dreamnet"]),
    ("compute addresses list --global", "compute v1 globalAddresses", ["dreamnet-web"]),
    ("compute security-policies list", "compute v1 securityPolicies", ["dreamnet"]),
    ("functions list --v2", "cloudfunctions v2 projects.locations.functions", []),
    ("run services list", "run v2 projects.locations.services", ["dreamnet-api"]),
    ("dns managed-zones list", "dns v1 managedZones", ["dreamnet"]),
    ("secrets list", "secretmanager v1 projects.secrets", ["dreamnet-database-url"]),
    ("scheduler jobs list --location us-central1", "cloudscheduler v1 projects.locations.jobs", ["nightly"]),
    ("iam service-accounts list", "iam v1 projects.serviceAccounts", ["dreamnet-api"]),
    ("logging sinks list", "logging v2 projects.sinks", ["dreamnet"]),
    ("spanner instances list", "spanner v1 projects.instances", ["dreamnet"]),
]

DECLARED: list[tuple[str, str, str, dict[str, Any]]] = [
    ("compute.v1/networks", "dreamnet", f"{P}/global", {"autoCreateSubnetworks": False}),
    ("compute.v1/globalAddresses", "dreamnet-web", f"{P}/global", {"addressType": "EXTERNAL"}),
    ("compute.v1/securityPolicies", "dreamnet", f"{P}/global", {"description": "d"}),
    (
        "container.v1/projects.locations.clusters",
        "dreamnet",
        f"{P}/locations/{ZONE}",
        {"nodePools": [{"name": "default", "initialNodeCount": 1}]},
    ),
    (
        "sqladmin.v1/instances",
        "dreamnet",
        P,
        {
            "databaseVersion": "POSTGRES_18",
            "region": "us-central1",
            "settings": {"tier": "db-f1-micro", "backupConfiguration": {"enabled": True}},
        },
    ),
    ("pubsub.v1/projects.topics", "dream-events", P, {}),
    (
        "run.v2/projects.locations.services",
        "dreamnet-api",
        REGION,
        {"template": {"containers": [{"image": "docker.io/dreamnet/api"}]}},
    ),
    ("dns.v1/managedZones", "dreamnet", P, {"dnsName": "dreamnet.example.", "description": "names"}),
    ("secretmanager.v1/projects.secrets", "dreamnet-database-url", P, {"replication": {"automatic": {}}}),
    (
        "cloudscheduler.v1/projects.locations.jobs",
        "nightly",
        REGION,
        {"schedule": "0 2 * * *", "timeZone": "Etc/UTC", "httpTarget": {"uri": "https://dreamnet.example"}},
    ),
    ("iam.v1/projects.serviceAccounts", "dreamnet-api", P, {"displayName": "DreamNet"}),
    ("logging.v2/projects.sinks", "dreamnet", P, {"destination": f"storage.googleapis.com/{PROJECT}-logs"}),
    (
        "spanner.v1/projects.instances",
        "dreamnet",
        P,
        {
            "config": f"{P}/instanceConfigs/regional-us-central1",
            "displayName": "DreamNet",
            "processingUnits": 100,
        },
    ),
]


@pytest.fixture(scope="module")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    # Nothing answers behind the cluster: its record is what these commands are about.
    silent = patch.object(container, "_kubernetes", lambda *told: None)
    with silent, running(tmp_path_factory.mktemp("google")) as server:
        driver = GoogleDriver(server.account())
        for kind, name, parent, body in DECLARED:
            resource = Resource("google/it", "google", kind, name, parent, body, source="x.yaml:1")
            driver.create(resource, name, lambda _: None)
        yield server


class Gcloud:
    """The command line with a configuration of its own."""

    def __init__(self, google: Running, folder: Path) -> None:
        token = folder / "token"
        token.write_text(CREDENTIALS.google_access_token)
        self._environment = {
            **os.environ,
            "CLOUDSDK_CONFIG": str(folder / "config"),
            "CLOUDSDK_CORE_PROJECT": PROJECT,
            "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
            "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE": str(token),
            "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
            "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
            **{
                f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{name.upper()}": f"{google.root}/{path}"
                for name, path in OVERRIDES.items()
            },
        }

    def __call__(self, command: str) -> Any:
        argv = ["gcloud", *command.split(), "--format=json"]
        done = subprocess.run(argv, env=self._environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{command}: {done.stderr[-500:]}"
        return json.loads(done.stdout or "null")


def test_a_dozen_commands_show_what_the_driver_made(google: Running, tmp_path: Path) -> None:
    ask = Gcloud(google, tmp_path) if shutil.which("gcloud") else _client(google)
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(ask, [command for command, _, _ in COMMANDS]))
    shown = {command: _names(answer) for (command, _, _), answer in zip(COMMANDS, answers, strict=True)}
    assert shown == {command: names for command, _, names in COMMANDS}


def _names(answer: Any) -> list[str]:
    found = [one.get("name") or one["metadata"]["name"] for one in answer or []]
    return sorted(str(name).rsplit("/", 1)[-1].split("@")[0] for name in found)


def _client(google: Running) -> Any:
    """The same lists by google-api-python-client."""
    calls = {command: call for command, call, _ in COMMANDS}

    def ask(command: str) -> Any:
        api, version, collection = calls[command].split()
        service: Any = google.account().api(api, version)
        for part in collection.split("."):
            service = getattr(service, part)()
        answer = service.list(**_place(api, collection)).execute()
        lists = [value for value in answer.values() if isinstance(value, list)]
        return lists[0] if lists else []

    return ask


def _place(api: str, collection: str) -> dict[str, str]:
    """Where to list, by the name that the API's method has for it."""
    if api in ("compute", "sqladmin", "dns"):
        return {"project": PROJECT}
    if api == "pubsub":
        return {"project": P}
    if api == "iam":
        return {"name": P}
    if "clusters" in collection:
        return {"parent": f"{P}/locations/{ZONE}"}
    return {"parent": REGION if "locations" in collection else P}
