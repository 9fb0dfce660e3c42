"""Which rows the next mini-batch holds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol

from autoevol.core.records import Row


class BatchSampler(Protocol):
    """Draws the mini-batch of a step. A pure function of its arguments."""

    def draw(self, rows: Sequence[Row], size: int, step: int, seed: int) -> tuple[Row, ...]:
        """At most `size` distinct rows of `rows`."""
        ...


class RandomBatches:
    """Every step draws anew, without replacement within a step (the paper's sampling)."""

    def draw(self, rows: Sequence[Row], size: int, step: int, seed: int) -> tuple[Row, ...]:
        """See `BatchSampler`."""
        return tuple(random.Random(f"{seed}:{step}").sample(list(rows), min(size, len(rows))))


class EpochBatches:
    """Goes through all rows in a shuffled order before any row comes again."""

    def draw(self, rows: Sequence[Row], size: int, step: int, seed: int) -> tuple[Row, ...]:
        """See `BatchSampler`."""
        size = min(size, len(rows))
        per_epoch = max(1, len(rows) // size)
        epoch, place = divmod(step - 1, per_epoch)
        order = random.Random(f"{seed}:epoch:{epoch}").sample(list(rows), len(rows))
        return tuple(order[place * size : (place + 1) * size])
