"""Ranks over seeds, with intervals. Pure functions; a rate is a failure rate, lower is better."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autoevol.reports.comparison import MeanRank

_RESAMPLES = 10_000


def ranks(rates: Sequence[float]) -> list[float]:
    """The rank of each rate, 1 for the lowest; equal rates share the mean of their places."""
    ordered = sorted(rates)
    return [ordered.index(rate) + (ordered.count(rate) + 1) / 2 for rate in rates]


def mean_ranks(table: Sequence[Sequence[float]], seed: int = 0) -> list[MeanRank]:
    """Mean ranks of contestants, in the order of the columns.

    Args:
        table: One row per seed with one rate per contestant; at least one of each.
        seed: Seed of the bootstrap, which draws seeds (rows) with replacement.

    Raises:
        ValueError: If the table is empty or ragged.
    """
    if not table or not table[0] or len({len(line) for line in table}) > 1:
        raise ValueError("need at least one seed, and one rate per contestant for each seed")
    by_seed = np.array([ranks(line) for line in table])
    drawn = np.random.default_rng(seed).integers(0, len(table), (_RESAMPLES, len(table)))
    means = by_seed[drawn].mean(axis=1)
    overall = by_seed.mean(axis=0)
    best = int(overall.argmin())
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    nearest = np.quantile(means - means[:, [best]], 0.025, axis=0)
    shared = [sum(list(line).count(line[column]) > 1 for line in table) for column in range(len(table[0]))]
    return [
        MeanRank(
            mean=float(overall[column]),
            low=float(low[column]),
            high=float(high[column]),
            shared=shared[column],
            behind=float(overall[column] - overall[best]),
            tied=bool(nearest[column] <= 0),
        )
        for column in range(len(overall))
    ]


def rate_at(curve: Sequence[tuple[int, float]], calls: float) -> float:
    """The value of a step curve at `calls`; `curve` ascends and begins at 0 calls."""
    return [rate for start, rate in curve if start <= calls][-1]


def mean_curve(curves: Sequence[Sequence[tuple[int, float]]]) -> list[tuple[int, float]]:
    """The mean of step curves: a point wherever one of them changes.

    Raises:
        ValueError: If there is no curve, or one does not begin at 0 calls.
    """
    if not curves or any(not curve or curve[0][0] != 0 for curve in curves):
        raise ValueError("need at least one curve, and each must begin at 0 calls")
    changes = sorted({calls for curve in curves for calls, _ in curve})
    return [(calls, sum(rate_at(curve, calls) for curve in curves) / len(curves)) for calls in changes]
