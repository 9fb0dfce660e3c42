"""The commands as functions: open the run folder, do the stages, leave a summary whatever happens."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from autoevol import jobs, passport, report
from autoevol.bulk import Tally
from autoevol.config import BudgetConfig, DataConfig, LoopConfig, MethodConfig, MetricConfig, ModelConfig
from autoevol.data.load import Loaded, load_rows
from autoevol.errors import BudgetReached, InputError
from autoevol.jobs import Listener, Optimized
from autoevol.lm.session import Session
from autoevol.metrics.catalog import calibration_of
from autoevol.metrics.failure import FailureMetric
from autoevol.records import Method
from autoevol.records import Outcome as Judged
from autoevol.store.run import RunFolder, replacing, write_json

# What a resumed run may change: none of it alters what any call would answer.
_FREE = {
    "concurrency",
    "api_base",
    "api_key_env",
    "optimizer_api_base",
    "optimizer_api_key_env",
    "judge_api_base",
    "calibration",
    "client",
    "rpm",
    "tpm",
}


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its summary, and the budget stop that cut it short, if one did."""

    summary: dict[str, Any]
    stopped_by: BudgetReached | None = None


def run(
    seeds: str,
    out: Path,
    data: DataConfig,
    models: ModelConfig,
    loop: LoopConfig,
    methods: MethodConfig,
    metrics: MetricConfig,
    budget: BudgetConfig,
    listener: Listener,
    *,
    store: str | None = None,
    evolve: bool = True,
) -> Outcome:
    """Optimise a method on `seeds`; with `evolve`, then evolve all of them with it."""
    loaded = load(seeds, data)
    settings = {**asdict(loop), **asdict(methods), **decisive(models, metrics, loaded)}
    with (
        RunFolder(out, settings) as folder,
        session_of(folder, models, metrics, budget, store) as session,
    ):
        started = time.monotonic()
        _set_aside(folder, loaded)
        metric = jobs.make_metric(session, models, metrics)
        found = jobs.optimize(folder, session, loaded.rows, metric, models, loop, methods, listener)
        tally = None
        if evolve and found.stopped != "budget":
            tally = jobs.evolve(
                folder, session, loaded.rows, metric, models, found.chosen, methods.rounds, listener
            )
        stopped = (
            found.stopped == "budget" or None in found.holdout or (tally is not None and not tally.complete)
        )
        summary = _summary(folder, session, loaded, models, metrics, metric, started, found, tally)
        passport.leave_passport(folder.path)
        return Outcome(summary, _budget_stop(session) if stopped else None)


def evolve(
    seeds: str,
    out: Path,
    method: str,
    rounds: int,
    data: DataConfig,
    models: ModelConfig,
    metrics: MetricConfig,
    budget: BudgetConfig,
    listener: Listener,
    *,
    store: str | None = None,
) -> Outcome:
    """Evolve all of `seeds` with a known method."""
    known: Method = jobs.find_method(method)
    loaded = load(seeds, data)
    settings = {"method_id": known.id, "rounds": rounds, **decisive(models, metrics, loaded)}
    with (
        RunFolder(out, settings) as folder,
        session_of(folder, models, metrics, budget, store) as session,
    ):
        started = time.monotonic()
        _set_aside(folder, loaded)
        metric = jobs.make_metric(session, models, metrics)
        folder.save_method(known, {})
        tally = jobs.evolve(folder, session, loaded.rows, metric, models, known, rounds, listener)
        summary = _summary(folder, session, loaded, models, metrics, metric, started, None, tally)
        return Outcome(summary, None if tally.complete else _budget_stop(session))


def load(seeds: str, data: DataConfig) -> Loaded:
    """The seeds as the settings want them read."""
    return load_rows(seeds, field=data.field, skip_bad=data.skip_bad, limit=data.limit, split=data.split)


def decisive(models: ModelConfig, metrics: MetricConfig, loaded: Loaded) -> dict[str, Any]:
    """The settings and the data that decide what any call of a run answers."""
    given = {**asdict(models), **asdict(metrics)}
    kept = {name: value for name, value in given.items() if name not in _FREE}
    return {**kept, "data_hash": loaded.data_hash}


def _set_aside(folder: RunFolder, loaded: Loaded) -> None:
    if loaded.rejects:
        with replacing(folder.path / "rejects.jsonl") as lines:
            for reject in loaded.rejects:
                lines.add(asdict(reject))


@contextmanager
def session_of(
    folder: RunFolder, models: ModelConfig, metrics: MetricConfig, budget: BudgetConfig, store: str | None
) -> Iterator[Session]:
    """The session of a run, its settings checked first.

    Raises:
        InputError: If one of them is out of range.
    """
    if models.reply_tokens < 1 or models.concurrency < 1:
        raise InputError("--reply-tokens and --concurrency must be at least 1")
    if min(models.rpm or 1, models.tpm or 1) <= 0:
        raise InputError("--rpm and --tpm must be over 0")
    with jobs.open_session(folder, models, metrics, budget, store) as session:
        yield session


def _budget_stop(session: Session) -> BudgetReached:
    total = report.ledger_json(session.ledger())["total"]
    return BudgetReached(f"budget reached after {total['calls']} calls paid")


def _summary(
    folder: RunFolder,
    session: Session,
    loaded: Loaded,
    models: ModelConfig,
    metrics: MetricConfig,
    metric: FailureMetric,
    started: float,
    found: Optimized | None,
    tally: Tally | None,
) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "seeds": {
            "source": loaded.source,
            "shape": loaded.shape,
            "rows": len(loaded.rows),
            "rejected": len(loaded.rejects),
            "duplicates": loaded.duplicates,
            "data_hash": loaded.data_hash,
        },
        "models": {"evol": models.evol_model, "optimizer": models.optimizer_model or models.evol_model},
        "metric": metric_json(metrics, metric),
        "ledger": report.ledger_json(session.ledger()),
        "versions": report.versions(),
        "seconds": time.monotonic() - started,
        "paths": report.paths(folder.path),
    }
    if found is not None:
        summary["optimization"] = report.optimization_json(found)
    if tally is not None:
        summary["evolution"] = {
            "rows": tally.total,
            **{outcome.value: tally.outcomes[outcome] for outcome in Judged},
            "kinds": dict(tally.kinds.most_common()),
            "complete": tally.complete,
        }
    write_json(folder.path / "summary.json", summary)
    return summary


def metric_json(metrics: MetricConfig, metric: FailureMetric) -> dict[str, Any]:
    """Which detector decides, and how far it can be trusted."""
    known = calibration_of(metric.detector.name, metrics.calibration)
    return {
        "detector": metrics.detector,
        "objective": metrics.objective,
        "judge": metrics.judge_model,
        "calibration": known.sentence() if known else None,
    }
