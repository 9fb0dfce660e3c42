"""The arithmetic of IFD and IC-IFD by hand, and what many pairs amount to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.core.schema import build
from autoevol.metrics.difficulty import Difficulty, DifficultyTable, difficulty_table, quartiles


def of(nll: float, alone: float, instruction: float = 4.0, tokens: int = 10) -> Difficulty:
    return Difficulty("m", nll, alone, instruction, tokens, cut=tokens == 10)


def test_one_pair_by_hand() -> None:
    pair = of(1.5, 2.0, 3.0)
    assert pair.ifd == 0.75  # 1.5 / 2: a quarter of the surprise is taken away
    assert pair.ic_ifd == 0.25  # 1.5 / (3 x 2)
    assert of(3.0, 2.0).ifd == 1.5, "an instruction that misleads"


def test_what_cannot_be_divided_has_no_figure() -> None:
    assert of(0.0, 0.0).ifd is of(0.0, 0.0).ic_ifd is of(1.0, 2.0, 0.0).ic_ifd is None


def test_many_pairs_by_hand() -> None:
    """IFDs 0.25, 0.5, 0.75 and 1.25; the shorter, the higher."""
    pairs = [
        of(0.5, 2.0, tokens=40),
        of(1.0, 2.0, tokens=30),
        of(1.5, 2.0, tokens=20),
        of(2.5, 2.0),
    ]
    table = difficulty_table([*pairs, None, of(0.0, 0.0)])
    assert table is not None
    assert (table.pairs, table.unscored, table.cut) == (4, 2, 1)
    assert table.ifd == (0.4375, 0.625, 0.875)
    assert table.ic_ifd == (0.109375, 0.15625, 0.21875)
    assert table.nll == (0.875, 1.25, 1.75)
    assert table.nll_alone == (2.0, 2.0, 2.0)
    assert table.above_1 == 0.25
    assert table.with_length == pytest.approx(-1.0)
    assert build(DifficultyTable, table.to_json()) == table


def test_without_pairs_there_is_no_table_and_without_variation_no_correlation() -> None:
    assert difficulty_table([]) is difficulty_table([None]) is None
    table = difficulty_table([of(1.0, 2.0), of(1.5, 2.0)])
    assert table is not None
    assert table.with_length is None


@given(st.lists(st.floats(-1e6, 1e6), max_size=20))
def test_quartiles_are_ordered_and_inside(values: list[float]) -> None:
    first, median, third = quartiles(values)
    assert first <= median <= third
    if values:
        assert min(values) <= first
        assert third <= max(values)
    else:
        assert (first, median, third) == (0.0, 0.0, 0.0)
