"""Which faults strike a migration, and when: drawn from a seed, so that a round can be repeated."""

from __future__ import annotations

import random
from dataclasses import dataclass

#: The steps of a round, and about how many seconds each takes undisturbed.
STEPS = {
    "copy": 2.5,
    "follow": 0.5,
    "verify": 0.5,
    "cut over": 1.4,
    "roll back": 1.1,
    "forward again": 1.1,
    "finish": 0.4,
}

#: What can happen, and how often beside the others.
KINDS = {
    "process killed": 3.0,
    "source killed": 2.0,
    "target killed": 2.0,
    "connections reset": 2.0,
    "connections refused": 1.0,
    "half a message": 2.0,
    "network silent": 2.0,
    "connections vanished": 0.75,
}
#: That a step is struck at all, and that it is struck again when it is run again.
STRUCK, STRUCK_AGAIN = 0.5, 0.35
#: Which network breaks: mostly the one in front of the source.
NETWORKS = {"neon": 2.0, "cloudsql": 1.0, "rds": 1.0}


@dataclass(frozen=True)
class Fault:
    """One fault.

    Args:
        kind: of KINDS. server: whose, or in front of which; of the killed process, none.
        after: seconds from the begin of the step. lasts: seconds until it is mended, where it is.
        size: bytes that still pass, of `half a message`.
    """

    kind: str
    server: str
    after: float
    lasts: float
    size: int

    def __str__(self) -> str:
        where = f" ({self.server})" if self.server else ""
        return f"{self.kind}{where} after {self.after:.2f} s"


def draw(seed: int) -> dict[str, list[Fault]]:
    """By step, the faults of its first, second, … attempt."""
    chance = random.Random(seed)
    plan: dict[str, list[Fault]] = {}
    for step, seconds in STEPS.items():
        plan[step] = []
        likely = STRUCK
        while chance.random() < likely:
            plan[step].append(_fault(chance, seconds))
            likely = STRUCK_AGAIN
    return plan


def _fault(chance: random.Random, seconds: float) -> Fault:
    kind = chance.choices(list(KINDS), list(KINDS.values()))[0]
    server = chance.choices(list(NETWORKS), list(NETWORKS.values()))[0]
    if kind == "process killed":
        server = ""
    elif kind == "source killed":
        server = "neon"
    elif kind == "target killed":
        server = chance.choice(["cloudsql", "rds"])
    after = chance.uniform(0, 1.5 * seconds)  # a busy machine takes longer
    return Fault(kind, server, after, chance.uniform(0.1, 2.5), int(10 ** chance.uniform(0, 4.5)))
