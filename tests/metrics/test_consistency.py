"""Findings that rest on checkable numbers, and look-alikes that are none."""

import pytest

from autoevol.core.records import Evolution, Trajectory
from autoevol.metrics.ensemble import default_text_ensemble

ENSEMBLE = default_text_ensemble()
SUM = "Tom has 3 apples and buys 4 more. How many apples does Tom have?"
HARDER = "Tom has 3 apples, buys 4 more and gives 5 away. How many apples does Tom have?"


def kinds(seed: str, evolved: str, response: str | None = None) -> tuple[str, ...]:
    verdict = ENSEMBLE.judge(Trajectory((Evolution(seed, evolved, evolved),), response))
    return tuple(map(str, verdict.kinds))


@pytest.mark.parametrize(
    ("seed", "evolved"),
    [
        (
            "A choir of 20 singers has 9 altos and 2 guests. How many are left?",
            "A choir of 20 singers has 9 altos and 14 tenors. How many sing neither part?",
        ),
        (
            "Of 80 plants 3 are roses. How many are not roses?",
            "Of 80 plants 60% are roses and 55% are lilies, and the rest are ferns. How many are ferns?",
        ),
        (
            SUM,
            "Tom has 3 apples and buys 4 more. Tom has 9 apples and eats 2. How many apples does Tom have?",
        ),
        (
            "Ann is 5 years old and Ben is 2 years older. How old is Ben?",
            "Ann is 5 and Ben is 2 years older. The sum of the ages of both is 25. How old is Ben next year?",
        ),
    ],
)
def test_numbers_that_exclude_each_other(seed: str, evolved: str) -> None:
    assert "contradictory" in kinds(seed, evolved)


@pytest.mark.parametrize(
    ("seed", "evolved"),
    [
        (
            SUM,
            "A choir of 20 singers has 9 altos and 8 tenors, and 3 leave. How many apples do 20 singers get?",
        ),
        (SUM, "A table with 1 drawer has 3 bolts and 4 screws, and Tom adds 5. How many parts are there?"),
        (
            "Of 80 plants 3 are roses. How many are not roses?",
            "Of 80 plants 60% are roses and 25% are lilies, and the rest are ferns. How many are ferns?",
        ),
        (SUM, "Tom has 3 apples and buys 4 more. Later Tom has 9 apples. How many did he get from Ann?"),
    ],
)
def test_numbers_that_agree(seed: str, evolved: str) -> None:
    assert "contradictory" not in kinds(seed, evolved)


def test_an_answer_that_the_working_does_not_give() -> None:
    working = "Tom starts with 3 + 4 = 7 apples. He then gives 5 of them away, which leaves 7 - 5 = 2."
    assert "unsolvable" in kinds(SUM, HARDER, working + "\nThe answer is: 6")
    assert kinds(SUM, HARDER, working + "\nThe answer is: 2") == ()
    assert kinds(SUM, HARDER, "The answer is: 2") == ()


def test_things_that_had_to_be_rounded() -> None:
    shares = "Tom packs 23 apples into bags of 4. How many bags does Tom fill?"
    working = "23 / 4 = 5.75, so it is approximately 6 bags.\nThe answer is: 6"
    assert "unsolvable" in kinds(SUM, shares, working)
    assert kinds(SUM, shares.replace("How many", "About how many"), working) == ()


def test_a_free_choice_leaves_the_problem_open() -> None:
    seed = "A van takes 3 guests and there are 12 guests. How many vans are needed?"
    evolved = (
        "Guests take either a van with 3 seats or a cab with 2. 12 guests come. How many cars are needed?"
    )
    assert "unsolvable" in kinds(seed, evolved)


@pytest.mark.parametrize(
    "evolved",
    [
        "Tom has 3 apples, buys 4 more and eats 2. How many has he left? Solución: le quedan 5 manzanas.",
        "Tom has 3 apples and buys 4 more, so Tom has 7 apples. How many apples does Tom have after 2 days?",
    ],
)
def test_a_result_that_is_stated_before_or_after_the_question(evolved: str) -> None:
    assert "answered" in kinds(SUM, evolved)


def test_another_kind_of_work_on_the_same_subject() -> None:
    code = "Write a Python function that counts the apples in a list."
    assert (
        kinds(code, "Discuss how apples came to Europe and which old kinds are still grown there.")[0]
        == "off_task"
    )
    assert kinds(code, "Write a method that counts the apples in a nested list and skips rotten ones.") == ()
    assert kinds(SUM, "Write a poem about the smell of apples at dawn, in four stanzas.")[0] in (
        "off_task",
        "lost_information",
    )


def test_a_quoted_refusal_is_no_refusal() -> None:
    code = "Write a Python function that divides two numbers."
    evolved = "Write a function that says \"I'm sorry, I can't\" for a division by zero, and logs it."
    assert "refused" not in kinds(code, evolved, "```python\ndef divide(a, b): ...\n```")
    assert "refused" in kinds(code, evolved, "I won't write this, as it could be misused.")
