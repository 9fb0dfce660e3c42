"""What the report of a run says of its optimisation stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from autoevol.core.schema import SPARSE, Record
from autoevol.metrics.paired import PairedTest
from autoevol.optimization.compiling import Optimized, steps_made
from autoevol.optimization.first_look import FirstLook
from autoevol.reports.rates import FAILURE_RATE, MethodRef, RateReport, StepReport
from autoevol.reports.text import TableRows
from autoevol.reports.verdicts import counted_by, holdout_verdict


@dataclass(frozen=True)
class OptimizationReport(Record):
    """What the optimisation stage found.

    Attributes:
        before: The first starting method.
        chosen: The method in force at the end.
        chosen_at_step: Step at which it came into force; 0 for a starting method.
        steps: Steps made, step 0 not counted.
        stopped: steps, patience, solved, budget or share (of it); without a step `not worth it`, `no full
            step` (within the share) or `never`.
        split: Rows by part: train, dev, reserve, holdout.
        dev_curve: All steps.
        holdout_before: `before` on the holdout; None where the budget did not reach that far.
        holdout_after: `chosen` on the same rows.
        change: The second rate against the first; None where no row was scored for both.
        objective: What was optimised.
        look: What was seen before the first step; None where no look was taken.
    """

    before: MethodRef
    chosen: MethodRef
    chosen_at_step: int
    steps: int
    stopped: str
    split: Mapping[str, int]
    dev_curve: tuple[StepReport, ...]
    holdout_before: RateReport | None
    holdout_after: RateReport | None
    change: PairedTest | None = None
    objective: str = field(default=FAILURE_RATE, metadata=SPARSE)
    look: FirstLook | None = field(default=None, metadata=SPARSE)

    @classmethod
    def of(cls, optimized: Optimized, objective: str = FAILURE_RATE) -> OptimizationReport:
        """The report of what a loop has found."""
        before, after = optimized.holdout
        return cls(
            before=MethodRef.of(optimized.before),
            chosen=MethodRef.of(optimized.chosen),
            chosen_at_step=next((step.number for step in reversed(optimized.steps) if step.improved), 0),
            steps=steps_made(optimized.steps),
            stopped=optimized.stopped,
            split=optimized.split,
            dev_curve=tuple(StepReport.of(step) for step in optimized.steps),
            holdout_before=RateReport.maybe(before),
            holdout_after=RateReport.maybe(after),
            change=PairedTest.of_scores(before, after, counted_by(objective)),
            objective=objective,
            look=optimized.look,
        )

    @property
    def verdict(self) -> str:
        """What the holdout says about the chosen method, in one sentence that claims no more."""
        before, after = self.holdout_before, self.holdout_after
        if self.stopped == "never":
            return "No optimisation was asked for: the first method was used as it is."
        if self.stopped == "no full step":
            return "The optimisation's share of the budget allowed no full step: the first method was used."
        if self.look is not None and not self.look.worth:
            return f"An optimisation was {self.look}. The first method was used as it is."
        if self.before.id == self.chosen.id:
            if self.stopped == "budget":
                return "The budget was reached before a better method was found, so the first one was kept."
            if self.stopped == "share":
                return "Its share of the budget was used up before a better method was found, so it was kept."
            return "No method was better than the first starting method on the dev set, so it was kept."
        scored = [rate for rate in (before, after) if rate and rate.value(self.objective) is not None]
        if len(scored) < 2:
            return "The holdout was not scored, so nothing can be said about the chosen method."
        origin = (
            "a starting method" if self.chosen_at_step == 0 else f"a rewrite of step {self.chosen_at_step}"
        )
        said = holdout_verdict(scored[0], scored[1], self.change, self.objective)
        return f"{said} The method is {origin}."

    def table_rows(self, measure: str) -> TableRows:
        """(label, value) rows; `measure` says which detector decided, and how good it is known to be."""
        if self.stopped in ("never", "not worth it", "no full step"):
            return [("verdict", self.verdict), ("method", self.before.name), ("measured by", measure)]
        scores = (("before", self.holdout_before, self.before), ("after", self.holdout_after, self.chosen))
        told = (
            (when, f"{rate.named(self.objective) if rate else 'not reached'}; method {method.name}")
            for when, rate, method in scores
        )
        return [
            ("verdict", self.verdict),
            *((f"holdout {when}", rate) for when, rate in told),
            ("measured by", measure),
            ("steps", f"{self.steps}; {_ENDINGS.get(self.stopped, self.stopped)}"),
        ]


_ENDINGS = {
    "steps": "all that were asked for",
    "patience": "ended early, since no step found a better method any more",
    "solved": "ended early, since no dev row failed any more",
    "budget": "ended by the budget",
    "share": "ended by its share of the budget",
}
