"""Whether an optimisation is worth its calls: an upper bound, and the two errors that it may make."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.core.records import Method, Row, Score
from autoevol.optimization.first_look import ROWS, WORTH, FirstLook, can_decline, look, upper_bound
from synthetic import MARKS, rows

FIRST = Method("the first")


def looked(marks: str) -> FirstLook:
    """The look at rows with these marks; p(assed), f(ailed), u(nscored)."""
    everything = rows(len(marks))
    place = {row.id: number for number, row in enumerate(everything)}

    async def evaluate(method: Method, wanted: Sequence[Row], scope: str = "dev") -> Score:
        return Score(method.id, {row.id: MARKS[marks[place[row.id]]] for row in wanted})

    return asyncio.run(look(FIRST, everything, evaluate))


def tail(failed: int, rows_seen: int, rate: float) -> float:
    """Probability of `failed` or fewer."""
    return sum(math.comb(rows_seen, k) * rate**k * (1 - rate) ** (rows_seen - k) for k in range(failed + 1))


def declined(rows_seen: int, rate: float) -> float:
    """Probability that a method of this rate is declined on so many rows, summed exactly."""
    most = [k for k in range(rows_seen) if upper_bound(k, rows_seen) < WORTH]
    return tail(max(most), rows_seen, rate) if most else 0.0


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n - 1), st.just(n))))
def test_at_the_bound_so_few_failures_have_a_chance_of_one_in_twenty(
    counts: tuple[int, int],
) -> None:
    failed, scored = counts
    bound = upper_bound(failed, scored)
    assert failed / scored < bound < 1
    assert tail(failed, scored, bound) == pytest.approx(0.05, abs=1e-9)


def test_of_nothing_or_of_failures_alone_nothing_is_known() -> None:
    assert upper_bound(0, 0) == upper_bound(7, 7) == 1.0


@pytest.mark.parametrize("rows_seen", range(10, 151, 10))
def test_one_that_fails_ten_percent_is_declined_in_at_most_one_of_twenty(rows_seen: int) -> None:
    assert declined(rows_seen, WORTH) <= 0.05


def test_one_with_all_cures_is_declined_in_nine_of_ten() -> None:
    assert declined(ROWS, 0.02) >= 0.9


def test_too_few_rows_cannot_decline() -> None:
    assert not can_decline(28)
    assert can_decline(29)


def test_few_failures_are_not_worth_it() -> None:
    seen = looked("p" * 97 + "fff")
    assert not seen.worth
    assert (seen.failed, seen.scored, seen.planned) == (3, 100, 100)
    assert str(seen).startswith(
        "not worth it: the first method failed 3 of 100 rows, so a rewrite gains at most"
    )


def test_a_clear_case_is_looked_at_no_further() -> None:
    seen = looked("f" * 10 + "p" * 90)
    assert seen.worth
    assert seen.scored == 10


def test_lost_rows_widen_the_bound() -> None:
    assert looked("p" * 30 + "u" * 10).at_most == upper_bound(0, 30)
    assert looked("p" * 20 + "u" * 80).worth


@given(st.text("pf", min_size=30, max_size=100))
def test_to_stop_early_never_changes_the_answer(marks: str) -> None:
    assert looked(marks).worth == (upper_bound(marks.count("f"), len(marks)) >= WORTH)
