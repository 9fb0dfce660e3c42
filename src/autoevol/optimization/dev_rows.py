"""Which rows a step is decided on: always the same, or rows on which no earlier choice was made.

A method in force was chosen because it looked good on the rows it was chosen on. On these its
score is too good by luck, and while the rows stay the same it is compared with every later
challenger at this lucky score. Rows that it was not chosen on have no such luck in them. The paper
does not say which it uses (section 3.3); the authors' released code draws anew at every step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from autoevol.core.errors import unknown
from autoevol.core.records import Row, Step


class DevRows(Protocol):
    """Draws the dev rows of a step. A pure function of its arguments, so that a resumed run agrees.

    Attributes:
        name: As given on the command line.
        moves: Whether rows change from step to step, so that the incumbent is scored again.
    """

    name: str
    moves: bool

    def draw(self, pool: Sequence[Row], size: int, steps: Sequence[Step]) -> tuple[Row, ...]:
        """At most `size` distinct rows for the step that comes after `steps`.

        Args:
            pool: All rows that there are for this, in a fixed order; neither train nor holdout.
            size: Rows that are wanted; all of the pool if it has fewer.
            steps: The finished steps, in order.
        """
        ...


class FixedRows:
    """The same rows at every step."""

    name = "fixed"
    moves = False

    def draw(self, pool: Sequence[Row], size: int, steps: Sequence[Step]) -> tuple[Row, ...]:
        """See `DevRows`."""
        return tuple(pool[:size])


class FreshRows:
    """The rows behind those that earlier steps were decided on.

    No row comes again until the pool is used up; then it is gone through from its front again.
    """

    name = "fresh"
    moves = True

    def draw(self, pool: Sequence[Row], size: int, steps: Sequence[Step]) -> tuple[Row, ...]:
        """See `DevRows`."""
        return _cut(pool, size, sum(map(_decided_on, steps)))


class AfterAdoption:
    """The same rows until a challenger is adopted, then those behind all that were decided on."""

    name = "after-adoption"
    moves = True

    def draw(self, pool: Sequence[Row], size: int, steps: Sequence[Step]) -> tuple[Row, ...]:
        """See `DevRows`."""
        used = looked_at = 0
        for step in steps:
            looked_at = max(looked_at, _decided_on(step))
            if step.improved:
                used, looked_at = used + looked_at, 0
        return _cut(pool, size, used)


class GrowingRows:
    """Half of them new, and behind these the rows of earlier steps, the latest first.

    A method is not scored again on a row that it has met, so the method in force comes at half the price of
    `fresh`, and its luck counts for half of what it does on fixed rows. Rows that the optimizer LM has read
    for a rewrite, and those of the last step, which it may read next, come only where there are no others.
    """

    name = "growing"
    moves = True

    def draw(self, pool: Sequence[Row], size: int, steps: Sequence[Step]) -> tuple[Row, ...]:
        """See `DevRows`."""
        by_step = [_looked_at(step) for step in steps]
        seen = set[str]().union(*by_step)
        new = [row for row in pool if row.id not in seen]
        old = [row for ids in reversed(by_step) for row in pool if row.id in ids]
        read = {row_id for step in steps for row_id in step.batch_ids}.union(*by_step[-1:])
        half = -(-size // 2)
        wanted = [*new[:half], *(row for row in old if row.id not in read), *new[half:], *old]
        return tuple(dict.fromkeys(wanted))[:size]


def _cut(pool: Sequence[Row], size: int, used: int) -> tuple[Row, ...]:
    start = used % len(pool) if pool else 0
    return (*pool[start:], *pool[:start])[:size]


def _decided_on(step: Step) -> int:
    return len(_looked_at(step))


def _looked_at(step: Step) -> set[str]:
    """Ids of the rows that a step looked at; none if it had one method, since nothing was chosen on them."""
    if len(step.scores) < 2:
        return set()
    return {row_id for score in step.scores for row_id in score.marks}


DEV_ROWS: dict[str, type[DevRows]] = {
    rows.name: rows for rows in (FixedRows, FreshRows, AfterAdoption, GrowingRows)
}


def find_dev_rows(name: str) -> DevRows:
    """The strategy that `--dev-rows` names.

    Raises:
        InputError: If there is none.
    """
    if name not in DEV_ROWS:
        raise unknown("--dev-rows", name, DEV_ROWS)
    return DEV_ROWS[name]()
