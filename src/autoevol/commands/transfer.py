"""`autoevol transfer` as a function: known methods on other data, or with another evol LM.

The paper leaves open whether a method optimised on one data set with one LM works on others. Here all
methods are scored on the same rows, with the same LM and the same metric.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoevol.commands.few_rows import few_rows
from autoevol.commands.job import Job, Listener, open_job
from autoevol.commands.keywords import take
from autoevol.commands.methods import find_methods
from autoevol.commands.models import asking
from autoevol.commands.result import Result, frame
from autoevol.config import Settings, TransferConfig
from autoevol.config.options import decisive
from autoevol.core.errors import BudgetReached, InputError
from autoevol.core.progress import Progress
from autoevol.core.records import Method, Row, Score, digest
from autoevol.data.load import Loaded, load_rows
from autoevol.data.sources import name_of
from autoevol.data.split import sample_rows
from autoevol.lm.meter import Uses
from autoevol.optimization.scoreboard import Scoreboard
from autoevol.programs.evolver import Evolver
from autoevol.reports import passports
from autoevol.reports.costs import RowCost
from autoevol.reports.rates import Ledger, MethodRef
from autoevol.reports.run import versions
from autoevol.reports.summary import measure_of
from autoevol.reports.transfer import FILE, EvolModel, SampleReport, TransferReport, TransferScore
from autoevol.store.run import RunFolder
from autoevol.store.sealed import check_source, write_sealed


@dataclass(frozen=True, repr=False)
class Transferred(Result[TransferReport]):
    """How a transfer ended."""

    def to_pandas(self) -> Any:  # noqa: ANN401 (a pandas.DataFrame; pandas is optional)
        """The methods as a table, one row each. Raises InputError without pandas."""
        lines = (one.to_json() for one in self.report.methods)
        return frame([{**line, **(line["score"] or {})} for line in lines])


@dataclass(frozen=True, slots=True)
class Sample:
    """The rows that all methods are scored on.

    Attributes:
        rows: Drawn by their ids and the seed alone.
        left_out: Rows excluded because some method was chosen on them.
    """

    rows: tuple[Row, ...]
    left_out: int

    @property
    def rows_hash(self) -> str:
        """16 hex digits that identify the rows."""
        return digest(*(row.id for row in self.rows))


def transfer(
    methods: str | Path | Sequence[str | Path],
    seeds: str | Path,
    out: str | Path,
    *,
    config: TransferConfig | None = None,
    settings: Settings | None = None,
    listener: Listener | None = None,
    **options: Any,  # noqa: ANN401 (settings of every type)
) -> Transferred:
    """Score methods on a sample of `seeds`, and compare each with the first: `autoevol transfer`.

    Args:
        methods: Names, method files, run folders, passports, `FILE#STATE` of an author log.
        seeds: The data, as for `run`.
        out: Run folder; the same one resumes.
        config: Number of rows and rounds, and the passports that the result is entered in.
        settings: How `seeds` is read, the evol LM, the metric, hard caps.
        listener: As for `run`.
        options: Fields of these by the names of the command's options.

    Raises:
        InputError: If a method, a passport or the data cannot be used; raised before anything is paid for.
        StoreError, StopRun: As for `run`.
    """
    settings, config = take("transfer", settings, options, config or TransferConfig())
    sources = [str(method) for method in ([methods] if isinstance(methods, str | Path) else methods)]
    return _transferred(sources, name_of(seeds), Path(out), config, settings, listener or Progress())


def _transferred(
    sources: Sequence[str],
    seeds: str,
    out: Path,
    config: TransferConfig,
    settings: Settings,
    listener: Listener,
) -> Transferred:
    methods = find_methods(sources)
    into = [Path(path) for path in config.into]
    for path in into:
        if passports.read_passport(path).method.id not in {method.id for method in methods}:
            raise InputError(f"the method of the passport {path} is not among those to be scored")
    check_source(seeds)
    loaded = load_rows(seeds, **settings.data.reading())
    sample = draw(sources, loaded, config)
    ids = [method.id for method in methods]
    inputs = {"methods": ids, "rows_hash": sample.rows_hash, "data_hash": loaded.data_hash}
    decided = {"transfer": decisive(config), **settings.decisive("models", "metrics"), "inputs": inputs}
    roles = ("evol", "respond", "judge")
    with (
        RunFolder(out, decided) as folder,
        open_job(folder, settings, listener, roles=roles, gated=False) as job,
    ):
        if len(methods) > 1 and (why := few_rows({"scored": len(sample.rows)}, "a larger --sample")):
            job.listener.note(why)
        scores, costs, stop = _score(job, methods, sample.rows, config.rounds)
        evol = settings.models.evol
        report = TransferReport(
            run_id=folder.run_id,
            seeds=_sample_report(loaded, sample, config),
            models=EvolModel(evol.model, evol.temperature),
            rounds=config.rounds,
            metric=measure_of(job.settings, job.metric),
            reference=MethodRef.of(methods[0]),
            methods=TransferScore.of_all(methods, sources, scores, costs, settings.metrics.objective),
            ledger=Ledger.of(job.session.ledger()),
            versions=versions(),
            seconds=time.monotonic() - job.started,
        )
        write_sealed(folder.path / FILE, report.to_json())
        job.listener.ends_with(stop)
    for path in into:
        passports.enter_transfer(report, path)
    return Transferred(report, out, stop)


def draw(sources: Sequence[str], loaded: Loaded, config: TransferConfig) -> Sample:
    """A sample of the rows that no method was chosen on, as far as its source records that.

    Raises:
        InputError: If there is none.
    """
    seen = frozenset[str]().union(*(passports.rows_seen(Path(source)) for source in sources))
    new = [row for row in loaded.rows if row.id not in seen]
    if not new:
        raise InputError(f"every row of {loaded.source} was used to choose one of the methods")
    rows, _ = sample_rows(new, config.sample, config.seed)
    return Sample(tuple(rows), len(loaded.rows) - len(new))


def _score(
    job: Job, methods: Sequence[Method], rows: Sequence[Row], rounds: int
) -> tuple[list[Score | None], list[RowCost | None], BudgetReached | None]:
    """Each method's score and cost per usable row; None for the methods that the budget did not reach."""
    models = job.settings.models
    job.listener.phase("transfer", len(rows) * len(methods))
    board = Scoreboard(
        Evolver(methods[0], rounds=rounds, system=models.system),
        job.metric,
        concurrency=job.settings.requests.concurrency,
        on_row=lambda _, case: job.listener.case(case),
    )
    scores: list[Score | None] = [None] * len(methods)
    costs: list[RowCost | None] = [None] * len(methods)
    try:
        with asking(job.session, models):
            for number, method in enumerate(methods):
                with job.session.watched(uses := Uses()):
                    score = scores[number] = board.score(method, rows, "transfer")
                costs[number] = RowCost.of(uses, score)
    except BudgetReached as stop:
        return scores, costs, stop
    return scores, costs, None


def _sample_report(loaded: Loaded, sample: Sample, config: TransferConfig) -> SampleReport:
    return SampleReport(
        source=loaded.source,
        data_hash=loaded.data_hash,
        rows=len(sample.rows),
        rows_hash=sample.rows_hash,
        left_out=sample.left_out,
        seed=config.seed,
    )
