"""Quotas: what a selection asks for, held against what the account may have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dreamnet.prechecks.findings import Finding
from dreamnet.resources.model import Cloud


@dataclass(frozen=True)
class Demand:
    """What a selection asks of one quota.

    Attributes:
        at_once: what is created at first.
        at_most: what autoscaling may come to.
    """

    at_once: float = 0.0
    at_most: float = 0.0

    def __add__(self, other: Demand) -> Demand:
        return Demand(self.at_once + other.at_once, self.at_most + other.at_most)


@dataclass(frozen=True)
class Allowance:
    """What an account may have of something.

    Attributes:
        limit: the quota's value now.
        used: what is taken of it, beside what the demand counts.
    """

    limit: float
    used: float = 0.0

    @property
    def free(self) -> float:
        """What is left."""
        return max(self.limit - self.used, 0.0)


def judge(
    cloud: Cloud,
    name: str,
    demand: Demand,
    allowance: Allowance,
    remedy: Callable[[float], tuple[str, str]],
) -> Finding:
    """The finding about one quota: the first creation must fit, autoscaling should.

    Args:
        name: the quota and where it counts, such as `VPCs in us-east-1`.
        remedy: gives link and command for the value that it should have.
    """
    wanted = allowance.used + demand.at_most
    figures = f"of {allowance.limit:g}, {allowance.used:g} are taken"
    if demand.at_most <= allowance.free:
        return Finding(cloud, "quotas", "fine", f"{name}: {demand.at_most:g} fit; {figures}.")
    if demand.at_once > allowance.free:
        sentence = f"{name}: {demand.at_once:g} are needed at once; {figures}."
        return Finding(cloud, "quotas", "blocks", sentence, *remedy(wanted))
    sentence = f"{name}: autoscaling may need {demand.at_most:g}; {figures}."
    return Finding(cloud, "quotas", "to do", sentence, *remedy(wanted))
