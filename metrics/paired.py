"""Two methods on the same rows: their difference, how sure it is, and in what words it is told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import numpy as np

from autoevol.core.records import Outcome, Score
from autoevol.core.schema import SPARSE, Record

Counted = Literal["failures", "losses"]
"""What is compared: failed rows, or the losses of an objective that gives points."""
_RESAMPLES = 10_000
# Means of the same points, added up in another order, differ in their last bits.
_TIE = 1e-9


class PointEstimate(NamedTuple):
    """A value with its interval.

    Attributes:
        value: In the unit of what was measured.
        low: Lower end of the interval.
        high: Upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PairedTest(Record):
    """How the mean of a second list of scores differs from that of a first, row by row.

    For failure rates, a difference below 0 says that the second method fails less often.

    Attributes:
        difference: mean(second) - mean(first), over the rows scored for both.
        low: Lower end of its interval.
        high: Upper end.
        p_value: Two-sided, (0, 1], of the exact test on the rows that differ; corrected for the number of
            comparisons only where `interval` is. None in comparisons of autoevol 0.1.0, which made no test.
        rows: Rows scored for both; None in files of 0.1.0, as are the next two.
        lower: Rows on which the second score is lower than the first.
        higher: Rows on which it is higher.
        interval: How `low` and `high` were found.
        test: `McNemar` where all scores are 0 or 1, else `sign test`, which is the same sum over
            rows whose scores are means (over seeds, say).
        counted: What was compared: `failures`, or the `losses` of an objective that gives points.
    """

    difference: float
    low: float
    high: float
    p_value: float | None = None
    rows: int | None = None
    lower: int | None = None
    higher: int | None = None
    interval: str = "95 % paired percentile bootstrap over rows"
    test: str = "McNemar"
    counted: Counted = field(default="failures", metadata=SPARSE)

    @classmethod
    def of(cls, first: Sequence[float], second: Sequence[float]) -> PairedTest:
        """Compare scores on the same rows in the same order.

        Raises:
            ValueError: If the lengths differ or are 0.
        """
        if len(first) != len(second):
            raise ValueError(f"need equally long lists, got {len(first)} and {len(second)} scores")
        # Subtracted here: rows are then drawn with both scores together, so what makes a row hard
        # for both methods cancels out.
        gaps = [after - before for before, after in zip(first, second, strict=True)]
        mean = bootstrap_mean(gaps)
        lower, higher = sum(gap < -_TIE for gap in gaps), sum(gap > _TIE for gap in gaps)
        binary = {*first, *second} <= {0.0, 1.0}
        return cls(
            *mean,
            p_value=mcnemar_exact(lower, higher),
            rows=len(gaps),
            lower=lower,
            higher=higher,
            test="McNemar" if binary else "sign test",
        )

    @classmethod
    def of_scores(
        cls, first: Score | None, second: Score | None, counted: Counted = "failures"
    ) -> PairedTest | None:
        """Compare two methods over the rows that both scores decide on; None if there are none.

        Args:
            first: Of the first method; None where it was not reached.
            second: Of the second.
            counted: `failures` compares failed with passed rows. `losses` compares what the objective
                counts: 1 for a row that is not usable, what the points lack of 1 for a usable one.
        """
        if first is None or second is None:
            return None
        both = [row_id for row_id in first.marks if first.scored(row_id) and second.scored(row_id)]
        marks = [[score.marks[row_id] for row_id in both] for score in (first, second)]
        losses = counted == "losses"
        rows = [
            [mark.loss if losses else float(mark.outcome is Outcome.FAILED) for mark in of] for of in marks
        ]
        return replace(cls.of(*rows), counted=counted) if both else None

    @property
    def discordant(self) -> int | None:
        """Rows on which the two differ; the test looks at nothing else."""
        return None if self.lower is None or self.higher is None else self.lower + self.higher

    @property
    def span(self) -> str:
        """`-8.3% [-16.7%, +0.0%]`."""
        return f"{self.difference:+.1%} [{self.low:+.1%}, {self.high:+.1%}]"

    def __str__(self) -> str:
        """`-8.3% [-16.7%, +0.0%], McNemar p = 0.250`, for logs; people are told by `reports.verdicts`."""
        if self.p_value is None:
            return self.span
        return f"{self.span}, {self.test} p {'< 0.001' if self.p_value < 0.001 else f'= {self.p_value:.3f}'}"


def bootstrap_mean(
    values: Sequence[float], resamples: int = _RESAMPLES, level: float = 0.95, seed: int = 0
) -> PointEstimate:
    """The mean of `values` with its percentile bootstrap interval (Efron 1979).

    Deterministic for a given seed. Of differences between paired scores, this is the paired bootstrap.

    Args:
        values: One a unit (row, testbed); neither empty nor NaN.
        resamples: Number of bootstrap samples, >= 1.
        level: Confidence level, in (0, 1).
        seed: Seed of the generator.

    Raises:
        ValueError: If there is no value, or a parameter is out of range.
    """
    if not len(values):
        raise ValueError("need at least one value")
    if resamples < 1 or not 0 < level < 1:
        raise ValueError(f"resamples must be >= 1 and level in (0, 1), got {resamples} and {level}")
    sample = np.asarray(values, dtype=float)
    rng = np.random.default_rng(seed)
    means = np.empty(resamples)
    # In blocks, so that a million rows do not ask for a matrix of 10^10 indices.
    block = max(1, 2_000_000 // len(sample))
    for start in range(0, resamples, block):
        count = min(block, resamples - start)
        means[start : start + count] = sample[rng.integers(0, len(sample), (count, len(sample)))].mean(axis=1)
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return PointEstimate(float(sample.mean()), float(low), float(high))


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Two-sided exact McNemar test (McNemar 1947, binomial form); the sign test on pairs that differ.

    Args:
        only_first: Rows on which only the first method succeeds, >= 0.
        only_second: Rows on which only the second does, >= 0.

    Returns:
        The p-value, in (0, 1]; 1 where the methods never differ.

    Raises:
        ValueError: If a count is negative.
    """
    if only_first < 0 or only_second < 0:
        raise ValueError(f"counts must be >= 0, got {only_first} and {only_second}")
    total = only_first + only_second
    if total == 0:
        return 1.0
    # Exact integers up to the final division: no rounding at any size.
    tail = term = 1
    for k in range(min(only_first, only_second)):
        term = term * (total - k) // (k + 1)
        tail += term
    return min(1.0, _over_power_of_two(2 * tail, total))


def _over_power_of_two(numerator: int, power: int) -> float:
    """The quotient numerator / 2**power without overflow."""
    excess = max(0, numerator.bit_length() - 64)
    return math.ldexp(float(numerator >> excess), excess - power)
