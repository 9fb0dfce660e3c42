"""The published rules stay exactly as published, odd corners included."""

import pytest

from autoevol.core.records import Evolution, FailureKind, Outcome, Trajectory
from autoevol.metrics.eliminator import Eliminator
from autoevol.metrics.rules import AuthorRules, PaperRules


def case(response: str | None, seed: str = "Add 2 and 3.", evolved: str = "Add 2, 3 and 4.") -> Trajectory:
    return Trajectory((Evolution(seed, evolved, evolved),), response)


@pytest.mark.parametrize(
    ("response", "paper", "author"),
    [
        ("Understood. What next?", False, False),
        ("Thank you! Anything more?", False, False),
        ("What is the number?", False, False),
        ("That is correct. Shall we go on?", False, False),
        ("Great! More?", False, False),
        ("Sure, which one?", False, False),
        ("I'm sorry, which one?", True, False),
        ("Is there anything else?", True, False),
        ("As an AI assistant, how can I help?", True, False),
        ("I understand. And then?", True, False),
        ("So, PLEASE provide the table.", False, False),
        ("It is Not Possible to say.", True, False),
        # What the code lets through, kept because a baseline must not be improved.
        ("", True, True),
        ("How can I assist you today?", True, True),
        ("I'm sorry, but I cannot answer.", True, True),
        ("Certainly! Which API would you like?", True, True),
        ("understood?", True, True),
        (" Understood?", True, True),
        ("Understood? ", True, True),
    ],
)
def test_published_rules(response: str, paper: bool, author: bool) -> None:
    assert (PaperRules().judge(case(response)).outcome is Outcome.PASSED) is paper
    assert (AuthorRules().judge(case(response)).outcome is Outcome.PASSED) is author


def test_a_missing_response_passes_the_published_rules() -> None:
    assert PaperRules().judge(case(None)).outcome is Outcome.PASSED
    assert AuthorRules().judge(case(None)).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        ("Sorry, I have no idea.", FailureKind.REFUSED),
        ("sorry " + "word " * 78, FailureKind.REFUSED),
        ("sorry " + "word " * 79, None),
        ("... !", FailureKind.EMPTY),
        ("the of and, or?", FailureKind.EMPTY),
        ("", FailureKind.EMPTY),
        ("9", None),
        (None, None),
    ],
)
def test_eliminator_on_responses(response: str | None, kind: FailureKind | None) -> None:
    verdict = Eliminator().judge(case(response))
    assert verdict.kinds[:1] == ((kind,) if kind else ())


def test_eliminator_finds_copied_prompt_words_unless_the_seed_has_them() -> None:
    evolved = "#Rewritten Prompt#: Add 2, 3 and 4."
    assert Eliminator().judge(case("9", evolved=evolved)).kinds == (FailureKind.LEAKED,)
    assert Eliminator().judge(case("9", seed=evolved, evolved=evolved)).outcome is Outcome.PASSED
