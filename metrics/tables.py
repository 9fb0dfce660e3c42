"""Calibrations as text tables of 80 columns or fewer."""

from __future__ import annotations

import math
from collections.abc import Sequence

from autoevol.core.layout import WIDTH, Column, grid_table, wrapped
from autoevol.metrics.calibration import FATAL, USABLE, Calibration, Confusion
from autoevol.metrics.intervals import Interval

_COLUMNS = (
    Column(""),
    *(Column(name, right=True, spare=3) for name in ("tp", "fp", "fn", "tn")),
    Column("recall   95 %", right=True),
    Column("precision 95 %", right=True, spare=1),
    Column("false", right=True),
    Column("MCC", right=True, spare=4),
    Column("kappa", right=True, spare=2),
)
_PARTS = (
    Column("detector"),
    Column("pairs"),
    Column("n", right=True, spare=1),
    *(Column(name, right=True) for name in ("found", "false", "thrown", "through")),
)


def render_table(calibrations: Sequence[Calibration], width: int = WIDTH) -> str:
    """One block a detector, one line a question; the raters' kappa in the last column. Then the parts.

    "false" are false alarms among the negatives. "-" stands for what is not defined (no positives,
    nothing found, one rater). Of a detector that was measured several times the spread is told after its
    first block.
    """
    blocks: list[str] = []
    for name in dict.fromkeys(found.detector for found in calibrations):
        calibration, *again = (found for found in calibrations if found.detector == name)
        rows = [
            _row(question, counts, calibration.agreement.get(question, math.nan))
            for question, counts in calibration.confusions.items()
        ]
        lines = grid_table(_COLUMNS, rows, width, gap=1)
        unscored = f", {calibration.unscored} unscored" if calibration.unscored else ""
        title = f"{calibration.detector} ({calibration.pairs} pairs{unscored}): {calibration.sentence()}"
        # The proxy is of the pairs, not of the detector: it is told once.
        fit = calibration.gain.sentence() if calibration.gain else ""
        notes = [fit] if fit and not any(fit in block for block in blocks) else []
        if calibration.unanimous is not None:
            notes.append(f"the samples agree on the severity of {calibration.unanimous:.0%} of the pairs")
        notes += _spread([calibration, *again])
        notes += (
            f"on the whole run ({worth.whole:.0f} pairs): {worth.prevalence} are {question}; "
            f"recall {worth.recall}, precision {worth.precision}, false alarms {worth.false_alarms}"
            for question, worth in calibration.worth.items()
        )
        told = (line for note in notes for line in wrapped(note, width))
        blocks.append("\n".join((*wrapped(title, width), *lines, *told)))
    return "\n\n".join([*blocks, *_parts(calibrations, width)])


def _parts(calibrations: Sequence[Calibration], width: int) -> list[str]:
    """One line for each detector on each part: what it finds, and what that costs."""
    rows: list[tuple[str, ...]] = []
    for found in (part for whole in calibrations for part in whole.parts):
        fatal, usable = (found.confusions.get(name, Confusion()) for name in (FATAL, USABLE))
        rows.append(
            (
                found.detector,
                found.part,
                str(found.pairs),
                f"{fatal.tp}/{fatal.tp + fatal.fn}",
                f"{fatal.fp}/{fatal.fp + fatal.tn}",
                f"{usable.fn}/{usable.tp + usable.fn}",
                f"{usable.fp}/{usable.fp + usable.tn}",
            )
        )
    if not rows:
        return []
    told = (
        "by domain and strength of the evol LM: broken pairs found, false alarms, usable pairs thrown away, "
        "unusable ones let through"
    )
    return ["\n".join((*wrapped(told, width), *grid_table(_PARTS, rows, width, gap=1)))]


def _spread(times: Sequence[Calibration]) -> list[str]:
    """The lowest and the highest figure of several measurements, one line a question."""
    if len(times) < 2:
        return []
    lines: list[str] = [f"over {len(times)} measurements, lowest to highest:"]
    for question in (FATAL, USABLE):
        counts = [found.confusions[question] for found in times]
        told = (
            f"{name} {_ends([getattr(count, figure) for count in counts])}"
            for name, figure in (("recall", "recall"), ("false alarms", "false_alarms"))
        )
        lines.append(f"  {question}: {', '.join(told)}")
    return lines


def _ends(values: Sequence[float]) -> str:
    known = [value for value in values if not math.isnan(value)]
    return f"{min(known):.2f}-{max(known):.2f}" if known else "-"


def _row(question: str, counts: Confusion, agreement: float) -> tuple[str, ...]:
    return (
        question,
        *(str(number) for number in (counts.tp, counts.fp, counts.fn, counts.tn)),
        _span(counts.recall_interval, counts.recall),
        _span(counts.precision_interval, counts.precision),
        _number(counts.false_alarms),
        _number(counts.mcc),
        _number(agreement),
    )


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _span(interval: Interval, value: float) -> str:
    """The figure with its 95 % interval."""
    return "-" if math.isnan(value) else f"{value:.2f} {interval.low:.2f}-{interval.high:.2f}"
