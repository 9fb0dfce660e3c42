"""The small records that every report is made of: a rate, a step, a method, a measure, what it cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autoevol.config import MetricConfig
from autoevol.core.records import Method, Score, Step
from autoevol.core.schema import SPARSE, Record
from autoevol.lm.recorder import LedgerLine
from autoevol.metrics.catalog import calibration_of
from autoevol.metrics.failure import FailureRate
from autoevol.metrics.intervals import wilson
from autoevol.metrics.labels import strength_of
from autoevol.metrics.objectives import OBJECTIVES, FailureRateObjective, UsableYield

FAILURE_RATE, USABLE_YIELD = FailureRateObjective.name, UsableYield.name


def figure_of(objective: str) -> str:
    """What tables call the figure of an objective; a name of another version stands for itself."""
    known = OBJECTIVES.get(objective)
    return known.label if known else objective


@dataclass(frozen=True, slots=True)
class RateReport(Record):
    """A failure rate with all that it must not be read without.

    Attributes:
        rate: Failed share of the scored rows, 0..1; None where nothing was scored.
        low: Lower end of its 95 % Wilson interval.
        high: Upper end.
        failed: Rows that failed.
        passed: Rows that passed.
        unscored: Rows without a decision, which are in no rate.
        kinds: Failed rows by kind, the most frequent first.
        points: Mean points of the scored rows under the objective, 0..1; None where the outcomes say it all.
    """

    rate: float | None
    low: float
    high: float
    failed: int
    passed: int
    unscored: int
    kinds: Mapping[str, int]
    points: float | None = field(default=None, metadata=SPARSE)

    @classmethod
    def of(cls, score: Score) -> RateReport:
        """What `score` says."""
        rate = FailureRate.of(mark.outcome for mark in score.marks.values())
        kinds = Counter(mark.kind.value for mark in score.marks.values() if mark.kind)
        ordered = dict(sorted(kinds.items(), key=lambda item: (-item[1], item[0])))
        pointed = any(mark.points is not None for mark in score.marks.values())
        counts = (rate.failed, rate.passed, rate.unscored)
        return cls(rate.rate, *rate.interval, *counts, ordered, 1.0 - score.loss if pointed else None)

    @classmethod
    def mean(cls, scores: Sequence[Score]) -> RateReport:
        """The mean of several scores on the same rows, with the interval of one of them.

        Scores share their rows, so they do not add up; counts are means, rounded.
        """
        each = [cls.of(score) for score in scores]
        rates = [one.rate for one in each]
        if len(each) == 1 or None in rates:
            return each[0]
        rate = sum(rate for rate in rates if rate is not None) / len(rates)
        scored = min(one.failed + one.passed for one in each)
        failed = round(rate * scored)
        kinds: Counter[str] = Counter()
        for one in each:
            kinds.update(one.kinds)
        points = [one.points for one in each if one.points is not None]
        return cls(
            rate,
            *wilson(failed, scored),
            failed,
            scored - failed,
            max(one.unscored for one in each),
            {kind: round(count / len(each)) for kind, count in kinds.most_common()},
            sum(points) / len(each) if len(points) == len(each) else None,
        )

    @classmethod
    def maybe(cls, score: Score | None) -> RateReport | None:
        """The same; None for a score that was not reached."""
        return None if score is None else cls.of(score)

    def value(self, objective: str) -> float | None:
        """The figure that `objective` counts, 0..1; None where nothing was scored."""
        if self.rate is None or objective == FAILURE_RATE:
            return self.rate
        return 1.0 - self.rate if self.points is None else self.points

    def told(self, objective: str) -> str:
        """`41.7% [24.5%, 61.2%] (10/24)` of a failure rate, else `gain 0.39, usable 58.3% [..] (14/24)`."""
        value = self.value(objective)
        if value is None or self.rate is None or objective == FAILURE_RATE:
            return str(self)
        gain = f"{figure_of(objective)} {value:.2f}, " if objective != USABLE_YIELD else ""
        lost = f", {self.unscored} not scored" if self.unscored else ""
        share = f"{1 - self.rate:.1%} [{1 - self.high:.1%}, {1 - self.low:.1%}]"
        return f"{gain}usable {share} ({self.passed}/{self.failed + self.passed}{lost})"

    def named(self, objective: str) -> str:
        """The same with the name of the figure, for tables that hold several."""
        return f"{figure_of(objective)} {self}" if objective == FAILURE_RATE else self.told(objective)

    def __str__(self) -> str:
        """`41.7% [24.5%, 61.2%] (10/24)`: the failure rate."""
        if self.rate is None:
            return f"not scored (0 of {self.unscored})"
        lost = f", {self.unscored} not scored" if self.unscored else ""
        total = self.failed + self.passed
        return f"{self.rate:.1%} [{self.low:.1%}, {self.high:.1%}] ({self.failed}/{total}{lost})"


@dataclass(frozen=True, slots=True)
class StepReport(Record):
    """One step of the optimisation, as a line of the dev curve.

    Attributes:
        step: 0 for the starting methods.
        chosen: Id of the method in force after it.
        improved: Whether the method in force changed.
        dev: Failure rate of that method, on the dev rows that the step has scored it on.
        proposed: Rewrites that were proposed.
        usable: Rewrites among them that could be scored.
        note: What the selection rule has to say.
    """

    step: int
    chosen: str
    improved: bool
    dev: RateReport | None
    proposed: int
    usable: int
    note: str

    @classmethod
    def of(cls, step: Step) -> StepReport:
        """One line of the dev curve."""
        scores = {score.method_id: score for score in step.scores}
        return cls(
            step=step.number,
            chosen=step.chosen_id,
            improved=step.improved,
            dev=RateReport.maybe(scores.get(step.chosen_id)),
            proposed=len(step.candidates),
            usable=sum(1 for candidate in step.candidates if candidate.method),
            note=step.note,
        )


@dataclass(frozen=True, slots=True)
class MethodRef(Record):
    """A method without its text: its id, its name, and how many demos it has."""

    id: str
    name: str
    demos: int

    @classmethod
    def of(cls, method: Method) -> MethodRef:
        """What identifies `method`."""
        return cls(method.id, method.name or "rewritten", len(method.demos))


@dataclass(frozen=True, slots=True)
class MetricReport(Record):
    """What decided on failure, and how good it is known to be.

    Attributes:
        detector: As it was asked for.
        objective: What counts as success.
        judge: The LM that judged; None without one.
        calibration: Its error rates against labels, in one sentence; None if it has none.
    """

    detector: str
    objective: str
    judge: str | None
    calibration: str | None

    @classmethod
    def of(
        cls,
        settings: MetricConfig,
        judge: str | None,
        detector: str,
        *,
        domain: str = "",
        evol_model: str = "",
    ) -> MetricReport:
        """The measure that `settings` make.

        Args:
            settings: Those of the measure.
            judge: The LM that judges, if one does.
            detector: Name under which the detector is calibrated.
            domain: What the rows are about; "" if it is not known.
            evol_model: The LM that evolves them, which says how strong its rewrites are; "" if not known.
        """
        calibration = calibration_of(
            detector, settings.calibration, domain=domain, strength=strength_of(evol_model)
        )
        return cls(
            detector=settings.detector,
            objective=settings.objective,
            judge=judge,
            calibration=calibration.sentence() if calibration else None,
        )

    def __str__(self) -> str:
        """Which detector decided, and how far it can be trusted."""
        judge = f" and the judge {self.judge}" if self.judge else ""
        quality = self.calibration or "this detector has not been calibrated"
        return f"detector {self.detector}{judge}, objective {self.objective}: {quality}"

    @property
    def told(self) -> str:
        """The same for tables, in which a failure rate needs no further word."""
        return str(self).replace(f", objective {FAILURE_RATE}:", ":", 1)


@dataclass(frozen=True, slots=True)
class RoleCost(Record):
    """What one role has cost, resumes included.

    Attributes:
        reused: Answers that came from the store.
        reasoning_tokens: The part of `output_tokens` that was thinking, where it is known.
        estimated: Calls whose tokens are an estimate.
    """

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0
    reused: int = 0
    reasoning_tokens: int = field(default=0, metadata=SPARSE)
    estimated: int = field(default=0, metadata=SPARSE)

    def __add__(self, other: RoleCost) -> RoleCost:
        """Both together."""
        return RoleCost(
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.usd + other.usd,
            self.reused + other.reused,
            self.reasoning_tokens + other.reasoning_tokens,
            self.estimated + other.estimated,
        )


@dataclass(frozen=True)
class Ledger(Record):
    """Costs by role."""

    roles: Mapping[str, RoleCost]

    @classmethod
    def of(cls, lines: Iterable[LedgerLine]) -> Ledger:
        """The ledger of a session; dollars are rounded to millionths."""
        return cls(
            {
                line.role: RoleCost(
                    line.paid.calls,
                    line.paid.input_tokens,
                    line.paid.output_tokens,
                    round(line.paid.usd, 6),
                    line.reused,
                    line.paid.reasoning_tokens,
                    line.paid.estimated,
                )
                for line in lines
            }
        )

    @property
    def total(self) -> RoleCost:
        """All roles together."""
        return sum(self.roles.values(), RoleCost())

    def __add__(self, other: Ledger) -> Ledger:
        """Two ledgers, role by role."""
        roles = dict.fromkeys([*self.roles, *other.roles])
        none = RoleCost()
        return Ledger({role: self.roles.get(role, none) + other.roles.get(role, none) for role in roles})

    def to_json(self) -> dict[str, Any]:
        """By role, and the total for readers."""
        return {
            "roles": {role: cost.to_json() for role, cost in self.roles.items()},
            "total": self.total.to_json(),
        }

    def __str__(self) -> str:
        """`86, $0.0123; 16 more answered by earlier replies`; all resumes are in it."""
        reused = self.total.reused
        return f"{self.total.calls:,}{self.money}" + (
            f"; {reused:,} more answered by earlier replies" if reused else ""
        )

    @property
    def money(self) -> str:
        """`, $0.0123`, or nothing where nothing was paid."""
        usd = self.total.usd
        return f", ${usd:.4f}" if usd else ""

    @property
    def tokens(self) -> str:
        """`602 in, 258 out (120 of them thought)`, and how many calls are estimates."""
        total = self.total
        thought = f" ({total.reasoning_tokens:,} of them thought)" if total.reasoning_tokens else ""
        unreported = f"; {total.estimated:,} calls estimated, whose usage nobody reported"
        guessed = unreported if total.estimated else ""
        return f"{total.input_tokens:,} in, {total.output_tokens:,} out{thought}{guessed}"
