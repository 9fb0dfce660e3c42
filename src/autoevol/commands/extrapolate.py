"""From a sample of rows to the cost of all of them, with intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from autoevol.commands.planned import Stage

FIELDS = ("calls", "input_tokens", "output_tokens", "usd", "seconds")
REPLICATES = 2000


@dataclass(frozen=True)
class Projection:
    """An estimate with the bounds of a 95 % bootstrap interval."""

    low: float
    mid: float
    high: float

    def __str__(self) -> str:
        """`1,234 [300, 2,900]`."""
        return f"{self.mid:,.0f} [{self.low:,.0f}, {self.high:,.0f}]"


def cost_of(
    stage: Stage, rows: np.ndarray, tries: np.ndarray, concurrency: int, chance: np.random.Generator
) -> np.ndarray:
    """The cost of a stage, drawn `REPLICATES` times.

    Args:
        stage: Of the plan.
        rows: (sampled rows, fields): the cost of each row, its calls one after the other.
        tries: (sampled chains, fields): the same for an analysis with its rewrite.
        concurrency: Calls under way at once.
        chance: Source of the draws.

    Returns:
        (replicates, fields); the seconds are wall-clock time.
    """
    row_means, row_noise = resampled(rows, chance)
    chain_means, chain_noise = resampled(tries, chance)
    total = sum_of(sum(stage.rows), row_means, row_noise) + sum_of(
        sum(stage.chains), chain_means, chain_noise
    )
    waves = sum(max(1.0, size / concurrency) for size in stage.rows if size)
    chain_waves = sum(math.ceil(size / concurrency) for size in stage.chains)
    total[:, -1] = waves * row_means[:, -1] + chain_waves * chain_means[:, -1]
    total[:, 0] = np.minimum(total[:, 0], sum(stage.calls.values()))
    return np.maximum(total, 0.0)


def resampled(sample: np.ndarray, chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Means of resamples, (replicates, fields), and for each a normal deviation of one further unit."""
    if not len(sample):
        nothing = np.zeros((REPLICATES, len(FIELDS)))
        return nothing, nothing
    drawn = sample[chance.integers(len(sample), size=(REPLICATES, len(sample)))]
    mean, wider = sample.mean(axis=0), _widening(len(sample))
    means = mean + wider * (drawn.mean(axis=1) - mean)
    return means, wider * drawn.std(axis=1) * chance.standard_normal((REPLICATES, 1))


def _widening(size: int) -> float:
    """The factor by which the bootstrap interval of a small sample is too narrow, for normal data.

    Student's 97.5 % quantile over the normal one (Cornish-Fisher), times sqrt(n / (n - 1)). A sample of
    one says nothing about variation, so its interval has no width.
    """
    if size < 2:
        return 1.0
    z, free = 1.96, size - 1
    student = z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
    return student / z * math.sqrt(size / free)


def sum_of(count: int | np.ndarray, means: np.ndarray, deviations: np.ndarray) -> np.ndarray:
    """Sums over `count` units, one number for all replicates or one for each."""
    counts = np.reshape(count, (-1, 1))
    return counts * means + np.sqrt(counts) * deviations


def intervals(drawn: np.ndarray, priced: bool, tail: float = 0.025) -> dict[str, Projection | None]:
    """The 95 % interval of each field; None for money without prices.

    Args:
        drawn: (replicates, fields).
        priced: Whether money is known.
        tail: Share of the replicates on either side of the interval.
    """
    low, mid, high = np.quantile(drawn, [tail, 0.5, 1 - tail], axis=0)
    found: dict[str, Projection | None] = {
        name: Projection(float(low[i]), float(mid[i]), float(high[i])) for i, name in enumerate(FIELDS)
    }
    return found if priced else {**found, "usd": None}
