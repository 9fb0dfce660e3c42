"""Whether an optimisation can be worth it, asked before its first step, of calls that it makes anyway.

The data path: `run` takes the dev rows and those behind them -> the first starting method is scored
on them, under the scope of step 0 -> `FirstLook` bounds its failure rate from above -> the run
records it in its folder (`look.json`) -> a bound below the bar sends all seeds to the bulk stage with
that method at once; else the loop begins, and finds these very calls in the store. `headroom` takes the
same look.

What a rewrite gains is what it cures, so it gains no more than the method fails now, and not all of that: the
default loop was seen to cure about two thirds at best where methods fail in several ways, and nine tenths
where they fail in one (*simulated*; `experiments/LOG.md`). So the bar is lower where nearly all failures are
of one kind. Nothing else that can be seen before the first rewrite tells more. Shipped methods that are
alike may all fail in the same curable way. Rows that every method fails may be too hard, or want one more
sentence. Where nothing that fails can be cured, a rate below the bar declines too; above it the loop is begun
in vain, and its patience ends it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from autoevol.core.records import Method, Outcome, Row, Score
from autoevol.core.schema import SPARSE, Record
from autoevol.optimization.rule import Evaluate

WORTH = 0.10
"""Failures per row that an optimisation must be able to cure to be begun."""
BAR = 0.15
"""Failure rate of the first method from which on it may: it cures about two thirds."""
LOW_BAR = 0.11
"""The same where nearly all failures are of one kind: it cures about nine tenths."""
ROWS = 500
"""Rows looked at, at most: a method that fails 10 % of all is then declined in 92 % of runs."""
ERROR = 0.05
"""Most that the probability can be of not beginning one where the method fails as often as the bar."""
_BLOCK = 10
# Parts of the rows after which "no" may be said, and what each takes of `ERROR`: the sum bounds them all.
_CHECKS = ((0.2, 0.01), (0.5, 0.01), (1.0, 0.03))
_LAST = _CHECKS[-1][1]
# "Yes" may be said at any time and errs on the safe side, so it is said where "no" has become unlikely: the
# rate is surely above this share of the bar.
_SURELY, _YES_ERROR = 0.8, 0.01
# From so many failures on, and with so large a share of the most frequent kind, they count as of one kind.
_FEWEST, _ONE_KIND = 4, 0.75


@dataclass(frozen=True, slots=True)
class FirstLook(Record):
    """How the first starting method did before the first step.

    Attributes:
        method_id: Of the method.
        failed: Rows that it failed, >= 0.
        scored: Rows with a decision; fewer than `planned` where the answer was clear before.
        planned: Rows that there were to look at.
        at_most: Upper end of the one-sided interval of its failure rate (Clopper-Pearson), 0..1; at all
            checks together it holds at 95 %.
        bar: What `at_most` is held against: `BAR` or `LOW_BAR`; 0.1 in looks of earlier versions.
    """

    method_id: str
    failed: int
    scored: int
    planned: int
    at_most: float
    bar: float = field(default=0.10, metadata=SPARSE)

    @classmethod
    def of(cls, score: Score, planned: int, error: float = _LAST) -> FirstLook:
        """What a score says at this one-sided error level; rows that were lost count for neither side."""
        failed = score.count(Outcome.FAILED)
        scored = failed + score.count(Outcome.PASSED)
        at_most = upper_bound(failed, scored, error)
        return cls(score.method_id, failed, scored, planned, at_most, bar_of(score))

    @property
    def worth(self) -> bool:
        """Whether an optimisation may gain `WORTH`."""
        return self.at_most >= self.bar

    def __str__(self) -> str:
        counts = f"the first method failed {self.failed} of {self.scored} rows"
        if self.worth:
            return f"worth a try: {counts}"
        return (
            f"not worth it: {counts}, so at most {self.at_most:.1%} of all (95 %), and below {self.bar:.0%} "
            f"hardly any rewrite gains {WORTH * 100:.0f} points"
        )


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


def bar_of(score: Score) -> float:
    """The failure rate from which on an optimisation may gain `WORTH`, by what the failures are like."""
    kinds = Counter(mark.kind for mark in score.marks.values() if mark.outcome is Outcome.FAILED)
    if kinds.total() < _FEWEST or max(kinds.values()) < _ONE_KIND * kinds.total():
        return BAR
    return LOW_BAR


def can_decline(rows: int) -> bool:
    """Whether so many rows could show that it is not worth it, were all of them passed."""
    return upper_bound(0, rows, _LAST) < BAR


async def look(method: Method, rows: Sequence[Row], evaluate: Evaluate) -> FirstLook:
    """Score `method` on `rows`, ten at a time, until the answer is clear.

    "No" is said after a fifth, a half or all of them, "yes" as soon as "no" has become impossible or
    unlikely. What is said too early is only "yes", so the error of a "no" stays as it is.

    Args:
        method: The first starting method.
        rows: In the order in which the steps will ask for them.
        evaluate: Scores a method on rows.
    """
    checks = {math.ceil(len(rows) * part / _BLOCK) * _BLOCK: error for part, error in _CHECKS[:-1]}
    marks = {}
    for start in range(0, len(rows), _BLOCK):
        score = await evaluate(method, rows[start : start + _BLOCK])
        marks |= score.marks
        seen = FirstLook.of(Score(method.id, marks), len(rows))
        checked = FirstLook.of(Score(method.id, marks), len(rows), checks.get(start + _BLOCK, _LAST))
        if start + _BLOCK in checks and not checked.worth:
            return checked
        passed = seen.scored - seen.failed
        if upper_bound(seen.failed, len(rows), _LAST) >= seen.bar:
            break
        if seen.scored and 1 - upper_bound(passed, seen.scored, _YES_ERROR) > _SURELY * seen.bar:
            break
    return FirstLook.of(Score(method.id, marks), len(rows))
