"""What a failure detector is. Every detector in this folder follows this contract."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol, runtime_checkable

from autoevol.core.records import FailureKind, Outcome, Trajectory, Verdict


@runtime_checkable
class Detector(Protocol):
    """Decides whether one trajectory failed.

    Attributes:
        name: Short and unique; printed in reports and calibration tables.
        kinds: The failure kinds that it is able to see.
        calls: LM calls that one decision costs, 0 for a text detector.

    `judge` is a pure function of the trajectory for text detectors. It never raises for
    odd text: worst input is a case to be judged, not an error.
    """

    name: str
    kinds: frozenset[FailureKind]
    calls: int

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Judge one finished trajectory."""
        ...


@runtime_checkable
class AsyncDetector(Detector, Protocol):
    """A detector whose decision takes LM calls, and which can wait for them without blocking.

    The LM arrives by `dspy.context` or settings only. An LM call that fails for good gives
    an unscored verdict, never a failure: the network says nothing about a method.
    """

    async def ajudge(self, trajectory: Trajectory) -> Verdict:
        """Judge one finished trajectory; the same verdict as `judge`."""
        ...


class Metric(Protocol):
    """What the loop needs of a metric (`metrics.FailureMetric` is one)."""

    async def ajudge(self, trajectory: Trajectory) -> Verdict:
        """Decide on one trajectory."""
        ...


@lru_cache(maxsize=256)
def passed(detector: str) -> Verdict:
    """The verdict of a detector that has nothing to say against a trajectory."""
    return Verdict(Outcome.PASSED, detector=detector)


def failed(detector: str, kind: FailureKind, reason: str, *more: FailureKind) -> Verdict:
    """A failure of `kind` (and `more`, less severe), with what was seen."""
    return Verdict(Outcome.FAILED, (kind, *more), reason, detector)


UNREADABLE_VERDICT = "cannot be read"
"""In the reason of a verdict that was given but says nothing: of the same pair it would be given again."""


def unscored(detector: str, reason: str) -> Verdict:
    """No decision: an LM call that the decision needs has failed, or its reply cannot be read."""
    return Verdict(Outcome.UNSCORED, reason=reason, detector=detector)
