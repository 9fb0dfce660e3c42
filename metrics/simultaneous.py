"""Many paired comparisons at once: intervals that all hold together, whichever of them is looked at.

Which of several contestants is the first is seen from the same data on which the others are then held
against it. So the interval of one difference must hold for every pair at the same time: then it holds for the
pairs with the first as well, whoever that is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

import numpy as np

from autoevol.core.records import Mark, Outcome, Score
from autoevol.metrics.paired import Counted, PairedTest

INTERVAL = "95 % for all pairs at once, max-t over rows"
"""How the interval of a corrected `PairedTest` was found."""
_FLIPS = 4_000
_NO_SPREAD = 1e-18
"""Squares of values in 0..1 that are nothing but rounding: a pair that differs by the same on every line."""


class Behind(NamedTuple):
    """How far one column lies behind another, with an interval that holds for all pairs together.

    Attributes:
        difference: Mean of the column less that of the other.
        low: Lower end of the interval, on the scale of the values.
        high: Upper end.
    """

    difference: float
    low: float
    high: float

    @property
    def tied(self) -> bool:
        """Whether the data do not tell one from the other."""
        return self.low <= 0.0 <= self.high

    def __str__(self) -> str:
        """`+4.2% [-2.5%, +11.9%]`."""
        return f"{self.difference:+.1%} [{self.low:+.1%}, {self.high:+.1%}]"


def behind(
    table: Sequence[Sequence[float]], other: int | None = None, level: float = 0.95, seed: int = 0
) -> list[Behind]:
    """Every column against one of them, that one included.

    Single-step max-t (Westfall and Young, 1993) over all pairs of columns. The distribution of the
    largest of their t statistics is drawn by flipping signs of centred lines (the wild bootstrap with
    Rademacher weights), all columns of a line together, so that their correlation stays.

    Args:
        table: One line per unit (row, seed, testbed), the same columns in each; values in 0..1, lower is
            better.
        other: Number of the column that all are held against; None for the first, which is the one with the
            lowest mean, and the earlier one of equals.
        level: Probability that all intervals hold, in (0, 1).
        seed: Of the signs.

    Returns:
        One element per column. Too few units tell nothing, however alike they are: with fewer than six
        not even the exact test reaches 5 %, and their intervals are as wide as can be.

    Raises:
        ValueError: If the table is empty or ragged.
    """
    if not table or not table[0] or len({len(line) for line in table}) > 1:
        raise ValueError("need at least one line, and as many values in each")
    values = np.asarray(table, float)
    means = values.mean(axis=0)
    gaps = values - values[:, [int(means.argmin()) if other is None else other]]
    pairs = np.array(list(combinations(range(len(means)), 2)), int).reshape(-1, 2)
    return _intervals(gaps, _largest_t(values[:, pairs[:, 1]] - values[:, pairs[:, 0]], level, seed), level)


def jointly(gaps: Sequence[Sequence[float]], level: float = 0.95, seed: int = 0) -> list[Behind]:
    """Means of differences that were named beforehand, with intervals that hold for all of them together.

    As `behind`, for these differences alone instead of all pairs of columns.

    Args:
        gaps: One line per unit, the same differences in each, in -1..1.
        level: Probability that all intervals hold, in (0, 1).
        seed: Of the signs.

    Raises:
        ValueError: If there is no difference, or lines are of several lengths.
    """
    if not gaps or not gaps[0] or len({len(line) for line in gaps}) > 1:
        raise ValueError("need at least one line, and as many values in each")
    values = np.asarray(gaps, float)
    return _intervals(values, _largest_t(values, level, seed), level)


def _intervals(gaps: np.ndarray, factor: float, level: float) -> list[Behind]:
    units = len(gaps)
    # Signs of n units can fall in 2^n ways, and the rarest two-sided outcome is two of these.
    enough = units >= math.log2(2 / (1 - level))
    unknown = np.where(gaps.any(axis=0), 2.0, 0.0)
    wide = factor * gaps.std(axis=0, ddof=1) / np.sqrt(units) if enough else unknown
    return [
        Behind(float(gap), max(-1.0, float(gap - width)), min(1.0, float(gap + width)))
        for gap, width in zip(gaps.mean(axis=0), wide, strict=True)
    ]


def against_first(
    contestants: Sequence[Sequence[Score]], counted: Counted = "failures"
) -> list[PairedTest | None]:
    """Each contestant against the first, with interval and exact test corrected for all pairs of them.

    Max-t for the interval; the p-value is multiplied by the number of pairs (Bonferroni).

    Args:
        contestants: The scores of each, one or more, whose mean counts.
        counted: As `PairedTest.of_scores` takes it.

    Returns:
        One element per contestant; None for the first, and for all where no row is scored for all.
    """
    table, pairs = mean_losses(contestants, counted), math.comb(len(contestants), 2)
    if not table:
        return [None] * len(contestants)
    first, *others = zip(*table, strict=True)
    tests: list[PairedTest | None] = [None]
    for column, (_, low, high) in zip(others, behind(table, 0)[1:], strict=True):
        test = PairedTest.of(first, column)
        p_value = min(1.0, pairs * (test.p_value or 1.0))
        tests.append(replace(test, low=low, high=high, p_value=p_value, interval=INTERVAL, counted=counted))
    return tests


def mean_losses(contestants: Sequence[Sequence[Score]], counted: Counted) -> list[list[float]]:
    """A line per row that every score decides on: what each contestant loses there, 0..1, over its scores."""
    every = [score for scores in contestants for score in scores]
    rows = [row for row in every[0].marks if all(score.scored(row) for score in every)] if every else []
    return [
        [sum(_loss(score.marks[row], counted) for score in scores) / len(scores) for scores in contestants]
        for row in rows
    ]


def _loss(mark: Mark, counted: Counted) -> float:
    return mark.loss if counted == "losses" else float(mark.outcome is Outcome.FAILED)


def _largest_t(gaps: np.ndarray, level: float, seed: int) -> float:
    """The quantile `level` of the largest absolute t statistic over all columns where every mean is 0."""
    units = len(gaps)
    if units < 2:
        return 0.0
    gaps = gaps - gaps.mean(axis=0)
    squares = (gaps**2).sum(axis=0)
    varies = squares > _NO_SPREAD * units
    gaps, squares = gaps[:, varies], squares[varies]
    if not gaps.size:
        return 0.0
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], (_FLIPS, units))
    means = signs @ gaps / units
    # Signs leave the sum of squares as it is.
    spread = np.maximum(squares - units * means**2, 1e-12 * squares) / (units - 1)
    return float(np.quantile(np.abs(means / np.sqrt(spread / units)).max(axis=1), level))
