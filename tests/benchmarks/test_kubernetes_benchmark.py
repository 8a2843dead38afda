"""The benchmark of Kubernetes, small: every figure is there, and what was applied is really there."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.kubernetes import applied, measure, start, table, workload
from dreamnet.errors import VerificationError
from localcloud.engines import Engines
from localcloud.state import State

pytestmark = pytest.mark.rehearsal


def test_small_pass_measures_everything(tmp_path: Path) -> None:
    engines = Engines(State(tmp_path))
    try:
        figures = measure(engines, clusters=1, objects=10, many=20)
        assert (figures.clusters, figures.objects, figures.server_objects) == (1, 10, 20)
        assert figures.vs_floor == pytest.approx(figures.seconds / figures.floor_seconds)
        assert min(vars(figures).values()) > 0
        assert len(table(figures)) == 8
        target, _ = start(engines, "bench-0")
        there = target.items(target.kind("v1", "ConfigMap").path("ours-0"), "app")
        assert len(there) == 6
        with pytest.raises(VerificationError, match="not created"):
            applied([target], workload("ours-0", 10), "created")
    finally:
        for endpoint in engines.list():
            engines.delete(endpoint.name)
