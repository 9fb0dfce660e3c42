"""APE: methods inferred from examples, then variations of the best."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from dspy.lm15 import Request

from autoevol.core.errors import InputError
from autoevol.core.records import Method
from autoevol.optimization.rivals import APE
from rivals_support import TRAIN, kind_of, proposed, search, shown_strengths
from synthetic import DELTAS, START, chain_seed, strength_of, task_of

PAIR = r"<<<original \w+>>>\n(.*)\n<<<end.*\n\n<<<evolved \w+>>>\n(.*)\n<<<end"


def text_of(request: Request) -> str:
    return request.messages[0].text or ""


def test_the_examples_are_what_the_start_did_with_train_rows_where_it_passed(tmp_path: Path) -> None:
    found = search(tmp_path, APE, resamplings=0, candidates=4, examples=20, seed=5)
    prompts = [text_of(request) for request in found.asked("induced_method")]
    assert len(prompts) == 4
    assert not any(START.text in prompt for prompt in prompts)
    pairs = [re.findall(PAIR, prompt) for prompt in prompts]
    evolved = {row.instruction for row in TRAIN} & {original for original, _ in pairs[0]}
    # A start of strength 2 passes on tasks that end in 0 or 1, about a fifth of them.
    assert 1 <= len(evolved) == len(pairs[0]) < 20
    assert all(task_of(original) % 10 < 2 for original, _ in pairs[0])
    assert all(new == f"{original} [strength 2, way 0]" for original, new in pairs[0])
    assert len({tuple(sorted(shown)) for shown in pairs}) == 1
    assert len({tuple(shown) for shown in pairs}) > 1  # in orders of their own


def test_without_an_evolution_that_passes_the_originals_are_shown(tmp_path: Path) -> None:
    weak = Method("Rewrite with strength 0.")
    found = search(tmp_path, APE, resamplings=0, candidates=2, examples=4, start=weak)
    for request in found.asked("induced_method"):
        assert len(re.findall(r"<<<original \w+>>>\nTask", text_of(request))) == 4
        assert "<<<evolved" not in text_of(request)


def test_the_best_are_varied_in_turn(tmp_path: Path) -> None:
    best = search(tmp_path, APE, resamplings=2, candidates=4, keep=2, seed=8).best
    first, second, third = list(best.trial_logs.values())[1:]
    strengths = [strength_of(c.method.text) for c in first.candidates]
    assert strengths == proposed(3, 8, 1, 4)
    known = [strength_of(START.text), *strengths]
    for step in (second, third):
        kept = sorted(known, reverse=True)[:2]
        around = [kept[place % 2] for place in range(4)]
        expected = [max(0, b + DELTAS[chain_seed(8, step.number, p) % 4]) for p, b in enumerate(around)]
        assert [strength_of(c.method.text) for c in step.candidates] == expected
        known += expected
    assert strength_of(best.method.text) == max(known) > strength_of(START.text)


def test_a_variation_names_its_parent(tmp_path: Path) -> None:
    found = search(tmp_path, APE, resamplings=1, candidates=3, keep=1, seed=2)
    logs = found.best.trial_logs
    assert {candidate.parent_id for candidate in logs[1].candidates} == {START.id}
    assert {candidate.parent_id for candidate in logs[2].candidates} == {logs[1].chosen_id}
    assert [len(shown_strengths(request)) for request in found.asked("method_variant")] == [1] * 3
    assert {kind_of(request) for request in found.transport.requests} == {
        "evolve", "respond", "induced_method", "method_variant",
    }  # fmt: skip


@pytest.mark.parametrize("setting", [{"resamplings": -1}, {"keep": 0}, {"examples": 0}])
def test_settings_out_of_range_are_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(setting))):
        APE(**setting)
