"""The report of a run: what `summary.json` holds, made from what its stages found."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from autoevol.core.records import Outcome
from autoevol.core.schema import SPARSE, Document, Record
from autoevol.data.scan import Scanned
from autoevol.evolution.outputs import Tally
from autoevol.metrics.paired import PairedTest
from autoevol.optimization.compiling import Optimized, steps_made
from autoevol.optimization.first_look import FirstLook
from autoevol.reports import legacy
from autoevol.reports.known_models import limits_of
from autoevol.reports.rates import (
    FAILURE_RATE,
    Ledger,
    MethodRef,
    MetricReport,
    RateReport,
    StepReport,
    figure_of,
)
from autoevol.reports.text import TableRows, cost_rows, counts, reached

FILE = "summary.json"


@dataclass(frozen=True, slots=True)
class ModelNames(Record):
    """The LMs of a run by role; the evol LM also responds, unless another one does."""

    evol: str
    optimizer: str
    respond: str | None = field(default=None, metadata=SPARSE)


@dataclass(frozen=True)
class OptimizationReport(Record):
    """What the optimisation stage found.

    Attributes:
        before: The first starting method.
        chosen: The method in force at the end.
        chosen_at_step: Step at which it came into force; 0 for a starting method.
        steps: Steps made, step 0 not counted.
        stopped: steps, patience, solved or budget; without a step `not worth it` or `never`.
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
            change=PairedTest.of_scores(before, after),
            objective=objective,
            look=optimized.look,
        )

    @property
    def verdict(self) -> str:
        """What the holdout says about the chosen method, in one sentence that claims no more."""
        before, after = self.holdout_before, self.holdout_after
        if self.stopped == "never":
            return "No optimisation was asked for: the first method was used as it is."
        if self.look is not None and not self.look.worth:
            return f"An optimisation was {self.look}. The first method was used as it is."
        if self.before.id == self.chosen.id:
            if self.stopped == "budget":
                return "The budget was reached before a better method was found, so the first one was kept."
            return "No method was better than the first starting method on the dev set, so it was kept."
        first = before.value(self.objective) if before else None
        last = after.value(self.objective) if after else None
        if first is None or last is None:
            return "The holdout was not scored, so nothing can be said about the chosen method."
        origin = (
            "a starting method" if self.chosen_at_step == 0 else f"a rewrite of step {self.chosen_at_step}"
        )
        figure, change = figure_of(self.objective), last - first
        lower = self.objective == FAILURE_RATE
        if change < 0 if lower else change > 0:
            of = "" if lower else " of unusable rows"
            sure = f"paired{of} {self.change}" if self.change else "no paired test"
            moved = "fell" if lower else "rose"
            return f"The {figure} {moved} by {abs(change):.1%} on the holdout with {origin} ({sure})."
        worse = f"The {figure} did not improve on the holdout ({change:+.1%})"
        return f"{worse}, although {origin} was better on dev."

    def table_rows(self, measure: str) -> TableRows:
        """(label, value) rows; `measure` says which detector decided, and how good it is known to be."""
        if self.stopped in ("never", "not worth it"):
            return [("method", self.before.name), ("verdict", self.verdict), ("measured by", measure)]
        figure, objective = figure_of(self.objective), self.objective
        before, after = reached(self.holdout_before, objective), reached(self.holdout_after, objective)
        return [
            (f"holdout {figure} before", f"{before}  method {self.before.name}"),
            (f"holdout {figure} after", f"{after}  method {self.chosen.name}"),
            ("verdict", self.verdict),
            ("measured by", measure),
            ("steps", f"{self.steps} (stopped: {self.stopped})"),
        ]


@dataclass(frozen=True, slots=True)
class DatasetLines(Record):
    """Lines of `dataset.jsonl`, and how many of them are seeds."""

    lines: int
    seeds: int


@dataclass(frozen=True, slots=True)
class RetryReport(Record):
    """What fresh samples after a failure brought; see `Retries`."""

    rows: int
    samples: int
    passed: int
    kept: int

    def __str__(self) -> str:
        """`82 rows that failed, by 124 fresh samples: 76 of them kept`."""
        return f"{self.rows} rows that failed, by {self.samples} fresh samples: {self.kept} of them kept"


@dataclass(frozen=True)
class EvolutionReport(Record):
    """What the bulk stage has done; see `Tally` for what is counted.

    Attributes:
        rows: Rows that are finished.
        passed: Rows that were kept.
        failed: Rows that were rejected.
        unscored: Rows that were lost to errors.
        kinds: Rejected rows by the worst failure kind of their last round.
        rejected: Rejected rows by how their last round ended.
        refused: Texts that gates refused, by gate and reason.
        losses: Lost rows by the word for their error.
        rounds: Rounds by how they ended, every attempt counted.
        operations: Rounds by method.
        dataset: What was written.
        complete: False if the budget ended before the rows did, or before there were enough.
        retries: What fresh samples after a failure brought; None where there were none.
        target: Rows that were to be kept; None for all.
    """

    rows: int
    passed: int
    failed: int
    unscored: int
    kinds: Mapping[str, int]
    rejected: Mapping[str, int]
    refused: Mapping[str, Mapping[str, int]]
    losses: Mapping[str, int]
    rounds: Mapping[str, int]
    operations: Mapping[str, int]
    dataset: DatasetLines
    complete: bool
    retries: RetryReport | None = field(default=None, metadata=SPARSE)
    target: int | None = field(default=None, metadata=SPARSE)

    @classmethod
    def of(cls, tally: Tally) -> EvolutionReport:
        """The report of what was tallied, the most frequent first."""
        refused: dict[str, dict[str, int]] = {}
        for (gate, reason), count in tally.refused.most_common():
            refused.setdefault(gate, {})[reason] = count
        return cls(
            rows=tally.rows,
            **{outcome.value: tally.outcomes[outcome] for outcome in Outcome},
            kinds=dict(tally.kinds.most_common()),
            rejected={fate.value: count for fate, count in tally.rejected.most_common()},
            refused=refused,
            losses=dict(tally.losses.most_common()),
            rounds={fate.value: count for fate, count in tally.fates.most_common()},
            operations=dict(tally.operations.most_common()),
            dataset=DatasetLines(tally.written, tally.seeds),
            complete=tally.complete,
            retries=RetryReport(**asdict(tally.retries)) if tally.retries.rows else None,
            target=tally.target,
        )

    def table_rows(self, gates: Iterable[str]) -> TableRows:
        """(label, value) rows, with what each of these gates refused."""
        done = f"{self.passed} kept, {self.failed} failed, {self.unscored} lost, of {self.rows}"
        if not self.complete:
            done += " (stopped early)"
        elif self.target and self.passed < self.target:
            done += f"; {self.target} were wanted, and there are no more seeds"
        rows = [("dataset rows", done)]
        if self.retries:
            rows.append(("tried again", str(self.retries)))
        if self.kinds:
            rows.append(("failures by kind", counts(self.kinds)))
        rows.append(("rounds", counts(self.rounds)))
        if len(self.operations) > 1:
            rows.append(("rounds by method", counts(self.operations)))
        refused = ((name, self.refused.get(name, {})) for name in gates)
        return rows + [(f"refused by gate {name}", counts(reasons) or "nothing") for name, reasons in refused]


@dataclass(frozen=True)
class RunReport(Document, schema="autoevol.run/2"):
    """What a run, an optimisation or an evolution found and cost: `summary.json`.

    Attributes:
        seeds: What the source held.
        models: The LMs.
        metric: What decided on failure.
        ledger: Costs by role, resumes included.
        versions: Of autoevol, DSPy and Python.
        seconds: Wall-clock time of this process; over shards, their sum.
        paths: Files by what they are.
        shards: Folders that were merged; None for a run in one piece.
        optimization: None if there was none.
        evolution: None if there was none.
        gates: How the gates were set, by name.
        learned: What endpoints turned out not to take, and what was done about each.
    """

    seeds: Scanned
    models: ModelNames
    metric: MetricReport
    ledger: Ledger
    versions: Mapping[str, str]
    seconds: float
    paths: Mapping[str, str]
    shards: int | None = field(default=None, metadata=SPARSE)
    optimization: OptimizationReport | None = field(default=None, metadata=SPARSE)
    evolution: EvolutionReport | None = field(default=None, metadata=SPARSE)
    gates: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, metadata=SPARSE)
    learned: tuple[str, ...] = field(default=(), metadata=SPARSE)

    @classmethod
    def upgraded(cls, data: Mapping[str, Any], version: int) -> Mapping[str, Any]:
        """See `Document`."""
        # Versions were not written from the beginning.
        return {"versions": {}, **legacy.run_of_1(data)}

    def table_rows(self) -> TableRows:
        """(label, value) rows, in the order in which they are printed."""
        rows: TableRows = []
        if self.optimization:
            rows += self.optimization.table_rows(str(self.metric))
        if self.evolution:
            rows += self.evolution.table_rows(self.gates)
            if not self.optimization:
                rows.append(("measured by", str(self.metric)))
            if self.evolution.unscored:
                lost = f"{counts(self.evolution.losses)} (`autoevol retry` takes them up)"
                rows.append(("lost rows by error", lost))
        rows += [("learned", sentence) for sentence in self.learned]
        if limits := limits_of(self.models.evol):
            rows.append(("what to expect", limits))
        over = f" over {self.shards} shards" if self.shards else ""
        kept = self.evolution.passed if self.evolution else None
        rows += [*cost_rows(self.ledger, kept), ("time", f"{self.seconds:.0f} s{over}")]
        return rows + list(self.paths.items())


def versions() -> dict[str, str]:
    """What the figures were computed with."""
    return {"autoevol": version("autoevol"), "dspy": version("dspy"), "python": platform.python_version()}


def result_paths(folder: Path) -> dict[str, str]:
    """The files of a run that exist, by what they are."""
    names = {"dataset": "dataset.jsonl", "rejected rows": "rejected.jsonl", "chosen method": "method.json"}
    paths = {label: str(folder / name) for label, name in _there(folder, names.items())}
    dead = folder / "dead.jsonl"
    return {**paths, "lost rows": str(dead)} if dead.exists() and dead.stat().st_size else paths


def _there(folder: Path, names: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    return ((label, name) for label, name in names if (folder / name).exists())
