"""`autoevol compare` as a function: a file of seeds, models and settings in, a comparison out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import dspy

from autoevol.commands import jobs
from autoevol.comparison.catalog import find_contestants
from autoevol.comparison.entry import Heat
from autoevol.comparison.tournament import Terms, compare
from autoevol.config import FREE, CompareConfig, DataConfig, MetricConfig, ModelConfig
from autoevol.core.records import Row
from autoevol.data.load import load_rows
from autoevol.data.split import split_rows
from autoevol.lm.budget import Caps
from autoevol.lm.flow import Limits
from autoevol.lm.session import Session
from autoevol.metrics.catalog import make_detector
from autoevol.metrics.failure import FailureMetric
from autoevol.programs.evolver import Evolver
from autoevol.reports.comparison import ComparisonReport, Finished
from autoevol.reports.rates import MetricReport
from autoevol.store.calls import CallStore
from autoevol.store.run import RunFolder

_MOST_HOLDOUT = 200


class ModelBench:
    """Entries on the models that the user names."""

    def __init__(self, models: ModelConfig, metrics: MetricConfig) -> None:
        self.concurrency = models.concurrency
        self._models = models
        self._metrics = metrics

    def session(self, path: Path, caps: Caps) -> Session:
        """See `Bench`."""
        used = (self._models.evol_model, self._models.optimizer_model, self._metrics.judge_model)
        # Calls to a model in this process cost only time: power loss may take the last few.
        paid = any(name and not name.startswith("local/") for name in used)
        return Session(
            CallStore(path, power_safe=paid),
            caps=caps,
            concurrency=self.concurrency,
            client=self._models.client,
            limits=Limits(self._models.rpm, self._models.tpm),
        )

    def task_lm(self, session: Session) -> dspy.LM:
        """See `Bench`."""
        return jobs.evol_lm(session, self._models)

    def prompt_lm(self, session: Session) -> dspy.LM:
        """See `Bench`. Sampled as AutoEvol's, so that optimizers that set nothing are sampled alike."""
        return jobs.optimizer_lm(session, self._models)

    def metric(self, session: Session) -> FailureMetric:
        """See `Bench`."""
        return jobs.make_metric(session, self._models, self._metrics)


def most_calls(config: CompareConfig) -> int:
    """Calls that all entries together may pay; the referee's are not among them.

    Raises:
        InputError: If `config` names an unknown contestant.
    """
    paying = [contestant for contestant in find_contestants(config.optimizers) if contestant.group != "fixed"]
    return len(paying) * config.seeds * config.budget


def plan_heats(
    rows: Sequence[Row], config: CompareConfig, student: Evolver, bench: ModelBench
) -> tuple[list[Heat], tuple[Row, ...]]:
    """One heat per seed and the holdout that none of them sees.

    The holdout is drawn once; each seed then splits the rest into train and dev anew. For a
    small file the default size of dev shrinks to a quarter of it.

    Raises:
        InputError: If there are too few rows.
    """
    quarter = max(1, len(rows) // 4)
    dev = config.dev_size if config.dev_size != CompareConfig().dev_size else min(config.dev_size, quarter)
    size = min(quarter, _MOST_HOLDOUT) if config.holdout_size is None else config.holdout_size
    first = split_rows(rows, dev=0, holdout=size, seed=config.seed)
    heats = []
    for seed in range(config.seed, config.seed + config.seeds):
        split = split_rows(first.train, dev=dev, holdout=0, seed=seed)
        heats.append(Heat(seed, bench, student, split.train, split.dev))
    return heats, first.holdout


def run_comparison(
    seeds: str,
    out: Path,
    config: CompareConfig,
    data: DataConfig,
    models: ModelConfig,
    metrics: MetricConfig,
    on_entry: Callable[[Finished], None] = lambda entry: None,
) -> ComparisonReport:
    """Compare the optimizers that `config` names on `seeds`; `out` resumes.

    Raises:
        InputError: If a setting or the file cannot be used.
        StopRun: If access, endpoint or disk fail; what was finished is kept.
    """
    contestants = find_contestants(config.optimizers)
    loaded = load_rows(seeds, **data.reading())
    student = Evolver(jobs.find_method(config.start), rounds=config.rounds, system=models.system)
    heats, holdout = plan_heats(loaded.rows, config, student, ModelBench(models, metrics))
    given = {**asdict(config), **asdict(models), **asdict(metrics), "start": student.method.id}
    settings = {name: value for name, value in given.items() if name not in FREE}
    measure = MetricReport.of(metrics, metrics.judge_model, make_detector(metrics.detector).name)
    with RunFolder(out, {**settings, "data_hash": loaded.data_hash}) as folder:
        return compare(
            contestants,
            heats,
            holdout,
            Terms(config.budget, config.curve_methods, measure=str(measure)),
            folder.path,
            on_entry,
        )
