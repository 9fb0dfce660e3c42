"""Evaluates the referee's scores: rates with intervals, comparison with the best, ranks, curves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from autoevol.comparison.ranking import mean_curve, mean_ranks
from autoevol.comparison.referee import thin
from autoevol.core.records import Score
from autoevol.metrics.intervals import wilson
from autoevol.metrics.paired import PairedTest
from autoevol.metrics.simultaneous import Behind, behind
from autoevol.reports.comparison import Finished, MeanRank, Standing
from autoevol.reports.costs import RowCost


def standings(
    entries: Sequence[Finished],
    scores: Mapping[str, Score],
    curve_methods: int,
    costs: Mapping[str, RowCost | None] | None = None,
) -> list[Standing]:
    """The standings, best first by the mean over seeds; `demos` is compared but not ranked, and comes last.

    Args:
        entries: One for every contestant and seed.
        scores: On the holdout, by method id.
        curve_methods: Maximum number of methods of one entry's curve.
        costs: Of a usable row, by method id.

    Raises:
        ValueError: If the contestants do not have the same seeds.
    """
    by_name: dict[str, list[Finished]] = {}
    for entry in entries:
        by_name.setdefault(entry.contestant, []).append(entry)
    if len({tuple(entry.seed for entry in group) for group in by_name.values()}) != 1:
        raise ValueError("every contestant needs an entry for every seed, in the same order")
    means = {name: _mean([scores[e.method.id].loss for e in group]) for name, group in by_name.items()}
    ranked = [name for name, group in by_name.items() if group[0].group != "demos"]
    best = min(ranked or by_name, key=lambda name: means[name])
    table = [[scores[by_name[name][n].method.id].loss for name in ranked] for n in range(len(by_name[best]))]
    rank_of = dict(zip(ranked, mean_ranks(table), strict=True)) if ranked else {}
    gaps = _all_behind({name: by_name[name] for name in ranked}, scores, best) if ranked else {}
    costs = costs or {}
    unsorted = [
        replace(
            _standing(group, scores, by_name[best], rank_of.get(name), curve_methods),
            corrected=gaps.get(name),
            tied=gaps[name].tied if name in gaps else None,
            row_cost=RowCost.mean([costs.get(entry.method.id) for entry in group]),
        )
        for name, group in by_name.items()
    ]
    return sorted(unsorted, key=lambda s: (s.rank is None, s.rate, s.rank.mean if s.rank else 0.0))


def _all_behind(
    by_name: Mapping[str, Sequence[Finished]], scores: Mapping[str, Score], best: str
) -> dict[str, Behind]:
    """Each contestant against the best, with simultaneous intervals for all pairs, on rows scored for all."""
    by_seed = {name: {e.seed: scores[e.method.id] for e in group} for name, group in by_name.items()}
    marks = by_seed[best][min(by_seed[best])].marks
    rows = [row for row in marks if all(_scored(each, row) for each in by_seed.values())]
    if not rows:
        return {}
    table = [[_lost(each, row) for each in by_seed.values()] for row in rows]
    return dict(zip(by_seed, behind(table, list(by_seed).index(best)), strict=True))


def _standing(
    group: Sequence[Finished],
    scores: Mapping[str, Score],
    best: Sequence[Finished],
    rank: MeanRank | None,
    curve_methods: int,
) -> Standing:
    first = group[0]
    rates = {entry.seed: scores[entry.method.id].loss for entry in group}
    mine, its = ({e.seed: scores[e.method.id] for e in entries} for entries in (group, best))
    rows = [row_id for row_id in scores[first.method.id].marks if _scored(mine, row_id)]
    rate = _mean(list(rates.values()))
    return Standing(
        contestant=first.contestant,
        group=first.group,
        rates=rates,
        rate=rate,
        # Of points between 0 and 1, which vary less than all or nothing, it is too wide if anything.
        interval=wilson(round(rate * len(rows)), len(rows)),
        usable=_mean([1.0 - scores[entry.method.id].rate for entry in group]),
        behind=None if first.contestant == best[0].contestant else _behind(mine, its, rows),
        rank=rank,
        calls={entry.seed: entry.calls for entry in group},
        endings={entry.seed: entry.ending for entry in group},
        notes=tuple(dict.fromkeys(note for entry in group for note in entry.notes)),
        curve=tuple(mean_curve([_curve(entry, scores, curve_methods) for entry in group])),
    )


def _behind(mine: Mapping[int, Score], its: Mapping[int, Score], rows: Sequence[str]) -> PairedTest | None:
    both = [row_id for row_id in rows if _scored(its, row_id)]
    if not both:
        return None
    return PairedTest.of([_lost(its, row) for row in both], [_lost(mine, row) for row in both])


def _curve(entry: Finished, scores: Mapping[str, Score], most: int) -> list[tuple[int, float]]:
    """The entry's thinned curve with holdout rates; of several points at the same call, the last counts."""
    return list({point.calls: scores[point.method.id].loss for point in thin(entry.curve, most)}.items())


def _scored(by_seed: Mapping[int, Score], row_id: str) -> bool:
    return all(score.scored(row_id) for score in by_seed.values())


def _lost(by_seed: Mapping[int, Score], row_id: str) -> float:
    return _mean([score.marks[row_id].loss for score in by_seed.values()])


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)  # exact: the order of the seeds makes no difference
