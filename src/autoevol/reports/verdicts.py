"""Differences between methods in words: the one place that makes them, for terminal, page and Markdown.

Nothing is called better or worse that its paired interval does not show: where it holds 0, and where
too few rows differ for the exact test, a method is not shown to be better. Differences of shares are
told in points, since per cent of per cent can be read in two ways.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from autoevol.metrics.objectives import OBJECTIVES, FailureRateObjective, UsableYield
from autoevol.metrics.paired import Counted, PairedTest
from autoevol.reports.rates import FAILURE_RATE, USABLE_YIELD, RateReport


class Shown(StrEnum):
    """What a paired comparison shows of the second method."""

    BETTER = "better"
    WORSE = "worse"
    NOT = "not shown to be better"


@dataclass(frozen=True, slots=True)
class _Wording:
    """How the figure of an objective is told: in points of what, and which way is up."""

    more: str
    less: str
    points: bool = True


_WORDINGS = {
    FailureRateObjective.name: _Wording("more failures", "fewer failures"),
    UsableYield.name: _Wording("more usable rows", "fewer usable rows"),
}
_UNUSABLE = _Wording("more unusable rows", "fewer unusable rows")


def counted_by(objective: str) -> Counted:
    """What is compared under an objective: with points, the gain of a row that is not usable is 0."""
    return "failures" if objective == FAILURE_RATE else "losses"


def shown_by(change: PairedTest | None) -> Shown:
    """What `change` shows of the second method; losses count, so lower is better."""
    if change is None or doubt(change):
        return Shown.NOT
    return Shown.BETTER if change.difference < 0 else Shown.WORSE


def doubt(change: PairedTest) -> str:
    """Why `change` shows no difference, as the end of a sentence; "" where it shows one.

    A bootstrap interval of few rows is too narrow, so of single failures the exact test must agree.
    """
    if change.low <= 0 <= change.high:
        return "holds 0"
    if change.test == "McNemar" and change.p_value is not None and change.p_value > 0.05:
        rows = "" if change.discordant is None else f" on {change.discordant} rows that differ"
        return f"leaves out 0, but the exact test{rows} does not (p = {change.p_value:.2f})"
    return ""


def amount(change: PairedTest, objective: str = FAILURE_RATE) -> str:
    """`48 points fewer failures`, `0.06 more gain`."""
    wording, value = _wording(change, objective), _figure(change, objective)[0]
    if not value:
        return "no difference"
    size = f"{points(abs(value))} points" if wording.points else f"{abs(value):.2f}"
    return f"{size} {wording.more if value > 0 else wording.less}"


def interval(change: PairedTest, objective: str = FAILURE_RATE) -> str:
    """`-69 to -24 points`: the 95 % interval of what `amount` tells."""
    _, low, high = _figure(change, objective)
    if _wording(change, objective).points:
        return f"{points(low, signed=True)} to {points(high, signed=True)} points"
    return f"{low:+.2f} to {high:+.2f}"


def difference(
    change: PairedTest | None,
    objective: str = FAILURE_RATE,
    undecided: Literal["not shown to differ", "tied"] = "not shown to differ",
) -> str:
    """`48 points fewer failures (-69 to -24 points): better`, also where there was nothing to compare."""
    if change is None:
        return "not compared"
    found = shown_by(change)
    word = undecided if found is Shown.NOT else found.value
    return f"{amount(change, objective)} ({interval(change, objective)}): {word}"


def against(change: PairedTest | None, corrected: PairedTest | None, objective: str = FAILURE_RATE) -> str:
    """One of several methods beside the first: by the corrected test if there is one, else by `change`."""
    if corrected is None:
        return difference(change, objective)
    return difference(corrected, objective, "tied")


def is_tied(corrected: PairedTest | None) -> bool | None:
    """Whether the corrected test does not tell a method from the first; None without one."""
    return None if corrected is None else shown_by(corrected) is Shown.NOT


def holdout_verdict(
    before: RateReport, after: RateReport, change: PairedTest | None, objective: str = FAILURE_RATE
) -> str:
    """What a holdout says of the second method beside the first, in one sentence."""
    counted = f"{_count(before, objective)} before, {_count(after, objective, short=True)} after"
    if change is None:
        return f"Not shown to be better: no holdout row was scored under both methods ({counted})."
    moved, span, found = amount(change, objective), interval(change, objective), shown_by(change)
    if found is not Shown.NOT:
        said = f"{found.value.capitalize()} on the holdout"
        return f"{said}: {moved} ({counted}; paired 95 % interval {span})."
    held = f"the paired 95 % interval, {span}, {doubt(change)}"
    return f"Not shown to be better: {moved} on the holdout ({counted}); {held}."


def points(share: float, *, signed: bool = False) -> str:
    """A difference of shares in points: whole from 10 on, with a decimal below; never 0 for what is not."""
    value = 100 * share
    size = abs(value)
    digits = f"{size:.0f}" if size >= 9.95 else f"{size:.1f}" if size >= 0.1 else f"{size:.1g}"
    if size < 9.95:
        digits = digits.removesuffix(".0")
    if not size:
        return "0"
    return f"{'-' if value < 0 else '+' if signed else ''}{digits}"


def _wording(change: PairedTest, objective: str) -> _Wording:
    if change.counted == "failures" and objective != FAILURE_RATE:
        return _UNUSABLE  # files of versions that compared nothing else
    known = OBJECTIVES.get(objective)
    label = known.label if known else objective
    return _WORDINGS.get(objective) or _Wording(f"more {label}", f"less {label}", points=False)


def _figure(change: PairedTest, objective: str) -> tuple[float, float, float]:
    """Difference and interval of the objective's figure, of which a loss is the rest to 1."""
    loss = (change.difference, change.low, change.high)
    if objective == FAILURE_RATE or change.counted == "failures":
        return loss
    return (-loss[0] + 0.0, -loss[2] + 0.0, -loss[1] + 0.0)


def _count(rate: RateReport, objective: str, *, short: bool = False) -> str:
    scored = rate.failed + rate.passed
    if objective in (FAILURE_RATE, USABLE_YIELD):
        rows, word = (rate.failed, "failed") if objective == FAILURE_RATE else (rate.passed, "usable")
        return f"{rows} of {scored}" + ("" if short else f" rows {word}")
    value = rate.value(objective)
    return "not scored" if value is None else f"{'' if short else 'mean '}{value:.2f}"
