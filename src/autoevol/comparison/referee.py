"""One evaluator scores all final methods on one holdout, outside every budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import dspy

from autoevol.comparison.entry import Bench
from autoevol.core.records import Case, Method, Row, Score
from autoevol.lm.budget import Caps
from autoevol.optimization.scoreboard import Scoreboard
from autoevol.programs.evolver import Evolver
from autoevol.programs.respond import answering_with
from autoevol.reports.comparison import Finished, Point


def thin(curve: Sequence[Point], most: int) -> tuple[Point, ...]:
    """At most `most` (>= 2) points of a curve, evenly spread; the first and the last are kept."""
    if len(curve) <= most:
        return tuple(curve)
    kept = {round(step * (len(curve) - 1) / (most - 1)) for step in range(most)}
    return tuple(point for number, point in enumerate(curve) if number in kept)


def wanted(entries: Iterable[Finished], most: int) -> dict[str, Method]:
    """The methods to score, by id: those of the thinned curves, and every final one."""
    return {
        method.id: method
        for entry in entries
        for method in (*(point.method for point in thin(entry.curve, most)), entry.method)
    }


def score(
    methods: Iterable[Method],
    bench: Bench,
    student: Evolver,
    holdout: Sequence[Row],
    path: Path,
    on_row: Callable[[str, Case], None] | None = None,
) -> tuple[dict[str, Score], int]:
    """Scores by method id, and the calls that the referee has paid over all its sessions.

    Every method meets the same rows, the same LM and the same measure, in one store at
    `path`; a score that an earlier run has paid for is found there.
    """

    async def work(board: Scoreboard) -> dict[str, Score]:
        scores = [await board.evaluate(method, holdout, "holdout") for method in methods]
        return {score.method_id: score for score in scores}

    with bench.session(path, Caps()) as session:
        lm = bench.task_lm(session)
        board = Scoreboard(student, bench.metric(session), concurrency=bench.concurrency, on_row=on_row)
        with dspy.context(lm=lm), answering_with(bench.respond_lm(session)):
            scores = {method.id: board.score(method, holdout, "holdout") for method in methods}
        return scores, sum(line.paid.calls for line in session.ledger())
