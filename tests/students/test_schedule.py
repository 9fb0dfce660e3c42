"""Equal supervised tokens, and which tokens these are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.core.errors import InputError
from autoevol.students.schedule import Encoded, fitted, schedule

EXAMPLES = st.dictionaries(
    st.text("abcdef", min_size=1),
    st.tuples(st.integers(1, 9), st.integers(1, 30)).map(
        lambda sizes: Encoded(tuple(range(sum(sizes))), sizes[0])
    ),
    min_size=1,
    max_size=8,
)


def test_loss_is_taken_on_the_response_only() -> None:
    example = fitted((1, 2, 3), (4, 5, 6, 7), 40)
    assert example is not None
    assert example.labels == (-100, -100, -100, 4, 5, 6, 7)
    assert example.supervised == 4
    assert example.cut(2).labels == (-100, -100, -100, 4, 5)


def test_a_response_is_cut_and_a_long_prompt_is_left_out() -> None:
    long = fitted((1,) * 4, (2,) * 50, 16)
    assert long is not None
    assert (len(long.tokens), long.supervised) == (16, 12)
    assert fitted((1,) * 9, (2,), 16) is None
    assert fitted((1,), (), 16) is None


@given(EXAMPLES, st.integers(1, 6), st.integers(1, 50), st.integers(0, 3))
def test_every_step_of_every_arm_has_the_same_supervised_tokens(
    examples: dict[str, Encoded], steps: int, tokens: int, seed: int
) -> None:
    batches = schedule(examples, steps, tokens, seed)
    assert [sum(row.supervised for row in batch) for batch in batches] == [tokens] * steps
    assert batches == schedule(dict(reversed(examples.items())), steps, tokens, seed)


def test_all_examples_come_before_one_comes_again() -> None:
    examples = {str(number): Encoded((number, 0), 1) for number in range(6)}
    first, second = schedule(examples, 2, 6, 0)
    assert sorted(row.tokens[0] for row in first) == list(range(6))
    assert sorted(row.tokens[0] for row in second) == list(range(6))
    assert first != schedule(examples, 1, 6, 1)[0]


def test_an_arm_without_an_example_is_refused() -> None:
    with pytest.raises(InputError, match="no example that fits"):
        schedule({}, 1, 8, 0)
