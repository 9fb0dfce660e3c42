"""Which rows a step is decided on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.core.errors import InputError
from autoevol.core.records import Method, Row, Score, Step
from autoevol.optimization.dev_rows import DEV_ROWS, find_dev_rows
from synthetic import MARKS, rows

OLD, NEW = Method("the old one"), Method("the new one")


def step(
    number: int,
    looked_at: tuple[Row, ...],
    *,
    improved: bool = False,
    methods: int = 2,
    read: tuple[str, ...] = ("a row",),
) -> Step:
    marks = {row.id: MARKS["p"] for row in looked_at}
    scores = tuple(Score(method.id, marks) for method in (OLD, NEW)[:methods])
    return Step(number, read, (), scores, OLD.id, improved)


def test_fresh_rows_do_not_come_again_until_the_pool_is_used_up() -> None:
    pool, fresh = rows(25), find_dev_rows("fresh")
    steps: list[Step] = []
    seen: list[Row] = []
    for number, looks in enumerate((10, 4, 10, 1)):
        drawn = fresh.draw(pool, 10, steps)
        seen += drawn[:looks]
        steps.append(step(number, drawn[:looks]))
    assert seen == pool
    assert fresh.draw(pool, 10, steps) == tuple(pool[:10])


def test_rows_on_which_nothing_was_chosen_are_still_fresh() -> None:
    pool, fresh = rows(25), find_dev_rows("fresh")
    first = fresh.draw(pool, 10, ())
    assert fresh.draw(pool, 10, [step(0, first, methods=1)]) == first


def test_rows_move_after_an_adoption_only() -> None:
    pool, after = rows(40), find_dev_rows("after-adoption")
    first = after.draw(pool, 10, ())
    kept = [step(0, first), step(1, first[:6])]
    assert after.draw(pool, 10, kept) == first
    adopted = [*kept, step(2, first[:8], improved=True)]
    second = after.draw(pool, 10, adopted)
    assert second == tuple(pool[10:20])  # behind all rows that any of these steps looked at
    assert after.draw(pool, 10, [*adopted, step(3, second)]) == second


def test_a_growing_pool_gives_new_rows_first_and_the_last_steps_last() -> None:
    pool, growing = rows(100), find_dev_rows("growing")
    first = growing.draw(pool, 10, ())
    assert first == tuple(pool[:10])
    second = growing.draw(pool, 10, [step(0, first)])
    assert second == tuple(pool[10:20])  # there is no step before the last one yet
    third = growing.draw(pool, 10, [step(0, first), step(1, second[:6])])
    assert third == (*pool[16:21], *pool[:5])
    fourth = growing.draw(pool, 10, [step(0, first), step(1, second[:6]), step(2, third[:7])])
    assert fourth[:5] == tuple(pool[21:26])
    assert set(fourth[5:]) <= set(second[:6]) | set(first) - set(third[:7])


def test_a_growing_pool_gives_no_row_again_that_the_optimizer_has_read() -> None:
    pool, growing = rows(100), find_dev_rows("growing")
    steps = [step(0, tuple(pool[:10])), step(1, tuple(pool[10:20]), read=tuple(r.id for r in pool[:4]))]
    assert growing.draw(pool, 10, steps) == (*pool[20:25], *pool[4:9])


def test_a_growing_pool_that_is_used_up_gives_all_rows_again() -> None:
    pool, growing = rows(12), find_dev_rows("growing")
    last = growing.draw(pool, 10, [step(0, tuple(pool[:8])), step(1, tuple(pool[8:]))])
    assert last[:8] == tuple(pool[:8])
    assert set(last[8:]) <= set(pool[8:])


@given(
    st.sampled_from(sorted(DEV_ROWS)),
    st.integers(1, 30),
    st.integers(1, 40),
    st.lists(st.booleans(), max_size=8),
)
def test_every_draw_has_distinct_rows_and_as_many_as_there_are(
    name: str, count: int, size: int, improved: list[bool]
) -> None:
    pool, strategy = rows(count), find_dev_rows(name)
    steps: list[Step] = []
    for number, better in enumerate(improved):
        drawn = strategy.draw(pool, size, steps)
        assert drawn == strategy.draw(pool, size, list(steps))
        assert len(drawn) == len(set(drawn)) == min(size, count)
        assert strategy.moves or drawn == tuple(pool[:size])
        steps.append(step(number, drawn, improved=better))


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(InputError, match=r"--dev-rows 'frsh' .* did you mean fresh"):
        find_dev_rows("frsh")
