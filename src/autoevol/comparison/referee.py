"""One evaluator scores all final methods on one holdout, outside every budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import dspy

from autoevol.comparison.entry import Bench
from autoevol.core.records import Case, Method, Row, Score
from autoevol.lm.budget import Caps
from autoevol.lm.meter import Uses
from autoevol.optimization.scoreboard import Scoreboard
from autoevol.programs.evolver import Evolver
from autoevol.programs.respond import answering_with
from autoevol.reports.comparison import Finished, Point
from autoevol.reports.costs import RowCost


def thin(curve: Sequence[Point], most: int) -> tuple[Point, ...]:
    """At most `most` (>= 2) points of a curve, evenly spaced, including the first and the last."""
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


@dataclass(frozen=True)
class Refereed:
    """The referee's results.

    Attributes:
        scores: By method id.
        costs: Cost per usable row of the holdout by method; None if no row is usable.
        paid: Paid calls over all the referee's sessions.
    """

    scores: Mapping[str, Score]
    costs: Mapping[str, RowCost | None]
    paid: int


def score(
    methods: Iterable[Method],
    bench: Bench,
    student: Evolver,
    holdout: Sequence[Row],
    path: Path,
    on_row: Callable[[str, Case], None] | None = None,
) -> Refereed:
    """Score every method on the same rows, with the same LM and metric, in one store at `path`.

    Scores that an earlier run paid for are found there.
    """
    scores: dict[str, Score] = {}
    costs: dict[str, RowCost | None] = {}
    with bench.session(path, Caps()) as session:
        lm = bench.task_lm(session)
        board = Scoreboard(student, bench.metric(session), concurrency=bench.concurrency, on_row=on_row)
        with dspy.context(lm=lm), answering_with(bench.respond_lm(session)):
            for method in methods:
                with session.watched(uses := Uses()):
                    scores[method.id] = board.score(method, holdout, "holdout")
                costs[method.id] = RowCost.of(uses, scores[method.id])
        return Refereed(scores, costs, sum(line.paid.calls for line in session.ledger()))
