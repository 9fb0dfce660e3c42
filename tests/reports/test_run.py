"""What the report of a run says in words."""

from dataclasses import replace

import pytest

from autoevol.core.records import Candidate, Mark, Method, Outcome, Score, Step
from autoevol.metrics.paired import PairedTest
from autoevol.optimization.compiling import Optimized
from autoevol.reports.optimization import OptimizationReport
from autoevol.reports.rates import RateReport

BEFORE, AFTER = Method("Rewrite it.", name="start"), Method("Rewrite it well.")


def score(method: Method, fails: int, rows: int = 10) -> Score:
    marks = {f"r{n}": Mark(Outcome.FAILED if n < fails else Outcome.PASSED) for n in range(rows)}
    return Score(method.id, marks)


def optimized(chosen: Method = AFTER, fails: tuple[int, int] = (9, 4), stopped: str = "steps") -> Optimized:
    steps = (
        Step(0, (), (), (score(BEFORE, 8),), BEFORE.id, False, "one start"),
        Step(1, ("t1",), (Candidate(chosen, BEFORE.id, "why"),), (score(chosen, 3),), chosen.id, True),
        Step(2, ("t2",), (), (), chosen.id, False, "kept"),
    )
    before, after = (score(method, n) for method, n in zip((BEFORE, chosen), fails, strict=True))
    return Optimized(BEFORE, chosen, steps, stopped, (before, after), {"train": 2, "dev": 10, "holdout": 10})


def test_the_report_counts_what_the_loop_found() -> None:
    report = OptimizationReport.of(optimized())
    assert (report.chosen_at_step, report.steps) == (1, 2)
    assert (report.before.name, report.chosen.name) == ("start", "rewritten")
    assert [step.dev and step.dev.failed for step in report.dev_curve] == [8, 3, None]
    assert [(step.proposed, step.usable) for step in report.dev_curve] == [(0, 0), (1, 1), (0, 0)]
    assert report.change == PairedTest.of_scores(*optimized().holdout)


def test_a_budget_that_ended_early_is_no_verdict_on_the_methods() -> None:
    same = OptimizationReport.of(optimized(chosen=BEFORE))
    assert "No method was better" in same.verdict
    assert "The budget was reached before" in replace(same, stopped="budget").verdict


@pytest.mark.parametrize("part", ["holdout_before", "holdout_after"])
def test_a_holdout_that_was_not_scored_says_nothing(part: str) -> None:
    report = OptimizationReport.of(optimized())
    nothing = RateReport.of(Score("x", {"r": Mark(Outcome.UNSCORED)}))
    assert str(nothing) == "not scored (0 of 1)"
    for missing in (None, nothing):
        assert "nothing can be said" in replace(report, **{part: missing}).verdict


def test_the_verdict_is_that_of_the_holdout_and_names_where_the_method_came_from() -> None:
    report = OptimizationReport.of(optimized())
    said = report.verdict
    assert said.startswith("Not shown to be better: 50 points fewer failures on the holdout (9 of 10 rows")
    assert said.endswith("The method is a rewrite of step 1.")
    assert "no holdout row was scored under both" in replace(report, change=None).verdict
    assert "a starting method" in replace(report, chosen_at_step=0).verdict
    assert "10 points more failures on the holdout" in OptimizationReport.of(optimized(fails=(3, 4))).verdict
