"""Sizes follow the budget, and what they plan is near it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autoevol.comparison import sizes

BUDGETS, ROWS, DEVS = st.integers(1, 20_000), st.integers(2, 6), st.integers(1, 200)


@given(BUDGETS, ROWS, DEVS, st.integers(1, 300))
def test_the_loop_makes_three_full_steps_where_any_m_allows_it(
    budget: int, row: int, dev: int, train: int
) -> None:
    batch, m, steps = sizes.loop(budget, row, dev, train)
    assert 1 <= batch <= min(10, train)
    assert 1 <= m <= 5
    cost = row * (batch + m * dev) + 2 * m
    assert m == 1 or row * dev + 3 * cost <= budget
    assert m == 5 or row * dev + 3 * (cost + row * dev + 2) > budget
    assert steps * 2 * m >= budget  # never ends by itself: proposals alone use the budget up


@given(BUDGETS, ROWS, DEVS)
def test_proposals_fit_and_one_more_does_not(budget: int, row: int, dev: int) -> None:
    count = sizes.proposals(budget, row, dev)
    cost = row * dev + count * (row * dev + 1)
    assert count == 1 or cost <= budget
    assert cost + row * dev + 1 > budget


@given(BUDGETS, ROWS, DEVS)
def test_all_sizes_are_in_range(budget: int, row: int, dev: int) -> None:
    assert min(sizes.opro(budget, row, dev)) >= 1
    assert sizes.opro(budget, row, dev).candidates <= 8
    assert min(sizes.ape(budget, row, dev)) >= 1
    breadth, depth = sizes.copro(budget, row, dev)
    assert 2 <= breadth <= 10
    assert depth >= 1
    count, trials, minibatch, size = sizes.mipro(budget, row, dev)
    assert trials >= count >= 2
    assert size <= dev or not minibatch
    bsize, candidates, steps = sizes.simba(budget, row, dev)
    assert 1 <= bsize <= min(32, dev)
    assert 2 <= candidates <= 6
    assert steps >= 1
    assert sizes.gepa(budget, row, dev) >= budget
    assert sizes.bootstrap(budget, row, dev) >= 1


@given(st.integers(1000, 20_000), st.integers(2, 4), st.integers(10, 60))
def test_copro_mipro_and_search_plan_about_the_budget(budget: int, row: int, dev: int) -> None:
    each = row * dev
    breadth, depth = sizes.copro(budget, row, dev)
    assert budget - 2 * each <= breadth * depth * (each + 1) <= budget + breadth * (each + 1)
    count = sizes.mipro(budget, row, dev).num_candidates
    assert abs(each + count * (row * (dev + 6) + 3) - budget) <= row * (dev + 6) + 3 or count == 2
    sets = sizes.bootstrap(budget, row, dev)
    assert abs(each + (sets + 1) * row * (dev + 8) - budget) <= row * (dev + 8) or sets == 1


@given(st.integers(1000, 20_000), st.integers(2, 4), st.integers(10, 60))
def test_simba_fits_with_its_end(budget: int, row: int, dev: int) -> None:
    bsize, count, steps = sizes.simba(budget, row, dev)
    step = row * bsize * (2 * count + 1) + count + 1
    if steps > 1:
        assert steps * step + row * dev * (count + 1) <= budget
        assert steps >= 4


def test_sizes_at_a_budget_of_2000_on_50_rows() -> None:
    assert sizes.loop(2000, 2, 50, 200) == (10, 5, 201)
    assert sizes.copro(2000, 2, 50) == (7, 3)
    assert sizes.mipro(2000, 2, 50) == (17, 25, False, 35)
    assert sizes.simba(2000, 2, 50) == (16, 4, 5)
