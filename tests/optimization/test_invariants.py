"""Numbered invariants of the optimisation loop, in a world whose scores are computed by hand."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from dspy import lm15
from dspy.lm15 import Request

from autoevol.config import LoopConfig
from autoevol.core.fence import without_fences
from autoevol.core.records import Method, Outcome, Step
from autoevol.optimization.compiling import RandomBatches
from autoevol.optimization.plan import planned_calls
from autoevol.testing import Answer
from synthetic import (
    SMALL,
    START,
    Run,
    chain_seed,
    endless,
    expected_strengths,
    kind_of,
    optimise,
    rows,
    tagged,
    world,
)

PAPER = LoopConfig(steps=10, patience=100)


def chosen(run: Run) -> list[str]:
    return [step.chosen_id for step in run.best.trial_logs.values()]


# 1. The number of calls is what the formula says.


def test_1_the_papers_defaults_plan_5400_calls() -> None:
    plan = planned_calls(PAPER, rounds=1, dev=50, batch=10)
    assert plan == {"evol": 2650, "respond": 2650, "optimizer": 100}
    assert sum(plan.values()) == 5400


def test_1_at_the_papers_defaults_every_planned_call_is_paid_once(tmp_path: Path) -> None:
    run = optimise(tmp_path, PAPER, endless)
    plan = planned_calls(PAPER, rounds=1, dev=50, batch=10)
    assert {role: line.paid.calls for role, line in run.ledger.items()} == plan
    assert {role: line.reused for role, line in run.ledger.items()} == dict.fromkeys(plan, 0)
    assert len(run.transport.requests) == 5400
    assert run.best.stopped == "steps"


@pytest.mark.parametrize("rounds", [1, 3])
@pytest.mark.parametrize("starts", [(), (Method("Rewrite it, way 1, with strength 1."),)])
def test_1_paid_and_reused_calls_equal_the_plan_whatever_is_drawn(
    tmp_path: Path, rounds: int, starts: tuple[Method, ...]
) -> None:
    # Ten train rows in batches of four come again and again, so some calls are reused.
    run = optimise(
        tmp_path, SMALL, endless, train=rows(10, 100), sampler=RandomBatches(), rounds=rounds, starts=starts
    )
    plan = planned_calls(SMALL, rounds=rounds, dev=10, batch=3, starts=1 + len(starts))
    assert {role: line.paid.calls + line.reused for role, line in run.ledger.items()} == plan
    assert sum(line.paid.calls for line in run.ledger.values()) == len(run.transport.requests)


# 2. The run is a function of its seed.


@pytest.mark.parametrize("concurrency", [1, 16])
def test_2_the_same_seed_gives_the_same_journal_at_any_concurrency(
    whole: tuple[Run, Path], tmp_path: Path, concurrency: int
) -> None:
    again = optimise(tmp_path, replace(SMALL, concurrency=concurrency), endless)
    assert again.journal == whole[0].journal
    assert again.best.method == whole[0].best.method
    assert again.transport.most_under_way <= (2 if concurrency == 1 else 16)  # 2: the chains of a step


def test_2_another_seed_gives_another_run(whole: tuple[Run, Path], tmp_path: Path) -> None:
    assert optimise(tmp_path, replace(SMALL, seed=4), endless).journal != whole[0].journal


# 3. Methods are scored once, and the scores are right.


def test_3_no_method_is_paid_twice_on_a_dev_row(whole: tuple[Run, Path]) -> None:
    run, _ = whole
    asked = Counter(request.messages[-1].text for request in run.asked("evolve"))
    assert max(asked.values()) == 1
    assert run.ledger["evol"].reused == 0


@pytest.mark.parametrize("seed", range(6))
def test_3_rates_follow_the_hand_computed_path(tmp_path: Path, seed: int) -> None:
    config = replace(SMALL, seed=seed)
    run = optimise(tmp_path, config)
    path = [(10 - strength) / 10 for strength in expected_strengths(config)]
    assert run.rates == pytest.approx(path[: len(run.rates)])
    assert run.best.stopped == ("solved" if run.rates[-1] == 0.0 else "steps")
    assert run.rates == sorted(run.rates, reverse=True)
    assert run.best.score == pytest.approx(100 * (1 - run.rates[-1]))


# 4. An unusable proposal costs its slot, never the step.


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ("", "marks no method"),
        ("I cannot help.", "marks no method"),
        (tagged("improved_method", "short"), "characters long"),
        (tagged("improved_method", "x" * 9000), "characters long"),
        (tagged("improved_method", "Use this format:\n```\nand go on, strength 9."), "fence"),
        (tagged("improved_method", START.text.upper()), "repeats the method"),
    ],
)
def test_4_an_unusable_proposal_costs_its_slot_only(tmp_path: Path, bad: str, problem: str) -> None:
    spoiled = chain_seed(SMALL.seed, 1, 1)

    def script(request: Request) -> Answer:
        is_it = kind_of(request) == "propose" and request.config.seed == spoiled
        return bad if is_it else world(request)

    run = optimise(tmp_path, replace(SMALL, steps=1), script)
    first: Step = run.best.trial_logs[1]
    assert [candidate.method is None for candidate in first.candidates] == [False, True]
    assert problem in (first.candidates[1].problem or "")
    assert first.candidates[1].feedback == f"Feedback of chain {spoiled}."
    assert len(first.scores) == 2  # the method in force and the usable rewrite


def test_4_a_proposal_equal_to_a_sibling_is_scored_once(tmp_path: Path) -> None:
    def script(request: Request) -> Answer:
        same = tagged("improved_method", "Rewrite everything with strength 5.")
        return same if kind_of(request) == "propose" else world(request)

    run = optimise(tmp_path, replace(SMALL, steps=2), script)
    first, second = run.best.trial_logs[1], run.best.trial_logs[2]
    assert [candidate.problem is None for candidate in first.candidates] == [True, False]
    assert [candidate.problem is None for candidate in second.candidates] == [False, False]
    assert run.rates == pytest.approx([0.8, 0.5, 0.5])


def test_4_a_step_without_any_usable_proposal_keeps_the_method(tmp_path: Path) -> None:
    def script(request: Request) -> Answer:
        return "No idea." if kind_of(request) == "propose" else world(request)

    run = optimise(tmp_path, replace(SMALL, steps=3), script)
    assert set(chosen(run)) == {START.id}
    assert [step.improved for step in run.best.trial_logs.values()] == [False] * 4


# 5. A fault of the LM costs what it hits, and is never mistaken for a failure.


@pytest.mark.parametrize("hit", ["analyze", "propose"])
def test_5_an_optimizer_that_is_down_for_one_chain_costs_that_chain(tmp_path: Path, hit: str) -> None:
    def script(request: Request) -> Answer:
        if kind_of(request) == hit and request.config.seed == chain_seed(SMALL.seed, 1, 0):
            return lm15.ServerError("overloaded")
        return world(request)

    run = optimise(tmp_path, replace(SMALL, steps=1), script)
    candidates = run.best.trial_logs[1].candidates
    assert [candidate.method is None for candidate in candidates] == [True, False]
    assert "overloaded" in candidates[0].problem


@pytest.mark.parametrize("hit", ["evolve", "respond"])
def test_5_rows_that_the_network_lost_are_unscored_and_not_failed(tmp_path: Path, hit: str) -> None:
    def script(request: Request) -> Answer:
        text = request.messages[-1].text or ""
        if kind_of(request) == hit and ("Task 7:" in text or "Task 0:" in text):
            return lm15.InvalidRequestError("the prompt is too long")
        return world(request)

    run = optimise(tmp_path, replace(SMALL, steps=0), script)
    (score,) = run.best.trial_logs[0].scores
    # Strength 2 passes tasks 0 and 1; of the ten rows, 0 (passed) and 7 (failed) are lost.
    counts = {outcome: score.count(outcome) for outcome in Outcome}
    assert counts == {Outcome.PASSED: 1, Outcome.FAILED: 7, Outcome.UNSCORED: 2}
    assert score.rate == pytest.approx(7 / 8)


def test_5_a_step_whose_batch_is_lost_still_has_its_chains(tmp_path: Path) -> None:
    def script(request: Request) -> Answer:
        text = request.messages[-1].text or ""
        lost = kind_of(request) == "evolve" and "Task 10" in text
        return lm15.InvalidRequestError("no") if lost else world(request)

    run = optimise(tmp_path, replace(SMALL, steps=1), script, train=rows(4, 1000))
    assert all(candidate.method for candidate in run.best.trial_logs[1].candidates)
    assert "ignore this case" in (run.asked("analyze")[0].messages[-1].text or "")


# 6. The loop ends for a stated reason.


@pytest.mark.parametrize("patience", [1, 2, 3])
def test_6_patience_counts_steps_without_a_better_method(tmp_path: Path, patience: int) -> None:
    def script(request: Request) -> Answer:
        answer = world(request)
        if kind_of(request) == "propose":  # new texts that are never any better
            return tagged(
                "improved_method", f"Rewrite the instruction, way {request.config.seed}, strength 1."
            )
        return answer

    run = optimise(tmp_path, replace(SMALL, patience=patience), script)
    assert run.best.stopped == "patience"
    assert list(run.best.trial_logs) == list(range(patience + 1))


def test_6_a_method_without_failures_ends_the_run(tmp_path: Path) -> None:
    run = optimise(tmp_path, SMALL, start=Method("Rewrite with strength 10."))
    assert run.best.stopped == "solved"
    assert list(run.best.trial_logs) == [0]
    assert run.best.score == 100.0


def test_6_no_steps_only_compare_the_starts(tmp_path: Path) -> None:
    starts = (Method("Rewrite, way 1, with strength 5."), Method("Rewrite, way 2, with strength 4."))
    run = optimise(tmp_path, replace(SMALL, steps=0), starts=starts)
    assert run.best.stopped == "steps"
    assert run.best.method.id == starts[0].id
    assert [score.method_id for score in run.best.trial_logs[0].scores] == [
        START.id,
        starts[0].id,
        starts[1].id,
    ]
    assert "optimizer" not in run.ledger


# 9. What the optimizer reads is what happened.


def test_9_every_chain_has_a_seed_of_its_own_at_the_papers_temperature(tmp_path: Path) -> None:
    run = optimise(tmp_path, replace(SMALL, steps=2))
    asked = run.asked("analyze") + run.asked("propose")
    assert {(r.config.temperature, r.config.top_p) for r in asked} == {(0.6, 0.95)}
    seeds = Counter(request.config.seed for request in asked)
    assert seeds == {chain_seed(SMALL.seed, step, chain): 2 for step in (1, 2) for chain in range(2)}


def test_9_the_analysis_sees_the_batch_and_the_rewrite_sees_the_feedback(tmp_path: Path) -> None:
    run = optimise(tmp_path, replace(SMALL, steps=1))
    step = run.best.trial_logs[1]
    by_id = {row.id: row.instruction for row in rows(150, 1000)}
    for request in run.asked("analyze"):
        for number, row_id in enumerate(step.batch_ids, 1):
            assert f"Case {number}\n{by_id[row_id]}\n" in without_fences(request.messages[-1].text or "")
    for request in run.asked("propose"):
        text = without_fences(request.messages[-1].text or "")
        assert f"#Method#:\n{START.text}\n\n#Feedback#:\nFeedback of chain {request.config.seed}." in text
