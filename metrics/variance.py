"""Where the differences between outcomes come from: methods, rows, both together, or sampling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autoevol.core.schema import Record


@dataclass(frozen=True, slots=True)
class Variances(Record):
    """Parts of the variance of single outcomes, each >= 0; an estimate below 0 counts as 0.

    Attributes:
        methods: Between methods, over all rows.
        rows: Between rows, over all methods: some rows are harder.
        together: Of rows that are harder under one method than under another.
        sampling: Between samples of one method on one row; a judge that wavers is in it.
    """

    methods: float
    rows: float
    together: float
    sampling: float


def decompose(losses: np.ndarray) -> Variances:
    """Variance components of a crossed design with repeats, by the method of moments (Searle et al., 1992).

    Args:
        losses: Shape (methods, rows, samples), each at least 2, values in 0..1.

    Raises:
        ValueError: If the shape is another.
    """
    if losses.ndim != 3 or min(losses.shape) < 2:
        raise ValueError(f"methods, rows and samples must each be at least 2, got {losses.shape}")
    methods, rows, samples = losses.shape
    cells = losses.mean(axis=2)
    by_method, by_row = cells.mean(axis=1), cells.mean(axis=0)
    rest = cells - by_method[:, None] - by_row[None, :] + cells.mean()
    within = float(losses.var(axis=2, ddof=1).mean())
    crossed = float(samples * (rest**2).sum() / ((methods - 1) * (rows - 1)))
    between = float(rows * samples * by_method.var(ddof=1))
    across = float(methods * samples * by_row.var(ddof=1))
    return Variances(
        methods=max(0.0, (between - crossed) / (rows * samples)),
        rows=max(0.0, (across - crossed) / (methods * samples)),
        together=max(0.0, (crossed - within) / samples),
        sampling=within,
    )
