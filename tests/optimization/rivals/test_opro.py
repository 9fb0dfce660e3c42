"""OPRO: what its prompt shows, and the strengths that follow from it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from autoevol.core.errors import InputError
from autoevol.core.fence import without_fences
from autoevol.optimization.rivals import OPRO
from rivals_support import TRAIN, proposed, search, shown_strengths
from synthetic import START, strength_of


def test_every_step_starts_from_the_best_so_far(tmp_path: Path) -> None:
    best = search(tmp_path, OPRO, steps=3, candidates=3, seed=11).best
    expected = strength_of(START.text)
    for step in list(best.trial_logs.values())[1:]:
        strengths = proposed(expected, 11, step.number, 3)
        assert [strength_of(c.method.text) for c in step.candidates] == strengths
        expected = max(expected, *strengths)
    assert strength_of(best.method.text) == expected > strength_of(START.text)


def test_the_prompt_shows_the_best_methods_in_ascending_order_with_their_scores(tmp_path: Path) -> None:
    found = search(tmp_path, OPRO, steps=3, candidates=3, shown=4, seed=11)
    prompts = found.asked("better_method")
    assert [len(shown_strengths(prompt)) for prompt in prompts] == [1] * 3 + [4] * 6
    for prompt in prompts:
        listed = shown_strengths(prompt)
        assert listed == sorted(listed)
        points = [int(p) for p in re.findall(r"^Score (\d+):$", prompt.messages[0].text or "", re.MULTILINE)]
        assert points == [10 * strength for strength in listed]
    known = [strength_of(entry["program"].method.text) for entry in found.best.candidate_programs[:4]]
    assert max(shown_strengths(prompts[-1])) <= max(known)


def test_the_examples_are_train_rows_drawn_anew_at_every_step(tmp_path: Path) -> None:
    found = search(tmp_path, OPRO, steps=2, candidates=2, examples=3, seed=1)
    shown = []
    for prompt in found.asked("better_method"):
        tail = (prompt.messages[0].text or "").partition("#Examples#:\n")[2]
        shown.append(without_fences(tail.strip()).split("\n\n"))
    assert shown[0] == shown[1] != shown[2] == shown[3]
    assert all(len(rows) == 3 and set(rows) <= {row.instruction for row in TRAIN} for rows in shown)


def test_no_steps_score_the_start_only(tmp_path: Path) -> None:
    best = search(tmp_path, OPRO, steps=0).best
    assert best.method == START
    assert best.score == 20.0
    assert list(best.trial_logs) == [0]


@pytest.mark.parametrize("setting", [{"steps": -1}, {"shown": 0}, {"examples": -1}])
def test_settings_out_of_range_are_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(setting))):
        OPRO(**setting)
