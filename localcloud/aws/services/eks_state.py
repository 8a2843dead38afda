"""What EKS knows about a cluster beyond moto: kept on moto's own object, saved and deleted with it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from localcloud.aws.wire import Answer, AwsError, Call

Record = dict[str, Any]

#: Kubernetes minor versions and their support at the end of November 2026, newest first (EKS user guide,
#: "Kubernetes versions").
VERSIONS: Mapping[str, str] = {
    "1.36": "STANDARD_SUPPORT",
    "1.35": "STANDARD_SUPPORT",
    "1.34": "STANDARD_SUPPORT",
    "1.33": "EXTENDED_SUPPORT",
    "1.32": "EXTENDED_SUPPORT",
    "1.31": "EXTENDED_SUPPORT",
}
_PAGE = 100


@dataclass(frozen=True)
class EksState:
    """Clusters of one account, with lookups that fail as EKS does."""

    account_id: str

    def cluster(self, region: str, name: str) -> Any:
        """moto's cluster.

        Raises:
            AwsError: ResourceNotFoundException.
        """
        from moto.eks.models import eks_backends

        cluster = eks_backends[self.account_id][region].clusters.get(name)
        if cluster is None:
            raise AwsError("ResourceNotFoundException", f"No cluster found for name: {name}.", 404)
        return cluster

    def active(self, region: str, name: str) -> Any:
        """The same, refused while it can't be worked on."""
        cluster = self.cluster(region, name)
        if cluster.status != "ACTIVE":
            raise AwsError("ResourceInUseException", f"Cluster '{name}' is not in ACTIVE status", 409)
        return cluster

    def records(self, cluster: Any, kind: str) -> dict[str, Record]:
        """What of a kind (`addons`, `access`, `pods`, `updates`) belongs to a cluster, by its key."""
        kept: dict[str, dict[str, Record]] = cluster.__dict__.setdefault("rehearsal", {})
        return kept.setdefault(kind, {})

    def record(self, cluster: Any, kind: str, key: str, message: str) -> Record:
        """One of them.

        Raises:
            AwsError: ResourceNotFoundException, with the message.
        """
        found = self.records(cluster, kind).get(key)
        if found is None:
            raise AwsError("ResourceNotFoundException", message, 404)
        return found

    def role_exists(self, arn: str) -> bool:
        """Whether IAM has this role."""
        from moto.iam.models import iam_backends

        return any(role.arn == arn for role in iam_backends[self.account_id]["aws"].roles.values())

    def arn(self, region: str, rest: str) -> str:
        """An ARN of EKS's."""
        return f"arn:aws:eks:{region}:{self.account_id}:{rest}"


def new_update(state: EksState, cluster: Any, kind: str, params: Mapping[str, Any]) -> Record:
    """Write down an update that is under way, as DescribeUpdate shows it."""
    update = {
        "id": f"{secrets.token_hex(4)}-{secrets.token_hex(2)}-3{secrets.token_hex(8)}",
        "status": "InProgress",
        "type": kind,
        "params": [{"type": key, "value": str(value)} for key, value in params.items()],
        "createdAt": time.time(),
        "errors": [],
    }
    state.records(cluster, "updates")[update["id"]] = update
    return update


def page(call: Call, name: str, items: list[Any]) -> Answer:
    """One page of a listing (`maxResults` and `nextToken` of the query)."""
    query = {key: values[-1] for key, values in parse_qs(call.query).items()}
    start, size = int(query.get("nextToken") or 0), int(query.get("maxResults") or _PAGE)
    answer: dict[str, Any] = {name: items[start : start + size]}
    if start + size < len(items):
        answer["nextToken"] = str(start + size)
    return Answer.json(answer)


def tags_of(call: Call) -> dict[str, str]:
    """The tags that a creation gives."""
    return dict(call.json().get("tags") or {})


Operation = Callable[[Call], Answer]
