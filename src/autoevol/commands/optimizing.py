"""The first stage of a run: find a method, if one is worth looking for and the budget's share allows it.

The data path: seeds -> split -> the share is held against what one full step takes -> the first look ->
the loop, within the share -> the confirmation and the holdout, for which it kept calls back -> `Optimized`.

The method is settled by the first row that is evolved with it. A resume after that reads what the loop had
finished and goes no further, whatever the caps are now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from autoevol.commands.few_rows import START_AT_ONCE, few_rows
from autoevol.commands.first_look import first_look, known_look, look_rows
from autoevol.commands.job import Job
from autoevol.commands.loop_watch import LoopWatch, rows_left
from autoevol.commands.methods import find_method
from autoevol.commands.models import asking, role_lm
from autoevol.commands.plan import plan_split
from autoevol.commands.shares import TOO_SMALL, USED_UP, Share
from autoevol.config import LoopConfig
from autoevol.config.choices import Optimize
from autoevol.core.errors import BudgetReached, InputError
from autoevol.core.records import Method, Row, Score, Step
from autoevol.data.split import Split
from autoevol.lm.budget import Caps, StageCaps
from autoevol.optimization.compiling import Optimized, steps_made
from autoevol.optimization.first_look import FirstLook
from autoevol.optimization.rules import find_rule
from autoevol.optimization.scoreboard import Scoreboard
from autoevol.optimization.teleprompter import AutoEvol
from autoevol.programs.evolver import Evolver
from autoevol.store.calls import Spent


def optimize(
    job: Job, rows: Sequence[Row], when: Optimize = "always", share: Share | None = None
) -> Optimized:
    """Find the best method for `rows`, and score it against the first one on the holdout.

    Args:
        job: Of the run.
        rows: All seeds.
        when: `auto` takes a first look, after which the first starting method may be the answer at
            once; it is the answer of `never`.
        share: What may be spent on it; None for all that the run may.

    Raises:
        InputError: If the share allows no full step and `when` is `always`: before anything is paid.
    """
    settings = job.settings
    starts = tuple(find_method(name) for name in settings.methods.start)
    split = plan_split(rows, settings.loop, settings.methods)
    student = Evolver(starts[0], rounds=settings.methods.rounds, system=settings.models.system)
    search = _Search(job, starts, split, student, share)
    with asking(job.session, settings.models):
        declined, seen = search.look(when)
        if declined:
            return search.without(declined, seen)
        return search.run(seen)


@dataclass(frozen=True)
class _Search:
    """An optimisation, its models being those of the current `asking`.

    Attributes:
        job: Of the run.
        starts: Starting methods; the first is the student's.
        split: Rows.
        student: The program.
        share: What may be spent on it; None for all that the run may.
    """

    job: Job
    starts: tuple[Method, ...]
    split: Split
    student: Evolver
    share: Share | None

    def look(self, when: Optimize) -> tuple[str, FirstLook | None]:
        """Why there is to be no loop, "" if there is; and what was seen of the first method."""
        job = self.job
        if when != "auto":
            return "never" if when == "never" else self._too_small(when), None
        if known_look(job) is None and (declined := self._too_small(when)):
            return declined, None
        rows = look_rows(self.split, job.settings.loop, job.settings.methods.selection)
        if self.share:
            row_calls = job.settings.methods.rounds + 1 + job.metric.detector.calls
            rows = rows[: self.share.look(len(rows), len(self.split.dev), row_calls)]
        with job.session.recorder.limited(self.share and self.share.loop):
            seen = first_look(job, self.starts[0], rows, self._board())
        if seen is not None and not seen.worth:
            return "not worth it", seen
        return self._too_small(when), seen

    def without(self, declined: str, seen: FirstLook | None) -> Optimized:
        """The first method as it is, and why."""
        first = self.starts[0]
        self.job.folder.save_method(first, {"steps": 0, "stopped": declined})
        self.student.save(self.job.folder.path / "program.json")
        return Optimized(first, first, (), declined, (None, None), self._sizes, seen)

    def run(self, seen: FirstLook | None) -> Optimized:
        """The loop, then both methods on the holdout."""
        job, first = self.job, self.starts[0]
        self._warn_of_few_rows()
        best, stopped = self._loop()
        if stopped == USED_UP and not best.trial_logs:
            return self.without(TOO_SMALL, seen)
        # Optimizers drop the names that methods started with.
        chosen = next((start for start in self.starts if start.id == best.method.id), best.method)
        facts = {"steps": steps_made(best.trial_logs.values()), "stopped": stopped, "dev_score": best.score}
        job.folder.save_method(chosen, facts)
        best.save(job.folder.path / "program.json")
        job.listener.phase("holdout", len(self.split.holdout) * len({first.id, chosen.id}))
        with job.session.recorder.limited(self.share and StageCaps(self.share.caps)):
            board = self._board()
            before, after = (_try_score(board, method, self.split.holdout) for method in (first, chosen))
        steps = tuple(best.trial_logs.values())
        return Optimized(first, chosen, steps, stopped, (before, after), self._sizes, seen)

    def _too_small(self, when: Optimize) -> str:
        """`TOO_SMALL` if the share allows no full step, or did not when the first row was evolved."""
        job = self.job
        if job.folder.journal().steps():
            return ""
        if job.folder.has_rows:
            return TOO_SMALL
        why = self.share and self.share.why_too_small(
            sum((line.paid for line in job.session.ledger()), Spent())
        )
        if not why:
            return ""
        if when == "always":
            raise InputError(f"{why}; or evolve with the starting method (--optimize never)")
        first = self.starts[0]
        job.listener.note(f"{why}; evolving with {first.name or first.id} at once")
        return TOO_SMALL

    def _loop(self) -> tuple[Any, str]:
        """The compiled program, and why its loop ended."""
        job, loop, settled = self.job, self.job.settings.loop, self.job.folder.has_rows
        watch = LoopWatch(job.listener, loop, self.split.train, len({start.id for start in self.starts}))
        rule = find_rule(job.settings.methods.selection)
        left = rows_left(loop, rule, self.split, watch.starts, job.folder.journal())
        job.listener.phase("optimize", left, at_most=True)
        # Rows that are evolved have settled the method: what was finished is read, and no more is paid.
        part = StageCaps(Caps(0, 0, 0)) if settled else self.share and self.share.loop
        with job.session.recorder.limited(part):
            best: Any = self._compile(loop, watch)
        if best.stopped != "budget" or not (settled or self.share):
            return best, best.stopped
        told = max(best.trial_logs, default=0)
        if not settled:
            job.listener.note(f"the optimisation ends after step {told}: its share of the budget is used up")
        # No further step; what was kept back is for the confirmation.
        with job.session.recorder.limited(part if settled else self.share and self.share.end):
            return self._compile(replace(loop, steps=told), watch, told), USED_UP

    def _compile(self, loop: LoopConfig, watch: LoopWatch, told: int = -1) -> Evolver:
        """The student with the best method after the steps of `loop`; those up to `told` were told."""
        job = self.job

        def tell(step: Step) -> None:
            if step.number > told:
                watch.step(step)

        teleprompter = AutoEvol(
            job.metric,
            config=replace(loop, concurrency=job.settings.requests.concurrency),
            optimizer_lm=role_lm(job.session, job.settings.models, "optimizer"),
            selection=find_rule(job.settings.methods.selection)(),
            starts=self.starts[1:],
            journal=job.folder.journal(job.paid),
            on_step=tell,
            on_row=watch.row,
            verbose=False,  # the listener is told already
        )
        split = self.split
        return teleprompter.compile(
            self.student, trainset=split.train, valset=split.dev, reserve=split.reserve
        )

    def _board(self) -> Scoreboard:
        job = self.job
        return Scoreboard(
            self.student,
            job.metric,
            concurrency=job.settings.requests.concurrency,
            on_row=lambda _, case: job.listener.case(case),
        )

    @property
    def _sizes(self) -> dict[str, int]:
        return {name: len(getattr(self.split, name)) for name in ("train", "dev", "reserve", "holdout")}

    def _warn_of_few_rows(self) -> None:
        sizes = {"dev": len(self.split.dev), "holdout": len(self.split.holdout)}
        if why := few_rows(sizes, START_AT_ONCE):
            self.job.listener.note(why)


def _try_score(board: Scoreboard, method: Method, rows: Sequence[Row]) -> Score | None:
    try:
        return board.score(method, rows, "holdout")
    except BudgetReached:
        return None
