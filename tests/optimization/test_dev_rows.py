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


def step(number: int, looked_at: tuple[Row, ...], *, improved: bool = False, methods: int = 2) -> Step:
    marks = {row.id: MARKS["p"] for row in looked_at}
    scores = tuple(Score(method.id, marks) for method in (OLD, NEW)[:methods])
    return Step(number, ("a row",), (), scores, OLD.id, improved)


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
