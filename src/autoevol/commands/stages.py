"""The stages of a run, each on a job: find a method, evolve all rows with it, take up what was lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from autoevol.commands.first_look import first_look, look_rows
from autoevol.commands.job import Job
from autoevol.commands.methods import find_method
from autoevol.commands.models import asking, asking_for_rows, role_lm
from autoevol.config import LoopConfig, MethodConfig
from autoevol.config.choices import Optimize
from autoevol.core.errors import BudgetReached
from autoevol.core.records import Case, Method, Row, Score
from autoevol.data.split import Split, reserve_of, split_rows
from autoevol.evolution.outputs import Tally
from autoevol.evolution.policy import Policy
from autoevol.evolution.retry import retry_rows
from autoevol.evolution.rounds import RowPipeline
from autoevol.evolution.source import RowSource
from autoevol.evolution.stage import evolve_rows
from autoevol.optimization.compiling import Optimized, steps_made
from autoevol.optimization.dev_rows import find_dev_rows
from autoevol.optimization.plan import spare_rows
from autoevol.optimization.rules import find_rule
from autoevol.optimization.scoreboard import Scoreboard
from autoevol.optimization.teleprompter import AutoEvol
from autoevol.programs.evolver import Evolver
from autoevol.store.parts import Parts

FEWEST = 6
"""Rows with which the exact paired test can reach 5 %, if all of them differ: 2 / 2^6 = 3 %."""


def plan_split(rows: Sequence[Row], loop: LoopConfig, methods: MethodConfig) -> Split:
    """Disjoint train, dev and holdout rows, and in reserve what later steps and the confirmation may ask for.

    The default sizes shrink for a small file, so that each of the three gets at least a
    quarter of it; sizes that the user chose are kept, or refused. The reserve is what can be
    spared, `spare_rows` at most.
    """
    dev, holdout = loop.dev_size, methods.holdout_size
    if dev == LoopConfig().dev_size and 4 * dev > len(rows):
        dev = max(1, len(rows) // 4)
    if holdout is None:
        holdout = min(dev, max(1, len(rows) // 4))
    rule = find_rule(methods.selection)
    wanted = spare_rows(loop, rule, find_dev_rows(loop.dev_rows or rule.dev_rows))
    reserve = reserve_of(len(rows) - dev - holdout, dev, wanted)
    return split_rows(rows, dev=dev, holdout=holdout, seed=loop.seed, reserve=reserve)


def optimize(job: Job, rows: Sequence[Row], when: Optimize = "always") -> Optimized:
    """Find the best method for `rows`, and score it against the first one on the holdout.

    Args:
        job: Of the run.
        rows: All seeds.
        when: `auto` takes a first look, after which the first starting method may be the answer at
            once; it is the answer of `never`.
    """
    settings, listener = job.settings, job.listener
    models, loop, methods = settings.models, settings.loop, settings.methods
    starts = [find_method(name) for name in methods.start]
    split = plan_split(rows, loop, methods)
    student = Evolver(starts[0], rounds=methods.rounds, system=models.system)
    sizes = {name: len(getattr(split, name)) for name in ("train", "dev", "reserve", "holdout")}

    def on_row(_: str, case: Case) -> None:
        listener.case(case)

    seen = None
    if when == "auto":
        board = Scoreboard(student, job.metric, concurrency=settings.requests.concurrency, on_row=on_row)
        with asking(job.session, models):
            seen = first_look(job, starts[0], look_rows(split, loop, methods.selection), board)
    if when == "never" or (seen is not None and not seen.worth):
        stopped = "never" if when == "never" else "not worth it"
        job.folder.save_method(starts[0], {"steps": 0, "stopped": stopped})
        student.save(job.folder.path / "program.json")
        return Optimized(starts[0], starts[0], (), stopped, (None, None), sizes, seen)
    if min(len(split.dev), len(split.holdout)) < FEWEST:
        listener.note(
            f"{len(split.dev)} dev and {len(split.holdout)} holdout rows: so few can show no difference; "
            "give more seeds, or evolve with the starting method (--optimize never)"
        )
    listener.phase(f"optimize in at most {loop.steps} step{'' if loop.steps == 1 else 's'}", None)
    teleprompter = AutoEvol(
        job.metric,
        config=replace(loop, concurrency=settings.requests.concurrency),
        optimizer_lm=role_lm(job.session, models, "optimizer"),
        selection=find_rule(methods.selection)(),
        starts=starts[1:],
        journal=job.folder.journal(job.paid),
        on_step=lambda step: listener.step(step, len(step.scores)),
        on_row=on_row,
        verbose=False,  # the listener is told already
    )
    with asking(job.session, models):
        best: Any = teleprompter.compile(
            student, trainset=split.train, valset=split.dev, reserve=split.reserve
        )
        chosen = _named(best.method, starts)
        facts = {
            "steps": steps_made(best.trial_logs.values()),
            "stopped": best.stopped,
            "dev_score": best.score,
        }
        job.folder.save_method(chosen, facts)
        best.save(job.folder.path / "program.json")
        listener.phase("holdout", len(split.holdout) * len({starts[0].id, chosen.id}))
        board = Scoreboard(student, job.metric, concurrency=settings.requests.concurrency, on_row=on_row)
        scores = (_try_score(board, starts[0], split.holdout), _try_score(board, chosen, split.holdout))
    return Optimized(starts[0], chosen, tuple(best.trial_logs.values()), best.stopped, scores, sizes, seen)


def evolve(job: Job, source: RowSource, policy: Policy, total: int) -> Tally:
    """Evolve all rows of `source`, `total` of them, into the run folder's files."""
    settings = job.settings
    job.listener.phase("evolve", total)
    job.folder.save_methods([choice.method for choice in policy.choices])
    with asking_for_rows(job.session, settings, job.listener.note):
        return evolve_rows(
            row_pipeline(job, policy),
            source,
            job.folder.path,
            settings.pipeline,
            concurrency=settings.rows_at_once,
            on_case=job.listener.case,
            forget=job.session.store.forget if settings.pipeline.forget_calls else None,
        )


def retry(job: Job, work: RowPipeline, parts: Parts) -> Tally:
    """Take up the dead rows of `parts` again; an LM is that of the current `asking`."""
    return retry_rows(
        work,
        parts,
        job.folder.path,
        keep=job.settings.pipeline.keep,
        concurrency=job.settings.rows_at_once,
        on_case=job.listener.case,
    )


def row_pipeline(job: Job, policy: Policy) -> RowPipeline:
    """What takes one row through its rounds."""
    models = job.settings.models
    return RowPipeline(
        policy,
        job.metric,
        models.evol.model,
        gates=job.gates,
        system=models.system,
        compare=job.settings.pipeline.keep == "best",
        responds=models.respond.model,
    )


def _try_score(board: Scoreboard, method: Method, rows: Sequence[Row]) -> Score | None:
    try:
        return board.score(method, rows, "holdout")
    except BudgetReached:
        return None


def _named(method: Method, known: Sequence[Method]) -> Method:
    """The same method under the name it started with, if it did; optimizers drop names."""
    return next((other for other in known if other.id == method.id), method)
