"""The last question of a run: is the method in force really better than the one it began with?"""

from __future__ import annotations

import math
from collections.abc import Sequence

from autoevol.core import aio
from autoevol.core.records import Method, Outcome, Row, Score
from autoevol.metrics.paired import mcnemar_exact
from autoevol.optimization.rule import Evaluate, Selection

_BLOCK = 10
# Of the error level, what is spent on stopping early. Evidence that may be looked at any time has to be much
# stronger than a test that is made once: alone it confirms a gain from 15 to 8 % failures on 200 rows in
# 47 % of runs, together with the test in 67 % (*simulated*, `experiments/LOG.md`).
_EARLY = 0.4
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

    Both are scored on ten rows at a time, until the evidence suffices or the rows end. Two fifths of the
    error level are spent on that, the rest on McNemar's exact test of all rows. From half of the rows on,
    the others are spared once no more are cured than broken. Rows lost to the network count for neither.

    The error level is the most that the probability can be of keeping a method under which a row is not
    more likely cured than broken: its parts add up, and stopping without a gain only lowers it. It holds
    only on rows that no choice was made on.

    Args:
        first: The method that the run began with.
        last: The method in force.
        rows: Rows that no step was decided on, in the order of looking.
        evaluate: Scores a method on rows.
        error: In (0, 1).
    """
    marks = {first.id: {}, last.id: {}}
    cured = broken = seen = 0
    better = sure = False
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        before, after = await aio.gather(evaluate(method, block) for method in (first, last))
        marks[first.id] |= before.marks
        marks[last.id] |= after.marks
        for old, new in ((before.marks[row.id], after.marks[row.id]) for row in block):
            if Outcome.UNSCORED not in (old.outcome, new.outcome):
                cured += new.loss < old.loss
                broken += new.loss > old.loss
        seen, better = start + len(block), cured > broken
        sure = evidence(cured, broken) >= 1 / (_EARLY * error)
        if sure or (2 * seen >= len(rows) and not better):
            break
    else:
        sure = better and mcnemar_exact(cured, broken) / 2 <= (1 - _EARLY) * error
    counts = f"{cured} of {seen} unused rows cured, {broken} broken"
    word = "confirmed against" if sure else "not confirmed, so back to"
    scores = (Score(first.id, marks[first.id]), Score(last.id, marks[last.id]))
    return Selection(last if sure else first, scores, f"{word} the first method at {error:g} ({counts})")
