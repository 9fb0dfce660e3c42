"""Student's t distribution by numerical integration, since SciPy is not a dependency."""

from __future__ import annotations

import math

import numpy as np

_POINTS = 2_001


def two_sided(t: float, freedom: float) -> float:
    """P(|T| >= |t|) for `freedom` > 0 degrees of freedom, 0..1; accurate to about 1e-9.

    With T = sqrt(freedom) * tan(angle) the density is a power of a cosine on a finite range, which
    Simpson's rule integrates.
    """
    if freedom <= 0:
        raise ValueError(f"degrees of freedom must be above 0, got {freedom}")
    freedom = min(freedom, 2_000.0)  # beyond that the peak is too narrow for the points, and it is normal
    angle = math.atan(abs(t) / math.sqrt(freedom))
    angles = np.linspace(angle, math.pi / 2, _POINTS)
    heights = np.cos(np.minimum(angles, math.pi / 2)).clip(0.0) ** (freedom - 1)
    weights = np.ones(_POINTS)
    weights[1:-1:2], weights[2:-1:2] = 4.0, 2.0
    area = float(weights @ heights) * (math.pi / 2 - angle) / (_POINTS - 1) / 3
    log_beta = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - math.lgamma(0.5)
    return min(1.0, 2 * area * math.exp(log_beta))


def critical_value(level: float, freedom: float) -> float:
    """The t that |T| exceeds with probability 1 - `level`; `level` in (0, 1)."""
    low, high = 0.0, 1.0
    while two_sided(high, freedom) > 1 - level:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if two_sided(middle, freedom) > 1 - level else (low, middle)
    return (low + high) / 2
