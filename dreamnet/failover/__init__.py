"""Failing over to another region and back, measured by a client that always writes."""

from dreamnet.failover.cloudsql import CloudSql, Instance
from dreamnet.failover.databases import CloudSqlRegions
from dreamnet.failover.drill import (
    Drill,
    DrillResult,
    SteadyState,
    WebhookOutage,
    run_drill,
    steady_state,
)
from dreamnet.failover.load_balancer import Group, LoadBalancer

__all__ = [
    "CloudSql",
    "CloudSqlRegions",
    "Drill",
    "DrillResult",
    "Group",
    "Instance",
    "LoadBalancer",
    "SteadyState",
    "WebhookOutage",
    "run_drill",
    "steady_state",
]
