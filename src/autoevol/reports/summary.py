"""The summary of a command: figures and paths, for `summary.json` and the final table."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Protocol

from autoevol.config import Settings
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
    job: Ran, seeds: Scanned, found: Optimized | None = None, tally: Tally | None = None
) -> dict[str, Any]:
    """Write `summary.json` and return what is in it."""
    summary: dict[str, Any] = {
        "seeds": asdict(seeds),
        "models": models_json(job.settings),
        "metric": metric_json(job.settings, job.metric),
        "ledger": report.ledger_json(job.session.ledger()),
        "versions": report.versions(),
        "seconds": time.monotonic() - job.started,
        "paths": report.paths(job.folder.path),
    }
    if found is not None:
        summary["optimization"] = report.optimization_json(found)
    if tally is not None:
        summary["evolution"] = evolution_json(tally)
    if job.gates:
        summary["gates"] = {gate.name: dict(gate.report()) for gate in job.gates}
    write_json(job.folder.path / "summary.json", summary)
    return summary


def models_json(settings: Settings) -> dict[str, str]:
    """Who evolves and who optimises, and who responds where that is another model."""
    models = settings.models
    names = {"evol": models.evol.model, "optimizer": models.resolved("optimizer").model}
    return {**names, "respond": models.respond.model} if models.respond.model else names


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


def metric_json(settings: Settings, metric: FailureMetric) -> dict[str, Any]:
    """Which detector decided, and how good it is known to be."""
    strength = strength_of(settings.models.evol.model)
    known = calibration_of(
        metric.detector.name, settings.metrics.calibration, domain=metric.domain, strength=strength
    )
    return {
        "detector": settings.metrics.detector,
        "objective": settings.metrics.objective,
        "judge": settings.models.judge.model,
        "calibration": known.sentence() if known else None,
    }
