"""What holds for OPRO and for APE: counts, stops, seeds, slots, and DSPy's contract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dspy
import pytest
from dspy import lm15
from dspy.lm15 import Request

from autoevol.core.errors import AccessDenied, InputError
from autoevol.core.records import Demo, Method, Outcome, Step
from autoevol.lm.budget import Caps
from autoevol.metrics.failure import FailureMetric
from autoevol.metrics.rules import PaperRules
from autoevol.optimization.rivals import APE, OPRO
from autoevol.optimization.rivals.ape import ape_calls
from autoevol.optimization.rivals.base import MethodSearch
from autoevol.optimization.rivals.opro import opro_calls
from autoevol.optimization.teleprompter import as_examples
from autoevol.programs.evolver import Evolver
from autoevol.testing import Answer, ScriptedTransport
from rivals_support import DEV, OUTPUTS, TRAIN, kind_of, search, world
from synthetic import START, bench, strength_of

SETTINGS: dict[type[MethodSearch], dict[str, Any]] = {
    OPRO: {"steps": 2, "candidates": 3, "seed": 3},
    APE: {"resamplings": 1, "candidates": 3, "examples": 5, "seed": 3},
}
PLANS = {
    OPRO: lambda rounds: opro_calls(steps=2, candidates=3, dev=10, rounds=rounds),
    APE: lambda rounds: ape_calls(resamplings=1, candidates=3, examples=5, dev=10, rounds=rounds),
}
each_rival = pytest.mark.parametrize("rival", [OPRO, APE])


@each_rival
@pytest.mark.parametrize("rounds", [1, 2])
def test_the_calls_are_those_of_the_formula(rival: type[MethodSearch], rounds: int, tmp_path: Path) -> None:
    found = search(tmp_path, rival, rounds=rounds, **SETTINGS[rival])
    plan = PLANS[rival](rounds)
    assert {role: line.paid.calls for role, line in found.ledger.items()} == plan
    assert len(found.transport.requests) == sum(plan.values())
    assert sum(len(found.asked(kind)) for kind in OUTPUTS) == plan["optimizer"]


@each_rival
def test_the_result_carries_what_dspys_optimizers_carry(rival: type[MethodSearch], tmp_path: Path) -> None:
    told: list[Step] = []
    found = search(tmp_path, rival, **SETTINGS[rival], on_step=told.append)
    best = found.best
    assert strength_of(best.method.text) > strength_of(START.text)
    assert best.stopped == "steps"
    assert list(best.trial_logs.values()) == told
    assert [step.number for step in told] == [0, 1, 2]
    assert told[-1].chosen_id == best.method.id
    scores = [entry["score"] for entry in best.candidate_programs]
    assert scores == sorted(scores, reverse=True)
    assert best.score == scores[0] == 10 * strength_of(best.method.text)
    assert len(scores) == 1 + 2 * 3
    for entry in best.candidate_programs:
        assert entry["score"] == 10 * min(10, strength_of(entry["program"].method.text))


@each_rival
def test_no_more_is_spent_than_the_budget_and_the_best_so_far_comes_back(
    rival: type[MethodSearch], tmp_path: Path
) -> None:
    whole = search(tmp_path / "whole", rival, **SETTINGS[rival])
    order = {method_id: None for step in whole.best.trial_logs.values() for method_id in _ids(step)}
    scores = {entry["program"].method.id: entry["score"] for entry in whole.best.candidate_programs}
    full = sum(PLANS[rival](1).values())
    seen = set()
    for calls in (5, 20, 31, 48, 90, full - 1):
        found = search(tmp_path / str(calls), rival, caps=Caps(calls=calls), **SETTINGS[rival])
        assert found.best.stopped == "budget"
        assert len(found.transport.requests) == calls == sum(x.paid.calls for x in found.ledger.values())
        done = [entry["program"].method.id for entry in found.best.candidate_programs]
        assert set(done) == set(list(order)[: len(done)])  # scored in the order of the whole search
        expected = max(done, key=lambda i: scores[i], default=START.id)
        assert found.best.method.id == expected
        assert found.best.score == (scores[expected] if done else None)
        seen.add(len(done))
    assert {0, 1, 6} <= seen  # nothing, the start, all but the last


def _ids(step: Step) -> list[str]:
    new = [candidate.method.id for candidate in step.candidates if candidate.method]
    return new or [score.method_id for score in step.scores]


@each_rival
def test_one_seed_gives_one_result_and_another_another(rival: type[MethodSearch], tmp_path: Path) -> None:
    found = [
        search(tmp_path / name, rival, **{**SETTINGS[rival], "seed": seed}).best.trial_logs
        for name, seed in (("a", 3), ("b", 3), ("c", 4))
    ]
    assert found[0] == found[1] != found[2]


@each_rival
def test_a_proposal_that_cannot_be_had_costs_its_slot_only(rival: type[MethodSearch], tmp_path: Path) -> None:
    asked = 0

    def script(request: Request) -> Answer:
        nonlocal asked
        if kind_of(request) not in OUTPUTS:
            return world(request)
        asked += 1
        if asked == 1:
            return "I would rather talk about it."
        if asked == 2:
            return lm15.InvalidRequestError("too long")
        return world(request) if asked < 6 else f"<{kind_of(request)}>\n{START.text}\n</{kind_of(request)}>"

    best = search(tmp_path, rival, script, **SETTINGS[rival]).best
    problems = [c.problem for step in best.trial_logs.values() for c in step.candidates]
    assert problems[0] == "the reply marks no method"
    assert "too long" in problems[1]
    assert problems[2:5] == [None] * 3
    assert "repeats the method" in problems[5]
    assert len(best.candidate_programs) == 1 + 3


@each_rival
def test_it_stops_when_nothing_fails_any_more(rival: type[MethodSearch], tmp_path: Path) -> None:
    found = search(tmp_path, rival, start=Method("Rewrite with strength 10."), **SETTINGS[rival])
    assert found.best.stopped == "solved"
    assert [len(found.asked(kind)) for kind in OUTPUTS] == [0, 0, 0]
    assert found.best.score == 100.0


@each_rival
def test_a_method_that_the_network_lost_is_not_chosen(rival: type[MethodSearch], tmp_path: Path) -> None:
    def script(request: Request) -> Answer:
        text = request.messages[0].text or ""
        answer = world(request)
        # Strong methods lose nine rows of ten, and pass the one that is left.
        if kind_of(request) == "evolve" and strength_of(text) > 2 and "Task 0:" not in text:
            return lm15.InvalidRequestError("lost")
        return answer

    best = search(tmp_path, rival, script, **SETTINGS[rival]).best
    scores = [score for step in best.trial_logs.values() for score in step.scores]
    assert any(score.rate == 0 and score.count(Outcome.UNSCORED) == 9 for score in scores)
    assert strength_of(best.method.text) == 2


@each_rival
def test_a_key_that_is_refused_ends_the_run(rival: type[MethodSearch], tmp_path: Path) -> None:
    def script(request: Request) -> Answer:
        return lm15.AuthError("no") if kind_of(request) in OUTPUTS else world(request)

    with pytest.raises(AccessDenied):
        search(tmp_path, rival, script, **SETTINGS[rival])


@each_rival
def test_the_prompt_lm_is_the_one_that_is_given(rival: type[MethodSearch], tmp_path: Path) -> None:
    with bench(tmp_path) as (session, transport, _):
        prompt_lm = session.lm(
            "scripted/prompt", transport=ScriptedTransport(world, identity="prompt"), temperature=0.0
        )
        optimizer = rival(
            FailureMetric(PaperRules()), prompt_lm=prompt_lm, temperature=0.7, **SETTINGS[rival]
        )
        best = optimizer.compile(Evolver(START), trainset=as_examples(TRAIN), valset=as_examples(DEV))
    assert all(kind_of(request) in ("evolve", "respond") for request in transport.requests)
    asked = prompt_lm.engine.transport.requests  # type: ignore[union-attr]
    assert [request.config.temperature for request in asked] == [0.7] * 6
    assert len({request.config.seed for request in asked}) == 6
    assert best.method != START


@each_rival
def test_the_student_stays_as_it_was_and_its_demos_stay_with_it(
    rival: type[MethodSearch], tmp_path: Path
) -> None:
    demos = (Demo("Task 3: name a prime.", "Task 3: name a twin prime."),)
    student = Evolver(Method(START.text, demos))
    with bench(tmp_path, world):
        best = rival(FailureMetric(PaperRules()), **SETTINGS[rival]).compile(
            student, trainset=TRAIN, valset=DEV
        )
    assert student.method == Method(START.text, demos)
    assert not hasattr(student, "candidate_programs")
    assert best.method.text != START.text
    assert best.method.demos == demos


@each_rival
def test_rows_are_set_aside_where_no_valset_is_given(rival: type[MethodSearch], tmp_path: Path) -> None:
    with bench(tmp_path, world):
        best: Any = rival(dev_size=8, **SETTINGS[rival]).compile(Evolver(START), trainset=TRAIN)
    assert len(best.trial_logs[0].scores[0].marks) == 8


@each_rival
def test_misuse_is_named(rival: type[MethodSearch]) -> None:
    settings = SETTINGS[rival]
    with pytest.raises(TypeError, match="compiles an Evolver, got Predict"):
        rival(**settings).compile(dspy.Predict("question -> answer"), trainset=TRAIN)
    with pytest.raises(TypeError, match="num_trials"):
        rival(**settings).compile(Evolver(), trainset=TRAIN, num_trials=3)
    with pytest.raises(InputError, match="at least"):
        rival(**settings).compile(Evolver(), trainset=TRAIN[:1])
    with pytest.raises(InputError, match="candidates"):
        rival(**{**settings, "candidates": 0})
