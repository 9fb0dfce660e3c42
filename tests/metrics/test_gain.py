"""The eliminator's LM rule: equal, not equal, or no verdict."""

import asyncio
from itertools import pairwise

import dspy
import pytest

from autoevol.core.records import Evolution, FailureKind, Outcome, Trajectory
from autoevol.metrics.base import AsyncDetector
from autoevol.metrics.gain import InformationGain, full_eliminator
from metrics_support import scripted_lm

FIRST = "Name three rivers."
SECOND = "Name three rivers of Europe that are longer than 800 kilometres."


def rounds(*texts: str, response: str | None = None) -> Trajectory:
    steps = tuple(Evolution(before, after, after) for before, after in pairwise(texts))
    return Trajectory(steps, response)


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("equal", Outcome.FAILED),
        ("Not equal.", Outcome.PASSED),
        ("It depends.", Outcome.UNSCORED),
    ],
)
def test_the_verdict_decides_and_an_odd_one_does_not(said: str, outcome: Outcome) -> None:
    lm, engine = scripted_lm(lambda _: f"[[ ## verdict ## ]]\n{said}\n\n[[ ## completed ## ]]")
    with dspy.context(lm=lm):
        assert InformationGain().judge(rounds(FIRST, SECOND)).outcome is outcome
        found = asyncio.run(InformationGain().ajudge(rounds(FIRST, SECOND)))
    assert found.outcome is outcome
    assert found.kinds == ((FailureKind.STAGNANT,) if outcome is Outcome.FAILED else ())
    assert len(engine.prompts) == 2


def test_the_last_round_is_compared_with_the_one_before() -> None:
    lm, engine = scripted_lm(lambda _: "[[ ## verdict ## ]]\nnot equal")
    with dspy.context(lm=lm):
        InformationGain().judge(rounds("Name a river.", FIRST, SECOND))
    assert "Name a river." not in engine.prompts[0]
    assert FIRST in engine.prompts[0]


def test_a_call_that_fails_is_not_held_against_the_round() -> None:
    def down(_: str) -> str:
        raise dspy.LMError("down")

    with dspy.context(lm=scripted_lm(down)[0]):
        assert InformationGain().judge(rounds(FIRST, SECOND)).outcome is Outcome.UNSCORED
    assert InformationGain().judge(Trajectory((Evolution(FIRST, None, "hm"),))).outcome is Outcome.UNSCORED


def test_the_full_eliminator_asks_only_about_what_its_text_rules_let_pass() -> None:
    lm, engine = scripted_lm(lambda _: "[[ ## verdict ## ]]\nequal")
    eliminator = full_eliminator()
    assert isinstance(eliminator, AsyncDetector)
    with dspy.context(lm=lm):
        refused = eliminator.judge(rounds(FIRST, SECOND, response="Sorry, I cannot."))
        assert refused.outcome is Outcome.FAILED
        assert engine.prompts == []
        assert eliminator.judge(rounds(FIRST, SECOND)).kinds == (FailureKind.STAGNANT,)
