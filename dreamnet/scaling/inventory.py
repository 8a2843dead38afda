"""What a night concerns: from clusters and accounts to the fleet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from dreamnet.errors import ConfigurationError
from dreamnet.kubernetes.cluster import Cluster
from dreamnet.scaling.databases import CloudSql, Rds
from dreamnet.scaling.nodes import EksGroups, GkePools
from dreamnet.scaling.snapshot import Fleet, Sleeper
from dreamnet.scaling.waiting import QUICK, USUAL, Patience
from dreamnet.scaling.workloads import Workloads

if TYPE_CHECKING:
    from dreamnet.clouds.aws import AwsAccount
    from dreamnet.clouds.google import GoogleAccount

Account = TypeVar("Account")


def fleet(
    clusters: Sequence[Cluster],
    google: GoogleAccount | None = None,
    aws: AwsAccount | None = None,
    patience: Patience | None = None,
) -> Fleet:
    """Everything of these clusters and accounts that can sleep.

    Args:
        clusters: their workloads and nodes.
        google: its Cloud SQL instances, and the API that resizes the GKE clusters.
        aws: its RDS instances in both regions, and the API that resizes the EKS clusters.
        patience: how long to wait for each step, and how often to look; by default what is usual for each.

    Raises:
        ConfigurationError: a cluster's account is missing.
    """
    pods, machines = patience or QUICK, patience or USUAL
    sleepers: list[Sleeper] = []
    for cluster in clusters:
        sleepers.append(Workloads(cluster, pods))
        if cluster.cloud == "google":
            sleepers.append(GkePools(_given(google, cluster, "Google"), cluster, machines))
        else:
            sleepers.append(EksGroups(_given(aws, cluster, "AWS"), cluster, machines))
    if google:
        sleepers.append(CloudSql(google, machines))
    if aws:
        regions = dict.fromkeys((aws.region, aws.second_region))
        sleepers += [Rds(aws, region, machines) for region in regions if region]
    return Fleet(tuple(sleepers))


def _given(account: Account | None, cluster: Cluster, cloud: str) -> Account:
    if account is None:
        raise ConfigurationError(
            f"Cluster {cluster} is to be scaled, but there is no {cloud} account.",
            f"Name the {cloud} block too.",
        )
    return account
