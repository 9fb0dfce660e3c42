"""The report of a command that had a session: figures and paths into `summary.json`."""

from __future__ import annotations

import time
from collections.abc import Sequence

from autoevol.config import MetricConfig, ModelConfig
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
from autoevol.store.files import write_json
from autoevol.store.run import RunFolder


def summarise(
    folder: RunFolder,
    session: Session,
    seeds: Scanned,
    models: ModelConfig,
    metrics: MetricConfig,
    metric: FailureMetric,
    started: float,
    optimized: Optimized | None = None,
    tally: Tally | None = None,
    gates: Sequence[Gate] = (),
) -> RunReport:
    """Write `summary.json` and return what is in it; `started` is monotonic seconds."""
    report = RunReport(
        seeds=seeds,
        models=ModelNames(models.evol_model, models.optimizer_model or models.evol_model),
        metric=MetricReport.of(
            metrics,
            metrics.judge_model,
            metric.detector.name,
            domain=metric.domain,
            evol_model=models.evol_model,
        ),
        ledger=Ledger.of(session.ledger()),
        versions=versions(),
        seconds=time.monotonic() - started,
        paths=result_paths(folder.path),
        optimization=OptimizationReport.of(optimized) if optimized else None,
        evolution=EvolutionReport.of(tally) if tally else None,
        gates={gate.name: dict(gate.report()) for gate in gates},
    )
    write_json(folder.path / FILE, report.to_json())
    return report
