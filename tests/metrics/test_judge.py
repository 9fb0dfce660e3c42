"""The LM judge and answer agreement, end to end on a scripted engine."""

import asyncio

import dspy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.core.records import Evolution, FailureKind, Outcome, Trajectory, Verdict
from autoevol.metrics.agreement import SHORT_WORDS, AnswerAgreement, agreement, normal_answer
from autoevol.metrics.base import AsyncDetector
from autoevol.metrics.ensemble import default_text_ensemble
from autoevol.metrics.judge import Cascade, Judge, LMDetector, read_judgement
from metrics_support import scripted_lm

SEED = "Tom has 3 apples and buys 4 more. How many apples has Tom?"
HARDER = "Tom has 3 apples, buys 4 more and gives half of 6 pears away. How many fruits has Tom?"


def case(evolved: str | None = HARDER, response: str | None = "The answer is: 10.") -> Trajectory:
    return Trajectory((Evolution(SEED, evolved, evolved or "?"),), response)


def reply(
    kinds: str = "none", severity: str = "0", one: str = "3", two: str = "5", reason: str = "Fine."
) -> str:
    return (
        f"[[ ## reason ## ]]\n{reason}\n\n[[ ## kinds ## ]]\n{kinds}\n\n[[ ## severity ## ]]\n{severity}\n\n"
        f"[[ ## complexity_1 ## ]]\n{one}\n\n[[ ## complexity_2 ## ]]\n{two}\n\n[[ ## completed ## ]]"
    )


def decide(text: str, trajectory: Trajectory | None = None) -> Verdict:
    lm, _ = scripted_lm(lambda _: text)
    with dspy.context(lm=lm):
        return LMDetector().judge(trajectory or case())


def side_by_side(harder: str, easier: str) -> str:
    swapped = Judge().swapped(SEED, HARDER)
    return reply(one=harder if swapped else easier, two=easier if swapped else harder)


def test_a_harder_rewrite_passes_whichever_side_it_is_shown_on() -> None:
    assert decide(side_by_side(harder="7", easier="2")).outcome is Outcome.PASSED


def test_no_harder_is_stagnant() -> None:
    verdict = decide(side_by_side(harder="4", easier="4"))
    assert verdict.kinds == (FailureKind.STAGNANT,)


def test_kinds_come_worst_first_with_the_reason() -> None:
    verdict = decide(reply("stagnant, unsolvable", "2", reason="The price is missing."))
    assert verdict.kinds == (FailureKind.UNSOLVABLE, FailureKind.STAGNANT)
    assert verdict.reason == "The price is missing."


@pytest.mark.parametrize(
    "text",
    [
        "I cannot say.",
        reply("weird"),
        reply(severity="high"),
        reply(severity="7"),
        reply(one="11"),
        reply(two="many"),
        reply(kinds=""),
        "",
    ],
)
def test_an_unreadable_verdict_is_unscored(text: str) -> None:
    assert decide(text).outcome is Outcome.UNSCORED


def test_the_prompt_has_both_versions_and_the_response_once() -> None:
    lm, engine = scripted_lm(lambda _: reply())
    with dspy.context(lm=lm):
        LMDetector().judge(case())
    assert len(engine.prompts) == 1
    assert engine.prompts[0].count(SEED) == engine.prompts[0].count(HARDER) == 1
    assert "The answer is: 10." in engine.prompts[0]


def test_an_lm_error_is_unscored_in_both_faces() -> None:
    def broken(_: str) -> str:
        raise dspy.lm15.ServerError("down")

    lm, _ = scripted_lm(broken)
    detector = LMDetector()
    with dspy.context(lm=lm):
        assert detector.judge(case()).outcome is Outcome.UNSCORED
        assert asyncio.run(detector.ajudge(case())).outcome is Outcome.UNSCORED


def test_both_faces_agree() -> None:
    lm, _ = scripted_lm(lambda _: reply("contradictory", "2"))
    detector = LMDetector()
    assert isinstance(detector, AsyncDetector)
    with dspy.context(lm=lm):
        assert detector.judge(case()) == asyncio.run(detector.ajudge(case()))


def test_a_cascade_asks_the_judge_only_about_what_passes() -> None:
    lm, engine = scripted_lm(lambda _: side_by_side("8", "2"))
    cascade = Cascade(default_text_ensemble(), LMDetector())
    with dspy.context(lm=lm):
        assert cascade.judge(case(SEED)).kinds == (FailureKind.UNCHANGED,)
        assert engine.prompts == []
        assert cascade.judge(case()).outcome is Outcome.PASSED
    assert len(engine.prompts) == 1


def test_order_is_seeded_and_balanced() -> None:
    judge = Judge(seed=1)
    swaps = [judge.swapped(SEED, f"{HARDER} {n}") for n in range(400)]
    assert swaps == [judge.swapped(SEED, f"{HARDER} {n}") for n in range(400)]
    assert 150 < sum(swaps) < 250


@given(st.text(max_size=40), st.text(max_size=10), st.text(max_size=10), st.booleans())
def test_reading_never_raises(kinds: str, severity: str, number: str, swapped: bool) -> None:
    said = dspy.Prediction(kinds=kinds, severity=severity, complexity_1=number, complexity_2="3", reason="x")
    found = read_judgement(said, swapped)
    assert found is None or (0 <= found.severity <= 2 and 1 <= found.before <= 10 and 1 <= found.after <= 10)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("So it is $1,200.00.\nThe answer is: $1,200.00.", "The answer is: 1200"),
        ("Paris", "paris."),
        ("x = 3 + 4 = 7", "The answer is: 7"),
    ],
)
def test_answers_are_compared_by_value(first: str, second: str) -> None:
    assert normal_answer(first) == normal_answer(second) is not None


def test_long_answers_need_a_judge() -> None:
    assert normal_answer("An essay about the sea and what it does to those who live beside it. " * 3) is None


@given(st.lists(st.one_of(st.none(), st.integers(0, 3)), max_size=12))
def test_agreement_properties(answers: list[int | None]) -> None:
    share = agreement(answers)
    assert 0 <= share <= 1
    assert share == agreement(answers[::-1])
    assert agreement([5] * len(answers)) == 1


def sampled(*answers: str) -> AnswerAgreement:
    async def sample(instruction: str, number: int) -> str:
        if answers[number] == "ERROR":
            raise dspy.LMError("down")
        return answers[number]

    return AnswerAgreement(sample, samples=len(answers))


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        (["The answer is: 10."] * 4, Outcome.PASSED),
        (["The answer is: 10."] * 3 + ["The answer is: 9."], Outcome.PASSED),
        ([f"The answer is: {n}." for n in (1, 2, 3, 3)], Outcome.FAILED),
        (["ERROR", "ERROR", "ERROR", "The answer is: 3."], Outcome.UNSCORED),
        (["ERROR", "ERROR", "The answer is: 3.", "The answer is: 3."], Outcome.PASSED),
    ],
)
def test_agreement_of_numbers(answers: list[str], outcome: Outcome) -> None:
    verdict = sampled(*answers).judge(case())
    assert verdict.outcome is outcome
    assert outcome is not Outcome.FAILED or verdict.kinds == (FailureKind.UNSOLVABLE,)


@pytest.mark.parametrize(
    ("word", "outcome"), [("yes", Outcome.PASSED), ("no", Outcome.FAILED), ("?", Outcome.UNSCORED)]
)
def test_prose_is_compared_by_the_judge(word: str, outcome: Outcome) -> None:
    lm, _ = scripted_lm(lambda _: f"[[ ## same ## ]]\n{word}\n\n[[ ## completed ## ]]")
    prose = [
        "Waves carve the cliffs and nobody can hold them back for long here.",
        "The sea always wins, that is all.",
    ]
    with dspy.context(lm=lm):
        assert sampled(*prose).judge(case()).outcome is outcome


def test_default_sampling_asks_the_bare_instruction_with_the_lm_of_the_context() -> None:
    lm, engine = scripted_lm(lambda _: "The answer is: 10.")
    with dspy.context(lm=lm):
        verdict = AnswerAgreement(samples=3).judge(case())
    assert verdict.outcome is Outcome.PASSED
    assert len(engine.prompts) == 3
    assert all(prompt.strip() == HARDER for prompt in engine.prompts)


@given(st.text(max_size=80))
def test_an_answer_in_a_form_to_be_compared_is_a_number_or_few_words(response: str) -> None:
    found = normal_answer(response)
    assert found is None or 0 < len(found.split()) <= SHORT_WORDS
    assert found is None or agreement([found, normal_answer(response)]) == 1.0


@given(st.integers(-(10**5), 10**5))
def test_a_number_is_the_same_answer_however_it_is_written(value: int) -> None:
    ways = [f"The answer is {value}.", f"So it comes to:\n#### {value}", f"{value:,}", f"= {value}.00"]
    assert agreement([normal_answer(way) for way in ways]) == 1.0
