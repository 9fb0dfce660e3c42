"""Findings that rest on checkable numbers, and look-alikes that are none."""

import pytest

from autoevol.core.records import Evolution, Trajectory
from autoevol.metrics.ensemble import default_text_ensemble

ENSEMBLE = default_text_ensemble()
SUM = "Tom has 3 apples and buys 4 more. How many apples does Tom have?"


def kinds(seed: str, evolved: str, response: str | None = None) -> tuple[str, ...]:
    verdict = ENSEMBLE.judge(Trajectory((Evolution(seed, evolved, evolved),), response))
    return tuple(map(str, verdict.kinds))


@pytest.mark.parametrize(
    ("seed", "evolved"),
    [
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


def test_a_free_choice_leaves_the_problem_open() -> None:
    seed = "A van takes 3 guests and there are 12 guests. How many vans are needed?"
    evolved = (
        "Guests take either a van with 3 seats or a cab with 2. 12 guests come. How many cars are needed?"
    )
    assert "unsolvable" in kinds(seed, evolved)


def test_an_answer_that_is_stated_after_the_question() -> None:
    evolved = (
        "Tom has 3 apples, buys 4 more and eats 2. How many has he left? Solución: le quedan 5 manzanas."
    )
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
