"""What the optimizer climbs: copying and decorating must not pay."""

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.core.records import (
    Assessment,
    Case,
    Evolution,
    FailureKind,
    Mark,
    Method,
    Outcome,
    Row,
    Score,
    Trajectory,
    Verdict,
)
from autoevol.metrics.base import UNREADABLE_VERDICT, Detector, failed, passed, unscored
from autoevol.metrics.ensemble import default_text_ensemble
from autoevol.metrics.failure import FailureMetric
from autoevol.metrics.growth import Stagnant
from autoevol.metrics.objectives import (
    OBJECTIVES,
    FailureRateObjective,
    Gain,
    GainProxy,
    Objective,
    Scored,
    UsableYield,
    excess_words,
)
from autoevol.metrics.rules import AuthorRules
from autoevol.optimization.race import Race, cured_and_broken
from autoevol.optimization.rule import SelectionRule
from autoevol.optimization.rules import LowestFailureRate
from autoevol.optimization.scoreboard import mark
from metrics_support import real_data

SEED = "Tom has 3 apples and buys 4 more. How many apples has Tom?"
HARDER = "Tom has 3 apples, buys 4 more and gives 5 away. How many apples has Tom?"


class Fixed:
    """A detector with one opinion."""

    name = "fixed"
    kinds = frozenset(FailureKind)
    calls = 0

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict

    def judge(self, trajectory: Trajectory) -> Verdict:
        return self.verdict


def case(evolved: str | None, response: str | None = None, seed: str = SEED) -> Trajectory:
    return Trajectory((Evolution(seed, evolved, evolved or "hm"),), response)


def scored(objective: Objective, detector: Detector, trajectory: Trajectory, case: str = "") -> Scored:
    return objective.score(trajectory, detector.judge(trajectory), case)


def seeds() -> list[str]:
    """Real problems where they are, else a few of our own."""
    path = real_data("gsm8k_train_1000.jsonl")
    if path is None:
        return [
            f"Ann has {n} pens and {n + 2} cups. How many things has Ann in {n + 3} boxes?" for n in range(60)
        ]
    return [json.loads(line)["question"] for line in path.read_text(encoding="utf-8").splitlines()][:300]


def test_a_copier_gets_usable_yield_0_under_any_detector() -> None:
    blind, objective = Fixed(passed("fixed")), UsableYield()
    assert isinstance(objective, Objective)
    copies = seeds() + [f"  {seed.upper()} " for seed in seeds()]
    originals = seeds() * 2
    scores = [
        scored(objective, blind, case(copy, seed=seed)).score
        for copy, seed in zip(copies, originals, strict=True)
    ]
    assert sum(score or 0 for score in scores) == 0


def test_going_back_to_an_earlier_stage_is_a_copy() -> None:
    back = Trajectory((Evolution(SEED, HARDER, HARDER), Evolution(HARDER, SEED, SEED)))
    assert scored(UsableYield(), Fixed(passed("fixed")), back).score == 0


DECORATIONS = [
    "Please answer carefully and in detail. {0}",
    "{0} Make sure to be thorough and clear.",
    "Consider the following interesting problem. {0} Take your time and provide a complete answer.",
    "{0} This is an important question, so please think about it step by step.",
]


def test_a_decorator_gets_no_more_than_the_stagnation_detector_misses() -> None:
    rng = random.Random(0)
    decorated = [case(rng.choice(DECORATIONS).format(seed), seed=seed) for seed in seeds()]
    objective, ensemble = UsableYield(), default_text_ensemble()
    misses = [Stagnant().judge(trajectory).outcome is Outcome.PASSED for trajectory in decorated]
    gained = [scored(objective, ensemble, trajectory).score or 0 for trajectory in decorated]
    assert sum(gained) <= sum(misses)
    assert sum(misses) / len(misses) < 0.1


def test_a_harder_problem_scores_1() -> None:
    assert scored(UsableYield(), default_text_ensemble(), case(HARDER)).score == 1


def test_length_discipline_takes_off_for_every_20_words() -> None:
    long = case(HARDER + " And also" + " blue" * 38)
    assert excess_words(long) > 20
    strict = scored(UsableYield(discipline=0.5), Fixed(passed("fixed")), long)
    assert strict.score == pytest.approx(1 - 0.5 * excess_words(long) / 20)
    assert "beyond" in strict.feedback
    assert scored(UsableYield(), Fixed(passed("fixed")), long).score == 1
    with pytest.raises(ValueError, match="discipline"):
        UsableYield(discipline=2)


@pytest.mark.parametrize("make", [FailureRateObjective, UsableYield, Gain, GainProxy])
def test_unscored_is_neither_success_nor_failure(make: type) -> None:
    assert scored(make(), Fixed(unscored("fixed", "down")), case(HARDER)).score is None


def test_no_instruction_is_a_failure_even_if_the_detector_is_blind() -> None:
    found = scored(UsableYield(), Fixed(passed("fixed")), case(None))
    assert (found.score, found.verdict.kinds) == (0.0, (FailureKind.UNPARSED,))


def test_failure_rate_may_leave_harmless_kinds_out() -> None:
    stagnant = Fixed(failed("fixed", FailureKind.STAGNANT, "No harder."))
    assert scored(FailureRateObjective(), stagnant, case(HARDER)).score == 0
    assert scored(FailureRateObjective(count_harmless=False), stagnant, case(HARDER)).score == 1


def test_feedback_names_kind_case_finding_and_response() -> None:
    verdict = failed("fixed", FailureKind.UNSOLVABLE, "A price is missing.", FailureKind.STAGNANT)
    text = scored(UsableYield(), Fixed(verdict), case(HARDER, "We do not know the price."), "7").feedback
    for part in (
        "Case 7",
        "unsolvable, stagnant",
        "A price is missing.",
        SEED,
        HARDER,
        "We do not know the price.",
    ):
        assert part in text


ROWS = [Row(str(n), seed) for n, seed in enumerate(seeds()[:40])]
DECORATOR, DEEPENER, START = (Method(text) for text in ("decorate", "deepen", "start"))
SHOP = " Each of them then costs {0} dollars, a third is returned, and the rest is shared by {1} friends."


def rewritten(method: Method, row: Row) -> Trajectory:
    """The decorator never breaks anything and adds nothing; the deepener breaks every fifth row."""
    number = int(row.id)
    if method is DECORATOR:
        return case(DECORATIONS[0].format(row.instruction), "The answer is: 7.", row.instruction)
    if method is START:
        return case(row.instruction, "The answer is: 7.", row.instruction)
    harder = row.instruction + SHOP.format(10**9 + number, 10**8 + number) + " How much does each friend pay?"
    answer = "Sure! Please provide the price?" if number % 5 == 0 else "The answer is: 7."
    return case(harder, answer, row.instruction)


class Reader:
    """A scripted judge, one that calls a decoration harmless and no harder."""

    name = "reader"
    kinds = frozenset(FailureKind)
    calls = 1

    def judge(self, trajectory: Trajectory) -> Verdict:
        if "Please provide" in (trajectory.response or ""):
            verdict = failed(self.name, FailureKind.UNSOLVABLE, "A price is missing.")
            return replace(verdict, assessment=Assessment(2, 0))
        gain = 2 if "dollars, a third" in (trajectory.evolved or "") else 0
        return replace(passed(self.name), assessment=Assessment(0, gain))


def chosen(metric: FailureMetric, rule: SelectionRule, *methods: Method) -> Method:
    async def evaluate(method: Method, rows: Sequence[Row]) -> Score:
        cases = [Case(row.id, metric.judge(rewritten(method, row)), rewritten(method, row)) for row in rows]
        return Score(method.id, {case.row_id: mark(case) for case in cases})

    incumbent, *challengers = methods
    return asyncio.run(rule.select(incumbent, challengers, ROWS, evaluate)).chosen


@pytest.mark.parametrize("rule", [LowestFailureRate(), Race()])
@pytest.mark.parametrize(
    ("detector", "objective", "wins"),
    [
        (AuthorRules(), FailureRateObjective(), DECORATOR),
        (AuthorRules(), UsableYield(), DEEPENER),
        (AuthorRules(), GainProxy(), DEEPENER),
        (Reader(), FailureRateObjective(), DECORATOR),
        (Reader(), UsableYield(), DEEPENER),
        (Reader(), Gain(), DEEPENER),
    ],
)
def test_only_the_failure_rate_falls_for_decoration(
    detector: Detector, objective: Objective, wins: Method, rule: SelectionRule
) -> None:
    metric = FailureMetric(detector, objective)
    # Either may be the incumbent.
    assert chosen(metric, rule, DECORATOR, DEEPENER) == wins
    assert chosen(metric, rule, DEEPENER, DECORATOR) == wins


def test_a_copier_has_no_gain_and_no_yield() -> None:
    for objective in (UsableYield(), Gain(), GainProxy()):
        metric = FailureMetric(Reader(), objective)
        marks = {row.id: mark(Case(row.id, metric.judge(rewritten(START, row)))) for row in ROWS}
        assert objective.value(Score("start", marks)) == 0


def test_gain_is_the_mean_over_all_scored_rows() -> None:
    metric = FailureMetric(Reader(), Gain())
    marks = {row.id: mark(Case(row.id, metric.judge(rewritten(DEEPENER, row)))) for row in ROWS}
    assert Gain().value(Score("deep", marks)) == pytest.approx(0.8 * 2 / 3)
    assert Score("deep", marks).rate == pytest.approx(0.2)


def test_a_usable_row_without_a_gain_is_not_scored() -> None:
    silent = Fixed(replace(passed("judge"), assessment=Assessment(0)))
    found = scored(Gain(), silent, case(HARDER))
    assert found.score is None
    assert UNREADABLE_VERDICT in found.verdict.reason


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_says_what_its_figure_is(name: str) -> None:
    objective = OBJECTIVES[name]()
    assert isinstance(objective, Objective)
    assert objective.name == name
    assert objective.direction == ("lower" if name == "failure-rate" else "higher")
    good, bad = ({"r": mark} for mark in (Mark(Outcome.PASSED), Mark(Outcome.FAILED)))
    best, worst = objective.value(Score("m", good)), objective.value(Score("m", bad))
    assert {best, worst} == {0.0, 1.0}
    assert (best < worst) == (objective.direction == "lower")
    assert objective.label
    assert objective.unit


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_cured_and_broken_turn_with_the_sides(first: list[float], second: list[float]) -> None:
    mine, its = (
        {str(n): Mark(Outcome.PASSED, points=points) for n, points in enumerate(column)}
        for column in (first, second)
    )
    cured, broken = cured_and_broken(mine, its)
    assert (broken, cured) == cured_and_broken(its, mine)
    assert min(cured, broken) >= 0
    both = list(zip(first, second, strict=False))
    assert cured - broken == pytest.approx(sum(b - a for a, b in both), abs=1e-9)
