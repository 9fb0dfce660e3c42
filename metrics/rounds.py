"""A detector asked after every round, as WizardLM eliminates evolutions (arXiv:2304.12244)."""

from __future__ import annotations

from dataclasses import replace

from autoevol.core.records import FailureKind, Outcome, Trajectory, Verdict
from autoevol.metrics.base import AsyncDetector, Detector


class EveryRound:
    """Judges each stage as if it were the last; the first round that does not pass decides.

    A response belongs to the last round only. Where WizardLM puts what was eliminated back to
    be evolved another way in the next round, here the row fails: a trajectory is a record.

    Args:
        detector: Asked once a round, so it costs `detector.calls` each time.
    """

    def __init__(self, detector: Detector) -> None:
        self.name = detector.name
        self.kinds: frozenset[FailureKind] = detector.kinds
        self.calls = detector.calls
        self.detector = detector

    def judge(self, trajectory: Trajectory) -> Verdict:
        """The verdict on the first round that does not pass, else on the last."""
        *earlier, whole = after_each_round(trajectory)
        for number, part in enumerate(earlier, start=1):
            verdict = self.detector.judge(part)
            if verdict.outcome is not Outcome.PASSED:
                return _of_round(verdict, number)
        verdict = self.detector.judge(whole)
        return _of_round(verdict, len(earlier) + 1) if earlier else verdict

    async def ajudge(self, trajectory: Trajectory) -> Verdict:
        """As `judge`, without blocking the event loop."""
        if not isinstance(self.detector, AsyncDetector):
            return self.judge(trajectory)
        *earlier, whole = after_each_round(trajectory)
        for number, part in enumerate(earlier, start=1):
            verdict = await self.detector.ajudge(part)
            if verdict.outcome is not Outcome.PASSED:
                return _of_round(verdict, number)
        verdict = await self.detector.ajudge(whole)
        return _of_round(verdict, len(earlier) + 1) if earlier else verdict


def after_each_round(trajectory: Trajectory) -> list[Trajectory]:
    """The trajectory as it stood after round 1, 2, ...; the last one is the whole."""
    steps = trajectory.evolutions
    unanswered = replace(trajectory, response=None, response_finish_reason=None)
    return [*(replace(unanswered, evolutions=steps[:number]) for number in range(1, len(steps))), trajectory]


def _of_round(verdict: Verdict, number: int) -> Verdict:
    if verdict.outcome is Outcome.PASSED:
        return verdict
    return Verdict(verdict.outcome, verdict.kinds, f"Round {number}: {verdict.reason}", verdict.detector)
