"""Calibrations as a text table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from autoevol.metrics.calibration import Calibration, Confusion
from autoevol.metrics.intervals import Interval

_HEAD = (
    "",
    "n",
    "tp",
    "fp",
    "fn",
    "tn",
    "recall",
    "95 %",
    "precision",
    "95 %",
    "false al.",
    "F1",
    "MCC",
    "raters",
)


def render_table(calibrations: Sequence[Calibration]) -> str:
    """One block a detector, one line a question; the raters' kappa in the last column.

    "-" stands for what is not defined (no positives, nothing found, one rater).
    """
    blocks: list[str] = []
    for calibration in calibrations:
        rows: list[tuple[str, ...]] = [_HEAD]
        for question, counts in calibration.confusions.items():
            rows.append(_row(question, counts, calibration.agreement.get(question, math.nan)))
        widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
        lines = [
            "  ".join(
                cell.ljust(width) if column == 0 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        unscored = f", {calibration.unscored} unscored" if calibration.unscored else ""
        blocks.append(
            f"{calibration.detector} ({calibration.pairs} pairs{unscored}): {calibration.sentence()}\n"
            + "\n".join(lines)
        )
    return "\n\n".join(blocks)


def _row(question: str, counts: Confusion, agreement: float) -> tuple[str, ...]:
    return (
        question,
        *(str(number) for number in (counts.total, counts.tp, counts.fp, counts.fn, counts.tn)),
        _number(counts.recall),
        _span(counts.recall_interval, counts.recall),
        _number(counts.precision),
        _span(counts.precision_interval, counts.precision),
        _number(counts.false_alarms),
        _number(counts.f1),
        _number(counts.mcc),
        _number(agreement),
    )


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _span(interval: Interval, value: float) -> str:
    return "-" if math.isnan(value) else f"{interval.low:.2f}-{interval.high:.2f}"
