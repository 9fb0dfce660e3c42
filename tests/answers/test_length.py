"""Length control: hand-computed cases, and judges that look at length alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.answers.length import control_length, fit_logistic


def test_the_fit_is_at_the_maximum_of_the_posterior() -> None:
    x = np.array([[1.0], [1.0], [1.0], [1.0]])
    beta = fit_logistic(x, np.array([1.0, 1.0, 1.0, 0.0]), np.ones((1, 4)))[0, 0]
    # By hand: 3 - 4 p = beta / 25, the prior's pull, where the gradient is 0.
    assert 3 - 4 / (1 + np.exp(-beta)) == pytest.approx(beta / 25)


def test_a_weight_counts_as_often_as_the_case_stands_there() -> None:
    x, y = np.array([[1.0, 0.3], [1.0, -0.8]]), np.array([1.0, 0.5])
    weighted = fit_logistic(x, y, np.array([[3.0, 1.0]]))
    repeated = fit_logistic(x[[0, 0, 0, 1]], y[[0, 0, 0, 1]], np.ones((1, 4)))
    assert weighted == pytest.approx(repeated)


@pytest.mark.parametrize("seed", range(5))
def test_a_judge_of_length_has_no_winner_at_equal_length(seed: int) -> None:
    excess = [int(gap) for gap in np.random.default_rng(seed).normal(120, 200, 200)]
    control = control_length([float(gap > 0) for gap in excess], excess)
    assert control is not None
    assert sum(gap > 0 for gap in excess) / len(excess) > 0.65, "the raw win rate has a clear winner"
    assert control.win_rate.low < 0.5 < control.win_rate.high
    assert control.longer == 1.0
    assert control.slope > 1


def test_a_real_lead_stays_where_length_says_nothing() -> None:
    excess = [10, -10] * 50
    control = control_length([1.0, 1.0, 1.0, 0.0] * 25, excess)
    assert control is not None
    assert control.win_rate.low > 0.6


def test_answers_of_equal_length_leave_the_win_rate() -> None:
    control = control_length([1.0, 0.5, 0.0], [0, 0, 0])
    assert control is not None
    assert control.win_rate.value == pytest.approx(0.5)
    assert (control.slope, control.longer) == (0.0, None)
    assert control_length([], []) is None


@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.integers(-5000, 5000)), min_size=1, max_size=12)
)
def test_every_outcome_has_a_fit_within_bounds(cases: list[tuple[float, int]]) -> None:
    control = control_length(*zip(*cases, strict=True))
    assert control is not None
    assert 0 < control.win_rate.low <= control.win_rate.high < 1
    mirrored = control_length([1 - points for points, _ in cases], [-gap for _, gap in cases])
    assert mirrored is not None
    assert control.win_rate.value + mirrored.win_rate.value == pytest.approx(1, abs=1e-6)
