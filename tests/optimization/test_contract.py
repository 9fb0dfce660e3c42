"""What holds for every selection rule on every kind of dev rows: resume, budget, and the plan."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autoevol.core.records import Method
from autoevol.lm.budget import Caps
from autoevol.optimization.compiling import is_confirmation
from autoevol.optimization.dev_rows import DEV_ROWS, find_dev_rows
from autoevol.optimization.plan import Extra, planned_calls, spare_rows
from autoevol.optimization.rules import RULES, find_rule
from synthetic import SMALL, Run, endless, optimise

CONFIG = replace(SMALL, m=3, reserve_size=20, confirm_size=60)
SPARE = 100
each_pair = pytest.mark.parametrize(
    ("rule", "dev_rows"), [(rule, dev_rows) for rule in RULES for dev_rows in DEV_ROWS]
)


def run(folder: Path, rule: str, dev_rows: str, **more: Any) -> Run:
    return optimise(
        folder, CONFIG, endless, selection=find_rule(rule)(), dev_rows=find_dev_rows(dev_rows), **more
    )


@each_pair
def test_cut_anywhere_it_resumes_to_the_same_run_and_pays_for_nothing_twice(
    tmp_path: Path, rule: str, dev_rows: str
) -> None:
    whole = run(tmp_path / "whole", rule, dev_rows)
    needed = len(whole.transport.requests)
    asked = Counter(request.messages[-1].text for request in whole.asked("evolve"))
    assert max(asked.values()) == 1
    lines = whole.journal.splitlines(keepends=True)
    for kept in (0, 1, len(lines) // 2, len(lines) - 1, len(lines)):
        folder = tmp_path / f"after-{kept}"
        folder.mkdir()
        shutil.copy(tmp_path / "whole" / "calls.sqlite", folder)
        (folder / "journal.jsonl").write_bytes(b"".join(lines[:kept]))
        again = run(folder, rule, dev_rows)
        assert again.transport.requests == []
        assert again.journal == whole.journal
        assert again.best.method == whole.best.method
        assert again.best.stopped == whole.best.stopped
    for calls in (30, needed // 2, needed - 1):
        folder = tmp_path / f"cut-{calls}"
        cut = run(folder, rule, dev_rows, caps=Caps(calls=calls))
        assert len(cut.transport.requests) == calls
        assert cut.best.stopped == "budget"
        rest = run(folder, rule, dev_rows)
        assert rest.journal == whole.journal
        assert calls + len(rest.transport.requests) == needed


@each_pair
def test_no_run_makes_more_calls_than_its_plan(tmp_path: Path, rule: str, dev_rows: str) -> None:
    chosen, moving = find_rule(rule), find_dev_rows(dev_rows)
    start = (Method("Rewrite it, way 1, with strength 1."),)
    whole = run(tmp_path, rule, dev_rows, starts=start)
    spare = min(SPARE + 30, spare_rows(CONFIG, chosen, moving))
    extra = Extra.of(CONFIG, chosen, moving, spare)
    plan = planned_calls(CONFIG, rounds=1, dev=10, batch=3, starts=2, extra=extra)
    for role, line in whole.ledger.items():
        assert line.paid.calls <= plan[role], role


def test_the_last_method_is_confirmed_on_rows_that_no_step_saw(tmp_path: Path) -> None:
    whole = run(tmp_path, "adaptive", "fresh")
    *steps, last = whole.best.trial_logs.values()
    assert is_confirmation(last)
    assert not any(map(is_confirmation, steps))
    seen = {row_id for step in steps for score in step.scores for row_id in score.marks}
    batches = {row_id for step in steps for row_id in step.batch_ids}
    asked = {row_id for score in last.scores for row_id in score.marks}
    assert asked
    assert not asked & (seen | batches)
    assert last.chosen_id == whole.best.method.id == steps[-1].chosen_id
    assert "confirmed against the first method" in last.note
    assert whole.best.stopped == "steps"


def test_an_incumbent_is_scored_on_other_rows_at_every_step(tmp_path: Path) -> None:
    steps = list(run(tmp_path, "paper", "fresh").best.trial_logs.values())
    windows = [frozenset(step.scores[0].marks) for step in steps[1:]]
    assert len(windows) == CONFIG.steps
    assert not frozenset.intersection(*windows)
    assert all(not a & b for number, a in enumerate(windows) for b in windows[:number])
