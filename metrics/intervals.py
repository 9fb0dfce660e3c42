"""Confidence intervals and paired comparisons. Pure functions of counts and scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

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


class PairedDifference(NamedTuple):
    """A difference of two means over the same rows, with its bootstrap interval.

    Attributes:
        difference: mean(second) - mean(first).
        low: Lower end of the interval.
        high: Upper end of the interval.
    """

    difference: float
    low: float
    high: float


def paired_bootstrap(
    first: Sequence[float],
    second: Sequence[float],
    resamples: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
) -> PairedDifference:
    """Percentile bootstrap of the mean difference over the same rows (Efron 1979).

    Rows are drawn with replacement, both scores of a row together, so what makes a row
    hard for both methods cancels out. Deterministic for a given seed.

    Args:
        first: Scores of one method, one a row; neither empty nor NaN.
        second: Scores of the other method on the same rows in the same order.
        resamples: Number of bootstrap samples, >= 1.
        level: Confidence level, in (0, 1).
        seed: Seed of the generator.

    Raises:
        ValueError: If the lengths differ, are 0, or a parameter is out of range.
    """
    if len(first) != len(second) or not first:
        raise ValueError(f"need two equally long, non-empty lists, got {len(first)} and {len(second)} scores")
    if resamples < 1 or not 0 < level < 1:
        raise ValueError(f"resamples must be >= 1 and level in (0, 1), got {resamples} and {level}")
    gaps = np.asarray(second, dtype=float) - np.asarray(first, dtype=float)
    rng = np.random.default_rng(seed)
    means = np.empty(resamples)
    # In blocks, so that a million rows do not ask for a matrix of 10^10 indices.
    block = max(1, 2_000_000 // len(gaps))
    for start in range(0, resamples, block):
        count = min(block, resamples - start)
        means[start : start + count] = gaps[rng.integers(0, len(gaps), (count, len(gaps)))].mean(axis=1)
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return PairedDifference(float(gaps.mean()), float(low), float(high))


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Two-sided exact McNemar test (McNemar 1947, binomial form).

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
