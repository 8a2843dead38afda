from __future__ import annotations

import json

from benchmarks import fault_plan, migration_faults
from benchmarks.fault_outcome import Outcome
from benchmarks.fault_plan import Fault


def outcome(seed: int) -> Outcome:
    one = Outcome(seed)
    one.struck("copy", Fault("source killed", "neon", 0.5, 1.0, 10))
    one.failed("copy", {"kind": "UnreachableError", "problem": "It is gone.", "remedy": "Again."})
    one.acknowledged = 10
    return one


def test_the_same_seed_draws_the_same_faults() -> None:
    assert fault_plan.draw(7) == fault_plan.draw(7)
    drawn = [fault for seed in range(200) for faults in fault_plan.draw(seed).values() for fault in faults]
    assert {fault.kind for fault in drawn} == set(fault_plan.KINDS)
    assert {step for seed in range(50) for step, faults in fault_plan.draw(seed).items() if faults} == set(
        fault_plan.STEPS
    )


def test_the_last_line_has_all_figures(capsys) -> None:
    wrong = outcome(4)
    wrong.wrong.append("A row is there twice.")
    migration_faults.show(migration_faults.figures([outcome(3), wrong], 60.0))
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["faults"]["source killed"] == 2
    assert (found["rounds"], found["resumed"], found["acknowledged"], found["failed"]) == (2, 2, 20, [4])


def test_a_wrong_round_says_what_was_done_and_how_to_repeat_it() -> None:
    assert "\n" not in migration_faults.progress(outcome(3))
    wrong = outcome(4)
    wrong.failed("verify", {"kind": "crashed", "problem": "Traceback", "remedy": ""})
    said = migration_faults.progress(wrong)
    assert "source killed (neon) after 0.50 s" in said
    assert "verify failed without a remedy: Traceback" in said
    assert said.endswith("--rounds 1 --seed 4")
