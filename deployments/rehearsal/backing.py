"""What of the rehearsal stood on a real engine, and what was simulated, as the local cloud says itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx


def backings(endpoints: Mapping[str, Any]) -> Counter[tuple[str, str]]:
    """How many resources there are by (cloud, what backs them); `simulated` is a backing too."""
    counted: Counter[tuple[str, str]] = Counter()
    google = urlsplit(endpoints["google"]["container"])
    root = f"{google.scheme}://{google.netloc}"
    for cloud, url in (("Google Cloud", root), ("AWS", endpoints["aws"])):
        answer = httpx.get(f"{url.rstrip('/')}/_rehearsal/resources", timeout=30, trust_env=False)
        answer.raise_for_status()
        counted.update((cloud, resource["backing"]) for resource in answer.json())
    return counted


#: Servers that are what they stand for, and code that really runs; others emulate a protocol.
REAL_ENGINES = frozenset({"postgresql", "valkey", "caddy", "functions-framework", "process"})
SIMULATED = "simulated"


def backing_table(counted: Counter[tuple[str, str]]) -> str:
    """A Markdown table with a sum line: on a real engine, on an emulator, simulated."""
    rows = ["| cloud | backed by | resources |", "| --- | --- | ---: |"]
    rows += [f"| {cloud} | {backing} | {count} |" for (cloud, backing), count in sorted(counted.items())]
    by_kind = Counter[str]()
    for (_, backing), count in counted.items():
        kind = "real" if backing in REAL_ENGINES else "emulated"
        by_kind[SIMULATED if backing == SIMULATED else kind] += count
    rows += [
        "",
        f"Of {counted.total()} resources {by_kind['real']} were rehearsed on a real engine,"
        f" {by_kind['emulated']} on an emulator that speaks the vendor's protocol,"
        f" and {by_kind[SIMULATED]} were simulated: the vendor's schema answered, and nothing ran behind it.",
    ]
    return "\n".join(rows)
