"""What differences are called: points, intervals, and no winner where none is shown."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoevol.core.records import Mark, Outcome, Score
from autoevol.metrics.paired import PairedTest
from autoevol.reports.rates import RateReport
from autoevol.reports.verdicts import Shown, amount, counted_by, difference, holdout_verdict, points, shown_by

OBJECTIVES = ("failure-rate", "usable-yield", "gain")


def score(failed: str, gains: list[float] | None = None) -> Score:
    """`x` is a failed row, `.` a passed one; the passed ones get these gains."""
    left = list(gains or [])
    marks = [
        Mark(Outcome.FAILED) if sign == "x" else Mark(Outcome.PASSED, points=left.pop(0) if left else None)
        for sign in failed
    ]
    return Score(failed, {str(number): mark for number, mark in enumerate(marks)})


def verdict(before: Score, after: Score, objective: str = "failure-rate") -> str:
    change = PairedTest.of_scores(before, after, counted_by(objective))
    return holdout_verdict(RateReport.of(before), RateReport.of(after), change, objective)


def test_an_interval_that_holds_0_shows_no_winner() -> None:
    assert verdict(score("xxxxxxxxxx"), score("xxxxxxx...")) == (
        "Not shown to be better: 30 points fewer failures on the holdout (10 of 10 rows failed before, "
        "7 of 10 after); the paired 95 % interval, -60 to 0 points, holds 0."
    )
    assert verdict(score("x.x."), score("x.x.")) == (
        "Not shown to be better: no difference on the holdout (2 of 4 rows failed before, 2 of 4 after); "
        "the paired 95 % interval, 0 to 0 points, holds 0."
    )


def test_a_bootstrap_interval_of_few_rows_needs_the_exact_test() -> None:
    said = verdict(score("xxxxx....."), score(".........."))
    assert said.startswith("Not shown to be better: 50 points fewer failures")
    assert said.endswith("leaves out 0, but the exact test on 5 rows that differ does not (p = 0.06).")


def test_what_is_shown_is_called_better_or_worse() -> None:
    many, few = score("x" * 18 + "." * 11), score("x" * 4 + "." * 25)
    assert verdict(many, few) == (
        "Better on the holdout: 48 points fewer failures (18 of 29 rows failed before, 4 of 29 after; "
        "paired 95 % interval -66 to -31 points)."
    )
    assert verdict(few, many).startswith("Worse on the holdout: 48 points more failures (4 of 29")


def test_a_yield_is_told_in_usable_rows_and_a_gain_as_itself() -> None:
    worse, better = score("x" * 20 + "." * 10), score("x" * 5 + "." * 25)
    assert verdict(worse, better, "usable-yield").startswith(
        "Better on the holdout: 50 points more usable rows (10 of 30 rows usable before, 25 of 30 after; "
        "paired 95 % interval +3"
    )
    slight, clear = score("." * 20 + "xx", [0.3] * 20), score("." * 20 + "xx", [0.6] * 20)
    said = verdict(slight, clear, "gain")
    assert said.startswith("Better on the holdout: 0.27 more gain (mean 0.27 before, 0.55 after;")
    assert "failure" not in said


def test_a_gain_counts_0_for_rows_that_are_not_usable() -> None:
    """More usable rows of less gain are compared by what the objective counts, and not as usable rows."""
    before, after = score("." * 10 + "x" * 10, [1.0] * 10), score("." * 20, [0.4] * 20)
    change = PairedTest.of_scores(before, after, counted_by("gain"))
    assert change is not None
    assert (change.counted, change.difference) == ("losses", pytest.approx(0.5 - 0.4))
    assert amount(change, "gain") == "0.10 less gain"
    failures = PairedTest.of_scores(before, after)
    assert failures is not None
    assert amount(failures, "gain") == "50 points fewer unusable rows", "as older files have it"


def test_a_comparison_in_a_table() -> None:
    few = PairedTest(-0.5, -1.0, 0.0, p_value=0.5)
    assert difference(few) == "50 points fewer failures (-100 to 0 points): not shown to differ"
    assert difference(few, undecided="tied").endswith(": tied")
    assert difference(PairedTest(0.1, 0.05, 0.2)) == "10 points more failures (+5 to +20 points): worse"
    assert difference(None) == "not compared"


shares = st.floats(-1, 1, allow_nan=False)


@settings(deadline=None)
@given(st.tuples(shares, shares, shares).map(sorted), st.sampled_from(OBJECTIVES), st.floats(0.0001, 1))
def test_nothing_is_called_better_or_worse_across_0(ends: list[float], objective: str, p: float) -> None:
    low, middle, high = ends
    change = PairedTest(middle, low, high, p_value=p, counted=counted_by(objective))
    told = difference(change, objective)
    if low <= 0 <= high:
        assert told.endswith("not shown to differ")
    assert (shown_by(change) is Shown.BETTER) == told.endswith(": better")
    assert "%" not in told
    # What is not 0 is not printed as 0: an interval beside 0 must not look as if it held it.
    for first, last in re.findall(r"\(([-+.\de]+) to ([-+.\de]+) points\)", told):
        assert sorted((float(first) == 0, float(last) == 0)) == sorted((low == 0, high == 0))


@pytest.mark.parametrize(
    ("share", "told"),
    [(0.3, "30"), (-0.3, "-30"), (0.0995, "10"), (0.05, "5"), (0.024, "2.4"), (0.0004, "0.04"), (0, "0")],
)
def test_points_are_as_exact_as_they_can_be_read(share: float, told: str) -> None:
    assert points(share) == told
