"""When to give up a trial. Optuna's pruners do not support two objectives, so the rule is our own."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple


class TrialPoint(NamedTuple):
    """A trial after one step.

    Attributes:
        step: 0 for the starting methods.
        calls: Distinct LM calls of the trial so far, whether paid or answered from the store.
        rate: Failure rate of the method in force on the trial's dev rows, 0..1.
    """

    step: int
    calls: int
    rate: float


Curve = Sequence[TrialPoint]


def rate_reached(curve: Curve, calls: int) -> float | None:
    """The rate that a trial had reached within `calls`; None if it had finished no step by then."""
    reached = [point.rate for point in curve if point.calls <= calls]
    return reached[-1] if reached else None


def falls_behind(curve: Curve, earlier: Sequence[Curve], least: int = 4) -> bool:
    """The median stopping rule (Golovin et al., *Google Vizier*, 2017) at equal cost.

    A trial falls behind if its rate is above the median of what earlier trials had reached with the same
    number of calls. The rule uses calls instead of steps because calls are the second objective: a step
    with m = 9 costs nine times as much as one with m = 1, and at equal steps every cheap configuration
    would be given up. A trial that ended earlier counts with its last rate.

    Args:
        curve: The trial so far; it is not judged at step 0, before anything was optimised.
        earlier: Curves of earlier trials.
        least: How many of them must have a rate at this cost; 4, so that the median means something.
    """
    if not curve or curve[-1].step == 0:
        return False
    reached = [rate for other in earlier if (rate := rate_reached(other, curve[-1].calls)) is not None]
    return len(reached) >= least and curve[-1].rate > median(reached)
