"""What a pair teaches a student: by hand on one that counts words, and through the loop's metric."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from autoevol.core.errors import InputError
from autoevol.core.records import Evolution, Outcome, Trajectory
from autoevol.metrics.failure import FailureMetric
from autoevol.metrics.objectives import Learnability, Objective
from autoevol.students.learner import LearnerSettings, PairLearner
from proving import CountingStudent

NATURAL = [(f"alpha task {number}", "alpha-0 alpha-1 alpha-2 alpha-3") for number in range(8)]
SETTINGS = LearnerSettings(steps=2, step_tokens=8, rate=1e-2)
SEED = "Name a prime number that is above ten."
HARDER = "alpha Name two prime numbers above ten whose sum is a square, and prove that there are no others."


def learner(pairs: list[tuple[str, str]] = NATURAL) -> PairLearner:
    return PairLearner(CountingStudent(), pairs, SETTINGS)


def test_a_pair_that_shares_words_teaches_and_others_do_not() -> None:
    made = learner()
    # Sixteen supervised tokens, each of the four words four times: 1e-2 of it for each word of a reference.
    assert made.natural == pytest.approx(1e-2 * 4)
    assert made.gain("alpha new", "alpha-0 alpha-1 alpha-2 alpha-3") == pytest.approx(made.natural)
    assert made.gain("alpha new", "alpha-0 beta-1") == pytest.approx(1e-2 * 8 / 4)
    assert made.gain("beta new", "beta-0 beta-1") == 0


def test_length_teaches_nothing_by_itself() -> None:
    made = learner()
    short, long = (made.gain("alpha new", " ".join(["alpha-0 alpha-1"] * times)) for times in (1, 10))
    assert short == long


def test_the_same_pair_is_learned_once() -> None:
    student = CountingStudent()
    made = PairLearner(student, NATURAL, SETTINGS)
    before = len(student.trained)
    assert made.gain("alpha a", "alpha-0") == made.gain("alpha a", "alpha-0")
    assert len(student.trained) == before + 1


def test_what_cannot_be_learned_has_no_gain() -> None:
    made = learner()
    assert made.gain("word " * 500, "alpha-0") is None
    assert made.gain("alpha", " ") is None


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        (NATURAL[:7], "7 natural pairs fit into 192 tokens; at least 8"),
        (
            [(f"word{number}", f"other-{number}") for number in range(8)],
            "learns nothing from the natural pairs",
        ),
    ],
)
def test_natural_pairs_that_show_nothing_are_refused(pairs: list[tuple[str, str]], said: str) -> None:
    with pytest.raises(InputError, match=said):
        learner(pairs)


def trajectory(evolved: str = HARDER, response: str | None = "alpha-0 alpha-1") -> Trajectory:
    return Trajectory((Evolution(SEED, evolved, evolved),), response)


@pytest.mark.parametrize(
    ("response", "points"),
    [
        ("alpha-0 alpha-1", 0.5),
        ("alpha-0 beta-1 beta-2 beta-3", 0.125),
        ("beta-0 beta-1", 0.0),
        ("alpha-0", 0.5),
    ],
)
def test_a_row_scores_its_share_of_twice_a_natural_pair(response: str, points: float) -> None:
    metric = FailureMetric(objective=Learnability(learner()))
    scored = metric._scored(
        trajectory(response=response), metric.detector.judge(trajectory(response=response))
    )
    assert scored.score == pytest.approx(points)
    assert scored.verdict.outcome is Outcome.PASSED
    assert "as much as a natural pair" in scored.feedback


def test_a_row_that_is_not_usable_is_0_and_a_row_too_long_is_not_scored() -> None:
    metric = FailureMetric(objective=Learnability(learner()))
    assert metric.judge(trajectory(SEED)).outcome is Outcome.FAILED
    long = metric.judge(trajectory(HARDER + " and so on" * 200))
    assert long.outcome is Outcome.UNSCORED or long.points is None


def test_without_a_student_nothing_is_scored() -> None:
    with pytest.raises(InputError, match="give --learn-for"):
        FailureMetric(objective=Learnability()).judge(trajectory())
    assert isinstance(Learnability(), Objective)


def test_the_event_loop_goes_on_while_a_student_learns() -> None:
    """The learner waits for what only the loop can do: in the loop's own thread both would wait for ever."""
    free = threading.Event()

    class Waiting:
        natural = 1.0

        def gain(self, instruction: str, response: str) -> float:
            assert free.wait(timeout=600)
            return 1.0

    async def both() -> Any:
        judged = asyncio.create_task(FailureMetric(objective=Learnability(Waiting())).ajudge(trajectory()))
        await asyncio.sleep(0)
        free.set()
        return await judged

    assert asyncio.run(both()).outcome is Outcome.PASSED
