"""The report on both local clouds: what a new project lacks, what puts it right, and that nothing changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "localcloud"))

from google_server import Running, running

from dreamnet.clouds.aws import AwsAccount
from dreamnet.clouds.google import GoogleAccount
from dreamnet.events.delivery import code_versions
from dreamnet.prechecks import Report, check
from dreamnet.prechecks.aws_permissions import check_permissions, needed_actions
from dreamnet.prechecks.google_services import enable_services, needed_services
from dreamnet.resources.catalogue import Catalogue, load_catalogue
from dreamnet.resources.selections import load_selection
from localcloud.google.store import Stored
from localcloud.ports import free_port
from localcloud.state import State

pytestmark = pytest.mark.rehearsal

INFRASTRUCTURE = Path(__file__).resolve().parents[2] / "infrastructure"
#: Seconds that a report may take: the whole catalogue, and what the four weeks build.
WHOLE, PART = 10.0, 3.0


@dataclass
class Clouds:
    server: Running
    google: GoogleAccount
    aws: AwsAccount

    def report(self, catalogue: Catalogue) -> Report:
        variables = {
            "google.project": self.google.project,
            "google.region": "us-central1",
            "google.zone": "us-central1-a",
            "google.second_region": "us-east1",
            "google.project_number": "628490062490",
            "google.billing_account": "0A1B2C-3D4E5F-607182",
            "aws.account_id": self.aws.account_id,
            "aws.region": "us-east-1",
            "aws.second_region": "us-west-2",
            "image": "dreamnet/backend:1",
            "frontdoor.port": "80",
            "operator.email": "ops@dreamnet.example",
            "domain": "dreamnet.example",
            **code_versions(),
        }
        return check(catalogue, self.google, self.aws, variables)

    def everything(self) -> list[Any]:
        with urllib.request.urlopen(f"{self.aws.endpoint_url}/_rehearsal/resources", timeout=5) as answer:
            stored = [one.key for one in self.server.server.context.store.everything()]
            return [*json.load(answer), *stored]


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    state, port = State(tmp_path_factory.mktemp("aws")), free_port()
    keys = state.credentials()
    command = [sys.executable, "-m", "localcloud.aws", "--state", str(state.dir), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    aws = AwsAccount.from_keys(
        account_id=keys.aws_account_id,
        region="us-east-1",
        second_region="us-west-2",
        access_key_id=keys.aws_access_key_id,
        secret_access_key=keys.aws_secret_access_key,
        endpoint_url=f"http://127.0.0.1:{port}",
    )
    try:
        with running(tmp_path_factory.mktemp("google")) as server:
            found = Clouds(server, server.account(), aws)
            _wait(found)
            yield found
    finally:
        os.kill(process.pid, 15)
        process.wait(20)


def _wait(clouds: Clouds) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            clouds.everything()
            return
        except OSError:
            assert time.monotonic() < deadline, "the local AWS did not start"
            time.sleep(0.1)


def selected(name: str) -> Catalogue:
    return load_selection(INFRASTRUCTURE / "selections.yaml", name).of(load_catalogue(INFRASTRUCTURE))


def test_a_new_project_lacks_its_apis_and_nothing_else(clouds: Clouds) -> None:
    before = clouds.everything()
    report = clouds.report(selected("gameplan"))
    assert [one.area for one in report.of("blocks")] == ["APIs"], report.markdown()
    assert clouds.everything() == before
    enabled = enable_services(clouds.google, needed_services(selected("gameplan")), lambda _: None)
    assert "container.googleapis.com" in enabled
    again = clouds.report(selected("gameplan"))
    assert not again.of("blocks"), again.markdown()
    assert again.seconds < PART


def test_the_whole_catalogue_can_be_created_here(clouds: Clouds) -> None:
    full = selected("full")
    enable_services(clouds.google, needed_services(full), lambda _: None)
    before = clouds.everything()
    report = clouds.report(full)
    assert not report.of("blocks"), report.markdown()
    assert report.seconds < WHOLE
    areas = {(one.cloud, one.area) for one in report.of("fine")}
    assert {
        (cloud, area) for cloud in ("google", "aws") for area in ("quotas", "regions", "permissions")
    } <= areas
    assert clouds.everything() == before


def test_iam_simulates_what_a_user_was_granted(clouds: Clouds) -> None:
    iam = clouds.aws.client("iam")
    iam.create_user(UserName="half")
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": ["sqs:CreateQueue"], "Resource": "*"},
        ],
    }
    arn = iam.create_policy(PolicyName="half", PolicyDocument=json.dumps(policy))["Policy"]["Arn"]
    iam.attach_user_policy(UserName="half", PolicyArn=arn)
    user = f"arn:aws:iam::{clouds.aws.account_id}:user/half"
    queues = tuple(one for one in selected("gameplan") if one.type == "AWS::SQS::Queue")
    (denied,) = check_permissions(clouds.aws, user, queues)
    assert denied.level == "blocks"
    assert f"1 of the {len(needed_actions(queues))} actions needed are explicitly denied" in denied.sentence
    iam.detach_user_policy(UserName="half", PolicyArn=arn)
    iam.put_user_policy(
        UserName="half",
        PolicyName="queues",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}
        ),
    )
    (missing,) = check_permissions(clouds.aws, user, queues)
    assert "not granted" in missing.sentence
    assert "sqs:" not in missing.sentence


def test_a_node_pool_that_is_there_is_in_the_usage_and_not_asked_for_again(clouds: Clouds) -> None:
    project = clouds.google.project
    path = f"projects/{project}/locations/us-central1-a/clusters/dreamnet"
    pool = {
        "name": "default",
        "locations": ["us-central1-a"],
        "config": {"machineType": "e2-standard-2", "diskType": "pd-balanced", "diskSizeGb": 50},
    }
    store = clouds.server.server.context.store
    cluster = {"name": "dreamnet", "status": "RUNNING", "resourceLabels": {"managed-by": "dreamnet-gameplan"}}
    store.put(Stored(f"container/{path}", "container/projects.locations.clusters", cluster))
    pools = "container/projects.locations.clusters.nodePools"
    store.put(Stored(f"container/{path}/nodePools/default", pools, pool, {"count": 2}))
    try:
        report = clouds.report(selected("gameplan"))
        sentences = [
            one.sentence for one in report.findings if one.area == "quotas" and one.cloud == "google"
        ]
        assert not [one for one in sentences if one.startswith("CPUS in us-central1")]
        assert "CPUS_ALL_REGIONS in global: 6 fit; of 400, 4 are taken." in sentences
    finally:
        store.remove(f"container/{path}")
