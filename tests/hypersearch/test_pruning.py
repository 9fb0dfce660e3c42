"""When a trial is given up."""

from __future__ import annotations

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.hypersearch.pruning import TrialPoint, falls_behind, rate_reached

rates = st.floats(0, 1)


@st.composite
def curves(draw: st.DrawFn) -> list[TrialPoint]:
    steps = draw(st.lists(st.tuples(st.integers(1, 50), rates), min_size=1, max_size=5))
    calls, curve = 0, []
    for number, (more, rate) in enumerate(steps):
        calls += more
        curve.append(TrialPoint(number, calls, rate))
    return curve


def test_optuna_cannot_prune_with_two_objectives() -> None:
    """The reason for a rule of our own; once this fails, Optuna's pruners can take over."""
    trial = optuna.create_study(directions=["minimize", "minimize"]).ask()
    with pytest.raises(NotImplementedError):
        trial.report(0.5, 1)
    with pytest.raises(NotImplementedError):
        trial.should_prune()


def test_a_curve_is_read_at_equal_cost() -> None:
    curve = [TrialPoint(0, 10, 0.5), TrialPoint(1, 30, 0.4), TrialPoint(2, 50, 0.1)]
    assert [rate_reached(curve, calls) for calls in (9, 10, 29, 30, 500)] == [None, 0.5, 0.5, 0.4, 0.1]


def test_a_trial_above_the_median_at_its_cost_falls_behind() -> None:
    earlier = [[TrialPoint(0, 10, 0.5), TrialPoint(1, 100, rate)] for rate in (0.1, 0.2, 0.3, 0.4)]
    assert falls_behind([TrialPoint(0, 10, 0.5), TrialPoint(1, 100, 0.3)], earlier)
    assert not falls_behind([TrialPoint(0, 10, 0.5), TrialPoint(1, 100, 0.25)], earlier)
    # For 20 calls nobody had more than the starting method, whatever they had a step later.
    assert not falls_behind([TrialPoint(0, 10, 0.5), TrialPoint(1, 20, 0.5)], earlier)


@given(curves(), st.lists(curves(), max_size=3))
def test_few_earlier_trials_judge_nobody(curve: list[TrialPoint], earlier: list[list[TrialPoint]]) -> None:
    assert not falls_behind(curve, earlier)


@given(curves(), st.lists(curves(), min_size=4, max_size=9))
def test_the_best_so_far_never_falls_behind(curve: list[TrialPoint], earlier: list[list[TrialPoint]]) -> None:
    last = curve[-1]._replace(rate=0.0)
    assert not falls_behind([*curve[:-1], last], earlier)
    if len(curve) == 1:
        assert not falls_behind(curve, earlier)


@given(curves(), st.lists(curves(), min_size=4, max_size=9), st.floats(0, 1))
def test_a_lower_rate_is_never_judged_worse(
    curve: list[TrialPoint], earlier: list[list[TrialPoint]], share: float
) -> None:
    better = [*curve[:-1], curve[-1]._replace(rate=share * curve[-1].rate)]
    assert falls_behind(curve, earlier) or not falls_behind(better, earlier)
