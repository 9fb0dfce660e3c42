"""Intervals for all pairs of contestants at once: they hold together, and say who is tied."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.core.records import Score
from autoevol.metrics.paired import bootstrap_mean
from autoevol.metrics.simultaneous import against_first, behind, jointly
from synthetic import MARKS

VALUES = st.sampled_from([0.0, 0.25, 0.5, 1.0])
TABLES = st.integers(1, 5).flatmap(
    lambda width: st.lists(st.lists(VALUES, min_size=width, max_size=width), min_size=1, max_size=12)
)


@given(TABLES)
def test_the_first_is_level_with_itself_and_nobody_is_before_it(table: list[list[float]]) -> None:
    told = behind(table)
    means = np.mean(table, axis=0)
    first = int(means.argmin())
    assert told[first].difference == 0
    assert told[first].tied
    for column, one in enumerate(told):
        assert one.difference == pytest.approx(means[column] - means[first])
        assert one.difference >= 0
        assert -1 <= one.low <= one.difference + 1e-12
        assert one.difference - 1e-12 <= one.high <= 1
    assert told == behind(table)


@given(TABLES, st.data())
def test_any_other_column_can_be_the_one_to_beat(table: list[list[float]], data: st.DataObject) -> None:
    other = data.draw(st.integers(0, len(table[0]) - 1))
    means = np.mean(table, axis=0)
    for column, one in enumerate(behind(table, other)):
        assert one.difference == pytest.approx(means[column] - means[other])


def test_it_holds_for_all_pairs_where_nobody_differs() -> None:
    """Ten contestants that are alike: somebody is told apart in about one table of twenty.

    The interval of a single pair would tell somebody from the first in most of them.
    """
    chance, wrong, single = np.random.default_rng(1), 0, 0
    for _ in range(100):
        table = np.clip(0.4 + 0.1 * chance.normal(size=(20, 10)) + 0.1 * chance.normal(size=(20, 1)), 0, 1)
        wrong += any(not one.tied for one in behind(table.tolist()))
        first = int(table.mean(axis=0).argmin())
        gaps = (table - table[:, [first]]).T
        single += any(bootstrap_mean(list(gap), 300).low > 0 for gap in gaps if gap.any())
    assert wrong <= 12  # 5 are expected; 13 or more have a probability of 0.1 %
    assert single > 30


def test_a_clear_loser_is_told_apart_and_a_close_one_is_tied() -> None:
    table = [[0.1, 0.12 if unit % 2 else 0.09, 0.6 + unit / 100] for unit in range(12)]
    first, close, loser = behind(table)
    assert first.tied
    assert close.tied
    assert not loser.tied
    assert str(loser).startswith("+55.5% [+")


@pytest.mark.parametrize("units", [1, 2, 5])
def test_too_few_units_tell_nothing(units: int) -> None:
    """Of five rows that all differ, the exact test has p = 6 %."""
    first, other = behind([[0.0, 1.0]] * units)
    assert other.tied
    assert (first.low, first.high) == (0, 0)
    assert not behind([[0.0, 1.0]] * 6)[1].tied


def test_what_is_not_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one line"):
        behind([])
    with pytest.raises(ValueError, match="as many values"):
        behind([[0.1], [0.1, 0.2]])


def scored(marks: str) -> Score:
    """The score of a method with these marks; p(assed), f(ailed), u(nscored)."""
    return Score(marks, {str(number): MARKS[mark] for number, mark in enumerate(marks)})


def test_each_is_held_against_the_first_with_all_pairs_counted() -> None:
    """Ten of 40 rows cured and none broken is clear for two methods, and still for three."""
    worst, cures = scored("f" * 20 + "p" * 20), scored("f" * 10 + "p" * 30)
    alike = scored("p" + "f" * 20 + "p" * 19)
    first, better, tied = against_first([[worst], [cures], [alike]])
    assert first is None
    assert better
    assert tied
    assert better.difference == -0.25
    assert better.high < 0
    assert better.p_value == pytest.approx(3 * 2 / 2**10)
    assert (tied.low <= 0 <= tied.high, tied.p_value) == (True, 1.0)
    alone = against_first([[worst], [cures]])[1]
    assert alone
    assert alone.p_value == pytest.approx(2 / 2**10)
    assert better.low < alone.low
    assert alone.high < better.high


def test_loops_count_with_their_means_and_lost_rows_with_none() -> None:
    twice = [scored("ffpp" * 3), scored("fppu" * 3)]
    test = against_first([[scored("fffp" * 3)], twice])[1]
    assert test
    assert test.rows == 9
    assert test.difference == pytest.approx((1 + 0.5 + 0) / 3 - 1)
    assert test.test == "sign test"
    assert against_first([[scored("uuuu")], [scored("pppp")]]) == [None, None]
    assert against_first([[scored("pppp")]]) == [None]


def test_named_differences_are_as_wide_as_pairs_where_these_are_all_there_is() -> None:
    chance = np.random.default_rng(2)
    table = chance.uniform(0.2, 0.6, (15, 2))
    (alone,) = jointly((table[:, [1]] - table[:, [0]]).tolist())
    assert alone == behind(table.tolist(), other=0)[1]
    # Further differences that hold as well make every interval wider; pairs of no interest do not count.
    more = chance.uniform(-0.1, 0.1, (15, 9))
    wider = jointly(np.column_stack([table[:, 1] - table[:, 0], more]).tolist())[0]
    assert wider.difference == pytest.approx(alone.difference)
    assert wider.high - wider.low > alone.high - alone.low


def test_named_differences_hold_together_where_none_is_there() -> None:
    chance = np.random.default_rng(3)
    wrong = sum(
        any(not one.tied for one in jointly(chance.normal(0, 0.05, (20, 30)).tolist())) for _ in range(50)
    )
    assert wrong <= 8  # 2.5 are expected; 9 or more have a probability of 0.1 %
    with pytest.raises(ValueError, match="at least one line"):
        jointly([[]])
