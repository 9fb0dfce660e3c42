"""The loop with a race in it, and where the reserve comes from."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dspy.lm15 import Request

from autoevol.commands.plan import plan_split
from autoevol.config import LoopConfig, MethodConfig
from autoevol.lm.budget import Caps
from autoevol.optimization.plan import Extra, planned_calls
from autoevol.optimization.race import Race
from autoevol.testing import Answer
from synthetic import kind_of, optimise, rows, strength_of, tagged, world

SMALL = LoopConfig(batch_size=3, m=3, steps=4, patience=100, dev_size=10, reserve_size=20, seed=3)


def in_world(folder: Path, config: LoopConfig = SMALL, **more: Any) -> Any:
    return optimise(folder, config, selection=Race(), **more)


def test_a_race_reaches_the_same_strength_for_fewer_calls(tmp_path: Path) -> None:
    config = replace(SMALL, dev_size=40, m=4)
    full = optimise(tmp_path / "full", config)
    race = in_world(tmp_path / "race", config)
    assert strength_of(race.best.method.text) == strength_of(full.best.method.text) > 2
    assert len(race.transport.requests) < len(full.transport.requests)
    plan = planned_calls(config, rounds=1, dev=40, batch=3, extra=Extra(reserve=20))
    assert len(race.transport.requests) <= sum(plan.values())


def test_a_race_cut_after_any_step_or_call_resumes_to_the_same_run(tmp_path: Path) -> None:
    def script(request: Request) -> Answer:
        answer = world(request)
        return answer.replace("strength 1", "strength 7") if isinstance(answer, str) else answer

    whole = in_world(tmp_path / "whole", script=script)
    lines = whole.journal.splitlines(keepends=True)
    assert len(lines) > 2
    for kept in range(len(lines)):
        folder = tmp_path / f"after-{kept}"
        folder.mkdir()
        shutil.copy(tmp_path / "whole" / "calls.sqlite", folder)
        (folder / "journal.jsonl").write_bytes(b"".join(lines[:kept]))
        again = in_world(folder, script=script)
        assert again.transport.requests == []
        assert again.journal == whole.journal
    needed = len(whole.transport.requests)
    for calls in (25, 40, needed - 3):
        folder = tmp_path / f"cut-{calls}"
        cut = in_world(folder, script=script, caps=Caps(calls=calls))
        assert cut.best.stopped == "budget"
        rest = in_world(folder, script=script)
        assert rest.journal == whole.journal
        assert len(cut.transport.requests) + len(rest.transport.requests) == needed


def test_a_method_dropped_early_comes_again_with_its_marks_and_a_full_one_does_not(tmp_path: Path) -> None:
    """The same two rewrites at every step: a good one, and a bad one that the race drops."""

    def script(request: Request) -> Answer:
        if kind_of(request) != "propose":
            return world(request)
        strength = 1 if (request.config.seed or 0) % 2 else 4
        return tagged("improved_method", f"Rewrite  the instruction with strength {strength}.")

    run = in_world(tmp_path, replace(SMALL, m=6, steps=3, dev_size=20), script=script)
    steps = list(run.best.trial_logs.values())
    paid = Counter(request.messages[-1].text for request in run.asked("evolve"))
    assert max(paid.values()) == 1
    problems = [[candidate.problem for candidate in step.candidates] for step in steps[1:]]
    assert len([p for p in problems[0] if p is None]) == 2
    chosen = steps[1].chosen_id
    bad = next(c.method.id for c in steps[1].candidates if c.method and c.method.id != chosen)
    assert [c.method.id for c in steps[2].candidates if c.method] == [bad]
    complete = [entry["program"].method.id for entry in run.best.candidate_programs]
    assert complete[0] == chosen
    assert complete[-1] == bad


@pytest.mark.parametrize(
    ("count", "sizes"),
    [
        (1000, (800, 50, 100, 50)),
        (260, (100, 50, 60, 50)),
        (200, (100, 50, 0, 50)),
        (40, (20, 10, 0, 10)),
    ],
)
def test_the_reserve_shrinks_before_anything_else_does(count: int, sizes: tuple[int, ...]) -> None:
    split = plan_split(rows(count), LoopConfig(), MethodConfig(selection="race"))
    parts = (split.train, split.dev, split.reserve, split.holdout)
    assert tuple(map(len, parts)) == sizes
    assert len({row.id for part in parts for row in part}) == count
    paper = plan_split(rows(count), LoopConfig(), MethodConfig(selection="paper"))
    assert (paper.dev, paper.holdout, paper.reserve) == (split.dev, split.holdout, ())


def test_the_plan_of_a_race_is_an_upper_bound() -> None:
    plan = planned_calls(LoopConfig(steps=10), rounds=1, dev=50, batch=10, extra=Extra(reserve=100))
    assert plan == {"evol": 2650 + 1100, "respond": 2650 + 1100, "optimizer": 100}
    none = planned_calls(LoopConfig(steps=0), rounds=1, dev=50, batch=10, extra=Extra(reserve=100))
    assert none == {"evol": 50, "respond": 50, "optimizer": 0}
