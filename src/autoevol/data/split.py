"""Splitting rows into train, dev and holdout."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from autoevol.errors import InputError
from autoevol.records import Row


@dataclass(frozen=True, slots=True)
class Split:
    """Three disjoint sets of rows, each in the order of the seeded permutation.

    Attributes:
        train: Rows that the optimisation draws its mini-batches from; at least one.
        dev: Rows on which candidate methods are scored.
        holdout: Rows that no optimisation sees; for the final comparison.
    """

    train: tuple[Row, ...]
    dev: tuple[Row, ...]
    holdout: tuple[Row, ...]


def split_rows(rows: Iterable[Row], *, dev: int, holdout: int, seed: int, train: int | None = None) -> Split:
    """Split `rows` by a permutation that depends on the row ids and `seed` alone.

    The order of `rows` does not matter, nor does the release of Python. Holdout is taken
    from the front of the permutation, then dev; a limited train set is taken from its end.
    So a larger dev set leaves holdout, and train as far as rows are left over, as they were.

    Args:
        rows: Rows with distinct ids.
        dev: Number of dev rows, 0 or more.
        holdout: Number of holdout rows, 0 or more.
        seed: Any integer.
        train: Number of train rows, 1 or more; None takes all that remain.

    Raises:
        InputError: A size is out of range, an id occurs twice, or there are too few rows.
    """
    if dev < 0 or holdout < 0 or (train is not None and train < 1):
        raise InputError(f"split sizes cannot be dev={dev}, holdout={holdout}, train={train}: train needs 1")
    order = sorted(rows, key=lambda row: _rank(row, seed))
    for row, following in pairwise(order):
        if row.id == following.id:
            raise InputError(f"row {row.id} occurs twice: the same instruction would be in two sets")
    needed = holdout + dev + (train or 1)
    if len(order) < needed:
        raise InputError(
            f"{len(order)} rows given, {needed} needed: {holdout} holdout + {dev} dev + "
            f"{train or 'at least 1'} train. Give more rows, or ask for smaller sets"
        )
    rest = order[holdout + dev :]
    return Split(
        train=tuple(rest if train is None else rest[-train:]),
        dev=tuple(order[holdout : holdout + dev]),
        holdout=tuple(order[:holdout]),
    )


def sample_rows(rows: Iterable[Row], size: int, seed: int) -> tuple[list[Row], int]:
    """`size` rows chosen by the row ids and `seed` alone, and the number of rows; one pass.

    Fewer if there are fewer. Memory is that of the sample.
    """
    count = 0

    def counted() -> Iterator[Row]:
        nonlocal count
        for row in rows:
            count += 1
            yield row

    # nsmallest(0) would read nothing, and so count nothing.
    chosen = heapq.nsmallest(max(1, size), counted(), key=lambda row: _rank(row, seed))[:size]
    return chosen, count


def _rank(row: Row, seed: int) -> bytes:
    # Not random.shuffle: its sequence may change between Python releases.
    return hashlib.sha256(f"{seed}:{row.id}".encode()).digest()
