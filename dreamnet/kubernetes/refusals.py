"""What a cluster refused, as errors one can act on: each one sentence that names the object, and a remedy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from dreamnet.errors import CredentialsError, GameplanError, NotRehearsable, ResourceError

Cloud = Literal["google", "aws"]


class NotFound(ResourceError):
    """The object, or its kind, is not on the cluster."""


class TokenRefused(CredentialsError):
    """The cluster does not know who we are."""


class Forbidden(CredentialsError):
    """The cluster knows who we are, and does not let us do this."""


class Conflict(ResourceError):
    """Somebody else changed the object meanwhile, or owns a field that we want to set.

    Attributes:
        managers: who owns the fields; empty where the object changed meanwhile.
    """

    def __init__(self, problem: str, remedy: str, managers: frozenset[str] = frozenset()) -> None:
        super().__init__(problem, remedy)
        self.managers = managers


#: What an identity lacks that may not do something.
GRANT: Mapping[Cloud, str] = {
    "google": "Give the service account roles/container.developer on the project.",
    "aws": "Give the IAM identity an EKS access entry with AmazonEKSClusterAdminPolicy.",
}


def refused_twice(first: TokenRefused, second: CredentialsError) -> TokenRefused:
    """What to say where a new token did not help, or could not be had."""
    if isinstance(second, TokenRefused):
        return TokenRefused(f"{first.problem.rstrip('.')}, and a new one too.", first.remedy)
    why = f"{first.problem.rstrip('.')}, and there is no new one to be had: {second.problem}"
    return TokenRefused(why, second.remedy)


def refusal(
    cluster: str, cloud: Cloud, method: str, path: str, status: int, answer: Mapping[str, Any]
) -> GameplanError:
    """A refused request as the error that says what to do. Answers about Secrets are not quoted."""
    what = describe_path(path)
    said = str(answer.get("message", "")) if "/secrets" not in path else str(answer.get("reason", ""))
    said = said.strip().rstrip(".")
    if status == 401:
        return TokenRefused(
            f"Cluster {cluster} refused the token at {method} {what}.",
            "Check that the account's credentials are the ones this cluster trusts, and that this record is"
            " its own.",
        )
    if status == 403 and "exceeded quota" in said:
        return ResourceError(
            f"{cluster}: {what} exceeds a quota: {said}.", "Raise the ResourceQuota or ask for less."
        )
    if status == 403:
        return Forbidden(f"{cluster}: not allowed to {method} {what}: {said}.", GRANT[cloud])
    if status == 404 and (answer.get("details") or {}).get("kind") == "namespaces" and "/namespaces/" in path:
        return NotFound(f"{cluster}: there is no namespace for {what}: {said}.", "Apply the Namespace first.")
    if status == 404:
        return NotFound(
            f"{cluster}: there is no {what}.", "Apply it first, or correct its name or namespace."
        )
    if status == 409:
        return _conflict(cluster, what, said, answer)
    if status == 501:
        return NotRehearsable(
            f"{cluster}: {said or f'{method} {what} is not in the rehearsal'}.",
            "Do this step on a real cluster.",
        )
    if status in (400, 415, 422):
        return ResourceError(f"{cluster}: {what} is invalid: {said}.", "Correct the manifest.")
    return ResourceError(
        f"{cluster}: {method} {what} failed with HTTP {status}: {said}.",
        "Try again; if it stays so, look at the control plane's health.",
    )


#: How a conflict's cause names the manager (structured-merge-diff's conflict text).
_MANAGER = re.compile(r'conflict with "([^"]+)"')


def _conflict(cluster: str, what: str, said: str, answer: Mapping[str, Any]) -> Conflict:
    causes = (answer.get("details") or {}).get("causes") or []
    fields = [f"{cause.get('field', '?')} ({cause.get('message', '')})" for cause in causes]
    if not any(cause.get("reason") == "FieldManagerConflict" for cause in causes):
        return Conflict(f"{cluster}: {what} changed meanwhile: {said}.", "Try again.")
    return Conflict(
        f"{cluster}: another manager owns fields of {what}: {'; '.join(fields)}.",
        "Remove these fields from the manifest, or apply with force to take them over.",
        frozenset(name for cause in causes for name in _MANAGER.findall(str(cause.get("message", "")))),
    )


def describe_path(path: str) -> str:
    """`/apis/apps/v1/namespaces/dreamnet/deployments/api` as `deployments dreamnet/api`."""
    parts = path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    namespace = ""
    if len(parts) > 2 and parts[0] == "namespaces":
        namespace, parts = f"{parts[1]}/", parts[2:]
    if not parts:
        return path
    return f"{parts[0]} {namespace}{'/'.join(parts[1:])}".rstrip("/ ")
