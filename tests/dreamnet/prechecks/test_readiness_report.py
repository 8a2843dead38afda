"""The whole report: what stops a cloud's checks, what does not, and how an operator reads it."""

from pathlib import Path

import pytest
from account_fakes import PROJECT, amazon, google

from dreamnet.errors import CredentialsError, PrecheckFailed
from dreamnet.prechecks import Finding, Report, check
from dreamnet.prechecks.google_services import needed_services
from dreamnet.resources.catalogue import Catalogue

QUEUE, REDIS = (
    amazon("AWS::SQS::Queue", "queue"),
    google("pubsub.v1/projects.topics", "topic", f"projects/{PROJECT}"),
)


def catalogue(*resources):
    return Catalogue(Path(), {one.id: one for one in resources}, {})


@pytest.fixture
def ready(google_account):
    google_account.enabled = set(needed_services([REDIS]))
    return google_account


def levels(report, cloud):
    return {one.area: one.level for one in report.findings if one.cloud == cloud}


def test_all_fine(ready, aws_account):
    report = check(catalogue(QUEUE, REDIS), ready, aws_account, {})
    assert not report.of("blocks"), report.markdown()
    assert levels(report, "aws") == {"credentials": "fine", "permissions": "fine", "regions": "fine"}
    assert set(levels(report, "google").values()) == {"fine"}
    report.raise_if_blocked()


def test_keys_that_aws_refuses_end_only_its_checks(ready, aws_account, monkeypatch):
    def refuse():
        raise CredentialsError("The AWS keys belong to account 1, not to 2.", "Correct the block.")

    monkeypatch.setattr(aws_account, "check", refuse)
    report = check(catalogue(QUEUE, REDIS), ready, aws_account, {})
    assert levels(report, "aws") == {"credentials": "blocks"}
    assert levels(report, "google")["permissions"] == "fine"
    with pytest.raises(PrecheckFailed, match="belong to account 1"):
        report.raise_if_blocked()


def test_a_project_that_is_not_there_ends_only_googles_checks(ready, aws_account):
    ready.refused[r"/projects/[^/:]+$"] = (403, "Permission denied on resource project")
    report = check(catalogue(QUEUE, REDIS), ready, aws_account, {})
    assert levels(report, "google") == {"credentials": "blocks"}
    assert levels(report, "aws")["permissions"] == "fine"


def test_an_api_that_is_off_hides_nothing_else(ready, aws_account):
    ready.enabled.clear()
    ready.refused[r"cloudresourcemanager.*/projects/[^/:]+$"] = (403, "has not been used or it is disabled")
    found = levels(check(catalogue(QUEUE, REDIS), ready, aws_account, {}), "google")
    assert (found["APIs"], found["credentials"], found["billing"]) == ("blocks", "blocks", "fine")


def test_a_check_that_fails_is_a_finding_and_not_the_end(ready, aws_account):
    ready.refused[r"/billingInfo$"] = (403, "Cloud Billing API is off")
    ready.refused[r"/regions$"] = (501, "regions are not in the rehearsal")
    report = check(catalogue(QUEUE, REDIS), ready, aws_account, {})
    found = levels(report, "google")
    assert (found["billing"], found["quotas"], found["APIs"]) == ("blocks", "to do", "fine")


def test_a_variable_that_the_profile_lacks_blocks_at_its_line(ready, aws_account):
    lacking = google("pubsub.v1/projects.topics", "topic", "projects/${google.nothing}")
    report = check(catalogue(lacking), ready, aws_account, {"google.project": PROJECT})
    blocking = report.of("blocks")
    assert len(blocking) == 1
    assert blocking[0].sentence.startswith("google/x.yaml:1: google/topic refers to ${google.nothing}")


def test_what_exists_without_our_mark_blocks(ready, aws_account):
    address = google("compute.v1/globalAddresses", "front", f"projects/{PROJECT}/global")
    ready.enabled |= set(needed_services([address]))
    assert not check(catalogue(address), ready, aws_account, {}).of("blocks")
    ready.addresses["front"] = {"name": "front", "selfLink": "https://x/front", "labels": {"team": "others"}}
    (blocking,) = check(catalogue(address), ready, aws_account, {}).of("blocks")
    assert blocking.area == "names"
    assert blocking.sentence.startswith("google/x.yaml:1: google/front exists as ")


def test_the_report_names_everything_and_what_puts_it_right():
    report = Report(
        (
            Finding("aws", "quotas", "fine", "VPCs fit."),
            Finding("google", "billing", "blocks", "Billing is off.", "https://console/x", "gcloud a | b"),
            Finding("google", "APIs", "blocks", "Two APIs are off.", "https://console/y", "gcloud c"),
        ),
        ("The weather.",),
        1.25,
    )
    text = report.markdown()
    assert text.startswith("**2 blocks, 0 to do, 1 fine** (1.2 s)")
    assert text.index("## Blocks") < text.index("## Fine") < text.index("## Not checked")
    assert "## To do" not in text
    assert "[console](https://console/x) `gcloud a \\| b`" in text
    with pytest.raises(PrecheckFailed) as stopped:
        report.raise_if_blocked()
    assert stopped.value.problem == "Billing is off. Two APIs are off."
    assert stopped.value.remedy == "`gcloud a | b`; `gcloud c`"
