"""The default rule by itself: how many rows it looks at, and what an added word must pay for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.core.errors import InputError
from autoevol.core.records import Method, Row, Score
from autoevol.optimization.adaptive import AdaptiveRace
from autoevol.optimization.rule import Selection
from synthetic import MARKS, rows

INCUMBENT = Method("the method in force")
LONGER = Method("the method in force " + "and more " * 10)
SHORTER = Method("the method")


def select(outcomes: dict[Method, str], **options: float) -> tuple[Selection, dict[str, list[str]]]:
    """What the rule decides, and the rows that each method was asked for; p(assed), f(ailed), u(nscored)."""
    incumbent, *challengers = outcomes
    dev = rows(len(outcomes[incumbent]))
    letters = {
        method.id: dict(zip([r.id for r in dev], text, strict=True)) for method, text in outcomes.items()
    }
    asked: dict[str, list[str]] = {method.id: [] for method in outcomes}

    async def evaluate(method: Method, wanted: Sequence[Row]) -> Score:
        asked[method.id] += [row.id for row in wanted]
        return Score(method.id, {row.id: MARKS[letters[method.id][row.id]] for row in wanted})

    rule = AdaptiveRace(**options)  # type: ignore[arg-type]
    return asyncio.run(rule.select(incumbent, challengers, dev, evaluate)), asked


@given(st.text("pfu", min_size=1, max_size=60), st.integers(1, 12))
def test_rows_are_looked_at_until_the_incumbent_failed_so_many(letters: str, failures: int) -> None:
    _, asked = select({INCUMBENT: letters, SHORTER: letters}, failures=failures)
    seen = len(asked[INCUMBENT.id])
    assert len(set(asked[INCUMBENT.id])) == seen
    if letters.count("f") >= failures:
        assert letters[:seen].count("f") >= failures
        # One block before the end they were still missing.
        assert letters[: max(0, seen - max(3, failures))].count("f") < failures
    else:
        assert seen == len(letters)
    assert set(asked[SHORTER.id]) <= set(asked[INCUMBENT.id])


@pytest.mark.parametrize(
    ("challenger", "letters", "wins"),
    [
        (SHORTER, "f" * 10 + "p" * 40, True),  # a tie goes to the shorter text
        (LONGER, "f" * 10 + "p" * 40, False),
        (LONGER, "f" * 9 + "p" * 41, False),  # one row is not worth 20 words on 50 rows
        (LONGER, "f" * 6 + "p" * 44, True),
        (SHORTER, "f" * 12 + "p" * 38, False),
    ],
)
def test_added_words_must_pay_for_themselves(challenger: Method, letters: str, wins: bool) -> None:
    picked, _ = select({INCUMBENT: "f" * 10 + "p" * 40, challenger: letters}, failures=11, per_word=0.003)
    assert (picked.chosen == challenger) is wins
    assert ("incumbent kept" in picked.note) is not wins


@given(st.text("fu", min_size=1, max_size=30))
def test_where_nothing_passes_the_first_named_start_stays(letters: str) -> None:
    picked, _ = select({INCUMBENT: letters, SHORTER: "f" * len(letters)})
    assert picked.chosen == INCUMBENT
    assert "incumbent kept" in picked.note or "no race" in picked.note or "no challenger" in picked.note


def test_one_row_that_passes_lets_the_shorter_of_two_equals_win() -> None:
    picked, _ = select({INCUMBENT: "f" * 9 + "p", SHORTER: "f" * 9 + "p"}, failures=10)
    assert picked.chosen == SHORTER


@pytest.mark.parametrize("bad", [{"failures": 0}, {"per_word": -0.1}, {"growth": -0.1}])
def test_settings_out_of_range_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(InputError, match="failures must be at least 1"):
        AdaptiveRace(**bad)  # type: ignore[arg-type]
