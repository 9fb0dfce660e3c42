"""The evolution failure rate, also as a DSPy metric."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import dspy

from autoevol.core.records import FailureKind, Outcome, Trajectory, Verdict
from autoevol.metrics.base import AsyncDetector, Detector
from autoevol.metrics.domains import domain_of, main_domain
from autoevol.metrics.ensemble import default_text_ensemble
from autoevol.metrics.intervals import Interval, wilson
from autoevol.metrics.objectives import FailureRateObjective, Objective, Scored


@dataclass(frozen=True, slots=True)
class FailureRate:
    """Failures among scored cases (the paper's lambda, equation 2), with the number of unscored ones.

    The paper divides by the size of the dev set, whatever happened to a call. A case that the
    network lost says nothing about the method, so it is counted separately here.
    """

    failed: int
    passed: int
    unscored: int = 0

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> FailureRate:
        """Count outcomes."""
        seen = list(outcomes)
        return cls(*(seen.count(outcome) for outcome in (Outcome.FAILED, Outcome.PASSED, Outcome.UNSCORED)))

    @property
    def scored(self) -> int:
        """Cases with a decision."""
        return self.failed + self.passed

    @property
    def rate(self) -> float | None:
        """Failed share of the scored cases, 0..1; None if nothing was scored."""
        return self.failed / self.scored if self.scored else None

    @property
    def interval(self) -> Interval:
        """95 % Wilson interval of the rate."""
        return wilson(self.failed, self.scored)

    def __str__(self) -> str:
        if self.rate is None:
            return f"not scored (0 of {self.unscored})"
        low, high = self.interval
        lost = f", {self.unscored} not scored" if self.unscored else ""
        return f"{self.rate:.1%} [{low:.1%}, {high:.1%}] ({self.failed}/{self.scored} failed{lost})"


_LOOKED_AT = 200


class FailureMetric:
    """1.0 for an evolution that passes, 0.0 for one that fails, for any DSPy optimizer.

    Args:
        detector: Decides on failure; by default the text ensemble, which needs no LM.
        objective: What counts as success; by default the failure rate.
        by_kind: Return every score as a prediction with `objective_scores`, one per failure kind, from which
            GEPA makes a frontier (`frontier_type="hybrid"`). For GEPA only.

    Called with GEPA's five arguments, it returns a score with feedback if `pred_name` is set, and a plain
    float otherwise: a `dspy.Prediction` is truthy whatever its score, so optimizers that bootstrap demos
    would take every failure for a success.
    """

    def __init__(
        self, detector: Detector | None = None, objective: Objective | None = None, *, by_kind: bool = False
    ) -> None:
        self.detector = detector or default_text_ensemble()
        self.objective = objective or FailureRateObjective()
        self.by_kind = by_kind
        self._domains: Counter[str] = Counter()

    @property
    def domain(self) -> str:
        """The main domain of the rows judged so far, of `metrics.domains`; "" if they are mixed.

        It has no influence on verdicts; it selects the sentence about the detector beside a rate.
        """
        return main_domain(self._domains)

    def judge(self, trajectory: Trajectory) -> Verdict:
        """The verdict under the objective; may block on LM calls if the detector makes any."""
        return self._scored(trajectory, self.detector.judge(trajectory)).verdict

    async def ajudge(self, trajectory: Trajectory) -> Verdict:
        """As `judge`, without blocking the event loop."""
        verdict = await self._detect(trajectory)
        if self.objective.computes:
            return (await asyncio.to_thread(self._scored, trajectory, verdict)).verdict
        return self._scored(trajectory, verdict).verdict

    def __call__(
        self,
        gold: dspy.Example,
        pred: dspy.Prediction | None,
        trace: Any = None,  # noqa: ANN401 (DSPy's own metric contract)
        pred_name: str | None = None,
        pred_trace: Any = None,  # noqa: ANN401
    ) -> float | dspy.Prediction:
        """Score one prediction of `Evolver`; a missing prediction scores 0.0.

        DSPy has no third outcome, so unscored cases get 0.0 as well. AutoEvol uses `ajudge`, which keeps
        them apart.
        """
        trajectory = getattr(pred, "trajectory", None)
        if isinstance(trajectory, Trajectory):
            points, verdict, told = self._scored(trajectory, self.detector.judge(trajectory))
        else:
            points, verdict, told = None, None, "not scored (no evolution: the call failed)."
        if pred_name is None and not self.by_kind:
            return points or 0.0
        kinds = {"objective_scores": kind_scores(None if points is None else verdict)} if self.by_kind else {}
        return dspy.Prediction(score=points or 0.0, feedback=told, **kinds)

    async def _detect(self, trajectory: Trajectory) -> Verdict:
        if isinstance(self.detector, AsyncDetector):
            return await self.detector.ajudge(trajectory)
        return self.detector.judge(trajectory)

    def _scored(self, trajectory: Trajectory, verdict: Verdict) -> Scored:
        if self._domains.total() < _LOOKED_AT:
            self._domains[domain_of(trajectory.seed)] += 1
        points, verdict, told = self.objective.score(trajectory, verdict)
        # Points that the outcome implies are left out: records say nothing twice.
        if points is not None and points != float(verdict.outcome is Outcome.PASSED):
            verdict = replace(verdict, points=points)
        return Scored(points, verdict, told)


def kind_scores(verdict: Verdict | None) -> dict[str, float]:
    """By failure kind: 1.0 if the verdict does not include it; 0.0 for all without a decision."""
    return {kind.value: float(verdict is not None and kind not in verdict.kinds) for kind in FailureKind}
