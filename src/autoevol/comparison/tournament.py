"""A whole comparison: entries with equal budgets, one referee, and their report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from autoevol.comparison import referee
from autoevol.comparison.entry import Contestant, Heat
from autoevol.comparison.play import play
from autoevol.comparison.plot import curves_svg
from autoevol.comparison.standings import standings
from autoevol.core.records import Row
from autoevol.reports.comparison import FILE, ComparisonReport, Finished, Traps
from autoevol.reports.rates import FAILURE_RATE, figure_of
from autoevol.reports.run import versions
from autoevol.store.files import replacing
from autoevol.store.sealed import write_sealed

DRAWING = "curves.svg"


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a comparison.

    Attributes:
        budget: Paid calls per entry.
        curve_methods: Maximum number of methods of one entry's curve that are re-scored, >= 2.
        label: Shown with every figure, such as `simulated`; '' for none.
        measure: The metric and how good it is, in one sentence; '' if not given.
        objective: What is optimised.
    """

    budget: int
    curve_methods: int = 8
    label: str = ""
    measure: str = ""
    objective: str = FAILURE_RATE


def hold(
    contestants: Sequence[Contestant],
    heats: Sequence[Heat],
    holdout: Sequence[Row],
    terms: Terms,
    folder: Path,
    on_entry: Callable[[Finished], None] = lambda entry: None,
) -> ComparisonReport:
    """Play, re-score and rank; writes `comparison.json` and `curves.svg` to `folder`.

    Args:
        contestants: Names must differ.
        heats: One per seed, all with the same student and bench.
        holdout: Rows of no heat.
        terms: The budget, and what is shown with the figures.
        folder: Keeps entries and stores; the same folder resumes a run that was killed.
        on_entry: Called with every entry.
    """
    entries = play(contestants, heats, terms.budget, folder / "entries", on_entry)
    # Any heat will do: the referee uses only what all heats share.
    shared = heats[0]
    refereed = referee.score(
        referee.wanted(entries, terms.curve_methods).values(),
        shared.bench,
        shared.student,
        holdout,
        folder / "referee.sqlite",
    )
    scores = refereed.scores
    ranked = standings(entries, scores, terms.curve_methods, refereed.costs)
    known = {contestant.name: tuple(contestant.traps) for contestant in contestants}
    report = ComparisonReport(
        label=terms.label,
        measure=terms.measure,
        budget=terms.budget,
        holdout=len(holdout),
        referee_calls=refereed.paid,
        standings=tuple(ranked),
        traps={one.contestant: Traps(known[one.contestant], one.notes) for one in ranked},
        rates={method_id: score.loss for method_id, score in scores.items()},
        entries=tuple(entries),
        versions=versions(),
        objective=terms.objective,
    )
    write_sealed(folder / FILE, report.to_json())
    _draw(report, folder / DRAWING)
    return report


def _draw(report: ComparisonReport, path: Path) -> None:
    label = f"({report.label})" if report.label else ""
    curves = {standing.contestant: standing.curve for standing in report.standings}
    lost = "" if report.objective == FAILURE_RATE else "1 less "
    title = f"{lost}{figure_of(report.objective)} on the holdout {label}".rstrip()
    with replacing(path) as file:
        file.write(curves_svg(curves, title, report.budget).encode())
