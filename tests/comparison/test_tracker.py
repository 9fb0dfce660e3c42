"""The best method so far, by the rule that `Tracker` states."""

from __future__ import annotations

import random
from threading import Thread

import dspy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.comparison.tracker import StepWatch, TrackedMetric, Tracker
from autoevol.core.records import Candidate, Evolution, Method, Step, Trajectory
from autoevol.metrics.failure import FailureMetric
from synthetic import rows

START, A, B, C = (Method(f"Rewrite it in way {name}.", name=name) for name in ("start", "a", "b", "c"))
DEV = rows(10)


class Clock:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        return self.calls


def tracker() -> Tracker:
    return Tracker(START, DEV, Clock())


def score(track: Tracker, method: Method, hits: int, total: int = 10) -> None:
    for number, row in enumerate(DEV[:total]):
        track.saw(method, row.id, float(number < hits))


def test_the_start_is_in_force_until_a_method_is_scored_on_all_rows() -> None:
    track = tracker()
    score(track, A, 9, 9)
    assert track.best == START
    track.saw(A, DEV[9].id, 1.0)
    assert track.best == A
    assert [(point.calls, point.method) for point in track.curve()] == [(0, START), (1, A)]


def test_nine_tenths_are_enough_once_another_method_is_scored() -> None:
    track = tracker()
    score(track, A, 9, 9)
    track.saw(B, DEV[0].id, 0.0)
    assert track.best == A
    track = tracker()
    score(track, A, 8, 8)
    track.saw(B, DEV[0].id, 0.0)
    assert track.best == START


def test_the_highest_mean_is_the_best_and_the_earlier_of_two_equals_stays() -> None:
    track = tracker()
    score(track, START, 3)
    score(track, A, 5)
    score(track, B, 5)
    assert track.best == A
    score(track, C, 6)
    assert [point.method for point in track.curve()] == [START, A, C]


def test_a_row_that_is_scored_again_counts_with_its_mean_and_the_best_can_fall_back() -> None:
    track = tracker()
    score(track, A, 5)
    score(track, B, 6)
    assert track.best == B
    score(track, B, 0)  # rows 0 to 5 now count a half each
    assert track.best == A


def test_train_rows_do_not_count() -> None:
    track = tracker()
    for row in rows(20, 100):
        track.saw(A, row.id, 1.0)
    assert track.best == START


@given(hits=st.lists(st.integers(0, 10), min_size=1, max_size=8), seed=st.integers(0, 99))
def test_the_best_is_the_first_of_the_highest(hits: list[int], seed: int) -> None:
    track = tracker()
    methods = [Method(f"Rewrite it in way {number} of {seed}.") for number in range(len(hits))]
    for method, count in zip(methods, hits, strict=True):
        score(track, method, count)
    assert track.best == methods[hits.index(max(hits))]
    assert [point.calls for point in track.curve()] == sorted(point.calls for point in track.curve())


def test_threads_lose_nothing() -> None:
    track = tracker()
    cells = [(method, row, float(n < 7)) for method in (A, B) for n, row in enumerate(DEV)]
    random.Random(0).shuffle(cells)
    threads = [Thread(target=track.saw, args=(method, row.id, s)) for method, row, s in cells]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    score(track, C, 6)
    assert track.best in (A, B)


def test_steps_tell_the_method_in_force() -> None:
    track = tracker()
    watch = StepWatch(track, START)
    watch(Step(0, (), (), (), START.id, False))
    watch(Step(1, (), (Candidate(A, START.id), Candidate(None, START.id)), (), A.id, True))
    watch(Step(2, (), (Candidate(B, A.id),), (), A.id, False))
    assert [point.method for point in track.curve()] == [START, A]


def prediction(method: Method, evolved: str) -> dspy.Prediction:
    seed = DEV[0].instruction
    return dspy.Prediction(
        trajectory=Trajectory((Evolution(seed, evolved, evolved, "stop"),), "Here it is, in full."),
        method=method,
    )


@pytest.mark.parametrize(("named", "counted"), [(None, 1), ("evolve.predict", 0)])
def test_the_metric_passes_scores_on_and_counts_a_case_once(named: str | None, counted: int) -> None:
    track = Tracker(START, DEV[:1], Clock())
    metric, plain = TrackedMetric(FailureMetric(), track), FailureMetric()
    gold = dspy.Example(instruction=DEV[0].instruction, id=DEV[0].id).with_inputs("instruction")
    good = prediction(A, f"{DEV[0].instruction} Also prove that it is prime, in two different ways.")
    given, expected = metric(gold, good, None, named), plain(gold, good, None, named)
    if named:
        assert isinstance(given, dspy.Prediction)
        assert isinstance(expected, dspy.Prediction)
        assert given.feedback == expected.feedback
    else:
        assert given == expected == 1.0
    assert len(track.curve()) - 1 == counted
    assert metric(gold, None) == 0.0


def test_a_metric_with_feedback_gives_it_to_who_does_not_ask() -> None:
    track = Tracker(START, DEV[:1], Clock())
    metric = TrackedMetric(FailureMetric(), track, feedback=True)
    gold = dspy.Example(instruction=DEV[0].instruction, id=DEV[0].id).with_inputs("instruction")
    given = metric(gold, prediction(A, DEV[0].instruction))
    assert isinstance(given, dspy.Prediction)
    assert (given.score, given.feedback.startswith("failed (unchanged")) == (0.0, True)
    assert track.best == A
