"""The evolution failure rate, and its face as a DSPy metric."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import dspy

from autoevol.metrics.base import Detector
from autoevol.metrics.ensemble import default_text_ensemble
from autoevol.metrics.intervals import Interval, wilson
from autoevol.records import Outcome, Trajectory, Verdict


@dataclass(frozen=True, slots=True)
class FailureRate:
    """Failures among scored cases (the paper's lambda, equation 2), with what it leaves out.

    The paper divides by the size of the dev set, whatever happened to a call. A case that the
    network lost says nothing about the method, so here it is counted apart.
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
        """Failed share of the scored cases, 0..1; None where nothing was scored."""
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


class FailureMetric:
    """1.0 for an evolution that passes, 0.0 for one that fails: any DSPy optimizer can climb it.

    Args:
        detector: Decides; by default the text ensemble, which needs no LM.

    Called with the five arguments that GEPA gives, it returns a score with feedback when
    `pred_name` is set, and a plain float otherwise: a `dspy.Prediction` is true whatever its
    score, and optimizers that bootstrap demos would take every failure for a success.
    """

    def __init__(self, detector: Detector | None = None) -> None:
        self.detector = detector or default_text_ensemble()

    def judge(self, trajectory: Trajectory) -> Verdict:
        """The detector's verdict."""
        return self.detector.judge(trajectory)

    def __call__(
        self,
        gold: dspy.Example,
        pred: dspy.Prediction | None,
        trace: Any = None,  # noqa: ANN401 (DSPy's own metric contract)
        pred_name: str | None = None,
        pred_trace: Any = None,  # noqa: ANN401
    ) -> float | dspy.Prediction:
        """Score one prediction of `Evolver`; a missing prediction scores 0.0.

        DSPy has no third outcome: what was *not scored* also counts 0.0 here. AutoEvol uses
        `judge` and keeps the difference.
        """
        trajectory = getattr(pred, "trajectory", None)
        if not isinstance(trajectory, Trajectory):
            verdict = Verdict(Outcome.UNSCORED, reason="no evolution: the call failed")
        else:
            verdict = self.judge(trajectory)
        score = 1.0 if verdict.outcome is Outcome.PASSED else 0.0
        if pred_name is None:
            return score
        return dspy.Prediction(score=score, feedback=feedback(verdict))


def feedback(verdict: Verdict) -> str:
    """What an optimizer should read about one case: the outcome, its kind and what was seen."""
    if verdict.outcome is Outcome.PASSED:
        return "The evolution passed every check."
    if verdict.outcome is Outcome.UNSCORED:
        return f"The evolution could not be judged ({verdict.reason}); draw no conclusion from it."
    kinds = ", ".join(kind.value for kind in verdict.kinds)
    return f"The evolution failed: {kinds}. {verdict.reason}".strip()
