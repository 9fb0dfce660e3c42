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
    ("before", "after"), [("p" * 100, "p" * 100), ("pf" * 50, "fp" * 50), ("p" * 60, "f" * 60)]
)
def test_one_that_is_not_goes_back_to_the_first(before: str, after: str) -> None:
    picked, looked = asked(before, after)
    assert picked.chosen == FIRST
    assert looked == len(before)
    assert "not confirmed" in picked.note


def test_rows_lost_to_the_network_count_for_neither() -> None:
    assert asked("u" * 100, "p" * 100)[0].chosen == FIRST


def test_an_equal_method_is_confirmed_in_at_most_five_of_a_hundred_runs() -> None:
    draw = random.Random(5)
    kept = 0
    for _ in range(600):
        before, after = ("".join(draw.choices("fp", (0.3, 0.7), k=200)) for _ in range(2))
        kept += asked(before, after)[0].chosen == LAST
    assert kept / 600 <= 0.05
