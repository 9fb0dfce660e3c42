"""The win rate that two models would have if their answers were equally long.

The model of length-controlled AlpacaEval (Dubois et al., arXiv:2404.04475): a logistic regression of
the verdict on tanh of the difference in length in units of its standard deviation, read off where that
difference is 0. Its term for the difficulty of an instruction is estimated over a whole leaderboard and is
left out here, where there are two models. Instead of its L1 penalty with cross-validation, each
coefficient has a weak normal prior, of standard deviation 5: a judge that looks at length alone separates the
verdicts, and a fit without a penalty has then no end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoevol.core.schema import Record
from autoevol.metrics.paired import PointEstimate

_RESAMPLES = 2_000
_MOST_WEIGHTS = 8_000_000
_STEPS = 50
_PRIOR = 1 / 5.0**2

_Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LengthControl(Record):
    """What the verdicts owe to length.

    Attributes:
        win_rate: Of A at equal length, 0..1, with the 95 % percentile bootstrap interval over questions.
        slope: Log odds for A that go with a tanh of 1 more in length; 0 where length says nothing.
        longer: Share of the verdicts that are no ties, between answers of different length, that favour
            the longer answer, 0..1; None where there is none.
    """

    win_rate: PointEstimate
    slope: float
    longer: float | None


def control_length(points: Sequence[float], excess: Sequence[int]) -> LengthControl | None:
    """Fit the regression, and resample the questions for the interval.

    Args:
        points: What A got for each question: 1, 0, or 0.5 for a tie.
        excess: How many characters A's answer is longer than B's.

    Returns:
        None where nothing is scored.

    Raises:
        ValueError: If the lengths differ.
    """
    if len(points) != len(excess):
        raise ValueError(f"need equally long lists, got {len(points)} and {len(excess)}")
    if not points:
        return None
    y, gap = np.asarray(points, float), np.asarray(excess, float)
    spread = float(gap.std())
    design = np.column_stack([np.ones_like(y), np.tanh(gap / spread) if spread else np.zeros_like(y)])
    weights = np.ones((1, len(y)))
    # With tens of thousands of questions fewer resamples tell as much, in bounded memory.
    resamples = max(200, min(_RESAMPLES, _MOST_WEIGHTS // len(y)))
    drawn = np.random.default_rng(0).multinomial(len(y), np.full(len(y), 1 / len(y)), resamples)
    at_equal = _logistic(fit_logistic(design, y, drawn.astype(float))[:, 0])
    low, high = np.quantile(at_equal, [0.025, 0.975])
    intercept, slope = fit_logistic(design, y, weights)[0]
    rate = PointEstimate(float(_logistic(intercept)), float(low), float(high))
    told = (y != 0.5) & (gap != 0)
    longer = float(np.mean((y[told] == 1) == (gap[told] > 0))) if told.any() else None
    return LengthControl(rate, float(slope), longer)


def fit_logistic(design: _Array, y: _Array, weights: _Array) -> _Array:
    """Penalised logistic regressions by Newton's method, one for each line of weights.

    Args:
        design: (n, k), the same for all.
        y: (n,), in 0..1.
        weights: (m, n), how often each case counts in each fit, >= 0.

    Returns:
        (m, k) coefficients: the maximum of likelihood times the prior.
    """
    beta = np.zeros((len(weights), design.shape[1]))
    ridge = _PRIOR * np.eye(design.shape[1])
    for _ in range(_STEPS):
        p = _logistic(beta @ design.T)
        gradient = (weights * (y - p)) @ design - _PRIOR * beta
        curve = np.einsum("mn,ni,nj->mij", weights * p * (1 - p), design, design) + ridge
        step = np.linalg.solve(curve, gradient[..., None])[..., 0]
        # A long step is shortened, or it may overshoot where p is near 0 or 1 and the curve is flat.
        step /= np.maximum(1.0, np.abs(step).max(axis=1, keepdims=True) / 2)
        beta += step
        if np.abs(step).max() < 1e-9:
            break
    return beta


def _logistic(x: _Array) -> _Array:
    return np.exp(-np.logaddexp(0, -x))
