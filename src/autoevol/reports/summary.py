"""The report of a command that had a session: figures and paths into `summary.json`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from autoevol.config import Settings
from autoevol.data.scan import Scanned
from autoevol.evolution.gates import Gate
from autoevol.evolution.outputs import Tally
from autoevol.lm.recorder import LedgerLine
from autoevol.lm.session import Session
from autoevol.metrics.failure import FailureMetric
from autoevol.optimization.compiling import Optimized
from autoevol.reports.evolution import EvolutionReport
from autoevol.reports.optimization import OptimizationReport
from autoevol.reports.rates import Ledger, MetricReport, RoleCost
from autoevol.reports.run import (
    FILE,
    ModelNames,
    RunReport,
    result_paths,
    versions,
)
from autoevol.store.calls import SAMPLE_RUN
from autoevol.store.run import RunFolder
from autoevol.store.sealed import write_sealed
from autoevol.store.worked import WorkClock


class Ran(Protocol):
    """What a summary tells of a job (`commands.job.Job`, which stands above this folder)."""

    @property
    def folder(self) -> RunFolder: ...  # noqa: D102 (see `Job`)
    @property
    def session(self) -> Session: ...  # noqa: D102
    @property
    def metric(self) -> FailureMetric: ...  # noqa: D102
    @property
    def settings(self) -> Settings: ...  # noqa: D102
    @property
    def gates(self) -> Sequence[Gate]: ...  # noqa: D102
    @property
    def started(self) -> float: ...  # noqa: D102
    @property
    def work(self) -> WorkClock: ...  # noqa: D102


def summarise(
    job: Ran,
    seeds: Scanned,
    optimized: Optimized | None = None,
    tally: Tally | None = None,
    before: RunReport | None = None,
) -> RunReport:
    """Write `summary.json` and return what is in it.

    Args:
        job: What was done.
        seeds: What the source held.
        optimized: Of the optimisation, if there was one.
        tally: Of the bulk stage, if there was one.
        before: The summary of the same run as it was, where only its rows were taken up again: its
            optimisation, its measure and what was learned stay as they were.
    """
    models, settings = job.settings.models, job.settings
    optimization = OptimizationReport.of(optimized, settings.metrics.objective) if optimized else None
    # Roles may share an endpoint and a model.
    learned = dict.fromkeys([*(before.learned if before else ()), *map(str, job.session.learned())])
    report = RunReport(
        seeds=seeds,
        models=ModelNames(models.evol.model, models.resolved("optimizer").model, models.respond.model),
        metric=before.metric if before else measure_of(settings, job.metric),
        ledger=Ledger.of(job.session.ledger()),
        versions=versions(),
        seconds=time.monotonic() - job.started,
        paths=result_paths(job.folder.path),
        optimization=before.optimization if before else optimization,
        evolution=EvolutionReport.of(tally) if tally else None,
        learned=tuple(learned),
        gates={gate.name: dict(gate.report()) for gate in job.gates},
        worked=job.work.worked,
        sampled=_sampled(job),
    )
    write_sealed(job.folder.path / FILE, report.to_json())
    return report


def _sampled(job: Ran) -> RoleCost | None:
    """What `estimate` has paid for a sample, where the folder has a store of its own."""
    if job.settings.store.path is not None:
        return None
    lines = (LedgerLine(role, paid, 0) for role, paid in job.session.store.spent(SAMPLE_RUN).items())
    total = Ledger.of(lines).total
    return total if total.calls else None


def measure_of(settings: Settings, metric: FailureMetric) -> MetricReport:
    """What decided on failure in a run with these settings."""
    models = settings.models
    return MetricReport.of(
        settings.metrics,
        models.judge.model,
        metric.detector.name,
        domain=metric.domain,
        evol_model=models.evol.model,
    )
