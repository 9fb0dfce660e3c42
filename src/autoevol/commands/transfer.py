"""`autoevol transfer` as a function: known methods on other data, or with another evol LM.

Whether a method that was optimised on one data set and one LM holds on others is what the paper
leaves open. Here all methods meet the same rows, the same LM and the same measure.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

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
from autoevol.reports import passport, report
from autoevol.reports.passport_page import difference_text
from autoevol.reports.summary import metric_json
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
        if passport.read_passport(path)["id"] not in {method.id for method in methods}:
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
        result = {
            "run_id": folder.run_id,
            "seeds": _seeds_json(loaded, sample, config),
            "models": {"evol": models.evol_model, "temperature": models.temperature},
            "rounds": config.rounds,
            "metric": metric_json(metrics, metric),
            "reference": report.method_json(methods[0]),
            "methods": _methods_json(sources, methods, scores),
            "ledger": report.ledger_json(session.ledger()),
            "versions": report.versions(),
            "seconds": time.monotonic() - started,
        }
        write_json(folder.path / "transfer.json", result)
    for path in into:
        _enter(result, path)
    return Result(result, stop)


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
    seen = frozenset[str]().union(*(passport.rows_seen(Path(source)) for source in sources))
    new = [row for row in loaded.rows if row.id not in seen]
    if not new:
        raise InputError(f"every row of {loaded.source} was used to choose one of the methods")
    rows, _ = sample_rows(new, config.sample, config.seed)
    return Sample(tuple(rows), len(loaded.rows) - len(new))


def compared(first: Score | None, score: Score | None) -> dict[str, Any]:
    """A score as JSON, with its difference to that of the first method unless it is that one.

    The McNemar test is exact and is not corrected for the number of methods.
    """
    other = score if score is not first else None
    gap = report.paired_difference(first, other)
    return {
        "score": report.rate_of(score),
        "difference": gap._asdict() if gap else None,
        "p_value": report.paired_p_value(first, other),
    }


def transfer_rows(result: dict[str, Any]) -> list[tuple[str, str]]:
    """The result as (label, value) rows, in the order in which they are printed."""
    seeds, total = result["seeds"], result["ledger"]["total"]
    out = f", {seeds['left_out']} left out that a method was chosen on" if seeds["left_out"] else ""
    rows = [
        ("data", f"{seeds['rows']} rows of {seeds['source']}{out}"),
        ("evol LM", result["models"]["evol"]),
    ]
    for one in result["methods"]:
        is_first = one["id"] == result["reference"]["id"]
        beside = "the reference" if is_first else difference_text(one)
        rows.append(("failure rate", f"{report.rate_text(one['score'])}  {one['source']}: {beside}"))
    money = f", ${total['usd']:.4f}" if total["usd"] else ""
    return [
        *rows,
        ("measured by", report.metric_text(result["metric"])),
        ("LM calls paid", f"{total['calls']} (and {total['reused']} answered from the store){money}"),
    ]


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


def _seeds_json(loaded: Loaded, sample: Sample, config: TransferConfig) -> dict[str, Any]:
    return {
        "source": loaded.source,
        "data_hash": loaded.data_hash,
        "rows": len(sample.rows),
        "rows_hash": sample.rows_hash,
        "left_out": sample.left_out,
        "seed": config.seed,
    }


def _methods_json(
    sources: Sequence[str], methods: Sequence[Method], scores: Sequence[Score | None]
) -> list[dict[str, Any]]:
    return [
        {**report.method_json(method), "source": source, **compared(scores[0], score)}
        for source, method, score in zip(sources, methods, scores, strict=True)
    ]


def _enter(result: dict[str, Any], path: Path) -> None:
    path = path / passport.FILE if path.is_dir() else path
    known = passport.read_passport(path)
    score = next(one["score"] for one in result["methods"] if one["id"] == known["id"])
    if score is None:
        return
    entered = passport.with_transfer(known, result)
    passport.write_passport(entered, path)
    if (shown := path.with_suffix(".md")).exists():
        passport.write_passport(entered, shown)
