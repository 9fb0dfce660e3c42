"""The eliminator after every round: text rules and the LM's rule."""

import asyncio
from itertools import pairwise

import dspy
import pytest

from autoevol.core.records import Evolution, FailureKind, Outcome, Trajectory
from autoevol.metrics.base import AsyncDetector, Detector
from autoevol.metrics.catalog import make_detector
from autoevol.metrics.eliminator import Eliminator
from autoevol.metrics.gain import full_eliminator
from autoevol.metrics.rounds import EveryRound, after_each_round
from metrics_support import scripted_lm

CLEAN = ["Name a prime.", "Name a prime above 10.", "Name a prime above 10 and prove it."]
COPIED = [CLEAN[0], "#Rewritten Prompt#: Name a prime above 10.", CLEAN[2]]


def rounds(texts: list[str], response: str | None = "13 has no divisor but 1 and 13.") -> Trajectory:
    steps = pairwise(texts)
    return Trajectory(tuple(Evolution(before, after, after) for before, after in steps), response)


def test_what_a_later_round_hides_is_found() -> None:
    assert Eliminator().judge(rounds(COPIED)).outcome is Outcome.PASSED
    for detector in (EveryRound(Eliminator()), make_detector("eliminator")):
        assert isinstance(detector, Detector)
        verdict = detector.judge(rounds(COPIED))
        assert verdict.kinds == (FailureKind.LEAKED,)
        assert verdict.reason.startswith("Round 1: ")
        assert detector.judge(rounds(CLEAN)).outcome is Outcome.PASSED


def test_the_response_is_that_of_the_last_round() -> None:
    verdict = EveryRound(Eliminator()).judge(rounds(CLEAN, "Sorry, no."))
    assert verdict.kinds == (FailureKind.REFUSED,)
    assert verdict.reason.startswith("Round 2: ")
    alone = rounds(CLEAN[:2], "Sorry, no.")
    assert EveryRound(Eliminator()).judge(alone) == Eliminator().judge(alone)
    assert asyncio.run(EveryRound(Eliminator()).ajudge(alone)) == Eliminator().judge(alone)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_trajectory_grows_by_one_round_and_ends_as_it_is(steps: int) -> None:
    whole = rounds([f"Task {number}" for number in range(steps + 1)])
    parts = after_each_round(whole)
    assert [len(part.evolutions) for part in parts] == list(range(1, steps + 1))
    assert parts[-1] is whole
    assert all(part.response is None for part in parts[:-1])


def test_all_four_rules_are_asked_round_by_round_until_one_fails() -> None:
    def no_gain(prompt: str) -> str:
        gained = CLEAN[2] not in prompt
        return f"[[ ## verdict ## ]]\n{'not equal' if gained else 'equal'}\n\n[[ ## completed ## ]]"

    detector = EveryRound(full_eliminator())
    assert isinstance(detector, AsyncDetector)
    for judge in (detector.judge, lambda whole: asyncio.run(detector.ajudge(whole))):
        lm, engine = scripted_lm(no_gain)
        with dspy.context(lm=lm):
            verdict = judge(rounds([*CLEAN, "Name a prime above 100 and prove it twice."]))
        assert verdict.kinds == (FailureKind.STAGNANT,)
        assert verdict.reason.startswith("Round 2: ")
        assert len(engine.prompts) == 2
