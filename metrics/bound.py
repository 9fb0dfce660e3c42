"""An LM detector with its own LM, independent of that of the program under test."""

from __future__ import annotations

import dspy

from autoevol.core.context import as_role
from autoevol.core.records import FailureKind, Trajectory, Verdict
from autoevol.metrics.base import AsyncDetector


class WithLM:
    """Runs `detector` in its own context; its calls are booked as the judge's.

    Args:
        detector: An LM detector, or a cascade that ends in one.
        lm: The judge's model.
    """

    def __init__(self, detector: AsyncDetector, lm: dspy.LM) -> None:
        self.name = detector.name
        self.kinds: frozenset[FailureKind] = detector.kinds
        self.calls = detector.calls
        self._detector = detector
        self._lm = lm

    def judge(self, trajectory: Trajectory) -> Verdict:
        """As `ajudge`, blocking."""
        with dspy.context(lm=self._lm), as_role("judge"):
            return self._detector.judge(trajectory)

    async def ajudge(self, trajectory: Trajectory) -> Verdict:
        """The detector's verdict."""
        with dspy.context(lm=self._lm), as_role("judge"):
            return await self._detector.ajudge(trajectory)
