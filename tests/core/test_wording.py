"""The words that files count by have a phrase each."""

from __future__ import annotations

from autoevol.core.records import FailureKind
from autoevol.core.wording import KINDS, plain, reasons


def test_every_kind_of_failure_has_a_phrase_of_its_own() -> None:
    assert set(KINDS) == set(FailureKind)
    assert len(set(KINDS.values())) == len(KINDS)
    assert not any("_" in phrase for phrase in KINDS.values())


def test_a_word_of_another_version_stands_for_itself() -> None:
    assert plain("some_new_kind") == "some new kind"


def test_the_most_frequent_reasons_come_first_and_the_rest_is_one_number() -> None:
    counts = {"hedged": 1, "unsolvable": 9, "stagnant": 3, "empty": 2, "timeout": 1, "refused": 0}
    assert reasons(counts) == ("9 cannot be solved, 3 no harder, 2 blank reply, 1 response hedges, 1 other")
