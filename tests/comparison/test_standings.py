"""What the referee's scores say, against sums done by hand."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from arena import simulated
from autoevol.comparison import referee
from autoevol.comparison.catalog import find_contestants
from autoevol.comparison.entry import Heat
from autoevol.comparison.plot import curves_svg
from autoevol.comparison.standings import standings
from autoevol.comparison.tournament import Terms, hold
from autoevol.core.records import Demo, Mark, Method, Outcome, Score
from autoevol.metrics.intervals import wilson
from autoevol.reports.comparison import ComparisonReport, Finished, Group, Point, Standing
from autoevol.reports.costs import RowCost
from autoevol.store.files import read_json

GOOD, FAIR, POOR = (Method(f"Rewrite it in way {name}.") for name in ("good", "fair", "poor"))
FAILS = {GOOD.id: {0}, FAIR.id: {0, 1, 2}, POOR.id: {0, 1, 2, 3, 4, 5}}


def scores(lost: tuple[str, int] | None = None) -> dict[str, Score]:
    """Scores on ten rows; `lost` is a method and a row that the network lost."""
    found = {}
    for method_id, fails in FAILS.items():
        marks = {f"r{row}": Mark(Outcome.FAILED if row in fails else Outcome.PASSED) for row in range(10)}
        if lost and lost[0] == method_id:
            marks[f"r{lost[1]}"] = Mark(Outcome.UNSCORED)
        found[method_id] = Score(method_id, marks)
    return found


def entry(
    name: str, seed: int, method: Method, group: Group = "rivals", notes: tuple[str, ...] = ()
) -> Finished:
    curve = (Point(0, POOR), Point(40, method))
    return Finished(name, group, seed, method, curve, 100, 5000, {"evol": 100}, "budget", notes=notes)


def found() -> dict[str, Standing]:
    entries = [
        *(entry("b", seed, method, notes=("odd",)) for seed, method in enumerate((FAIR, FAIR))),
        *(entry("a", seed, method) for seed, method in enumerate((GOOD, FAIR))),
        *(entry("d", seed, GOOD, "demos") for seed in (0, 1)),
    ]
    return {standing.contestant: standing for standing in standings(entries, scores(), 8)}


def test_rates_ranks_and_order() -> None:
    by_name = found()
    assert list(by_name) == ["a", "b", "d"]
    assert by_name["a"].rates == {0: 0.1, 1: 0.3}
    assert by_name["a"].rate == pytest.approx(0.2)
    assert by_name["a"].interval == wilson(2, 10)
    ranks = [by_name[name].rank for name in ("a", "b")]
    assert [rank and (rank.mean, rank.shared, rank.tied) for rank in ranks] == [
        (1.25, 1, True),
        (1.75, 1, True),
    ]
    assert by_name["b"].notes == ("odd",)


def test_who_tunes_demos_is_reported_apart_and_beats_nobody() -> None:
    apart = found()["d"]
    assert apart.rank is None
    assert apart.rate == pytest.approx(0.1)
    assert apart.behind is not None
    assert apart.behind.difference == pytest.approx(-0.1)


def test_the_difference_to_the_best_is_paired_over_rows() -> None:
    by_name = found()
    assert by_name["a"].behind is None
    behind = by_name["b"].behind
    assert behind is not None
    assert behind.difference == pytest.approx(0.1)  # rows 1 and 2 fail in one seed more
    assert behind.low == pytest.approx(0.0)
    assert 0.1 < behind.high < 0.35


def test_rows_that_were_lost_for_one_are_left_out_of_the_pair() -> None:
    entries = [entry("a", 0, GOOD), entry("b", 0, FAIR)]
    a, b = standings(entries, scores(lost=(FAIR.id, 0)), 8)
    assert (a.contestant, b.contestant) == ("a", "b")
    assert b.rate == pytest.approx(2 / 9)
    assert b.behind is not None
    assert b.behind.difference == pytest.approx(2 / 9)


def test_the_curve_is_the_mean_over_seeds_of_the_method_in_force() -> None:
    assert found()["a"].curve == ((0, pytest.approx(0.6)), (40, pytest.approx(0.2)))


def test_contestants_with_other_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match="every seed"):
        standings([entry("a", 0, GOOD), entry("b", 1, FAIR)], scores(), 8)


def test_a_thinned_curve_keeps_its_ends() -> None:
    curve = [Point(calls, GOOD) for calls in range(30)]
    thinned = referee.thin(curve, 4)
    assert [point.calls for point in thinned] == [0, 10, 19, 29]
    assert referee.thin(curve[:4], 4) == tuple(curve[:4])
    assert [point.calls for point in referee.thin(curve, 2)] == [0, 29]


def test_an_entry_survives_its_json() -> None:
    with_demos = Method("Rewrite it.", (Demo("One.", "One and two."),), "named")
    given = entry("a", 3, with_demos, notes=("x", "y"))
    assert Finished.from_json(given.to_json()) == given


def test_the_drawing_is_xml_with_one_line_per_curve() -> None:
    curves = {"a<b": [(0, 0.5), (50, 0.25)], "c": [(0, 0.4)]}
    root = ElementTree.fromstring(curves_svg(curves, "rates & calls (simulated)", 100))
    texts = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"a<b", "c", "rates & calls (simulated)", "50%"} <= set(texts)
    lines = [node.get("points", "") for node in root.iter("{http://www.w3.org/2000/svg}polyline")]
    assert len(lines) == 4  # two curves, two legends
    corners = [tuple(map(float, corner.split(","))) for corner in lines[0].split()]
    assert len(corners) == 4
    assert corners[1][0] == corners[2][0] == pytest.approx((corners[0][0] + corners[3][0]) / 2)
    assert corners[0][1] < corners[3][1]  # a lower rate is drawn lower


def test_a_comparison_is_scored_by_one_referee_outside_the_budgets(tmp_path: Path) -> None:
    heat, counted = simulated(0, train=20, dev=8)
    heats = [heat, Heat(1, heat.bench, heat.student, heat.train[8:], heat.train[:8])]
    holdout = tuple(simulated(0, train=60)[0].train[-12:])
    contestants = find_contestants("paper,opro,initial")
    terms = Terms(90, curve_methods=3, label="simulated")
    done = hold(contestants, heats, holdout, terms, tmp_path)
    paid = sum(entry.calls for entry in done.entries)
    assert counted.replied == paid + done.referee_calls
    assert all(entry.calls <= 90 for entry in done.entries)
    assert {standing.contestant for standing in done.standings} == {"paper", "opro", "initial"}
    methods = referee.wanted(done.entries, 3)
    assert set(done.rates) == set(methods)
    assert done.holdout == len(holdout)
    lines = done.table().splitlines()
    assert "simulated" in " ".join(lines[:2])
    ranked = [line for line in lines if line.split()[0] in {"paper", "opro", "initial"} and "[" in line]
    assert len(ranked) == 3
    assert all("simulated" in line for line in ranked)

    record = read_json(tmp_path / "comparison.json")
    assert record is not None
    assert record["schema"] == "autoevol.comparison/2"
    assert set(record["traps"]["paper"]) == {"known", "met"}
    assert ComparisonReport.from_json(record) == done
    assert "simulated" in (tmp_path / "curves.svg").read_text()

    assert hold(contestants, heats, holdout, terms, tmp_path) == done
    assert counted.replied == paid + done.referee_calls


def test_who_is_tied_is_told_by_an_interval_for_all_pairs_at_once() -> None:
    by_name = found()
    assert by_name["d"].tied is None
    assert by_name["a"].tied
    corrected = by_name["b"].corrected
    assert corrected is not None
    assert corrected.difference == pytest.approx(0.1)
    assert by_name["b"].tied == (corrected.low <= 0)
    assert Standing.from_json(by_name["b"].to_json()) == by_name["b"]


def test_what_a_usable_row_costs_is_the_mean_over_seeds() -> None:
    entries = [entry("a", 0, GOOD), entry("a", 1, FAIR)]
    costs = {GOOD.id: RowCost(2.0, 100, 0.5), FAIR.id: RowCost(4.0, 300, None), POOR.id: None}
    (one,) = standings(entries, scores(), 8, costs)
    assert one.row_cost == RowCost(3.0, 200, None)
    assert str(one.row_cost) == "3.0 calls, 200 tokens a usable row"
    assert standings(entries, scores(), 8)[0].row_cost is None
