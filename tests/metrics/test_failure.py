"""The failure rate, and the metric as DSPy's optimizers call it."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import dspy
import pytest
from dspy.lm15 import Request
from hypothesis import given
from hypothesis import strategies as st

from autoevol.core.records import Evolution, FailureKind, Outcome, Trajectory, Verdict
from autoevol.metrics.failure import FailureMetric, FailureRate
from autoevol.metrics.rules import AuthorRules
from autoevol.programs.evolver import Evolver
from synthetic import bench, tagged

SEED = "Name a prime number above 7."
HARDER = "Name a prime number above 7 that is below 30, and explain why no even number would do."
GOOD = Trajectory(
    (Evolution(SEED, HARDER, HARDER, "stop"),), "11, as even numbers above 2 are divisible by 2."
)
REFUSED = Trajectory((Evolution(SEED, HARDER, HARDER, "stop"),), "I'm sorry, but I cannot answer.")
GOLD = dspy.Example(instruction=SEED).with_inputs("instruction")


class Undecided:
    name, kinds, calls = "undecided", frozenset[FailureKind](), 1

    def judge(self, trajectory: Trajectory) -> Verdict:
        return Verdict(Outcome.UNSCORED, reason="the judge is down")


def prediction(trajectory: Trajectory) -> dspy.Prediction:
    return dspy.Prediction(evolved_instruction=trajectory.evolved or "", trajectory=trajectory)


def test_the_metric_takes_the_five_arguments_of_gepa() -> None:
    inspect.signature(FailureMetric()).bind(None, None, None, None, None)
    assert list(inspect.signature(FailureMetric()).parameters) == [
        "gold",
        "pred",
        "trace",
        "pred_name",
        "pred_trace",
    ]


@pytest.mark.parametrize(("trajectory", "score"), [(GOOD, 1.0), (REFUSED, 0.0)])
def test_a_plain_call_gives_a_plain_float(trajectory: Trajectory, score: float) -> None:
    metric = FailureMetric()
    for trace in (None, []):
        found = metric(GOLD, prediction(trajectory), trace)
        assert type(found) is float
        assert found == score


@pytest.mark.parametrize(
    ("trajectory", "score", "words"), [(GOOD, 1.0, "no failure found"), (REFUSED, 0.0, "failed (refused")]
)
def test_with_a_predictors_name_there_is_feedback(trajectory: Trajectory, score: float, words: str) -> None:
    found = FailureMetric()(GOLD, prediction(trajectory), None, "evolve.predict", None)
    assert isinstance(found, dspy.Prediction)
    assert found.score == score
    assert words in found.feedback


@pytest.mark.parametrize("pred", [None, dspy.Prediction(), dspy.Prediction(trajectory="text")])
def test_a_missing_prediction_scores_nothing_and_teaches_nothing(pred: Any) -> None:
    assert FailureMetric()(GOLD, pred) == 0.0
    found = FailureMetric()(GOLD, pred, pred_name="evolve.predict")
    assert isinstance(found, dspy.Prediction)
    assert found.score == 0.0
    assert "not scored" in found.feedback


def test_what_a_detector_left_unscored_stays_unscored_for_the_loop() -> None:
    metric = FailureMetric(Undecided())
    assert metric.judge(GOOD).outcome is Outcome.UNSCORED
    assert metric(GOLD, prediction(GOOD)) == 0.0
    told = metric(GOLD, prediction(GOOD), pred_name="evolve.predict")
    assert isinstance(told, dspy.Prediction)
    assert "the judge is down" in told.feedback


@pytest.mark.parametrize(
    ("evolution", "response", "kind"),
    [
        ("", None, FailureKind.EMPTY),
        ("Step 1: I list methods.\nStep 2: I plan to add a bound.", None, FailureKind.UNPARSED),
        (tagged("final_instruction", HARDER), "I'm sorry, but I cannot answer.", FailureKind.REFUSED),
        (tagged("final_instruction", HARDER), "", FailureKind.EMPTY),
        (tagged("final_instruction", SEED), "11", FailureKind.UNCHANGED),
    ],
)
def test_what_looks_fine_to_the_authors_code_fails_here(
    tmp_path: Path, evolution: str, response: str | None, kind: FailureKind
) -> None:
    def script(request: Request) -> str:
        return evolution if "<final_instruction>" in (request.messages[0].text or "") else str(response)

    with bench(tmp_path, script):
        found = Evolver()(instruction=SEED)
    verdict = FailureMetric().judge(found.trajectory)
    assert verdict.outcome is Outcome.FAILED
    assert verdict.kinds[0] is kind
    assert FailureMetric()(GOLD, found) == 0.0
    assert AuthorRules().judge(found.trajectory).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("counts", "rate", "text"),
    [
        ((0, 0, 0), None, "not scored (0 of 0)"),
        ((0, 0, 3), None, "not scored (0 of 3)"),
        ((0, 4, 0), 0.0, "0.0% [0.0%, 49.0%] (0/4 failed)"),
        ((2, 2, 1), 0.5, "50.0% [15.0%, 85.0%] (2/4 failed, 1 not scored)"),
        ((4, 0, 0), 1.0, "100.0% [51.0%, 100.0%] (4/4 failed)"),
    ],
)
def test_the_rate_keeps_three_counts_and_an_interval(
    counts: tuple[int, int, int], rate: float | None, text: str
) -> None:
    outcomes = [
        outcome
        for outcome, count in zip((Outcome.FAILED, Outcome.PASSED, Outcome.UNSCORED), counts, strict=True)
        for _ in range(count)
    ]
    found = FailureRate.of(iter(outcomes))
    assert found == FailureRate(*counts)
    assert found.rate == rate
    assert found.scored == counts[0] + counts[1]
    assert str(found) == text
    assert 0.0 <= found.interval.low <= (rate or 0.0) <= found.interval.high <= 1.0


@given(st.lists(st.sampled_from(Outcome), max_size=30))
def test_a_rate_lies_in_its_interval_whatever_the_order(outcomes: list[Outcome]) -> None:
    found = FailureRate.of(outcomes)
    assert found == FailureRate.of(outcomes[::-1])
    assert found.scored + found.unscored == len(outcomes)
    low, high = found.interval
    assert 0 <= low <= high <= 1
    assert (found.rate is None) == (found.scored == 0)
    assert found.rate is None or low <= found.rate <= high
    # What is not scored never moves the rate.
    assert FailureRate.of([*outcomes, Outcome.UNSCORED]).rate == found.rate


def test_by_kind_every_score_has_one_per_failure_kind() -> None:
    metric = FailureMetric(by_kind=True)
    for asked in (None, "evolve.predict"):
        good, bad = (metric(GOLD, prediction(each), None, asked) for each in (GOOD, REFUSED))
        assert isinstance(good, dspy.Prediction)
        assert isinstance(bad, dspy.Prediction)
        assert (good.score, bad.score) == (1.0, 0.0)
        assert set(good.objective_scores.values()) == {1.0}
        assert good.objective_scores.keys() == {kind.value for kind in FailureKind}
        assert {kind for kind, score in bad.objective_scores.items() if not score} == {"refused"}
    lost = metric(GOLD, None)
    assert isinstance(lost, dspy.Prediction)
    assert set(lost.objective_scores.values()) == {0.0}
    undecided = FailureMetric(Undecided(), by_kind=True)(GOLD, prediction(GOOD))
    assert isinstance(undecided, dspy.Prediction)
    assert set(undecided.objective_scores.values()) == {0.0}
