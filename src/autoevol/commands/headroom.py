"""`autoevol headroom` as a function: how much can an optimisation gain at most?

The data path: seeds -> the split that `run` makes of them -> dev rows, and those behind them -> the first
look of `run`, on as many of these rows -> every starting method on the first few of them, one sample under
the scope of step 0 (which a later `run` with the same store finds), one under a scope of its own ->
outcomes by method, row and sample -> bound, paired differences, variances -> `headroom.json`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dspy
import numpy as np

from autoevol.commands.few_rows import START_AT_ONCE, few_rows
from autoevol.commands.first_look import look_rows
from autoevol.commands.job import Job, Listener, open_job
from autoevol.commands.keywords import take
from autoevol.commands.methods import find_method
from autoevol.commands.models import asking
from autoevol.commands.plan import plan_run, plan_split
from autoevol.commands.result import Result
from autoevol.config import Settings
from autoevol.core import aio
from autoevol.core.errors import InputError
from autoevol.core.progress import Progress
from autoevol.core.records import Method, Outcome, Row, Score
from autoevol.data.load import load_rows
from autoevol.data.sources import name_of
from autoevol.metrics.paired import PairedTest
from autoevol.metrics.simultaneous import against_first
from autoevol.metrics.variance import Variances, decompose
from autoevol.optimization.first_look import FirstLook, look
from autoevol.optimization.scoreboard import Scoreboard
from autoevol.programs.evolver import Evolver
from autoevol.programs.methods import BUILT_IN
from autoevol.reports.headroom import FILE, HeadroomMethod, HeadroomReport, OptimizationCost
from autoevol.reports.rates import Ledger, MethodRef, RateReport
from autoevol.reports.run import versions
from autoevol.reports.summary import measure_of
from autoevol.reports.verdicts import is_tied
from autoevol.store.run import RunFolder
from autoevol.store.sealed import check_source, write_sealed

SCOPES = ("dev", "headroom-2")
"""Scopes of the two samples per method and row; the first is the one that the loop's steps use."""


def headroom(
    seeds: str | Path,
    out: str | Path,
    *,
    rows: int = 48,
    settings: Settings | None = None,
    listener: Listener | None = None,
    **options: Any,  # noqa: ANN401 (settings of every type)
) -> Result[HeadroomReport]:
    """Sample every starting method twice on a few rows: `autoevol headroom`.

    Args:
        seeds: As for `run`.
        out: Run folder; the same one resumes. With the same `--store`, `run` does not pay again.
        rows: Rows on which all methods are sampled, at least 2; fewer if the run would have fewer dev and
            reserve rows. The look at the first method is the one of `run`, and as long.
        settings: Those of the run; its first starting method is compared with the others and with the
            shipped ones.
        listener: As for `run`.
        options: Settings by the names of the command's options.

    Raises:
        InputError: If a setting, a model or the seeds cannot be used, before anything is paid.
        StoreError, StopRun: As for `run`; `BudgetReached` too, as part of the samples tells little.
    """
    (settings,) = take("headroom", settings, options)
    if rows < 2:
        raise InputError(f"--rows must be at least 2, got {rows}")
    seeds = name_of(seeds)
    check_source(seeds)
    started, loaded = time.monotonic(), load_rows(seeds, **settings.data.reading())
    split = plan_split(loaded.rows, settings.loop, settings.methods)
    looked = look_rows(split, settings.loop, settings.methods.selection)
    drawn = looked[:rows]
    starts = [find_method(name) for name in settings.methods.start]
    methods = list({method.id: method for method in (*starts, *BUILT_IN.values())}.values())
    inputs = {
        "data_hash": loaded.data_hash,
        "rows": len(drawn),
        "methods": [method.id for method in methods],
    }
    decided = {**settings.decisive("loop", "methods", "models", "metrics"), "headroom": inputs}
    roles = ("evol", "respond", "judge")
    with (
        RunFolder(Path(out), decided) as folder,
        open_job(folder, settings, listener or Progress(), roles=roles, gated=False) as job,
    ):
        if why := few_rows({"dev": len(split.dev), "holdout": len(split.holdout)}, START_AT_ONCE):
            job.listener.note(why)
        scores, seen = sample_starts(job, methods, drawn, looked)
        ledger = Ledger.of(job.session.ledger())
        judged = job.metric.detector.calls
        report = HeadroomReport(
            source=loaded.source,
            data_hash=loaded.data_hash,
            rows=len(drawn),
            samples=len(SCOPES),
            look=seen,
            methods=_lines(methods, [of[0] for of in scores]),
            variances=variances_of(scores, drawn),
            always_failed=sum(_is_failed(scores, row) for row in drawn),
            cost=_cost(seeds, settings, judged, ledger),
            metric=measure_of(settings, job.metric),
            ledger=ledger,
            versions=versions(),
            seconds=time.monotonic() - started,
        )
        write_sealed(folder.path / FILE, report.to_json())
    return Result(report, Path(out))


def sample_starts(
    job: Job, methods: Sequence[Method], rows: Sequence[Row], looked: Sequence[Row]
) -> tuple[list[list[Score]], FirstLook]:
    """A score on `rows` by method and scope of `SCOPES`, and the first look of a run at `looked`."""
    settings = job.settings
    student = Evolver(methods[0], rounds=settings.methods.rounds, system=settings.models.system)
    job.listener.phase("headroom", len(methods) * len(rows) * len(SCOPES))
    # A scoreboard never runs a method on a row twice, so each sample needs its own.
    boards = [
        Scoreboard(
            student,
            job.metric,
            concurrency=settings.requests.concurrency,
            on_row=lambda _, case: job.listener.case(case),
        )
        for _ in SCOPES
    ]
    with asking(job.session, settings.models):
        with dspy.context(trace=None, disable_history=True):
            seen = aio.run_and_wait(look(methods[0], looked, boards[0].evaluate))
        scores = [
            [board.score(method, rows, scope) for board, scope in zip(boards, SCOPES, strict=True)]
            for method in methods
        ]
    return scores, seen


def variances_of(scores: Sequence[Sequence[Score]], rows: Sequence[Row]) -> Variances | None:
    """The variance components, over the rows scored in every sample; None if there are fewer than two."""
    whole = [row.id for row in rows if all(one.scored(row.id) for of in scores for one in of)]
    if len(whole) < 2 or len(scores) < 2:
        return None
    return decompose(
        np.array([[[one.marks[row_id].loss for one in of] for row_id in whole] for of in scores], float)
    )


def _is_failed(scores: Sequence[Sequence[Score]], row: Row) -> bool:
    return all(one.marks[row.id].outcome is Outcome.FAILED for of in scores for one in of)


def _lines(methods: Sequence[Method], scores: Sequence[Score]) -> tuple[HeadroomMethod, ...]:
    """All methods, each beside the first."""
    aparts = [None, *(PairedTest.of_scores(scores[0], score) for score in scores[1:])]
    parts = zip(methods, scores, aparts, against_first([[score] for score in scores]), strict=True)
    return tuple(
        HeadroomMethod(MethodRef.of(method), RateReport.of(score), apart, test, is_tied(test))
        for method, score, apart, test in parts
    )


def _cost(seeds: str, settings: Settings, judge_calls: int, ledger: Ledger) -> OptimizationCost:
    """What `run` may pay before its bulk stage, at the price per call found here."""
    plan = plan_run(seeds, settings, judge_calls=judge_calls)
    stages = [stage for stage in plan.stages if stage.name != "evolve"]
    roles = dict.fromkeys(role for stage in stages for role in stage.calls)
    calls = {role: sum(stage.calls.get(role, 0) for stage in stages) for role in roles}
    each, rows = ledger.total.usd / max(1, ledger.total.calls), sum(sum(stage.rows) for stage in stages)
    per_row = settings.methods.rounds + 1 + judge_calls
    return OptimizationCost(calls, each * rows * per_row if each else None)
