"""The summary of a command: figures and paths, for `summary.json` and the final table."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from autoevol.config import MetricConfig, ModelConfig
from autoevol.core.records import Outcome
from autoevol.data.scan import Scanned
from autoevol.evolution.gates import Gate
from autoevol.evolution.outputs import Tally
from autoevol.lm.session import Session
from autoevol.metrics.catalog import calibration_of
from autoevol.metrics.failure import FailureMetric
from autoevol.metrics.labels import strength_of
from autoevol.optimization.compiling import Optimized
from autoevol.reports import report
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
    found: Optimized | None = None,
    tally: Tally | None = None,
    gates: Sequence[Gate] = (),
) -> dict[str, Any]:
    """Write `summary.json` and return what is in it; `started` is monotonic seconds."""
    summary: dict[str, Any] = {
        "seeds": asdict(seeds),
        "models": {"evol": models.evol_model, "optimizer": models.optimizer_model or models.evol_model},
        "metric": metric_json(metrics, metric, models.evol_model),
        "ledger": report.ledger_json(session.ledger()),
        "versions": report.versions(),
        "seconds": time.monotonic() - started,
        "paths": report.paths(folder.path),
    }
    if found is not None:
        summary["optimization"] = report.optimization_json(found)
    if tally is not None:
        summary["evolution"] = evolution_json(tally)
    if gates:
        summary["gates"] = {gate.name: dict(gate.report()) for gate in gates}
    write_json(folder.path / "summary.json", summary)
    return summary


def evolution_json(tally: Tally) -> dict[str, Any]:
    """What the bulk stage has done: rows by outcome, rounds by how they ended and by method."""
    return {
        "rows": tally.rows,
        **{outcome.value: tally.outcomes[outcome] for outcome in Outcome},
        "kinds": dict(tally.kinds.most_common()),
        "rejected": {fate.value: count for fate, count in tally.rejected.most_common()},
        "refused": _refused(tally),
        "losses": dict(tally.losses.most_common()),
        "rounds": {fate.value: count for fate, count in tally.fates.most_common()},
        "operations": dict(tally.operations.most_common()),
        "dataset": {"lines": tally.written, "seeds": tally.seeds},
        "complete": tally.complete,
    }


def _refused(tally: Tally) -> dict[str, dict[str, int]]:
    """Texts that gates refused, by gate and reason, those of earlier processes included."""
    found: dict[str, dict[str, int]] = {}
    for (gate, reason), count in tally.refused.most_common():
        found.setdefault(gate, {})[reason] = count
    return found


def metric_json(metrics: MetricConfig, metric: FailureMetric, evol_model: str = "") -> dict[str, Any]:
    """Which detector decided, and how good it is known to be."""
    known = calibration_of(
        metric.detector.name, metrics.calibration, domain=metric.domain, strength=strength_of(evol_model)
    )
    return {
        "detector": metrics.detector,
        "objective": metrics.objective,
        "judge": metrics.judge_model,
        "calibration": known.sentence() if known else None,
    }
