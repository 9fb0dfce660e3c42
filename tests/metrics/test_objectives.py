"""What the optimizer climbs: copying and decorating must not pay."""

import json
import random

import pytest

from autoevol.core.records import Evolution, FailureKind, Outcome, Trajectory, Verdict
from autoevol.metrics.base import Detector, failed, passed, unscored
from autoevol.metrics.ensemble import default_text_ensemble
from autoevol.metrics.growth import Stagnant
from autoevol.metrics.objectives import FailureRateObjective, Objective, Scored, UsableYield, excess_words
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


@pytest.mark.parametrize("make", [FailureRateObjective, UsableYield])
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
