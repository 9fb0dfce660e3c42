"""Calibrations as text tables of 80 columns."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from autoevol.metrics.calibration import FATAL, USABLE, Calibration, Confusion
from autoevol.metrics.intervals import Interval

_WIDTH = 80
_HEAD = ("", "tp", "fp", "fn", "tn", "recall   95 %", "precision 95 %", "false", "MCC", "kappa")


def render_table(calibrations: Sequence[Calibration]) -> str:
    """One block a detector, one line a question; the raters' kappa in the last column. Then the parts.

    "false" are false alarms among the negatives. "-" stands for what is not defined (no positives,
    nothing found, one rater). Of a detector that was measured several times the spread is told after its
    first block.
    """
    blocks: list[str] = []
    for name in dict.fromkeys(found.detector for found in calibrations):
        calibration, *again = (found for found in calibrations if found.detector == name)
        rows: list[tuple[str, ...]] = [_HEAD]
        for question, counts in calibration.confusions.items():
            rows.append(_row(question, counts, calibration.agreement.get(question, math.nan)))
        lines = _aligned(rows)
        unscored = f", {calibration.unscored} unscored" if calibration.unscored else ""
        title = _wrapped(
            f"{calibration.detector} ({calibration.pairs} pairs{unscored}): {calibration.sentence()}"
        )
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
        blocks.append("\n".join((title, *lines, *map(_wrapped, notes))))
    return "\n\n".join([*blocks, *_parts(calibrations)])


def _parts(calibrations: Sequence[Calibration]) -> list[str]:
    """One line for each detector on each part: what it finds, and what that costs."""
    rows = [("detector", "pairs", "n", "found", "false", "thrown", "through")]
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
    if len(rows) == 1:
        return []
    told = (
        "by domain and strength of the evol LM: broken pairs found, false alarms, usable pairs thrown away, "
        "unusable ones let through"
    )
    return ["\n".join((_wrapped(told), *_aligned(rows, texts=2)))]


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


def _aligned(rows: Sequence[tuple[str, ...]], texts: int = 1) -> list[str]:
    """Lines of equal columns; the first `texts` columns stand at the left."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        " ".join(
            cell.ljust(width) if column < texts else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


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


def _wrapped(text: str) -> str:
    return textwrap.fill(text, _WIDTH, break_on_hyphens=False)
