"""The word diff: nothing of either text is lost, and small changes are small."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.pages.diff import MOST_TOKENS, Change, word_diff


def sides(pieces: tuple[Change, ...]) -> tuple[str, str]:
    """The two texts that a diff tells of."""
    before = "".join(piece.text for piece in pieces if piece.kind != "added")
    return before, "".join(piece.text for piece in pieces if piece.kind != "removed")


WORDS = st.lists(st.sampled_from(["a", "b", " ", "  ", "\n", ".", "é", "字"])).map("".join) | st.text()


@given(WORDS, WORDS)
def test_a_diff_holds_both_texts_to_the_letter(before: str, after: str) -> None:
    pieces = word_diff(before, after)
    assert sides(pieces) == (before, after)
    assert all(piece.text for piece in pieces)


@pytest.mark.parametrize(
    ("before", "after", "pieces"),
    [
        ("", "", []),
        ("one", "one", [("same", "one")]),
        (
            "Name a prime.",
            "Name a large prime.",
            [("same", "Name a "), ("added", "large "), ("same", "prime.")],
        ),
        ("red fox", "blue whale", [("removed", "red fox"), ("added", "blue whale")]),
        ("don't go", "don't stay", [("same", "don't "), ("removed", "go"), ("added", "stay")]),
    ],
)
def test_what_a_diff_says(before: str, after: str, pieces: list[tuple[str, str]]) -> None:
    assert [tuple(piece) for piece in word_diff(before, after)] == pieces


def test_texts_that_are_too_long_to_match_are_told_as_blocks() -> None:
    before, after = "x " * MOST_TOKENS, "y " * MOST_TOKENS
    pieces = word_diff(f"Begin {before}end", f"Begin {after}end")
    assert [piece.kind for piece in pieces] == ["same", "removed", "added", "same"]
    assert sides(pieces) == (f"Begin {before}end", f"Begin {after}end")
