"""The report of a command that had a session: figures and paths into `summary.json`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from autoevol.config import Settings
from autoevol.data.scan import Scanned
from autoevol.evolution.gates import Gate
from autoevol.evolution.outputs import Tally
from autoevol.lm.session import Session
from autoevol.metrics.failure import FailureMetric
from autoevol.optimization.compiling import Optimized
from autoevol.reports.rates import Ledger, MetricReport
from autoevol.reports.run import (
    FILE,
    EvolutionReport,
    ModelNames,
    OptimizationReport,
    RunReport,
    result_paths,
    versions,
)
from autoevol.store.run import RunFolder
from autoevol.store.sealed import write_sealed


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


def summarise(
    job: Ran, seeds: Scanned, optimized: Optimized | None = None, tally: Tally | None = None
) -> RunReport:
    """Write `summary.json` and return what is in it."""
    models = job.settings.models
    report = RunReport(
        seeds=seeds,
        models=ModelNames(models.evol.model, models.resolved("optimizer").model, models.respond.model),
        metric=measure_of(job.settings, job.metric),
        ledger=Ledger.of(job.session.ledger()),
        versions=versions(),
        seconds=time.monotonic() - job.started,
        paths=result_paths(job.folder.path),
        optimization=OptimizationReport.of(optimized, job.settings.metrics.objective) if optimized else None,
        evolution=EvolutionReport.of(tally) if tally else None,
        # Roles may share an endpoint and a model.
        learned=tuple(dict.fromkeys(str(learned) for learned in job.session.learned())),
        gates={gate.name: dict(gate.report()) for gate in job.gates},
    )
    write_sealed(job.folder.path / FILE, report.to_json())
    return report


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
