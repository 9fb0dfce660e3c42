"""Normalisation, words and Jaccard similarity."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autoevol.dataset.words import jaccard, normalised, runs, shingles, words

texts = st.text(max_size=80)


@given(texts)
def test_normalising_twice_changes_nothing_that_counts(text: str) -> None:
    once = normalised(text)
    assert "  " not in once
    assert once == once.strip()
    assert normalised(f"\n {text}\t ") == once


@given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)))
def test_jaccard_is_intersection_over_union(first: set[int], second: set[int]) -> None:
    expected = len(first & second) / len(first | second) if first | second else 0.0
    assert jaccard(first, second) == expected == jaccard(second, first)


@given(st.lists(st.sampled_from("abc"), max_size=12), st.integers(1, 5))
def test_runs_are_all_slices_of_one_length(parts: list[str], size: int) -> None:
    expected = [parts[i : i + size] for i in range(len(parts)) if len(parts[i : i + size]) == size]
    assert [run.split() for run in runs(parts, size)] == expected


def test_what_counts_as_a_word() -> None:
    assert words("Don't  ADD 3.5 + ４ snake_case!") == ["don", "t", "add", "3", "5", "4", "snake", "case"]
    assert words("東京は何か") == ["東", "京", "は", "何", "か"]
    assert shingles("3 + 4") != shingles("3 - 4")
    assert shingles("One two") == {"one two"}
    assert shingles("?!") == frozenset()
