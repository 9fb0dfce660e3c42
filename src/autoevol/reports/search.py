"""The report of a search over the settings of the loop: its trials, the front, and the holdout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autoevol.config import SETTINGS_SCHEMA
from autoevol.core.schema import SPARSE, Document, Record
from autoevol.metrics.paired import PairedTest
from autoevol.reports import legacy
from autoevol.reports.costs import RowCost
from autoevol.reports.rates import Ledger, MetricReport, RateReport, figure_of
from autoevol.reports.text import TableRows, reached
from autoevol.reports.verdicts import against

FILE, BEST = "search.json", "best.json"

Params = Mapping[str, Any]


@dataclass(frozen=True)
class TrialReport(Record):
    """One finished trial: its settings, what it found, and what it cost.

    Attributes:
        trial: Its number.
        params: The settings that the search varies.
        pruned: Whether it was given up; the fields from `paid_calls` on are then unknown.
        dev: Its methods on the dev rows that all trials are measured on, mean over its loops; None if it was
            pruned.
        calls: Different LM calls that a loop was answered, mean over its loops: what one would have cost by
            itself, whatever the store had.
        paid_calls: Calls that it really paid; the others were in the store.
        paid_tokens: Tokens of these.
        steps: Steps made.
        stopped: Why its loop ended.
        method_id: Its method; of several loops that of the best on dev.
        seconds: How long it took.
        curve: Step, calls so far and dev loss in force, 0..1, after every step of the first loop: the failure
            rate, or what the objective's figure lacks of 1.
        why_pruned: None if it was not.
        feasible: Whether it kept to the calls that a trial may make.
        losses: Loss on these dev rows by loop; empty in older files.
        tokens: Of `calls`.
        usd: The same in money; None without prices.
        row_cost: What a usable dev row costs with its methods.
    """

    trial: int
    params: Params
    pruned: bool
    dev: RateReport | None
    calls: int
    paid_calls: int | None = field(default=None, metadata=SPARSE)
    paid_tokens: int | None = field(default=None, metadata=SPARSE)
    steps: int | None = field(default=None, metadata=SPARSE)
    stopped: str | None = field(default=None, metadata=SPARSE)
    method_id: str | None = field(default=None, metadata=SPARSE)
    seconds: float | None = field(default=None, metadata=SPARSE)
    curve: tuple[tuple[int, int, float], ...] = ()
    why_pruned: str | None = None
    feasible: bool = True
    losses: tuple[float, ...] = field(default=(), metadata=SPARSE)
    tokens: int | None = field(default=None, metadata=SPARSE)
    usd: float | None = field(default=None, metadata=SPARSE)
    row_cost: RowCost | None = field(default=None, metadata=SPARSE)

    def told(self, objective: str) -> str:
        """The figure of the objective, what it cost by itself, what a usable row costs, and the settings."""
        cost = f"{self.calls} calls"
        if self.tokens is not None:
            cost += f" and {self.tokens:,} tokens"
        if self.usd:
            cost += f", ${self.usd:.4f}"
        spread = f", by loop {min(self.losses):.1%} to {max(self.losses):.1%}" if len(self.losses) > 1 else ""
        each = f"; {self.row_cost}" if self.row_cost else ""
        return f"{reached(self.dev, objective)} on dev{spread}, {cost}{each}; {describe(self.params)}"


@dataclass(frozen=True, slots=True)
class HoldoutLine(Record):
    """The method of one trial on the holdout.

    Attributes:
        trial: Its number.
        failure: Its failure rate, with the rounds and the temperature of the trial; mean over its loops.
        difference: The rate against that of the first configuration, not corrected for their number; None
            for the first itself, or where that was not finished.
        row_cost: What a usable row costs; None where there is none, and in older files.
        corrected: The difference over the rows scored for all configurations, corrected for all pairs of
            them; None where `difference` is, where no row was scored for all, and in older files.
        tied: Whether that does not tell it from the first configuration.
    """

    trial: int
    failure: RateReport
    difference: PairedTest | None = None
    row_cost: RowCost | None = field(default=None, metadata=SPARSE)
    corrected: PairedTest | None = field(default=None, metadata=SPARSE)
    tied: bool | None = field(default=None, metadata=SPARSE)

    def against_first(self, objective: str) -> str:
        """The configuration beside the first one, in words; "" for the first itself."""
        return against(self.difference, self.corrected, objective) if self.difference else ""


@dataclass(frozen=True)
class BestTrial(Record):
    """The configuration that a search recommends, as `--config` takes it."""

    trial: int
    settings: Params

    def to_config(self) -> dict[str, Any]:
        """The content of `best.json`, which is a file for `--config` as well."""
        return {"schema": SETTINGS_SCHEMA, **self.settings}


@dataclass(frozen=True)
class SearchReport(Document, schema="autoevol.search/2"):
    """What a search found: `search.json`.

    Attributes:
        study: Name of the Optuna study.
        storage: Where it is, without a password.
        wanted: Trials asked for.
        configurations: Size of the space.
        others_at_work: Whether other workers still run trials; there is no holdout then.
        trials: All finished trials.
        first: Number of the first configuration's trial; None if it is not finished.
        front: Numbers of the trials that no other beats in both objectives, best rate first.
        importances: By objective, how much each setting decides, 0..1.
        holdout: The first configuration and the best of the front; None if it was not reached.
        best: The best figure on dev, the fewest calls among equals. The holdout has no say in it.
        metric: What decided on failure.
        ledger: Costs of all workers by role.
        seconds: How long this worker was at it.
        paths: Files by what they are.
        versions: Of autoevol, DSPy and Python; not in files of 0.1.0.
    """

    study: str
    storage: str
    wanted: int
    configurations: int
    others_at_work: bool
    trials: tuple[TrialReport, ...]
    first: int | None
    front: tuple[int, ...]
    importances: Mapping[str, Mapping[str, float]]
    holdout: tuple[HoldoutLine, ...] | None
    best: BestTrial | None
    metric: MetricReport
    ledger: Ledger
    seconds: float
    paths: Mapping[str, str]
    versions: Mapping[str, str] = field(default_factory=dict, metadata=SPARSE)

    @classmethod
    def upgraded(cls, data: Mapping[str, Any], version: int) -> Mapping[str, Any]:
        """See `Document`."""
        return legacy.search_of_1(data)

    def table_rows(self) -> TableRows:
        """(label, value) rows, in the order in which they are printed."""
        by_number = {trial.trial: trial for trial in self.trials}
        pruned = sum(trial.pruned for trial in self.trials)
        of = f"of {self.wanted}, from {self.configurations} configurations"
        rows = [("trials", f"{len(self.trials)} finished, {pruned} of them pruned, {of}")]
        if self.others_at_work:
            rows.append(("other workers", "still at work; the last one compares the best on the holdout"))
        else:
            rows += self._holdout_rows(by_number)
        figure = self.metric.objective
        rows += [(f"front: trial {number}", by_number[number].told(figure)) for number in self.front]
        for objective, shares in self.importances.items():
            told = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
            name = "calls" if objective == "calls" else figure_of(figure)
            rows.append((f"decides {name}", told))
        asked = sum(trial.calls for trial in self.trials)
        paid = self.ledger.total.calls
        rows += [
            ("measured by", self.metric.told),
            ("LM calls paid", f"{paid} by all workers, holdout included{self.ledger.money}"),
            ("LM calls of the trials", f"{asked}, had each configuration been run alone"),
            ("tokens", self.ledger.tokens),
            ("time", f"{self.seconds:.0f} s"),
            ("study", f"{self.study} in {self.storage}"),
        ]
        # Nothing is written before the last worker has ended.
        return rows if self.others_at_work else rows + list(self.paths.items())

    @property
    def holdout_verdict(self) -> str:
        """The best configuration beside the first one on the holdout, in a sentence; "" without either."""
        lines = {line.trial: line for line in self.holdout or ()}
        line = lines.get(self.best.trial) if self.best else None
        if line is None or self.first is None:
            return ""
        if line.trial == self.first:
            return "It is the first configuration."
        beside = against(line.difference, line.corrected, self.metric.objective)
        return f"Beside the first configuration on the holdout: {beside}."

    def _holdout_rows(self, by_number: Mapping[int, TrialReport]) -> TableRows:
        if self.holdout is None:
            return [("holdout", "not reached")]
        rows = []
        for line in self.holdout:
            label = "first configuration" if line.trial == self.first else f"trial {line.trial}"
            best = " (best)" if self.best and self.best.trial == line.trial else ""
            apart = line.against_first(self.metric.objective)
            beside = f", against the first {apart}" if apart else ""
            settings = describe(by_number[line.trial].params)
            figure = line.failure.told(self.metric.objective)
            figure += f"; {line.row_cost}" if line.row_cost else ""
            rows.append((f"holdout: {label}{best}", f"{figure}{beside}; {settings}"))
        return rows


def describe(params: Params) -> str:
    """`batch-size 10, m 5, steps 10`."""
    return ", ".join(f"{name.replace('_', '-')} {value}" for name, value in params.items())
