"""When a trial is given up. Optuna's pruners refuse studies with two objectives, so the rule is ours."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple


class TrialPoint(NamedTuple):
    """A trial after one step.

    Attributes:
        step: 0 for the starting methods.
        calls: Different LM calls that the trial has asked for so far, answered from the store or not.
        rate: Failure rate of the method in force on the trial's dev rows, 0..1.
    """

    step: int
    calls: int
    rate: float


Curve = Sequence[TrialPoint]


def rate_reached(curve: Curve, calls: int) -> float | None:
    """The rate that a trial had reached for at most `calls`; None if it had no step by then."""
    reached = [point.rate for point in curve if point.calls <= calls]
    return reached[-1] if reached else None


def falls_behind(curve: Curve, earlier: Sequence[Curve], least: int = 4) -> bool:
    """The median stopping rule (Golovin et al., *Google Vizier*, 2017) at equal cost.

    A trial falls behind if its rate is above the median of what earlier trials had reached for
    the same number of calls. Calls stand in for steps because they are the second objective: a
    step with m = 9 costs nine times that with m = 1, and at equal steps every cheap
    configuration would be given up. A trial that ended earlier counts with its last rate.

    Args:
        curve: The trial so far; it is not judged at step 0, where nothing has been optimised.
        earlier: Curves of the trials before it.
        least: Earlier trials that must have a rate at this cost.
    """
    if not curve or curve[-1].step == 0:
        return False
    reached = [rate for other in earlier if (rate := rate_reached(other, curve[-1].calls)) is not None]
    return len(reached) >= least and curve[-1].rate > median(reached)
