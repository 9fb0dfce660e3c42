"""What the report says of two methods on the same rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.core.records import Mark, Outcome, Score
from autoevol.metrics.intervals import mcnemar_exact
from autoevol.reports.report import paired_change, paired_p_value, verdict_text

outcomes = st.sampled_from(list(Outcome))


def score(name: str, marks: list[Outcome]) -> Score:
    return Score(name, {f"r{number}": Mark(outcome) for number, outcome in enumerate(marks)})


def test_two_methods_are_compared_on_the_rows_that_both_have() -> None:
    failed, passed, lost = Outcome.FAILED, Outcome.PASSED, Outcome.UNSCORED
    before = score("a", [failed] * 6 + [passed, lost, failed])
    after = score("b", [passed] * 6 + [failed, failed, lost])
    change = paired_change(before, after)
    assert change is not None
    assert change["rate"] == pytest.approx(-5 / 7)
    assert -1 <= change["low"] < change["rate"] < change["high"] < 0
    assert paired_p_value(before, after) == mcnemar_exact(6, 1)
    assert paired_change(before, None) is None
    assert paired_change(before, score("c", [])) is None


@given(st.lists(st.tuples(outcomes, outcomes), max_size=12))
def test_the_change_lies_in_its_interval_and_turns_round(
    pairs: list[tuple[Outcome, Outcome]],
) -> None:
    before, after = score("a", [old for old, _ in pairs]), score("b", [new for _, new in pairs])
    there, back = paired_change(before, after), paired_change(after, before)
    assert paired_p_value(before, after) == paired_p_value(after, before)
    assert (there is None) == (paired_p_value(before, after) is None)
    if there and back:
        assert -1 <= there["low"] <= there["rate"] + 1e-12
        assert there["rate"] <= there["high"] + 1e-12 <= 1 + 2e-12
        assert there["rate"] == -back["rate"]


def test_a_budget_that_ended_early_is_no_verdict_on_the_methods() -> None:
    nothing = {"before": {"id": "a"}, "chosen": {"id": "a"}, "holdout_before": None, "holdout_after": None}
    assert "The budget was reached before" in verdict_text({"optimization": {**nothing, "stopped": "budget"}})
    assert "No method was better" in verdict_text({"optimization": {**nothing, "stopped": "patience"}})


def test_the_verdict_gives_the_paired_interval_and_the_test() -> None:
    rates = {"holdout_before": {"rate": 0.9}, "holdout_after": {"rate": 0.4}}
    methods = {"before": {"id": "a"}, "chosen": {"id": "b"}, "chosen_at_step": 2}
    change = {"rate": -0.5, "low": -0.75, "high": -0.25}
    said = verdict_text({"optimization": {**rates, **methods, "p_value": 0.031, "change": change}})
    assert "paired -50.0% [-75.0%, -25.0%], McNemar p = 0.031" in said
    assert "rewrite of step 2" in said
    # A summary of an earlier version has no interval.
    assert "no paired test" in verdict_text({"optimization": {**rates, **methods, "p_value": None}})
