"""Who we are on each cloud, whether the project is there, and whether somebody pays for it."""

from __future__ import annotations

from collections.abc import Iterator

from dreamnet.clouds import google_rest
from dreamnet.clouds.google import GoogleAccount
from dreamnet.errors import GameplanError
from dreamnet.prechecks.findings import Finding, Level


def aws_refused(error: GameplanError) -> Finding:
    """The finding for AWS credentials that don't work."""
    return Finding(
        "aws",
        "credentials",
        "blocks",
        f"{error.problem} {error.remedy}",
        "https://console.aws.amazon.com/iam/home#/security_credentials",
        "aws sts get-caller-identity",
    )


def check_project(account: GoogleAccount) -> Iterator[Finding]:
    """Whether Google knows us and the project, and the project lives.

    Raises:
        GameplanError: Google knows neither of them to us.
    """
    root = account.root("cloudresourcemanager", "https://cloudresourcemanager.googleapis.com/")
    project = google_rest.call(account, "GET", f"{root}v3/projects/{account.project}", what="The project")
    identity = getattr(account.credentials, "service_account_email", None) or "This identity"
    state = project.get("state", "ACTIVE")
    level: Level = "fine" if state == "ACTIVE" else "blocks"
    yield Finding(
        "google",
        "credentials",
        level,
        f"{identity} sees project {account.project}, which is {state}.",
        ""
        if level == "fine"
        else "https://console.cloud.google.com/cloud-resource-manager?pendingDeletion=true",
        "" if level == "fine" else f"gcloud projects undelete {account.project}",
    )


def google_refused(account: GoogleAccount, error: GameplanError) -> Finding:
    """The finding for a Google identity or project that does not work."""
    return Finding(
        "google",
        "credentials",
        "blocks",
        f"{error.problem} {error.remedy}",
        f"https://console.cloud.google.com/iam-admin/serviceaccounts?project={account.project}",
        f"gcloud projects describe {account.project}",
    )


def check_billing(account: GoogleAccount) -> Iterator[Finding]:
    """Whether the project is linked to an open billing account: without, Google creates next to nothing."""
    root = account.root("cloudbilling", "https://cloudbilling.googleapis.com/")
    url = f"{root}v1/projects/{account.project}/billingInfo"
    billing = google_rest.call(account, "GET", url, what="Billing")
    if billing.get("billingEnabled"):
        payer = billing.get("billingAccountName", "an account that may not be seen")
        yield Finding("google", "billing", "fine", f"{account.project} is billed to {payer}.")
        return
    yield Finding(
        "google",
        "billing",
        "blocks",
        f"Billing is off for project {account.project}.",
        f"https://console.cloud.google.com/billing/linkedaccount?project={account.project}",
        f"gcloud billing projects link {account.project} --billing-account=BILLING_ACCOUNT",
    )
