"""What a response shows of its instruction, and the look-alikes that must pass."""

import pytest

from detector_cases import CODE, HARDER, HARDER_CODE, MAIL, SUM, case, kinds


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        ("I'm sorry, but I can't help with that.", "refused"),
        ("Es tut mir leid, aber ich kann dabei nicht helfen.", "refused"),
        ("抱歉，我无法完成这个请求。", "refused"),
        ("Lo siento, pero no puedo ayudar con eso.", "refused"),
        ("Could you please share the list of names?", "asks_for_more"),
        ("Certainly! Which list would you like me to sort?", "asks_for_more"),
        ("Bitte geben Sie die Liste der Namen an.", "asks_for_more"),
        ("请提供需要排序的名单。", "asks_for_more"),
        ("Veuillez fournir la liste des noms.", "asks_for_more"),
        ("リストを提供してください。", "asks_for_more"),
        ("It depends on many things, so it is hard to say.", "hedged"),
        ("Das kommt ganz darauf an; es ist schwer zu sagen.", "hedged"),
    ],
)
def test_responses(response: str, kind: str) -> None:
    assert kind in kinds(case(CODE, HARDER_CODE, response))


@pytest.mark.parametrize(
    ("seed", "evolved", "response"),
    [
        (
            MAIL,
            MAIL + " Keep it under 90 words and offer two ways of refund.",
            "Dear customer,\nwe are sorry that your parcel is lost. Please provide your "
            "order number and a photo of the receipt.\nYours, the team\nWould you like me to call you?",
        ),
        (
            "Prove that the square root of 2 is irrational.",
            "Prove that the square root of 2 is irrational, once by descent and once by prime factors.",
            "Suppose it is p/q in lowest terms. Then both are even, a contradiction. So it is not possible.",
        ),
        (
            CODE,
            HARDER_CODE,
            "def f(names):\n    'please provide a list'\n    return names\n" + "# note\n" * 60,
        ),
    ],
)
def test_responses_that_only_look_bad(seed: str, evolved: str, response: str) -> None:
    assert not set(kinds(case(seed, evolved, response))) & {
        "refused",
        "asks_for_more",
        "hedged",
        "contradictory",
        "unsolvable",
    }


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        ("The price is missing, so the total cannot be determined.", "unsolvable"),
        ("Die Anzahl ist nicht angegeben, sie kann nicht berechnet werden.", "unsolvable"),
        ("条件不足，无法确定。", "unsolvable"),
        ("Let's assume that each friend takes 11. So 3 + 4 = 7.\nThe answer is: 7.", "unsolvable"),
        ("3 + 4 - 5 = 2.\nThe answer is: 2.5 apples.", "unsolvable"),
        ("Tom: 3 - 5 = -2.\nThe answer is: -2.", "contradictory"),
        ("These conditions contradict each other.", "contradictory"),
        ("The answer is: 90000000000.", "contradictory"),
        ("Tom's share is 3 + 4 = 7.\nTom's share is 7 - 5 = 2.\nThe answer is: 2.", "contradictory"),
    ],
)
def test_conclusions(response: str, kind: str) -> None:
    assert kind in kinds(case(SUM, HARDER, response))


@pytest.mark.parametrize(
    "response",
    [
        "3 + 4 - 5 = 2.\nThe answer is: 2.",
        "Let x be the apples. Then x = 7 - 5 = 2. The answer is: 2",
        "Er hat 2 Äpfel.",
    ],
)
def test_sound_conclusions(response: str) -> None:
    assert kinds(case(SUM, HARDER, response)) == ()


def test_algebra_may_have_negative_and_symbolic_answers() -> None:
    seed = "Solve x + 3 = 5 and x - 2 = 0. How many solutions are there?"
    evolved = "Solve a * x + 3 x = 12 for x, and say for which a there is none. How many are there for a = 1?"
    response = "x = 12/(a + 3). If a = -3 there is none.\nThe answer is: 12/(a + 3)"
    assert not set(kinds(case(seed, evolved, response))) & {"contradictory", "unsolvable"}
