"""`autoevol search`: the trials of one worker, and the end of the search if it is the last."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import optuna

from autoevol.commands.few_rows import few_rows
from autoevol.commands.following import Listener, following
from autoevol.commands.keywords import take
from autoevol.commands.methods import find_method
from autoevol.commands.models import asking, make_metric, open_session, role_lm
from autoevol.commands.plan import plan_split
from autoevol.config import SearchConfig, Settings
from autoevol.config.options import decisive
from autoevol.core.errors import BudgetReached, InUse
from autoevol.core.progress import Progress
from autoevol.core.records import Row
from autoevol.data.load import load_rows
from autoevol.data.sources import name_of
from autoevol.data.split import split_rows
from autoevol.hypersearch.holdout import compare_on_holdout
from autoevol.hypersearch.pruning import TrialPoint, falls_behind
from autoevol.hypersearch.result import Ended, Searched, write_result
from autoevol.hypersearch.space import Configuration, Space
from autoevol.hypersearch.study import SharedStudy, quiet, without_password
from autoevol.hypersearch.tracking import TrackedTrials
from autoevol.hypersearch.trial import TrialBench, run_trial
from autoevol.reports.search import describe
from autoevol.reports.summary import measure_of
from autoevol.store.sealed import check_source
from autoevol.store.study import StudyFolder, WorkerFolder


def search(
    seeds: str | Path,
    out: str | Path,
    *,
    config: SearchConfig | None = None,
    settings: Settings | None = None,
    listener: Listener | None = None,
    **options: Any,  # noqa: ANN401 (settings of every type)
) -> Searched:
    """Search the settings of the loop on `seeds`: `autoevol search`.

    The same call in another process joins the search, and after a stop it resumes.

    Args:
        seeds: As for `run`.
        out: Folder of the search.
        config: What to vary, and how many trials.
        settings: The first configuration, and everything that all trials share.
        listener: As for `run`.
        options: Fields of these by the names of the command's options.

    Raises:
        InputError: If settings or data do not fit, or the folder holds another search.
        InUse: If the maximum number of workers is already running.
        StopRun: As for `run`.
    """
    settings, config = take("search", settings, options, config or SearchConfig())
    return _searched(name_of(seeds), Path(out), settings, config, listener or Progress())


def _searched(
    seeds: str, out: Path, settings: Settings, config: SearchConfig, listener: Listener
) -> Searched:
    check_source(seeds)
    loaded = load_rows(seeds, **settings.data.reading())
    space, base = plan(loaded.rows, settings, config)
    if why := few_rows({"dev": space.largest_dev, "holdout": base.methods.holdout_size or 0}):
        listener.note(why)
    decided = {
        **settings.decisive("loop", "methods", "models", "metrics"),
        "search": {**decisive(config), "storage": without_password(config.storage)},
        "inputs": {"data_hash": loaded.data_hash},
    }
    folder = StudyFolder(out, decided, config.workers)
    share = settings.of_a_part(config.workers)

    def open_bench(place: WorkerFolder, told: Listener) -> TrialBench:
        session = open_session(place.calls, share, listener=told)
        return TrialBench(
            session=session,
            metric=make_metric(session, settings.models, settings.metrics),
            rows=loaded.rows,
            holdout=base.methods.holdout_size or 0,
            dev=space.largest_dev,
            seed=settings.loop.seed,
            asking=partial(asking, session),
            optimizer=role_lm(session, settings.models, "optimizer"),
            listener=told,
        )

    tracked, stop = TrackedTrials(settings, listener), None
    try:
        with quiet():
            study = SharedStudy(folder, config, space)
            ended = Search(folder, study, open_bench, listener, tracked).run()
            stop = ended.stopped_by
            return write_result(study, ended, measure_of(settings, ended.metric))
    except BaseException as error:
        stop = error
        raise
    finally:
        tracked.close(out, stop)


def plan(rows: Sequence[Row], settings: Settings, config: SearchConfig) -> tuple[Space, Configuration]:
    """The search space for these rows, and the first configuration with sizes that fit them.

    Raises:
        InputError: If there are too few rows for the largest dev set, or a name is unknown.
    """
    loop, methods = settings.loop, settings.methods
    split = plan_split(rows, loop, methods)
    base = Configuration(
        replace(loop, dev_size=len(split.dev), concurrency=settings.requests.concurrency),
        replace(methods, holdout_size=len(split.holdout)),
        settings.models,
    )
    space = Space(config.space, base, len(split.train))
    for name in space.starts:
        find_method(name)
    split_rows(rows, dev=space.largest_dev, holdout=len(split.holdout), seed=loop.seed)
    return space, base


@dataclass(frozen=True)
class Search:
    """One worker of a search.

    Args:
        folder: Assigns worker numbers.
        study: Assigns trials.
        open_bench: Makes what trials run on: charged to a worker's folder, within its share of the budget,
            reporting to a listener.
        listener: Called with the progress.
        tracked: Sends the trials to a tracking service.
    """

    folder: StudyFolder
    study: SharedStudy
    open_bench: Callable[[WorkerFolder, Listener], TrialBench]
    listener: Listener
    tracked: TrackedTrials

    def run(self) -> Ended:
        """Run trials until there are enough; the last worker then compares the best.

        Each worker number has an equal share of the budget. A worker that has spent its share continues under
        the next free number, so that a single process can spend the whole budget.
        """
        started, number, stop, metric = time.monotonic(), 0, None, None
        while (claimed := self.folder.claim(after=number)) is not None:
            number, place = claimed
            self.tracked.at(place)
            with place, following(place.path, self.listener) as told, self.open_bench(place, told) as bench:
                metric = bench.metric
                try:
                    last = self._work(number, place, bench)
                    compared = compare_on_holdout(bench, self.study) if last else None
                    return Ended(compared, not last, None, metric, time.monotonic() - started)
                except BaseException as error:
                    self.study.give_back(number)
                    if not isinstance(error, BudgetReached):
                        raise
                    told.ends_with(error)
                    stop = error
        if stop is None or metric is None:
            raise InUse(f"{self.folder.path}: all {self.folder.workers} places are taken; see --workers")
        return Ended(None, False, stop, metric, time.monotonic() - started)

    def _work(self, number: int, place: WorkerFolder, bench: TrialBench) -> bool:
        """Run trials until none is left; returns whether this is the last worker."""
        while True:
            while (trial := self.study.next_trial(number)) is not None:
                self._try(trial, bench)
            with self.folder.alone():
                others = (n for n in range(1, self.folder.workers + 1) if n != number)
                if any(self.folder.at_work(other) for other in others):
                    # Released inside this block, so that of two workers that end at the same time exactly the
                    # second one is the last.
                    place.close()
                    return False
            if not self.study.unfinished():
                return True

    def _try(self, trial: optuna.Trial, bench: TrialBench) -> None:
        configuration = self.study.space.configuration(trial.params)
        bench.listener.phase(f"trial {trial.number}: {describe(trial.params)}", None)
        config, earlier, curve = self.study.config, self.study.curves(), list[TrialPoint]()
        # The baseline must finish, because everything is compared with it.
        unpruned = config.no_pruning or trial.user_attrs.get("baseline", False)

        def on_point(point: TrialPoint) -> None:
            curve.append(point)
            trial.set_user_attr("curve", curve)
            if unpruned or point.step >= configuration.loop.steps:
                return
            if config.trial_calls is not None and point.calls > config.trial_calls:
                raise optuna.TrialPruned("over the budget of a trial")
            if falls_behind(curve, earlier):
                raise optuna.TrialPruned("above the median at equal cost")

        try:
            measured = run_trial(bench, configuration, on_point, config.loop_seeds)
        except optuna.TrialPruned as pruned:
            self.study.prune(trial, curve, str(pruned))
        else:
            self.study.finish(trial, measured)
            self.tracked.trial(trial.number, measured)
