"""The results of a search: its report in `search.json`, and the best configuration in `best.json`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from autoevol.commands.result import Result, frame
from autoevol.core.errors import BudgetReached
from autoevol.hypersearch import holdout
from autoevol.hypersearch.study import SharedStudy, without_password
from autoevol.lm.recorder import LedgerLine
from autoevol.metrics.failure import FailureMetric
from autoevol.reports.costs import RowCost
from autoevol.reports.rates import Ledger, MetricReport, RateReport
from autoevol.reports.run import versions
from autoevol.reports.search import BEST, FILE, BestTrial, HoldoutLine, SearchReport, TrialReport
from autoevol.store.files import write_json
from autoevol.store.sealed import write_sealed

# User attributes of a completed trial besides its rate; the names are those of `TrialReport`.
_FACTS = ("calls", "tokens", "usd", "paid_calls", "paid_tokens", "steps", "stopped", "method_id", "seconds")


@dataclass(frozen=True)
class Ended:
    """How a worker ended.

    Attributes:
        compared: The comparison on the holdout; None if other workers still run trials, or the budget was
            not enough.
        others: Whether other workers are still running.
        stopped_by: The budget stop that ended it; None if none did.
        metric: The metric of all trials.
        seconds: Working time of this worker.
    """

    compared: list[HoldoutLine] | None
    others: bool
    stopped_by: BudgetReached | None
    metric: FailureMetric
    seconds: float


@dataclass(frozen=True, repr=False)
class Searched(Result[SearchReport]):
    """How a search ended."""

    @property
    def settings(self) -> dict[str, Any] | None:
        """The best settings, as keywords of `optimize`; None before a trial is finished."""
        best = self.report.best
        return dict(best.settings) if best else None

    def to_pandas(self) -> Any:  # noqa: ANN401 (a pandas.DataFrame; pandas is optional)
        """The trials as a table, one a line. Raises InputError without pandas."""
        trials = (trial.to_json() for trial in self.report.trials)
        flat = ({**trial, **trial["params"], **(trial["dev"] or {})} for trial in trials)
        return frame([{key: trial[key] for key in trial if key not in ("params", "dev")} for trial in flat])


def write_result(study: SharedStudy, ended: Ended, metric: MetricReport) -> Searched:
    """The result of a search; written to files only if no other worker is still running."""
    report = report_of(study, ended, metric)
    if not report.others_at_work:
        path = study.folder.path
        write_sealed(path / FILE, report.to_json())
        if report.best is not None:
            write_json(path / BEST, report.best.to_config())
    return Searched(report, study.folder.path, ended.stopped_by)


def report_of(study: SharedStudy, ended: Ended, metric: MetricReport) -> SearchReport:
    """All figures of a search."""
    front, baseline = holdout.front(study), holdout.baseline(study)
    path, best = study.folder.path, _best(study, front)
    paths = {"result": str(path / FILE)}
    if best is not None:
        paths["best configuration"] = str(path / BEST)
    lines = [LedgerLine(role, spent, 0) for role, spent in sorted(study.folder.spent().items())]
    return SearchReport(
        study=study.name,
        storage=without_password(study.config.storage) or str(study.folder.journal),
        wanted=study.config.trials,
        configurations=study.space.size,
        others_at_work=ended.others,
        trials=tuple(trial_report(trial) for trial in study.finished()),
        first=baseline.number if baseline else None,
        front=tuple(trial.number for trial in front),
        importances=holdout.importances(study),
        holdout=None if ended.compared is None else tuple(ended.compared),
        best=best,
        metric=metric,
        ledger=Ledger.of(lines),
        seconds=ended.seconds,
        paths=paths,
        versions=versions(),
    )


def trial_report(trial: FrozenTrial) -> TrialReport:
    """The report of a finished trial, from its attributes in the study."""
    attrs: dict[str, Any] = trial.user_attrs
    return TrialReport(
        trial=trial.number,
        params=trial.params,
        pruned=trial.state is TrialState.PRUNED,
        dev=RateReport.from_json(attrs) if "rate" in attrs else None,
        **{name: attrs[name] for name in _FACTS if name in attrs},
        losses=tuple(attrs.get("losses", ())),
        row_cost=RowCost.from_json(attrs["row_cost"]) if attrs.get("row_cost") else None,
        curve=tuple((step, calls, rate) for step, calls, rate in attrs.get("curve", ())),
        why_pruned=attrs.get("pruned"),
        feasible=all(value <= 0 for value in trial.constraints.values()),
    )


def _best(study: SharedStudy, front: list[FrozenTrial]) -> BestTrial | None:
    if not front:
        return None
    return BestTrial(front[0].number, study.space.configuration(front[0].params).to_json())
