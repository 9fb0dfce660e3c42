"""Runs a program over rows and has every outcome judged. No call's failure ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import dspy
from dspy.utils.exceptions import LMError

from autoevol.core import aio
from autoevol.core.context import in_scope
from autoevol.core.records import Case, Mark, Method, Outcome, Row, Score, Verdict
from autoevol.lm.retry import told_by
from autoevol.metrics.base import Metric
from autoevol.programs.evolver import Evolver


async def run_row(program: Evolver, row: Row, metric: Metric) -> Case:
    """One row through `program`, judged. An LM call that failed for good leaves it unscored."""
    try:
        said = {"context": row.context} if row.context else {}
        prediction = await program.acall(instruction=row.instruction, **said)
    except LMError as error:
        return Case(row.id, Verdict(Outcome.UNSCORED, reason=told_by(error)))
    return Case(row.id, await metric.ajudge(prediction.trajectory), prediction.trajectory)


class Scoreboard:
    """Scores methods on rows, and never runs the same method on the same row twice.

    Args:
        student: The program; it is copied with each method.
        metric: Judges trajectories.
        concurrency: Most rows under way at once, over all methods being scored.
        known: Scores of an earlier session of the same run.
        on_row: Called after each row with the method's id and the case.
    """

    def __init__(
        self,
        student: Evolver,
        metric: Metric,
        *,
        concurrency: int = 16,
        known: Sequence[Score] = (),
        on_row: Callable[[str, Case], None] | None = None,
    ) -> None:
        self._student = student
        self._metric = metric
        self._slots = asyncio.Semaphore(concurrency)
        self._on_row = on_row or (lambda method_id, case: None)
        self._marks: dict[str, dict[str, Mark]] = {}
        self._cases: dict[tuple[str, str], Case] = {}
        for score in known:
            self._marks.setdefault(score.method_id, {}).update(score.marks)

    async def evaluate(self, method: Method, rows: Sequence[Row], scope: str = "dev") -> Score:
        """The score of `method` over all of `rows`; only rows without a decision are run.

        A row that was lost to the network is tried again whenever it is asked for again.
        """
        marks = self._marks.setdefault(method.id, {})
        new = [row for row in rows if row.id not in marks or marks[row.id].outcome is Outcome.UNSCORED]
        for case in await self.cases(method, new, scope):
            marks[case.row_id] = mark(case)
            self._cases[method.id, case.row_id] = case
        return Score(method.id, {row.id: marks[row.id] for row in rows})

    async def evaluated(self, method: Method, rows: Sequence[Row], scope: str = "dev") -> list[Case]:
        """The cases behind marks that `evaluate` has given, in order; only the last step's are kept.

        Those of an earlier session are asked for again in the same scope, where a store has them.
        """
        kept, self._cases = self._cases, {}
        lost = [row for row in rows if (method.id, row.id) not in kept]
        kept |= {(method.id, case.row_id): case for case in await self.cases(method, lost, scope)}
        return [kept[method.id, row.id] for row in rows]

    def score(self, method: Method, rows: Sequence[Row], scope: str) -> Score:
        """`evaluate` for callers without an event loop, in a scope of its own and without DSPy's trace."""

        async def work() -> Score:
            with in_scope(scope), dspy.context(trace=None, disable_history=True):
                return await self.evaluate(method, rows, scope)

        return aio.run_and_wait(work())

    async def cases(self, method: Method, rows: Sequence[Row], scope: str) -> list[Case]:
        """The cases of `method` on `rows`, in order; paid for (or found in the store) every time."""
        program = self._student.with_method(method)

        async def one(row: Row) -> Case:
            async with self._slots:
                # A scope per method and row: two methods may evolve a row into the same text, and
                # which of them asks first, or whether one was scored before a resume, must not
                # decide which sample each is given.
                with in_scope(f"{scope}:{method.id}:{row.id}"):
                    case = await run_row(program, row, self._metric)
            self._on_row(method.id, case)
            return case

        return await aio.gather(one(row) for row in rows)


def mark(case: Case) -> Mark:
    """What a score keeps of `case`."""
    trajectory = case.trajectory
    return Mark(
        outcome=case.verdict.outcome,
        kind=case.verdict.kinds[0] if case.verdict.kinds else None,
        evolved_chars=len((trajectory.evolved if trajectory else None) or ""),
        response_chars=len((trajectory.response if trajectory else None) or ""),
        points=case.verdict.points,
    )
