"""The last method against the first."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.core.records import Method, Row, Score
from autoevol.optimization.confirming import confirm, evidence
from autoevol.optimization.rule import Selection
from synthetic import MARKS, rows

FIRST, LAST = Method("the first"), Method("the last")


def asked(before: str, after: str) -> tuple[Selection, int]:
    """What is kept, and how many rows were looked at; p(assed), f(ailed), u(nscored)."""
    everything = rows(len(before))
    place = {row.id: number for number, row in enumerate(everything)}

    async def evaluate(method: Method, wanted: Sequence[Row]) -> Score:
        letters = before if method == FIRST else after
        return Score(method.id, {row.id: MARKS[letters[place[row.id]]] for row in wanted})

    picked = asyncio.run(confirm(FIRST, LAST, everything, evaluate))
    return picked, len(picked.scores[0].marks)


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_evidence_is_a_martingale_where_both_are_equal(cured: int, broken: int) -> None:
    """At a chance of 1/2 the expected evidence after the next row is the evidence now: Ville's condition.

    Over rows that differ, the one-sided mixture has likelihood ratio M(c, b) with
    M = (M(c + 1, b) + M(c, b + 1)) / 2.
    """
    after = (evidence(cured + 1, broken) + evidence(cured, broken + 1)) / 2
    assert after == pytest.approx(evidence(cured, broken))
    assert evidence(cured + 1, broken) > evidence(cured, broken + 1)


def test_a_clearly_better_method_is_kept_after_few_rows() -> None:
    picked, looked = asked("f" * 200, "p" * 200)
    assert picked.chosen == LAST
    assert looked == 10
    assert "confirmed against the first method" in picked.note


@pytest.mark.parametrize(
    ("before", "after", "looked"),
    [
        ("p" * 100, "p" * 100, 50),  # no gain at half of the rows: the others are spared
        ("fpp" * 40, "pfp" * 40, 60),
        ("p" * 60, "f" * 60, 30),
        ("fp" * 4 + "p" * 192, "pp" * 4 + "p" * 192, 200),  # ahead, and too little to tell
    ],
)
def test_one_that_is_not_goes_back_to_the_first(before: str, after: str, looked: int) -> None:
    picked, seen = asked(before, after)
    assert picked.chosen == FIRST
    assert seen == looked
    assert "not confirmed" in picked.note


def test_what_is_too_weak_to_stop_early_may_pass_the_test_at_the_end() -> None:
    """Ten cured, two broken: evidence of 9.4, where 50 are asked for, and a chance of 1.9 % by the test."""
    before, after = "pp" + "f" * 10 + "p" * 188, "ff" + "p" * 198
    assert evidence(10, 2) < 10
    picked, seen = asked(before, after)
    assert picked.chosen == LAST
    assert seen == 200
    assert asked("p" + before[:-1], "f" + after[:-1])[0].chosen == FIRST  # a third one is broken: 4.6 %


def test_rows_lost_to_the_network_count_for_neither() -> None:
    assert asked("u" * 100, "p" * 100)[0].chosen == FIRST


def test_an_equal_method_is_confirmed_in_at_most_five_of_a_hundred_runs() -> None:
    draw = random.Random(5)
    kept = 0
    for _ in range(600):
        before, after = ("".join(draw.choices("fp", (0.3, 0.7), k=200)) for _ in range(2))
        kept += asked(before, after)[0].chosen == LAST
    assert kept / 600 <= 0.05


def test_a_gain_of_half_of_the_failures_is_confirmed_more_often_than_not() -> None:
    """From 20 to 10 % failures, independent rows: in nine of ten runs on 200 rows."""
    draw = random.Random(6)
    kept = 0
    for _ in range(200):
        before, after = ("".join(draw.choices("fp", (rate, 1 - rate), k=200)) for rate in (0.2, 0.1))
        kept += asked(before, after)[0].chosen == LAST
    assert kept / 200 > 0.7
