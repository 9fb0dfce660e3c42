"""Parts of the variance of a crossed design with repeats."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from autoevol.metrics.variance import decompose

SHAPES = st.tuples(st.integers(2, 4), st.integers(2, 12), st.integers(2, 3))


def test_a_difference_between_methods_alone_is_one_of_methods() -> None:
    losses = np.zeros((2, 10, 2))
    losses[1] = 1.0
    parts = decompose(losses)
    assert parts.methods == pytest.approx(0.5)
    assert (parts.rows, parts.together, parts.sampling) == (0, 0, 0)


def test_rows_that_fail_under_every_method_are_a_difference_between_rows() -> None:
    losses = np.zeros((3, 10, 2))
    losses[:, :5] = 1.0
    parts = decompose(losses)
    assert parts.rows == pytest.approx(10 / 9 / 4)
    assert (parts.methods, parts.together, parts.sampling) == (0, 0, 0)


def test_parts_are_found_again_in_what_they_were_drawn_from() -> None:
    draw = np.random.default_rng(3)
    of = {"methods": 0.3, "rows": 0.5, "together": 0.2, "sampling": 0.4}
    shape = (40, 400, 2)
    losses = (
        draw.normal(0, of["methods"], (40, 1, 1))
        + draw.normal(0, of["rows"], (1, 400, 1))
        + draw.normal(0, of["together"], (40, 400, 1))
        + draw.normal(0, of["sampling"], shape)
    )
    for name, part in decompose(losses).to_json().items():
        assert part == pytest.approx(of[name] ** 2, rel=0.4)


@given(SHAPES.flatmap(lambda shape: arrays(float, shape, elements=st.sampled_from([0.0, 1.0]))))
def test_no_part_is_below_nothing_and_sampling_is_what_repeats_differ_by(losses: np.ndarray) -> None:
    parts = decompose(losses)
    assert min(parts.to_json().values()) >= 0
    repeats_agree = bool((losses == losses[:, :, :1]).all())
    assert (parts.sampling == 0) == repeats_agree


@pytest.mark.parametrize("shape", [(1, 5, 2), (2, 1, 2), (2, 5, 1), (2, 5)])
def test_what_does_not_repeat_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="at least 2"):
        decompose(np.zeros(shape))
