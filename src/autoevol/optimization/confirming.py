"""The last question of a run: is the method in force really better than the one it began with?"""

from __future__ import annotations

import math
from collections.abc import Sequence

from autoevol.core import aio
from autoevol.core.records import Method, Outcome, Row, Score
from autoevol.optimization.rule import Evaluate, Selection

_BLOCK = 10
FEWEST = 50
"""Rows without which nothing is asked: fewer could hardly confirm even a good method."""


def evidence(cured: int, broken: int) -> float:
    """How much more likely `cured` of the rows that differ are if the method is better, 0 or more.

    The mean likelihood over all chances above 1/2 that a row that differs is a cured one, divided by
    the likelihood at 1/2: an e-process. If cures are no more likely than breaks, its expectation
    is at most 1 at every moment, so the probability that it ever reaches 1/a is at most a (Ville),
    however often one looks (Robbins, 1970; Ramdas et al., 2023).
    """
    rows = cured + broken
    below = sum(math.comb(rows + 1, count) for count in range(cured + 1))
    return below / ((rows + 1) * math.comb(rows, cured))


async def confirm(
    first: Method, last: Method, rows: Sequence[Row], evaluate: Evaluate, error: float = 0.05
) -> Selection:
    """`last` if it beats `first` on `rows` at the error level, else `first`.

    Both are scored on ten rows at a time, until the evidence reaches 1 / error or the rows end.
    Rows lost to the network count for neither. The error level is the most that the probability
    can be of keeping a method under which a row is not more likely cured than broken. It holds only
    on rows that no choice was made on.

    Args:
        first: The method that the run began with.
        last: The method in force.
        rows: Rows that no step was decided on, in the order of looking.
        evaluate: Scores a method on rows.
        error: In (0, 1).
    """
    marks = {first.id: {}, last.id: {}}
    cured = broken = 0
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        before, after = await aio.gather(evaluate(method, block) for method in (first, last))
        marks[first.id] |= before.marks
        marks[last.id] |= after.marks
        for old, new in ((before.marks[row.id], after.marks[row.id]) for row in block):
            if Outcome.UNSCORED not in (old.outcome, new.outcome):
                cured += new.loss < old.loss
                broken += new.loss > old.loss
        if evidence(cured, broken) >= 1 / error:
            break
    sure = evidence(cured, broken) >= 1 / error
    seen = len(marks[first.id])
    counts = f"{cured} of {seen} unused rows cured, {broken} broken, evidence {evidence(cured, broken):.3g}"
    word = "confirmed against" if sure else "not confirmed, so back to"
    scores = (Score(first.id, marks[first.id]), Score(last.id, marks[last.id]))
    return Selection(last if sure else first, scores, f"{word} the first method at {error:g} ({counts})")
