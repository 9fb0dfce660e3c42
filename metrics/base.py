"""The interface of a failure detector, which every detector in this folder implements."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol, runtime_checkable

from autoevol.core.records import FailureKind, Outcome, Trajectory, Verdict


@runtime_checkable
class Detector(Protocol):
    """Decides whether one trajectory failed.

    Attributes:
        name: Short and unique; printed in reports and calibration tables.
        kinds: The failure kinds that it can detect.
        calls: LM calls per decision, 0 for a text detector.

    For text detectors, `judge` is a pure function of the trajectory. It never raises for odd text: any
    input is a case to be judged, not an error.
    """

    name: str
    kinds: frozenset[FailureKind]
    calls: int

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Judge one finished trajectory."""
        ...


@runtime_checkable
class AsyncDetector(Detector, Protocol):
    """A detector that makes LM calls, and can await them without blocking.

    The LM comes from `dspy.context` or the settings only. An LM call that fails for good gives an unscored
    verdict, never a failure: network errors say nothing about a method.
    """

    async def ajudge(self, trajectory: Trajectory) -> Verdict:
        """Judge one finished trajectory; the same verdict as `judge`."""
        ...


class Metric(Protocol):
    """The interface of a metric for the loop, as implemented by `metrics.FailureMetric`."""

    async def ajudge(self, trajectory: Trajectory) -> Verdict:
        """Decide on one trajectory."""
        ...


@lru_cache(maxsize=256)
def passed(detector: str) -> Verdict:
    """The verdict of a detector that finds no failure."""
    return Verdict(Outcome.PASSED, detector=detector)


def failed(detector: str, kind: FailureKind, reason: str, *more: FailureKind) -> Verdict:
    """A failure of `kind` (and `more`, less severe), with the reason."""
    return Verdict(Outcome.FAILED, (kind, *more), reason, detector)


UNREADABLE_VERDICT = "cannot be read"
"""Part of the reason of a verdict without a decision that the same pair would get again."""


def unscored(detector: str, reason: str) -> Verdict:
    """No decision: an LM call failed, or its reply cannot be read."""
    return Verdict(Outcome.UNSCORED, reason=reason, detector=detector)
