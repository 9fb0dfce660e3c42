"""Rehearsals: the rules of the run on drawn outcomes, within what a plan allows. *Simulated*."""

from __future__ import annotations

import pytest

from autoevol.commands.methods import find_method
from autoevol.config import LoopConfig
from autoevol.optimization.plan import Extra, planned_calls
from autoevol.optimization.rehearsal import Course, Odds, Rehearsed, rehearse
from autoevol.optimization.rules import RULES

LOOP = LoopConfig(batch_size=4, m=3, steps=4, patience=2, dev_size=12, reserve_size=8, concurrency=4)
MANY = Odds(10, 20)


def course(rule: str = "adaptive", loop: LoopConfig = LOOP, spare: int = 20, look: int = 0) -> Course:
    return Course(loop, RULES[rule](), (find_method("initial"),), 40, 12, spare, 10, look)


@pytest.mark.parametrize("rule", RULES)
def test_a_rehearsal_stays_within_the_plan(rule: str) -> None:
    played = course(rule)
    extra = Extra.of(LOOP, RULES[rule], played.dev_rows, played.spare)
    most = planned_calls(LOOP, rounds=1, dev=12, batch=4, extra=extra)
    for one in rehearse(played, MANY, 6, seed=1):
        assert 12 <= one.passed + one.failed <= most["respond"]
        assert 2 * one.chains <= most["optimizer"]
        assert one.holdout in (10, 20)
        assert 0 < one.rate <= one.persists <= 1


def test_the_papers_rule_without_patience_runs_all_that_is_planned() -> None:
    """Where a method is in force that fails at times, nothing ends the loop before its last step."""
    loop = LoopConfig(batch_size=4, m=3, steps=3, patience=3, dev_size=12, dev_rows="fixed")
    played = rehearse(course("paper", loop, spare=0), Odds(19, 20), 8, seed=2)
    whole = [one for one in played if one.chains == 9]
    assert whole
    assert {one.passed + one.failed for one in whole} == {12 + 3 * (4 + 3 * 12)}


def test_a_look_that_finds_no_failure_ends_it_at_once() -> None:
    looked = rehearse(course(spare=30, look=42), Odds(0, 2_000), 5, seed=3)
    assert all(one.declined and not one.holdout for one in looked)
    assert all(0 < one.passed + one.failed <= 42 for one in looked)
    begun = rehearse(course(spare=30, look=42), Odds(12, 20), 5, seed=3)
    assert not any(one.declined for one in begun)


def test_the_same_rehearsal_is_played_again() -> None:
    def play(seed: int) -> list[Rehearsed]:
        return rehearse(course(), Odds(), 3, seed)

    assert play(0) == play(0) != play(1)


def test_a_sample_narrows_what_is_drawn() -> None:
    without, with_many = (
        [one.rate for one in rehearse(course(loop=LoopConfig(steps=0)), odds, 40, seed=5)]
        for odds in (Odds(), Odds(300, 1_000))
    )
    assert max(with_many) - min(with_many) < 0.15 < max(without) - min(without)
