"""The compact set of ids agrees with Python's own, and is small."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from autoevol.data.seen import SeenIds

ids = st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 2**64 - 1, 2**64 - 2, 2**63])


@settings(max_examples=200, deadline=None)
@given(st.lists(ids), st.lists(ids))
def test_it_is_a_set(given_first: list[int], added: list[int]) -> None:
    table, truth = SeenIds(given_first), set(given_first)
    for number in added:
        assert table.add(number) is (number not in truth)
        truth.add(number)
    assert len(table) == len(truth)
    assert all(number in table for number in truth)
    assert not any(number ^ 1 in table for number in truth if number ^ 1 not in truth)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1500))
def test_numbers_that_crowd_in_one_place_are_found(count: int) -> None:
    numbers = [2**63 + 2**32 * number for number in range(min(count, 300))] + list(range(count))
    table = SeenIds(numbers)
    assert len(table) == len(set(numbers))
    assert all(number in table and 2**62 + number not in table for number in numbers)


def test_it_takes_at_most_16_bytes_an_id() -> None:
    draw = random.Random(1)
    table = SeenIds()
    for count in range(1, 100_001):
        table.add(draw.getrandbits(64))
        assert count < 2000 or table.nbytes <= 16 * count
