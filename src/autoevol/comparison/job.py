"""`autoevol compare` as a function: from seeds, models and settings to a comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import dspy

from autoevol.commands.few_rows import check_enough, few_rows
from autoevol.commands.following import Listener, following
from autoevol.commands.job import tracked_run
from autoevol.commands.keywords import take
from autoevol.commands.methods import find_method
from autoevol.commands.models import make_detector_of, make_metric, open_session, respond_lm, role_lm
from autoevol.commands.result import frame
from autoevol.comparison import tournament
from autoevol.comparison.catalog import find_contestants
from autoevol.comparison.entry import Heat
from autoevol.config import CompareConfig, Settings
from autoevol.config.options import decisive
from autoevol.core.progress import Progress, say
from autoevol.core.records import Method, Row
from autoevol.data.load import load_rows
from autoevol.data.sources import name_of
from autoevol.data.split import split_rows
from autoevol.lm.budget import Caps
from autoevol.lm.session import Session
from autoevol.metrics.domains import domain_of, main_domain
from autoevol.metrics.failure import FailureMetric
from autoevol.programs.evolver import Evolver
from autoevol.reports.comparison import ComparisonReport, Finished
from autoevol.reports.rates import MetricReport
from autoevol.store.calls import CallStore
from autoevol.store.run import RunFolder
from autoevol.store.sealed import check_source

_MOST_HOLDOUT = 200


class ModelBench:
    """Runs entries on the user's models.

    Args:
        settings: The models, and how they are called.
        listener: Receives the current entry and the status of its calls; by default they are logged.
    """

    def __init__(self, settings: Settings, listener: Listener | None = None) -> None:
        self.concurrency = settings.requests.concurrency
        self._settings = settings
        self._listener = listener or Progress()

    def session(self, path: Path, caps: Caps) -> Session:
        """See `Bench`. The name of the store is that of the entry, or `referee`."""
        self._listener.phase(path.stem, None)
        return open_session(partial(CallStore, path), self._settings, caps=caps, listener=self._listener)

    def task_lm(self, session: Session) -> dspy.LM:
        """See `Bench`."""
        return role_lm(session, self._settings.models, "evol")

    def respond_lm(self, session: Session) -> dspy.LM | None:
        """See `Bench`."""
        return respond_lm(session, self._settings.models)

    def prompt_lm(self, session: Session) -> dspy.LM:
        """See `Bench`. It has AutoEvol's sampling, for optimizers that set none."""
        return role_lm(session, self._settings.models, "optimizer")

    def metric(self, session: Session) -> FailureMetric:
        """See `Bench`."""
        return make_metric(session, self._settings.models, self._settings.metrics)


def most_calls(config: CompareConfig) -> int:
    """Paid calls that all entries together are allowed, without the referee's.

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
    check_enough(len(rows), 3)
    quarter = max(1, len(rows) // 4)
    dev = config.dev_size if config.dev_size != CompareConfig().dev_size else min(config.dev_size, quarter)
    size = min(quarter, _MOST_HOLDOUT) if config.holdout_size is None else config.holdout_size
    # Refused with the numbers of the file, not with those that the holdout leaves.
    first = split_rows(rows, dev=dev, holdout=size, seed=config.seed)
    rest = (*first.dev, *first.train)
    heats = []
    for seed in range(config.seed, config.seed + config.seeds):
        split = split_rows(rest, dev=dev, holdout=0, seed=seed)
        heats.append(Heat(seed, bench, student, split.train, split.dev))
    return heats, first.holdout


@dataclass(frozen=True, repr=False)
class Compared:
    """The result of a comparison.

    Attributes:
        report: All figures, as in `comparison.json`.
        folder: The folder of the comparison.
    """

    report: ComparisonReport
    folder: Path

    @property
    def method(self) -> Method:
        """The final method of the best contestant, from its first seed."""
        best = self.report.standings[0].contestant
        return next(entry.method for entry in self.report.entries if entry.contestant == best)

    @property
    def calls(self) -> int:
        """Paid calls of all entries and the referee."""
        return sum(entry.calls for entry in self.report.entries) + self.report.referee_calls

    def to_pandas(self) -> Any:  # noqa: ANN401 (a pandas.DataFrame; pandas is optional)
        """The standings as a table, best first. Raises InputError without pandas."""
        return frame([standing.to_json() for standing in self.report.standings])

    def __repr__(self) -> str:
        return self.report.table()


def say_entry(entry: Finished) -> None:
    """Tell the listener how an entry went."""
    notes = "".join(f"; {note}" for note in entry.notes)
    took = f"{entry.calls} calls, {entry.seconds:.0f} s, {entry.ending}"
    say(f"{entry.contestant}, seed {entry.seed}: {took}{notes}")


def compare(
    seeds: str | Path,
    out: str | Path,
    *,
    config: CompareConfig | None = None,
    settings: Settings | None = None,
    on_entry: Callable[[Finished], None] = say_entry,
    listener: Listener | None = None,
    **options: Any,  # noqa: ANN401 (settings of every type)
) -> Compared:
    """Compare optimizers on `seeds`, each with the same budget: `autoevol compare`.

    Args:
        seeds: As for `run`.
        out: Folder; the same one resumes.
        config: The contestants, and their number of calls.
        settings: Models, requests, metric, and how `seeds` is read.
        on_entry: Called with every entry, those of an earlier run included.
        listener: As for `run`.
        options: Fields of these by the names of the command's options, except `--seeds`, which is the field
            `seeds` of `config`.

    Raises:
        InputError: If a setting or the file cannot be used.
        StopRun: If access, the endpoint or the disk fails; finished entries are kept.
    """
    settings, config = take("compare", settings, options, config or CompareConfig())
    return _compared(name_of(seeds), Path(out), config, settings, on_entry, listener or Progress())


def _compared(
    seeds: str,
    out: Path,
    config: CompareConfig,
    settings: Settings,
    on_entry: Callable[[Finished], None],
    listener: Listener,
) -> Compared:
    contestants = find_contestants(config.optimizers)
    check_source(seeds)
    loaded = load_rows(seeds, **settings.data.reading())
    student = Evolver(find_method(config.start), rounds=config.rounds, system=settings.models.system)
    heats, holdout = plan_heats(loaded.rows, config, student, ModelBench(settings))
    if why := few_rows({"dev": len(heats[0].dev), "holdout": len(holdout)}):
        listener.note(why)
    decided = {
        "comparison": {**decisive(config), "start": student.method.id},
        **settings.decisive("models", "metrics"),
        "inputs": {"data_hash": loaded.data_hash},
    }
    measure = _measure(settings, loaded.rows)
    with (
        RunFolder(out, decided) as folder,
        following(folder.path, listener, tracked_run(folder, settings, listener)) as told,
    ):
        bench, played = ModelBench(settings, told), count()

        def entry_done(entry: Finished) -> None:
            if told.tracked:
                paid = {"entry_calls": float(entry.calls), "entry_seconds": entry.seconds}
                told.tracked.figures(paid, next(played))
            on_entry(entry)

        report = tournament.hold(
            contestants,
            [replace(heat, bench=bench) for heat in heats],
            holdout,
            tournament.Terms(
                config.budget, config.curve_methods, measure=str(measure), objective=measure.objective
            ),
            folder.path,
            entry_done,
        )
    return Compared(report, out)


def _measure(settings: Settings, rows: Sequence[Row]) -> MetricReport:
    """The report of the metric; its sentence is the one for the domain of `rows`."""
    return MetricReport.of(
        settings.metrics,
        settings.models.judge.model,
        make_detector_of(settings.models, settings.metrics).name,
        domain=main_domain(Counter(domain_of(row.instruction) for row in rows)),
        evol_model=settings.models.evol.model,
    )
