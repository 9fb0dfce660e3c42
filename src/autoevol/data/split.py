"""Splitting rows into train, dev, reserve and holdout."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from autoevol.core.errors import InputError
from autoevol.core.records import Row


@dataclass(frozen=True, slots=True)
class Split:
    """Disjoint sets of rows, each in the order of the seeded permutation.

    Attributes:
        train: Rows that the optimisation draws its mini-batches from; at least one.
        dev: Rows on which candidate methods are scored.
        holdout: Rows that no optimisation sees; for the final comparison.
        reserve: Further dev rows, for decisions that the dev set leaves open.
    """

    train: tuple[Row, ...]
    dev: tuple[Row, ...]
    holdout: tuple[Row, ...]
    reserve: tuple[Row, ...] = ()


def split_rows(
    rows: Iterable[Row], *, dev: int, holdout: int, seed: int, train: int | None = None, reserve: int = 0
) -> Split:
    """Split `rows` by a permutation that depends on the row ids and `seed` alone.

    The order of `rows` does not matter, nor does the release of Python. Holdout is taken
    from the front of the permutation, then dev, then the reserve; a limited train set is taken from its end.
    So a larger dev set leaves holdout, and train as far as rows are left over, as they were.

    Args:
        rows: Rows with distinct ids.
        dev: Number of dev rows, 0 or more.
        holdout: Number of holdout rows, 0 or more.
        seed: Any integer.
        train: Number of train rows, 1 or more; None takes all that remain.
        reserve: Number of reserve rows, 0 or more.

    Raises:
        InputError: A size is out of range, an id occurs twice, or there are too few rows.
    """
    if min(dev, holdout, reserve) < 0 or (train is not None and train < 1):
        raise InputError(
            f"split sizes cannot be dev={dev}, holdout={holdout}, reserve={reserve}, train={train}: "
            "train needs 1"
        )
    order = sorted(rows, key=lambda row: _rank(row, seed))
    for row, following in pairwise(order):
        if row.id == following.id:
            raise InputError(f"row {row.id} occurs twice: the same instruction would be in two sets")
    needed = holdout + dev + reserve + (train or 1)
    if len(order) < needed:
        parts = f"{holdout} holdout + {dev} dev" + (f" + {reserve} reserve" if reserve else "")
        raise InputError(
            f"{len(order)} rows given, {needed} needed: {parts} + {train or 'at least 1'} train. "
            "Give more rows, or ask for smaller sets"
        )
    seen, rest = order[: needed - (train or 1)], order[needed - (train or 1) :]
    return Split(
        train=tuple(rest if train is None else rest[-train:]),
        dev=tuple(seen[holdout : holdout + dev]),
        holdout=tuple(seen[:holdout]),
        reserve=tuple(seen[holdout + dev :]),
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


def reserve_of(left: int, dev: int, wanted: int) -> int:
    """How many of the `left` rows that are neither dev nor holdout become the reserve.

    Train comes first: it keeps twice as many rows as dev has, so few rows leave no reserve.
    """
    return max(0, min(wanted, left - 2 * dev))


def _rank(row: Row, seed: int) -> bytes:
    # Not random.shuffle: its sequence may change between Python releases.
    return hashlib.sha256(f"{seed}:{row.id}".encode()).digest()
