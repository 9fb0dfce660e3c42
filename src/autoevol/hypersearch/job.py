"""`autoevol search`: the trials of one worker, and the end of the search if it is the last."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import optuna

from autoevol.commands import jobs, workflow
from autoevol.commands.jobs import Listener
from autoevol.commands.workflow import Result
from autoevol.config import (
    LoopConfig,
    MethodConfig,
    ModelConfig,
    SearchConfig,
    Settings,
)
from autoevol.core.errors import BudgetReached, InUse
from autoevol.core.records import Row
from autoevol.data.load import load_rows
from autoevol.data.split import split_rows
from autoevol.hypersearch import result
from autoevol.hypersearch.holdout import compare_on_holdout
from autoevol.hypersearch.pruning import TrialPoint, falls_behind
from autoevol.hypersearch.space import Configuration, Space
from autoevol.hypersearch.study import SharedStudy, quiet, without_password
from autoevol.hypersearch.trial import TrialBench, run_trial
from autoevol.metrics.failure import FailureMetric
from autoevol.reports.rates import MetricReport
from autoevol.reports.search import HoldoutLine, describe
from autoevol.store.study import StudyFolder, WorkerFolder

# More trials may be asked for, and more of them compared, than when the search began.
_FREE = {"trials", "top"}


def search(
    seeds: str,
    out: Path,
    given: Settings,
    config: SearchConfig,
    listener: Listener,
) -> Result:
    """Search the settings of the loop on `seeds`; the same call in another process helps.

    Raises:
        InputError: If settings or data do not fit, or the folder holds another search.
        InUse: If all places for workers are taken.
    """
    models, loop, methods, metrics = given.models, given.loop, given.methods, given.metrics
    loaded = load_rows(seeds, **given.data.reading())
    space, base = plan(loaded.rows, models, loop, methods, config)
    chosen = {name: value for name, value in asdict(config).items() if name not in _FREE}
    chosen["storage"] = without_password(config.storage)
    settings = {**asdict(loop), **asdict(methods), **workflow.decisive(models, metrics), **chosen}
    settings["data_hash"] = loaded.data_hash
    folder = StudyFolder(out, settings, config.workers)
    share = given.budget.part(config.workers)

    def open_bench(place: WorkerFolder) -> TrialBench:
        session = jobs.open_session(place, models, metrics, share)
        return TrialBench(
            session=session,
            metric=jobs.make_metric(session, models, metrics),
            rows=loaded.rows,
            holdout=base.methods.holdout_size or 0,
            dev=space.largest_dev,
            seed=loop.seed,
            evol=lambda chosen: jobs.evol_lm(session, chosen),
            optimizer=jobs.optimizer_lm(session, models),
            listener=listener,
        )

    with quiet():
        study = SharedStudy(folder, config, space)
        ended = Search(folder, study, open_bench).run()
        measure = MetricReport.of(
            metrics, metrics.judge_model, ended.metric.detector.name, domain=ended.metric.domain
        )
        return result.write(study, ended, measure)


def plan(
    rows: Sequence[Row], models: ModelConfig, loop: LoopConfig, methods: MethodConfig, config: SearchConfig
) -> tuple[Space, Configuration]:
    """The space for so many rows, and the first configuration with the sizes that fit them.

    Raises:
        InputError: If the rows do not suffice for the largest dev set, or a name is unknown.
    """
    split = jobs.plan_split(rows, loop, methods)
    base = Configuration(
        replace(loop, dev_size=len(split.dev), concurrency=models.concurrency),
        replace(methods, holdout_size=len(split.holdout)),
        models,
    )
    space = Space(config.space, base, len(split.train))
    for name in space.starts:
        jobs.find_method(name)
    split_rows(rows, dev=space.largest_dev, holdout=len(split.holdout), seed=loop.seed)
    return space, base


@dataclass(frozen=True)
class Ended:
    """How a worker ended.

    Attributes:
        compared: The comparison on the holdout; None where other workers still run trials, or the
            budget did not reach that far.
        others: Whether other workers are still at work.
        stopped_by: The budget stop that ended it, if one did.
        metric: What judged.
        seconds: How long this worker was at it.
    """

    compared: list[HoldoutLine] | None
    others: bool
    stopped_by: BudgetReached | None
    metric: FailureMetric
    seconds: float


@dataclass(frozen=True)
class Search:
    """One worker of a search.

    Args:
        folder: Hands out places for workers.
        study: Hands out trials.
        open_bench: What trials run on, booked to a place and kept to its part of the budget.
    """

    folder: StudyFolder
    study: SharedStudy
    open_bench: Callable[[WorkerFolder], TrialBench]

    def run(self) -> Ended:
        """Run trials until there are enough; the last worker then compares the best.

        The budget is divided by places. A worker that has used up its part goes on in the next
        place that is free, so one process alone reaches the whole budget.
        """
        started, number, stop, metric = time.monotonic(), 0, None, None
        while (claimed := self.folder.claim(after=number)) is not None:
            number, place = claimed
            with place, self.open_bench(place) as bench:
                metric = bench.metric
                try:
                    last = self._work(number, place, bench)
                    compared = compare_on_holdout(bench, self.study) if last else None
                    return Ended(compared, not last, None, metric, time.monotonic() - started)
                except BaseException as error:
                    self.study.give_back(number)
                    if not isinstance(error, BudgetReached):
                        raise
                    stop = error
        if stop is None or metric is None:
            raise InUse(f"{self.folder.path}: all {self.folder.workers} places are taken; see --workers")
        return Ended(None, False, stop, metric, time.monotonic() - started)

    def _work(self, number: int, place: WorkerFolder, bench: TrialBench) -> bool:
        """Trials until none is left; whether this worker is the last one."""
        while True:
            while (trial := self.study.next_trial(number)) is not None:
                self._try(trial, bench)
            with self.folder.alone():
                others = (n for n in range(1, self.folder.workers + 1) if n != number)
                if any(self.folder.at_work(other) for other in others):
                    # Left inside this block: of two workers that end at once, the second is the last.
                    place.close()
                    return False
            if not self.study.unfinished():
                return True

    def _try(self, trial: optuna.Trial, bench: TrialBench) -> None:
        configuration = self.study.space.configuration(trial.params)
        bench.listener.phase(f"trial {trial.number}: {describe(trial.params)}", None)
        config, earlier, curve = self.study.config, self.study.curves(), list[TrialPoint]()
        kept = config.no_pruning or trial.user_attrs.get("baseline", False)

        def on_point(point: TrialPoint) -> None:
            curve.append(point)
            trial.set_user_attr("curve", curve)
            if kept or point.step >= configuration.loop.steps:
                return
            if config.trial_calls is not None and point.calls > config.trial_calls:
                raise optuna.TrialPruned("over the budget of a trial")
            if falls_behind(curve, earlier):
                raise optuna.TrialPruned("above the median at equal cost")

        try:
            measured = run_trial(bench, configuration, on_point)
        except optuna.TrialPruned as pruned:
            self.study.prune(trial, curve, str(pruned))
        else:
            self.study.finish(trial, measured)
