"""Win, tie and lose, counted by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.answers.files import Question
from autoevol.answers.standing import HeadToHead, Winner, standings_by

A, B, TIE = Winner.A, Winner.B, Winner.TIE


def test_ties_are_half_and_say_nothing_to_the_test() -> None:
    standing = HeadToHead.of([A] * 6 + [TIE] * 3 + [B] + [None] * 2)
    assert (standing.wins, standing.ties, standing.losses, standing.unscored) == (6, 3, 1, 2)
    assert standing.win_rate is not None
    assert standing.win_rate.value == pytest.approx(0.75)
    assert standing.p_value == pytest.approx(2 * (1 + 7) / 2**7)
    assert standing.leader is TIE
    assert str(standing).startswith("A wins 6, ties 3, loses 1 of 10, 2 not scored: 75.0% [")


def test_a_clear_lead_has_a_leader() -> None:
    assert HeadToHead.of([A] * 9 + [TIE]).leader is A
    assert HeadToHead.of([B] * 9 + [TIE]).leader is B


def test_nothing_scored_is_no_standing() -> None:
    standing = HeadToHead.of([None, None])
    assert (standing.scored, standing.win_rate, standing.leader) == (0, None, TIE)
    assert HeadToHead.from_json(standing.to_json()) == standing


@given(st.lists(st.sampled_from([A, B, TIE, None])))
def test_swapping_the_models_mirrors_the_standing(verdicts: list[Winner | None]) -> None:
    other = {A: B, B: A, TIE: TIE, None: None}
    here, there = HeadToHead.of(verdicts), HeadToHead.of([other[one] for one in verdicts])
    assert (here.wins, here.ties, here.p_value) == (there.losses, there.ties, there.p_value)
    if here.win_rate and there.win_rate:
        assert here.win_rate.value + there.win_rate.value == pytest.approx(1)


def test_groups_by_skill_and_by_level_in_order() -> None:
    questions = [Question("1", "x", "Math", 10), Question("2", "y", "Art", 9), Question("3", "z", None, 10)]
    verdicts = {"1": A, "2": None, "3": B}
    by_level = standings_by(questions, verdicts, lambda one: one.level)
    assert list(by_level) == ["9", "10"]
    assert (by_level["10"].wins, by_level["10"].losses, by_level["9"].unscored) == (1, 1, 1)
    assert list(standings_by(questions, verdicts, lambda one: one.skill)) == ["Art", "Math"]


def test_a_standing_says_who_is_shown_to_be_ahead() -> None:
    assert str(HeadToHead.of([Winner.A] * 3 + [Winner.B] * 2)).endswith("], not shown to differ")
    assert str(HeadToHead.of([Winner.B] * 12)).endswith("], B wins more often")
