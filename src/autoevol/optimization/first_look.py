"""Whether an optimisation can be worth it, asked before its first step, of calls that it makes anyway.

The data path: `run` takes the dev rows and those behind them -> the first starting method is scored
on them, under the scope of step 0 -> `FirstLook` bounds its failure rate from above -> the run
records it in its folder (`look.json`) -> a bound below `WORTH` sends all seeds to the bulk stage with
that method at once; else the loop begins, and finds these very calls in the store.

What a rewrite gains is what it cures, so it cannot gain more than the method fails now. Differences
between the shipped methods do not tell: all of them may fail in the same curable way, and a rewrite still
cure it. Nor do rows that every method fails, which may be hard or may want one more sentence. So only
the failure rate itself is held against `WORTH`. The price: where nothing that fails can be
cured, the loop is begun in vain, and its patience ends it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from autoevol.core.records import Method, Outcome, Row, Score
from autoevol.core.schema import Record
from autoevol.optimization.rule import Evaluate

WORTH = 0.10
"""Failures per row that an optimisation must be able to cure to be begun."""
ERROR = 0.05
"""Most that the probability can be of not beginning one where the method fails `WORTH` or more."""
ROWS = 100
"""Rows looked at, at most: a method that fails 2 % of all is then declined in 95 % of runs."""
_BLOCK = 10


@dataclass(frozen=True, slots=True)
class FirstLook(Record):
    """How the first starting method did before the first step.

    Attributes:
        method_id: Of the method.
        failed: Rows that it failed, >= 0.
        scored: Rows with a decision; fewer than `planned` where the answer was clear before.
        planned: Rows that there were to look at.
        at_most: Upper end of the one-sided 95 % interval of its failure rate (Clopper-Pearson), 0..1.
    """

    method_id: str
    failed: int
    scored: int
    planned: int
    at_most: float

    @classmethod
    def of(cls, score: Score, planned: int) -> FirstLook:
        """What a score says; rows that were lost count for neither side."""
        failed = score.count(Outcome.FAILED)
        scored = failed + score.count(Outcome.PASSED)
        return cls(score.method_id, failed, scored, planned, upper_bound(failed, scored))

    @property
    def worth(self) -> bool:
        """Whether an optimisation may gain `WORTH`."""
        return self.at_most >= WORTH

    def __str__(self) -> str:
        counts = f"the first method failed {self.failed} of {self.scored} rows"
        if self.worth:
            return f"worth a try: {counts}"
        return f"not worth it: {counts}, so a rewrite gains at most {self.at_most:.1%} (95 %)"


def upper_bound(failed: int, scored: int, error: float = ERROR) -> float:
    """The rate at which `failed` or fewer of `scored` rows have the probability `error`: Clopper-Pearson.

    Args:
        failed: 0..scored.
        scored: >= 0; nothing is known of none, and the bound is 1.
        error: In (0, 1), one-sided.
    """
    if failed >= scored:
        return 1.0
    low, high = failed / scored, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        below = sum(
            math.comb(scored, count) * middle**count * (1 - middle) ** (scored - count)
            for count in range(failed + 1)
        )
        low, high = (middle, high) if below > error else (low, middle)
    return high


def can_decline(rows: int) -> bool:
    """Whether so many rows could show that it is not worth it, were all of them passed."""
    return upper_bound(0, rows) < WORTH


async def look(method: Method, rows: Sequence[Row], evaluate: Evaluate) -> FirstLook:
    """Score `method` on `rows`, ten at a time, until the answer can only be that it is worth a try.

    To stop early at failures changes no answer: the bound on all rows could not have been lower.

    Args:
        method: The first starting method.
        rows: In the order in which the steps will ask for them.
        evaluate: Scores a method on rows.
    """
    marks = {}
    for start in range(0, len(rows), _BLOCK):
        score = await evaluate(method, rows[start : start + _BLOCK])
        marks |= score.marks
        failed = sum(mark.outcome is Outcome.FAILED for mark in marks.values())
        if upper_bound(failed, len(rows)) >= WORTH:
            break
    return FirstLook.of(Score(method.id, marks), len(rows))
