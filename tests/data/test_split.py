from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.core.errors import InputError
from autoevol.core.records import Row, digest
from autoevol.data import split_rows

texts = st.lists(st.text(min_size=1, max_size=8), min_size=3, max_size=40, unique=True)
seeds = st.integers(-(2**70), 2**70)


def rows_of(names: list[str]) -> list[Row]:
    return [Row(digest(name), name) for name in names]


@given(texts, seeds, st.data())
def test_disjoint_and_complete(names: list[str], seed: int, data: st.DataObject) -> None:
    rows = rows_of(names)
    holdout = data.draw(st.integers(0, len(rows) - 1))
    dev = data.draw(st.integers(0, len(rows) - 1 - holdout))
    split = split_rows(rows, dev=dev, holdout=holdout, seed=seed)
    assert (len(split.dev), len(split.holdout)) == (dev, holdout)
    assert len(split.train) >= 1
    together = [*split.train, *split.dev, *split.holdout]
    assert len(together) == len(rows)
    assert set(together) == set(rows)


@given(texts, seeds, st.randoms(use_true_random=False))
def test_file_order_does_not_matter(names: list[str], seed: int, shuffler: random.Random) -> None:
    rows = rows_of(names)
    shuffled = rows[:]
    shuffler.shuffle(shuffled)
    assert split_rows(rows, dev=1, holdout=1, seed=seed) == split_rows(shuffled, dev=1, holdout=1, seed=seed)


@given(texts, seeds)
def test_holdout_and_train_stay_when_dev_grows(names: list[str], seed: int) -> None:
    rows = rows_of(names)
    small = split_rows(rows, dev=0, holdout=1, seed=seed, train=1)
    large = split_rows(rows, dev=len(rows) - 2, holdout=1, seed=seed, train=1)
    assert (small.holdout, small.train) == (large.holdout, large.train)


def test_the_permutation_is_pinned() -> None:
    """Fixed by sha256: a change here would move rows between the sets of existing runs."""
    split = split_rows(rows_of(list("abcdef")), dev=2, holdout=2, seed=7)
    parts = (split.train, split.dev, split.holdout)
    assert ["".join(row.instruction for row in part) for part in parts] == ["cf", "eb", "da"]


def test_seeds_differ() -> None:
    rows = rows_of([str(number) for number in range(100)])
    assert split_rows(rows, dev=20, holdout=20, seed=1) != split_rows(rows, dev=20, holdout=20, seed=2)


def test_train_is_limited() -> None:
    rows = rows_of([str(number) for number in range(100)])
    assert len(split_rows(rows, dev=20, holdout=20, seed=1, train=5).train) == 5


@pytest.mark.parametrize(
    ("dev", "holdout", "train", "needed"), [(3, 2, None, 6), (2, 2, 2, 6), (0, 5, None, 6)]
)
def test_too_few_rows(dev: int, holdout: int, train: int | None, needed: int) -> None:
    with pytest.raises(InputError, match=f"5 rows given, {needed} needed"):
        split_rows(rows_of(list("abcde")), dev=dev, holdout=holdout, seed=0, train=train)


@pytest.mark.parametrize(("dev", "holdout", "train"), [(-1, 0, None), (0, -1, None), (0, 0, 0)])
def test_sizes_out_of_range(dev: int, holdout: int, train: int | None) -> None:
    with pytest.raises(InputError, match="split sizes"):
        split_rows(rows_of(list("abcde")), dev=dev, holdout=holdout, seed=0, train=train)


def test_a_repeated_row_cannot_be_in_two_sets() -> None:
    with pytest.raises(InputError, match="occurs twice"):
        split_rows(rows_of(list("abca")), dev=1, holdout=1, seed=0)
