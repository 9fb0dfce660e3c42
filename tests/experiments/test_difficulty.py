"""The areas of the difficulty experiment by hand; what it prints of pairs that are told apart."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.core.records import Evolution, Trajectory
from autoevol.experiments.difficulty import Read, area, area_interval, table
from autoevol.metrics.difficulty import Difficulty
from autoevol.metrics.labels import Labelled


def read(number: int, *, usable: bool) -> Read:
    pair = Labelled(str(number), Trajectory((Evolution("a", "b"),), "c"), usable, not usable, frozenset())
    return Read(pair, Difficulty("m", 1.0 + number, 20.0, 2.0, 10 + number))


def test_an_area_by_hand() -> None:
    assert area([3, 4], [1, 2]) == 1.0
    assert area([1, 2], [3, 4]) == 0.0
    assert area([1, 3], [2, 2]) == 0.5
    assert area([2], [2]) == 0.5
    assert math.isnan(area([], [1]))


values = st.lists(st.floats(-100, 100), min_size=1, max_size=20)


@given(values, values)
def test_two_areas_make_one(good: list[float], bad: list[float]) -> None:
    assert area(good, bad) + area(bad, good) == pytest.approx(1.0)


def test_the_interval_holds_the_area_and_narrows() -> None:
    good, bad = [2.0, 3.0, 4.0, 5.0], [1.0, 2.5, 3.5, 3.0]
    low, high = area_interval(good, bad)
    assert low <= area(good, bad) <= high
    narrow = area_interval(good * 8, bad * 8)
    assert narrow[1] - narrow[0] < high - low


def test_the_table_says_what_tells_pairs_apart_and_what_goes_with_length() -> None:
    told = "\n".join(table([read(number, usable=number >= 5) for number in range(10)]))
    assert "usable: 5 yes, 5 no" in told
    assert "IFD                   1.00 [1.00, 1.00]" in told
    assert "NLL without           0.50 [0.50, 0.50]" in told
    assert "rank correlation of IFD with tokens read: +1.00" in told
    assert "response right: 0 yes, 0 no" in told
