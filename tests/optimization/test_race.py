"""Racing by itself: who leaves when, who wins, and at what price."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoevol.core.errors import InputError
from autoevol.core.records import Method, Row, Score
from autoevol.optimization.race import Forecast, Race, RaceSettings, Seen, forecast
from autoevol.optimization.rule import Selection
from synthetic import MARKS, rows

INCUMBENT = Method("the method in force")
A, B, C = Method("challenger a"), Method("challenger b"), Method("challenger c")


class Scripted:
    """Outcomes by method, a letter for each row: p(assed), f(ailed) or u(nscored). Refuses to repeat."""

    def __init__(self, outcomes: dict[Method, str], dev: int) -> None:
        everything = rows(max(len(letters) for letters in outcomes.values()))
        self.dev, self.reserve = everything[:dev], everything[dev:]
        self.place = {row.id: place for place, row in enumerate(everything)}
        self.outcomes = outcomes
        self.asked: dict[str, list[int]] = {method.id: [] for method in outcomes}

    async def evaluate(self, method: Method, asked: Sequence[Row]) -> Score:
        places = [self.place[row.id] for row in asked]
        assert not set(places) & set(self.asked[method.id]), "asked twice"
        self.asked[method.id] += places
        letters = self.outcomes[method]
        return Score(method.id, {row.id: MARKS[letters[self.place[row.id]]] for row in asked})

    def race(self, **changed: Any) -> Selection:
        incumbent, *challengers = self.outcomes
        rule = Race(replace(RaceSettings(), **changed))
        return asyncio.run(rule.select(incumbent, challengers, self.dev, self.evaluate, self.reserve))


def test_the_rows_that_the_incumbent_failed_come_first() -> None:
    world = Scripted({INCUMBENT: "ppfppfpppf" * 2, A: "p" * 20}, dev=20)
    picked = world.race()
    assert picked.chosen == A
    assert world.asked[INCUMBENT.id] == list(range(20))
    assert world.asked[A.id][:6] == [2, 5, 9, 12, 15, 19]
    assert world.asked[A.id][6:] == [0, 1, 3, 4, 6, 7, 8, 10, 11, 13, 14, 16, 17, 18]


def test_hopeless_challengers_leave_after_a_few_rows() -> None:
    world = Scripted({INCUMBENT: "f" + "p" * 49, A: "f" * 50, B: "f" * 50}, dev=50)
    picked = world.race()
    assert picked.chosen == INCUMBENT
    assert "incumbent kept" in picked.note
    spent = len(world.asked[A.id]) + len(world.asked[B.id])
    assert spent <= 12
    assert picked.note.endswith(f"rows tried: {spent} instead of 100")
    assert [len(score.marks) for score in picked.scores] == [50, *map(len, list(world.asked.values())[1:])]


def test_the_winner_is_scored_in_full_and_the_others_are_not() -> None:
    world = Scripted({INCUMBENT: "f" * 10 + "p" * 30, A: "f" * 40, B: "p" * 40, C: "f" * 40}, dev=40)
    picked = world.race()
    assert picked.chosen == B
    assert picked.note.startswith("clearly better (10 rows cured, 0 broken)")
    assert len(world.asked[B.id]) == 40
    assert len(world.asked[A.id]) == len(world.asked[C.id]) == 3
    assert [score.method_id for score in picked.scores] == [m.id for m in (INCUMBENT, A, B, C)]


@pytest.mark.parametrize(
    ("in_reserve", "chosen", "note"),
    [
        ("", A, "ahead, which may be chance (0 rows cured, 0 broken)"),
        ("f" * 20, INCUMBENT, "no significant winner: incumbent kept (0 rows cured, 5 broken)"),
        ("p" * 20, A, "ahead, which may be chance (0 rows cured, 0 broken)"),
    ],
)
def test_a_tie_is_settled_on_reserve_rows_and_goes_to_the_leader(
    in_reserve: str, chosen: Method, note: str
) -> None:
    dev = "ffff" + "p" * 16
    world = Scripted({INCUMBENT: dev + "p" * len(in_reserve), A: dev + in_reserve}, dev=20)
    picked = world.race()
    assert picked.chosen == chosen
    assert picked.note.startswith(note)
    looks = {name: len(asked) - 20 for name, asked in world.asked.items()}
    expected = 5 if "f" in in_reserve else len(in_reserve)
    assert looks == {INCUMBENT.id: expected, A.id: expected}


def test_rows_that_the_network_lost_say_nothing() -> None:
    # A passes wherever it is scored, and is a little short of half of its rows.
    world = Scripted({INCUMBENT: "ff" + "p" * 10, A: "pp" + "pu" * 5}, dev=12)
    assert world.race().chosen == A
    lost = Scripted({INCUMBENT: "ff" + "p" * 10, A: "puu" + "p" * 9, B: "f" * 12}, dev=12)
    assert lost.race().chosen == INCUMBENT
    assert len(lost.asked[A.id]) == 3
    skipped = Scripted({INCUMBENT: "ufu" + "p" * 9, A: "p" * 12}, dev=12)
    assert skipped.race().chosen == A
    assert not {0, 2} & set(skipped.asked[A.id])


def test_an_incumbent_that_was_lost_on_most_rows_is_kept_without_a_race() -> None:
    world = Scripted({INCUMBENT: "fuuuup", A: "pppppp"}, dev=6)
    picked = world.race()
    assert picked.chosen == INCUMBENT
    assert "no race" in picked.note
    assert world.asked[A.id] == []


def test_without_challengers_the_incumbent_alone_is_scored() -> None:
    picked = Scripted({INCUMBENT: "fp"}, dev=2).race()
    assert picked == Selection(INCUMBENT, picked.scores, "no challenger")
    assert len(picked.scores[0].marks) == 2


def test_an_error_in_one_evaluation_ends_its_siblings() -> None:
    ended: list[str] = []
    whole = Scripted({INCUMBENT: "fppp", A: "pppp", B: "pppp"}, dev=4)

    async def evaluate(method: Method, asked: Sequence[Row]) -> Score:
        if method is INCUMBENT:
            return await whole.evaluate(method, asked)
        if method is B:
            raise KeyError("stop")
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(method.text)
        raise AssertionError("not cancelled")

    with pytest.raises(KeyError):
        asyncio.run(Race().select(INCUMBENT, [A, B], whole.dev, evaluate))
    assert ended == [A.text]


letters = st.text(alphabet="ppppfu", min_size=30, max_size=30)


@settings(deadline=None, max_examples=80)
@given(outcomes=st.lists(letters, min_size=1, max_size=5), dev=st.integers(1, 30))
def test_any_race_ends_within_its_bound_and_the_same_way_again(outcomes: list[str], dev: int) -> None:
    methods = [INCUMBENT, *(Method(f"challenger {number}") for number in range(len(outcomes) - 1))]
    world = Scripted(dict(zip(methods, outcomes, strict=True)), dev)
    picked = world.race()
    spent = sum(map(len, world.asked.values())) - dev
    assert spent <= (len(methods) - 1) * dev + 2 * (30 - dev)
    assert f"rows tried: {spent} instead" in picked.note or spent == 0
    assert Scripted(world.outcomes, dev).race() == picked
    if picked.chosen != INCUMBENT:
        scored = {row.id for row in world.dev if world.outcomes[INCUMBENT][world.place[row.id]] != "u"}
        (score,) = [score for score in picked.scores if score.method_id == picked.chosen.id]
        assert score.covers(scored)


seen_rows = st.integers(0, 40).flatmap(
    lambda total: st.integers(0, total).flatmap(
        lambda scored: st.integers(0, scored).map(lambda failed: Seen(failed, scored, total))
    )
)


@given(
    seen=st.lists(seen_rows, min_size=1, max_size=3),
    rate=st.floats(0.01, 0.99),
    strength=st.floats(0.5, 100),
)
def test_a_forecast_lies_between_what_is_certain(seen: list[Seen], rate: float, strength: float) -> None:
    ahead = forecast(seen, [rate] * len(seen), [strength] * len(seen))
    least = sum(kind.failed for kind in seen)
    left = sum(kind.total - kind.scored for kind in seen)
    assert least - 1e-9 <= ahead.mean <= least + left + 1e-9
    assert 0 <= ahead.sd <= left / 2 + 1e-9
    if left == 0:
        assert ahead == Forecast(least, 0.0)
    worse = forecast(
        [kind._replace(total=kind.total + 5) for kind in seen], [rate] * len(seen), [strength] * len(seen)
    )
    assert worse.mean > ahead.mean
    assert worse.sd > ahead.sd


def test_a_forecast_by_hand() -> None:
    # 1 of 4 failed, prior 0.1 as strong as 6 rows: own rate (0.6 + 1) / 10 = 0.16; 20 rows left.
    ahead = forecast([Seen(1, 4, 24)], [0.1], [6.0])
    assert ahead.mean == pytest.approx(1 + 20 * 0.16)
    assert ahead.sd**2 == pytest.approx(20 * 0.16 * 0.84 * 30 / 11)
    assert ahead.low(2) == pytest.approx(ahead.mean - 2 * ahead.sd)


@pytest.mark.parametrize(
    "bad", [{"error": 0.0}, {"error": 0.6}, {"first": 0}, {"block": 0}, {"step": 0}, {"hope": -1.0}]
)
def test_settings_out_of_range_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(bad))):
        RaceSettings(**bad)
