"""`autoevol transfer` as a function: known methods on other data, or with another evol LM.

Whether a method that was optimised on one data set and one LM holds on others is what the paper
leaves open. Here all methods meet the same rows, the same LM and the same measure.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import dspy

from autoevol.commands import jobs, workflow
from autoevol.commands.jobs import Listener
from autoevol.commands.workflow import Result
from autoevol.config import Settings, TransferConfig
from autoevol.core.errors import BudgetReached, InputError
from autoevol.core.records import Method, Row, Score, digest
from autoevol.data.load import Loaded, load_rows
from autoevol.data.split import sample_rows
from autoevol.optimization.scoreboard import Scoreboard
from autoevol.programs.evolver import Evolver
from autoevol.reports import passports
from autoevol.reports.rates import Ledger, MethodRef, MetricReport
from autoevol.reports.run import versions
from autoevol.reports.transfer import FILE, EvolModel, SampleReport, TransferReport, TransferScore
from autoevol.store.files import write_json
from autoevol.store.run import RunFolder


@dataclass(frozen=True, slots=True)
class Sample:
    """The rows that all methods are scored on.

    Attributes:
        rows: Drawn by their ids and the seed alone.
        left_out: Rows of the data that the choice of some method depends on.
    """

    rows: tuple[Row, ...]
    left_out: int

    @property
    def rows_hash(self) -> str:
        """16 hex digits that identify the rows."""
        return digest(*(row.id for row in self.rows))


def transfer(
    sources: Sequence[str],
    seeds: str,
    out: Path,
    config: TransferConfig,
    given: Settings,
    listener: Listener,
    *,
    into: Sequence[Path] = (),
    store: str | None = None,
) -> Result:
    """Score the methods in `sources` on a sample of `seeds`, and compare each with the first.

    Args:
        sources: Names, method files, run folders, passports, `FILE#STATE` of an author log.
        seeds: The data, as `load_rows` takes it.
        out: Run folder; the same one resumes.
        config: How many rows, and rounds.
        given: How `seeds` is read, the evol LM (no other is asked), what decides on failure, hard caps.
        listener: Is told of the progress.
        into: Passports that are given the result of their method.
        store: Call store to share with other runs.

    Raises:
        InputError: If a method, a passport or the data cannot be used; before anything is paid.
        StopRun: If access, endpoint or disk fail; what was finished is kept.
    """
    methods = find_methods(sources)
    for path in into:
        if passports.read_passport(path).method.id not in {method.id for method in methods}:
            raise InputError(f"the method of the passport {path} is not among those to be scored")
    models, metrics = given.models, given.metrics
    loaded = load_rows(seeds, **given.data.reading())
    sample = draw(sources, loaded, config)
    known = {"methods": [method.id for method in methods], "rows_hash": sample.rows_hash}
    settings = {**asdict(config), **known, **workflow.decisive(models, metrics)}
    settings["data_hash"] = loaded.data_hash
    with (
        RunFolder(out, settings) as folder,
        workflow.session_of(folder, models, metrics, given.budget, store) as session,
    ):
        started = time.monotonic()
        metric = jobs.make_metric(session, models, metrics)
        listener.phase("transfer", len(sample.rows) * len(methods))
        board = Scoreboard(
            Evolver(methods[0], rounds=config.rounds, system=models.system),
            metric,
            concurrency=models.concurrency,
            on_row=lambda _, case: listener.case(case),
        )
        with dspy.context(lm=jobs.evol_lm(session, models), trace=None, disable_history=True):
            scores, stop = _score(board, methods, sample.rows)
        report = TransferReport(
            run_id=folder.run_id,
            seeds=_sample_report(loaded, sample, config),
            models=EvolModel(models.evol_model, models.temperature),
            rounds=config.rounds,
            metric=MetricReport.of(metrics, metrics.judge_model, metric.detector.name, domain=metric.domain),
            reference=MethodRef.of(methods[0]),
            methods=tuple(
                TransferScore.of(method, source, score, scores[0])
                for method, source, score in zip(methods, sources, scores, strict=True)
            ),
            ledger=Ledger.of(session.ledger()),
            versions=versions(),
            seconds=time.monotonic() - started,
        )
        write_json(folder.path / FILE, report.to_json())
    for path in into:
        passports.enter_transfer(report, path)
    return Result(report, stop)


def find_methods(sources: Sequence[str]) -> list[Method]:
    """The methods that `sources` mean, in order.

    Raises:
        InputError: If one cannot be found, or two are the same method.
    """
    methods = [jobs.find_method(source) for source in sources]
    known: dict[str, str] = {}
    for source, method in zip(sources, methods, strict=True):
        if method.id in known:
            raise InputError(f"{known[method.id]} and {source} are the same method")
        known[method.id] = source
    return methods


def draw(sources: Sequence[str], loaded: Loaded, config: TransferConfig) -> Sample:
    """A sample of the rows that no method was chosen on, as far as its source tells.

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
    board: Scoreboard, methods: Sequence[Method], rows: Sequence[Row]
) -> tuple[list[Score | None], BudgetReached | None]:
    """A score per method, None from the one on that the budget did not reach."""
    scores: list[Score | None] = [None] * len(methods)
    try:
        for place, method in enumerate(methods):
            scores[place] = board.score(method, rows, "transfer")
    except BudgetReached as stop:
        return scores, stop
    return scores, None


def _sample_report(loaded: Loaded, sample: Sample, config: TransferConfig) -> SampleReport:
    return SampleReport(
        source=loaded.source,
        data_hash=loaded.data_hash,
        rows=len(sample.rows),
        rows_hash=sample.rows_hash,
        left_out=sample.left_out,
        seed=config.seed,
    )
