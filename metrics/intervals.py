"""Confidence intervals and paired comparisons. Pure functions of counts and scores."""

from __future__ import annotations

import math
from typing import NamedTuple


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
