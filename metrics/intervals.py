"""Intervals and agreement of proportions. Pure functions of counts; see `paired` for comparisons."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np


class Interval(NamedTuple):
    """A closed interval on 0..1."""

    low: float
    high: float


def wilson(hits: int, total: int, z: float = 1.959963984540054) -> Interval:
    """Wilson score interval for a proportion (Wilson 1927).

    Args:
        hits: Number of successes, 0..total.
        total: Number of trials, >= 0; with 0 trials nothing is known and (0, 1) returned.
        z: Normal quantile; the default gives 95 %.

    Raises:
        ValueError: If the counts are impossible.
    """
    if not 0 <= hits <= total:
        raise ValueError(f"hits must be in 0..{total}, got {hits}")
    if total == 0:
        return Interval(0.0, 1.0)
    p = hits / total
    z2 = z * z
    centre = p + z2 / (2 * total)
    spread = z * math.sqrt(p * (1 - p) / total + z2 / (4 * total * total))
    scale = 1 + z2 / total
    low = 0.0 if hits == 0 else max(0.0, (centre - spread) / scale)
    high = 1.0 if hits == total else min(1.0, (centre + spread) / scale)
    return Interval(low, high)


def clopper_pearson(hits: int, total: int, level: float = 0.95) -> Interval:
    """Exact interval for a proportion (Clopper and Pearson 1934): never covers less often than `level`.

    Args:
        hits: Number of successes, 0..total.
        total: Number of trials, >= 0; with 0 trials nothing is known and (0, 1) returned.
        level: Confidence level, in (0, 1).

    Raises:
        ValueError: If the counts are impossible.
    """
    if not 0 <= hits <= total:
        raise ValueError(f"hits must be in 0..{total}, got {hits}")
    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else _rate_where(lambda rate: 1 - _at_most(hits - 1, total, rate) > tail)
    high = 1.0 if hits == total else _rate_where(lambda rate: _at_most(hits, total, rate) <= tail)
    return Interval(low, high)


def _rate_where(beyond: Callable[[float], bool]) -> float:
    """The least rate from which `beyond` holds, by bisection to 2^-50."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if beyond(middle) else (middle, high)
    return (low + high) / 2


def _at_most(hits: int, total: int, rate: float) -> float:
    """The probability of `hits` successes or fewer; in logarithms, so that no size overflows."""
    if not 0 < rate < 1:
        return float(rate <= 0 or hits == total)
    counts = np.arange(hits + 1)
    logs = _log_choose(total, counts) + counts * math.log(rate) + (total - counts) * math.log1p(-rate)
    return float(min(1.0, np.exp(logs).sum()))


def _log_choose(total: int, counts: Any) -> Any:  # noqa: ANN401 (arrays)
    steps = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, total + 1)))])
    return steps[total] - steps[counts] - steps[total - counts]


def mcc(true_positive: int, false_positive: int, false_negative: int, true_negative: int) -> float:
    """Matthews correlation coefficient (Matthews 1975), -1..1; 0 where a margin is empty.

    Raises:
        ValueError: If a count is negative.
    """
    counts = (true_positive, false_positive, false_negative, true_negative)
    if min(counts) < 0:
        raise ValueError(f"counts must be >= 0, got {counts}")
    tp, fp, fn, tn = counts
    margins = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return (tp * tn - fp * fn) / math.sqrt(margins) if margins else 0.0


def kappa(both: int, only_first: int, only_second: int, neither: int) -> float:
    """Cohen's kappa of two raters on a yes/no question (Cohen 1960), -1..1.

    1 where they agree on everything (also if all answers are the same), nan without items.

    Raises:
        ValueError: If a count is negative.
    """
    counts = (both, only_first, only_second, neither)
    if min(counts) < 0:
        raise ValueError(f"counts must be >= 0, got {counts}")
    total = sum(counts)
    if not total:
        return math.nan
    observed = (both + neither) / total
    yes = (both + only_first) * (both + only_second)
    no = (neither + only_first) * (neither + only_second)
    expected = (yes + no) / (total * total)
    return 1.0 if expected == 1.0 else (observed - expected) / (1 - expected)


def spearman(first: Sequence[float], second: Sequence[float]) -> float:
    """Spearman's rank correlation, -1..1; ties share their mean rank; nan where a side does not vary."""
    if len(set(first)) < 2 or len(set(second)) < 2:
        return math.nan
    return float(np.corrcoef(_ranks(first), _ranks(second))[0, 1])


def _ranks(values: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    ordered = np.sort(np.asarray(values, float))
    left, right = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    return (left + right) / 2.0
