"""A whole comparison: entries at an equal budget, one referee, and the record of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from autoevol.comparison import referee
from autoevol.comparison.entry import Contestant, Heat
from autoevol.comparison.play import play
from autoevol.comparison.plot import curves_svg
from autoevol.comparison.results import Finished, encode_finished
from autoevol.comparison.standings import Standing, standings
from autoevol.core.records import Row, Score
from autoevol.store.files import replacing, write_json


@dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    Attributes:
        standings: Best first; contestants that are reported apart last.
        entries: All entries.
        traps: Known traps by contestant and how they are handled.
        budget: Calls that each entry could pay.
        holdout: Number of rows that the referee scored on.
        scores: The referee's scores by method id.
        referee_calls: Calls that the referee paid, outside every budget.
        label: Said with every figure, such as `simulated`; '' for none.
        measure: What decided on failures and how good it is, in one sentence; '' if not given.
    """

    standings: tuple[Standing, ...]
    entries: tuple[Finished, ...]
    traps: dict[str, tuple[str, ...]]
    budget: int
    holdout: int
    scores: dict[str, Score]
    referee_calls: int
    label: str = ""
    measure: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a comparison is held.

    Attributes:
        budget: Calls that each entry may pay.
        curve_methods: Maximum number of methods of one entry's curve that are re-scored, >= 2.
        label: Said with every figure, such as `simulated`; '' for none.
        measure: What decides on failures and how good it is, in one sentence; '' if not given.
    """

    budget: int
    curve_methods: int = 8
    label: str = ""
    measure: str = ""


def compare(
    contestants: Sequence[Contestant],
    heats: Sequence[Heat],
    holdout: Sequence[Row],
    terms: Terms,
    folder: Path,
    on_entry: Callable[[Finished], None] = lambda entry: None,
) -> Comparison:
    """Play, re-score, rank; leaves `comparison.json` and `curves.svg` in `folder`.

    Args:
        contestants: Names must differ.
        heats: One per seed, all with the same student and bench.
        holdout: Rows of no heat.
        terms: Budget and what is said with the figures.
        folder: Keeps entries and stores; the same folder goes on where a run was killed.
        on_entry: Called with every entry.
    """
    entries = play(contestants, heats, terms.budget, folder / "entries", on_entry)
    first = heats[0]
    scores, paid = referee.score(
        referee.wanted(entries, terms.curve_methods).values(),
        first.bench,
        first.student,
        holdout,
        folder / "referee.sqlite",
    )
    found = Comparison(
        standings=tuple(standings(entries, scores, terms.curve_methods)),
        entries=tuple(entries),
        traps={contestant.name: contestant.traps for contestant in contestants},
        budget=terms.budget,
        holdout=len(holdout),
        scores=scores,
        referee_calls=paid,
        label=terms.label,
        measure=terms.measure,
    )
    write_json(folder / "comparison.json", as_json(found))
    curves = {standing.contestant: standing.curve for standing in found.standings}
    title = " ".join(filter(None, ["failure rate on the holdout", terms.label and f"({terms.label})"]))
    with replacing(folder / "curves.svg") as file:
        file.write(curves_svg(curves, title, terms.budget).encode())
    return found


def as_json(found: Comparison) -> dict[str, Any]:
    """The comparison as JSON: everything but the marks of single rows."""
    return {
        "label": found.label,
        "measure": found.measure,
        "budget": found.budget,
        "holdout": found.holdout,
        "referee_calls": found.referee_calls,
        "standings": [_standing_json(standing) for standing in found.standings],
        "traps": {
            standing.contestant: {"known": found.traps[standing.contestant], "met": standing.notes}
            for standing in found.standings
        },
        "rates": {method_id: score.rate for method_id, score in found.scores.items()},
        "entries": [encode_finished(entry) for entry in found.entries],
    }


def _standing_json(standing: Standing) -> dict[str, Any]:
    given = asdict(standing)
    for name in ("interval", "behind", "rank"):
        part = getattr(standing, name)
        given[name] = part._asdict() if part is not None else None
    for name in ("rates", "calls", "endings"):
        given[name] = {str(seed): value for seed, value in given[name].items()}
    return given


def table(found: Comparison) -> str:
    """The comparison as text, a line per contestant; whatever is labelled says so in every line."""
    mark = f"  {found.label}" if found.label else ""
    seeds = len(found.standings[0].rates)
    lines = [
        f"{found.budget} calls per entry, {seeds} seeds, {found.holdout} holdout rows, "
        f"{found.referee_calls} calls of the referee outside the budgets{mark}",
        f"{'':16} {'mean rank':>24} {'holdout failure rate':>24} {'behind the best':>26} {'most calls':>10}",
    ]
    for standing in found.standings:
        low, high = standing.interval
        rate = f"{standing.rate:.1%} [{low:.1%}, {high:.1%}]"
        lines.append(
            f"{standing.contestant:16} {_rank_text(standing):>24} {rate:>24} {_behind_text(standing):>26}"
            f" {max(standing.calls.values()):>10}{mark}"
        )
    notes = [f"{s.contestant}: {note}" for s in found.standings for note in s.notes]
    measured = [f"measured by {found.measure}"] if found.measure else []
    return "\n".join([*lines, *measured, *(["traps met:"] if notes else []), *notes])


def _rank_text(standing: Standing) -> str:
    if standing.rank is None:
        return "apart: tunes demos"
    rank = standing.rank
    tied = " tied" if rank.tied and rank.behind > 0 else ""
    shared = f" ({rank.shared} shared)" if rank.shared else ""
    return f"{rank.mean:.2f} [{rank.low:.1f}, {rank.high:.1f}]{tied}{shared}"


def _behind_text(standing: Standing) -> str:
    if standing.behind is None:
        return "best"
    difference, low, high = standing.behind
    return f"{difference:+.1%} [{low:+.1%}, {high:+.1%}]"
