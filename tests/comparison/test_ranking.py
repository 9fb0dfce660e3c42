"""Ranks, their bootstrap, and means of step curves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.comparison.ranking import mean_curve, mean_ranks, ranks, rate_at

RATES = st.sampled_from([0.0, 0.1, 0.2, 0.5, 1.0])
TABLES = st.integers(1, 5).flatmap(
    lambda width: st.lists(st.lists(RATES, min_size=width, max_size=width), min_size=1, max_size=6)
)


def test_equal_rates_share_the_mean_of_their_places() -> None:
    assert ranks([0.3, 0.1, 0.3, 0.2]) == [3.5, 1.0, 3.5, 2.0]
    assert ranks([0.2, 0.2, 0.2]) == [2.0, 2.0, 2.0]


@given(st.lists(RATES, min_size=1, max_size=8))
def test_ranks_sum_up_and_follow_the_rates(rates: list[float]) -> None:
    found = ranks(rates)
    assert sum(found) == pytest.approx(len(rates) * (len(rates) + 1) / 2)
    for one, rate in zip(found, rates, strict=True):
        for other, its in zip(found, rates, strict=True):
            assert (one < other) == (rate < its)


@given(TABLES)
def test_mean_ranks_hold_together(table: list[list[float]]) -> None:
    found = mean_ranks(table)
    width = len(table[0])
    assert sum(rank.mean for rank in found) == pytest.approx(width * (width + 1) / 2)
    assert min(rank.behind for rank in found) == 0
    for column, rank in enumerate(found):
        assert 1 <= rank.low <= rank.mean + 1e-9
        assert rank.mean <= rank.high + 1e-9 <= width + 1e-8
        assert rank.mean == pytest.approx(sum(ranks(line)[column] for line in table) / len(table))
        if rank.behind == 0:
            assert rank.tied
    assert found == mean_ranks(table)


def test_a_clear_winner_is_not_tied_and_an_unclear_one_is() -> None:
    clear = mean_ranks([[0.1, 0.5]] * 8)
    assert [(rank.mean, rank.low, rank.high, rank.tied) for rank in clear] == [
        (1.0, 1.0, 1.0, True),
        (2.0, 2.0, 2.0, False),
    ]
    unclear = mean_ranks([[0.1, 0.5]] * 5 + [[0.5, 0.1]] * 4)
    assert unclear[0].mean < unclear[1].mean
    assert unclear[1].tied
    assert unclear[1].behind == pytest.approx(1 / 9)


def test_shared_ranks_are_counted() -> None:
    assert [rank.shared for rank in mean_ranks([[0.1, 0.1, 0.2], [0.1, 0.2, 0.2]])] == [1, 2, 1]


@pytest.mark.parametrize("table", [[], [[]], [[0.1, 0.2], [0.1]]])
def test_tables_that_are_none_are_refused(table: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="one rate per contestant"):
        mean_ranks(table)


def test_a_step_curve_holds_its_value_until_it_changes() -> None:
    curve = [(0, 0.5), (10, 0.3), (20, 0.4)]
    assert [rate_at(curve, calls) for calls in (0, 9, 10, 19, 20, 99)] == [0.5, 0.5, 0.3, 0.3, 0.4, 0.4]


def test_mean_of_curves() -> None:
    assert mean_curve([[(0, 0.4), (10, 0.2)], [(0, 0.6), (5, 0.2)]]) == [
        (0, 0.5),
        (5, pytest.approx(0.3)),
        (10, pytest.approx(0.2)),
    ]
    with pytest.raises(ValueError, match="begin at 0 calls"):
        mean_curve([[(3, 0.1)]])
