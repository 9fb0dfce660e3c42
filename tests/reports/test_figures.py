"""Every table names the figure of its objective, and says what a usable row costs."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoevol.comparison.standings import standings
from autoevol.core.records import FailureKind, Mark, Method, Outcome, Score
from autoevol.reports.comparison import ComparisonReport, Finished, Point
from autoevol.reports.rates import FAILURE_RATE, Ledger, RateReport, RoleCost, figure_of
from autoevol.reports.search import TrialReport
from autoevol.reports.text import cost_rows
from command_line import command, seed_file
from commanding import SEEDS, Served
from servers import Endpoint

DECORATE, DEEPEN = Method("decorate"), Method("deepen")


def gained(method: Method, *gains: float | None) -> Score:
    """A row for each gain, None for one that is broken."""
    broken = Mark(Outcome.FAILED, FailureKind.UNSOLVABLE)
    marks = (broken if gain is None else Mark(Outcome.PASSED, points=gain / 3) for gain in gains)
    return Score(method.id, {str(number): mark for number, mark in enumerate(marks)})


SCORES = {
    DECORATE.id: gained(DECORATE, 0, 0, 0, 0),
    DEEPEN.id: gained(DEEPEN, 2, 3, 1, None),
}


def test_a_figure_is_told_in_the_words_of_its_objective() -> None:
    rate = RateReport.of(SCORES[DEEPEN.id])
    assert rate.told("gain") == "gain 0.50, usable 75.0% [30.1%, 95.4%] (3/4)"
    assert rate.told("usable-yield") == "usable 75.0% [30.1%, 95.4%] (3/4)"
    assert rate.told(FAILURE_RATE) == str(rate) == "25.0% [4.6%, 69.9%] (1/4)"
    assert RateReport.from_json(rate.to_json()) == rate
    assert figure_of("of a later version") == "of a later version"


def test_points_are_kept_only_where_outcomes_do_not_say_it_all() -> None:
    plain = RateReport.of(Score("m", {"a": Mark(Outcome.PASSED), "b": Mark(Outcome.FAILED)}))
    assert "points" not in plain.to_json()
    assert plain.value("gain") == plain.value("usable-yield") == plain.value(FAILURE_RATE) == 0.5
    lost = RateReport.of(Score("m", {"a": Mark(Outcome.UNSCORED)}))
    assert lost.value("gain") is None
    assert lost.told("gain") == "not scored (0 of 1)"


def test_a_trial_is_told_by_its_gain() -> None:
    trial = TrialReport(0, {"m": 2}, False, RateReport.of(SCORES[DEEPEN.id]), 70)
    assert trial.told("gain").startswith("gain 0.50, usable 75.0%")


def compared(objective: str) -> ComparisonReport:
    entries = [
        Finished(name, "autoevol", 0, method, (Point(0, method),), 10, 100, {"evol": 10}, "done")
        for name, method in (("decorator", DECORATE), ("deepener", DEEPEN))
    ]
    return ComparisonReport(
        label="", measure="", budget=10, holdout=4, referee_calls=0,
        standings=tuple(standings(entries, SCORES, 8)), traps={}, rates={}, entries=tuple(entries),
        objective=objective,
    )  # fmt: skip


@pytest.mark.parametrize(("objective", "named"), [("gain", "gain"), ("usable-yield", "usable yield")])
def test_a_comparison_ranks_by_the_objective_and_never_calls_it_a_failure_rate(
    objective: str, named: str
) -> None:
    report = compared(objective)
    assert [one.contestant for one in report.standings] == ["deepener", "decorator"]
    assert f"holdout {named}" in report.table()
    assert "failure rate" not in report.table() + str(report.table_rows())
    assert ComparisonReport.from_json(report.to_json()) == report
    if objective == "gain":
        assert dict(report.table_rows())["deepener"].startswith("50.0% [")
        assert "usable 75.0%" in dict(report.table_rows())["deepener"]


def test_what_a_usable_row_costs() -> None:
    ledger = Ledger({"evol": RoleCost(30, 900, 600, 0.03), "respond": RoleCost(30, 300, 1200, 0.06)})
    told = dict(cost_rows(ledger, 20))["per kept row"]
    assert told == "3.0 calls, 150 tokens, $0.004500"
    assert "per kept row" not in dict(cost_rows(ledger, 0))


LOOP = ("--batch-size", 2, "--m", 1, "--steps", 1, "--dev-size", 3, "--holdout-size", 3)


def test_no_table_of_another_objective_says_failure_rate(tmp_path: Path) -> None:
    seeds, out = seed_file(tmp_path, SEEDS), tmp_path / "run"
    with Endpoint(Served()) as endpoint:
        model = ("--evol-model", "served", "--api-base", endpoint.url, "--objective", "gain-proxy")
        done = command("run", seeds, "--out", out, *LOOP, *model)
        assert done.exit_code == 0, done.output
        moved = command(
            "transfer", "initial", out, "--seeds", seeds, "--out", tmp_path / "t", "--sample", 3, *model
        )
    shown = command("show", out)
    page = (out / "passport.md").read_text()
    assert "holdout before  gain (proxy) 0." in done.stdout
    assert "per kept row" in done.stdout
    for told in (done.stdout, shown.stdout, moved.stdout, page):
        assert "failure rate" not in told
