"""Selection rules and samplers, by scores small enough to check by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoevol.core.records import FailureKind, Mark, Method, Outcome, Row, Score
from autoevol.optimization.adaptive import AdaptiveRace
from autoevol.optimization.compiling import BatchSampler, RandomBatches
from autoevol.optimization.race import Race, Sprint
from autoevol.optimization.rule import Selection, SelectionRule
from autoevol.optimization.rules import RULES, LowestFailureRate, ReleasedRule
from synthetic import rows

DEV = rows(4)
INCUMBENT = Method("the method in force")
A, B, C = Method("challenger a"), Method("challenger b"), Method("challenger c")


def score(method: Method, outcomes: str, evolved: int = 10, response: int = 10) -> Score:
    """`outcomes` has one letter per dev row: p(assed), f(ailed) or u(nscored)."""
    seen = {
        "p": Mark(Outcome.PASSED, None, evolved, response),
        "f": Mark(Outcome.FAILED, FailureKind.REFUSED, evolved, response),
        "u": Mark(Outcome.UNSCORED),
    }
    marks = {row.id: seen[letter] for row, letter in zip(DEV, outcomes, strict=True)}
    return Score(method.id, marks)


def decide(rule: SelectionRule, scores: dict[Method, Score]) -> Selection:
    """What `rule` decides; the first method is in force."""
    incumbent, *challengers = scores

    async def evaluate(method: Method, asked: Sequence[Row]) -> Score:
        assert list(asked) == DEV
        return scores[method]

    return asyncio.run(rule.select(incumbent, challengers, DEV, evaluate))


@pytest.mark.parametrize(
    ("in_force", "challengers", "chosen"),
    [
        ("ffpp", {A: "fppp"}, A),  # 1/4 < 2/4
        ("ffpp", {A: "fppp", B: "pppp"}, B),
        ("ffpp", {A: "fppp", B: "pfpp"}, A),  # a tie between challengers: the earlier one
        ("ffpp", {A: "ppff"}, INCUMBENT),  # a tie with the method in force: kept
        ("ffpp", {A: "fffp"}, INCUMBENT),
        ("ffpp", {}, INCUMBENT),
        ("pppp", {A: "pppp"}, INCUMBENT),
        ("ffpp", {A: "uuuu"}, INCUMBENT),  # nothing scored is no evidence
        ("uuuu", {A: "fffp"}, INCUMBENT),  # ... and without a row in common there is no comparison
        ("fppp", {A: "puuu"}, INCUMBENT),  # one lucky row is no better method
        ("uuuu", {A: "uuuu"}, INCUMBENT),
        ("ffpu", {A: "fpup"}, A),  # 1/3 < 2/3: the lost rows are left out
    ],
)
def test_the_papers_rule_takes_the_lowest_rate_and_keeps_on_ties(
    in_force: str, challengers: dict[Method, str], chosen: Method
) -> None:
    scores = {INCUMBENT: score(INCUMBENT, in_force)}
    scores |= {method: score(method, outcomes) for method, outcomes in challengers.items()}
    picked = decide(LowestFailureRate(), scores)
    assert picked.chosen == chosen
    assert picked.scores == tuple(scores.values())
    assert picked.note


@pytest.mark.parametrize(
    ("in_force", "challengers", "chosen"),
    [
        # success x mean response / mean evolved
        (("ffpp", 10, 20), {A: ("fppp", 10, 20)}, A),  # 1.0 -> 1.5
        (("ffpp", 10, 20), {A: ("ffpp", 10, 20)}, A),  # a tie in both is accepted
        (("ffpp", 10, 20), {A: ("fppp", 10, 13)}, INCUMBENT),  # 0.975 < 1.0 although it fails less
        (("ffpp", 10, 20), {A: ("fffp", 10, 90)}, INCUMBENT),  # 2.25 > 1.0, but it fails more
        (("ffpp", 10, 20), {A: ("fffp", 10, 90), B: ("ffpp", 10, 30)}, B),  # the next in line
        (("ffpp", 10, 20), {A: ("fppp", 10, 20), B: ("pppp", 10, 20)}, B),
        (("ffpp", 10, 20), {A: ("fppp", 10, 20), B: ("fppp", 10, 20)}, A),
        (("ffpp", 10, 20), {A: ("uuuu", 10, 20)}, INCUMBENT),
        (("ffpp", 10, 20), {}, INCUMBENT),
    ],
)
def test_the_authors_rule_wants_success_and_growth_and_accepts_ties(
    in_force: tuple[str, int, int], challengers: dict[Method, tuple[str, int, int]], chosen: Method
) -> None:
    scores = {INCUMBENT: score(INCUMBENT, *in_force)}
    scores |= {method: score(method, *numbers) for method, numbers in challengers.items()}
    assert decide(ReleasedRule(), scores).chosen == chosen


@pytest.mark.parametrize("rule", [LowestFailureRate, ReleasedRule])
def test_rules_of_full_scoring_evaluate_each_method_once_and_ends_its_siblings_on_an_error(
    rule: type[SelectionRule],
) -> None:
    asked: list[str] = []
    ended: list[str] = []

    async def evaluate(method: Method, _: Sequence[Row]) -> Score:
        asked.append(method.text)
        if method is B:
            raise KeyError("stop")
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(method.text)
        raise AssertionError("not cancelled")

    async def select() -> None:
        await rule().select(INCUMBENT, [A, B, C], DEV, evaluate)

    with pytest.raises(KeyError):
        asyncio.run(select())
    assert sorted(asked) == sorted(m.text for m in (INCUMBENT, A, B, C))
    assert sorted(ended) == sorted(m.text for m in (INCUMBENT, A, C))


def test_rules_are_known_by_the_names_of_the_command_line() -> None:
    assert {
        "adaptive": AdaptiveRace,
        "race": Race,
        "sprint": Sprint,
        "paper": LowestFailureRate,
        "author": ReleasedRule,
    } == RULES


SAMPLER: BatchSampler = RandomBatches()
sizes = st.integers(min_value=1, max_value=30)


@settings(deadline=None, max_examples=60)
@given(count=sizes, size=sizes, step=sizes, seed=st.integers())
def test_a_batch_holds_distinct_rows_and_is_a_function_of_seed_and_step(
    count: int, size: int, step: int, seed: int
) -> None:
    given_rows = rows(count)
    batch = SAMPLER.draw(given_rows, size, step, seed)
    assert len(batch) == len(set(batch)) == min(size, count)
    assert set(batch) <= set(given_rows)
    assert batch == SAMPLER.draw(tuple(given_rows), size, step, seed)
    assert given_rows == rows(count)


def test_another_seed_or_step_gives_another_batch() -> None:
    many = rows(200)
    drawn = {(step, seed): SAMPLER.draw(many, 10, step, seed) for step in (1, 2) for seed in (1, 2)}
    assert len(set(drawn.values())) == 4
