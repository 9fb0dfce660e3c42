"""Whether an optimisation is worth its calls: an upper bound, and the two errors that it may make."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.core.records import FailureKind, Mark, Method, Outcome, Row, Score
from autoevol.optimization.first_look import BAR, LOW_BAR, FirstLook, bar_of, can_decline, look, upper_bound
from synthetic import MARKS, rows

FIRST = Method("the first")
KINDS = {**MARKS, "F": Mark(Outcome.FAILED, FailureKind.LEAKED)}


def looked(marks: str) -> FirstLook:
    """The look at rows with these marks; p(assed), f and F(ailed, by two kinds), u(nscored)."""
    everything = rows(len(marks))
    place = {row.id: number for number, row in enumerate(everything)}

    async def evaluate(method: Method, wanted: Sequence[Row], scope: str = "dev") -> Score:
        return Score(method.id, {row.id: KINDS[marks[place[row.id]]] for row in wanted})

    return asyncio.run(look(FIRST, everything, evaluate))


def tail(failed: int, rows_seen: int, rate: float) -> float:
    """Probability of `failed` or fewer."""
    return sum(math.comb(rows_seen, k) * rate**k * (1 - rate) ** (rows_seen - k) for k in range(failed + 1))


def declined(rows_seen: int, rate: float, bar: float = BAR) -> float:
    """Probability that a method of this rate is declined on so many rows, summed exactly over all paths.

    Of the rule's own "yes" only that at the end is played: every earlier one makes "no" rarer.
    """
    checks = {math.ceil(rows_seen * part / 10) * 10: error for part, error in ((0.2, 0.01), (0.5, 0.01))}
    checks[rows_seen] = 0.03
    chances, before, no = {0: 1.0}, 0, 0.0
    for size, error in sorted(checks.items()):
        more = size - before
        drawn = [math.comb(more, k) * rate**k * (1 - rate) ** (more - k) for k in range(more + 1)]
        reached: dict[int, float] = {}
        for failed, chance in chances.items():
            for k, one in enumerate(drawn):
                reached[failed + k] = reached.get(failed + k, 0.0) + chance * one
        said_no = {failed for failed in reached if upper_bound(failed, size, error) < bar}
        no += sum(reached[failed] for failed in said_no)
        chances, before = {f: c for f, c in reached.items() if f not in said_no}, size
    return no


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


@pytest.mark.parametrize("rows_seen", [25, 50, 100, 200])
def test_one_that_fails_at_the_bar_is_declined_in_at_most_one_of_twenty(rows_seen: int) -> None:
    assert declined(rows_seen, BAR) <= 0.05
    assert declined(rows_seen, LOW_BAR, LOW_BAR) <= 0.05


def test_without_headroom_it_is_declined_in_nine_of_ten() -> None:
    assert declined(100, 0.05) >= 0.9
    assert declined(50, 0.02) >= 0.9
    assert declined(500, 0.05, LOW_BAR) >= 0.99


@pytest.mark.parametrize(
    ("failed", "bar"),
    [("", BAR), ("fff", BAR), ("ffff", LOW_BAR), ("fffF", LOW_BAR), ("ffFF", BAR), ("f" * 9 + "F" * 4, BAR)],
)
def test_the_bar_is_lower_where_nearly_all_failures_are_of_one_kind(failed: str, bar: float) -> None:
    score = Score("x", {str(number): KINDS[mark] for number, mark in enumerate("pppu" + failed)})
    assert bar_of(score) == bar


def test_a_rate_between_the_bars_is_declined_where_failures_are_of_several_kinds() -> None:
    assert not looked(("p" * 8 + "fF" + "p" * 8) * 28).worth
    seen = looked(("p" * 8 + "ff" + "p" * 8) * 28)
    assert (seen.worth, seen.bar) == (True, LOW_BAR)


def test_too_few_rows_cannot_decline() -> None:
    assert not can_decline(21)
    assert can_decline(22)


def test_few_failures_are_not_worth_it() -> None:
    seen = looked("p" * 97 + "fff")
    assert not seen.worth
    assert (seen.failed, seen.scored, seen.planned) == (0, 50, 100)
    assert str(seen).startswith("not worth it: the first method failed 0 of 50 rows, so at most")
    late = looked("fff" + "p" * 97)
    assert (late.failed, late.scored, late.worth) == (3, 100, False)


def test_a_clear_case_is_looked_at_no_further() -> None:
    seen = looked("f" * 10 + "p" * 490)
    assert seen.worth
    assert seen.scored == 10


def test_lost_rows_widen_the_bound() -> None:
    assert looked("p" * 30 + "u" * 10).at_most == upper_bound(0, 30, 0.03)
    assert looked("p" * 20 + "u" * 80).worth


def test_a_look_of_an_earlier_version_keeps_its_answer() -> None:
    old = {"method_id": "x", "failed": 5, "scored": 84, "planned": 100, "at_most": 0.12}
    assert FirstLook.from_json(old).worth
    assert not FirstLook.from_json({**old, "bar": BAR}).worth


@given(st.text("pfF", min_size=22, max_size=120))
def test_what_is_declined_has_a_bound_below_the_bar(marks: str) -> None:
    seen = looked(marks)
    if seen.worth:
        assert upper_bound(seen.failed, seen.scored, 0.03) >= seen.bar or seen.scored < len(marks)
    else:
        assert upper_bound(seen.failed, seen.scored, 0.03) < seen.bar
