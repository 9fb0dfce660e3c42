"""Duplicates against brute force: nothing below the threshold, nearly everything above it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoevol.dataset.duplicates import Duplicates, Sketch
from autoevol.dataset.words import jaccard, normalised, shingles

_WORDS = [f"word{number}" for number in range(400)]
sentences = st.lists(st.sampled_from(_WORDS[:6]), min_size=1, max_size=9).map(" ".join)


@settings(max_examples=200, deadline=None)
@given(st.lists(sentences, max_size=12), sentences, st.sampled_from([0.3, 0.6, 0.8, 1.0]))
def test_what_is_found_is_as_similar_as_said(known: list[str], text: str, threshold: float) -> None:
    duplicates = Duplicates(threshold)
    texts = {str(number): text for number, text in enumerate(known)}
    kept = {key: text for key, text in texts.items() if duplicates.add(key, text) is None}
    assert len(duplicates) == len(kept)
    twin = duplicates.find(text)
    if twin is None:
        assert normalised(text) not in map(normalised, kept.values())
        return
    exact = jaccard(shingles(kept[twin.key]), shingles(text))
    assert twin.similarity == exact >= threshold
    assert twin.exact == (normalised(kept[twin.key]) == normalised(text))


def test_planted_edits_are_found_and_others_are_not() -> None:
    chance = random.Random(7)
    originals = [" ".join(chance.choices(_WORDS, k=60)) for _ in range(400)]
    duplicates = Duplicates(0.8)
    for number, text in enumerate(originals):
        assert duplicates.add(str(number), text) is None
    near, found, far = 0, 0, 0
    for number, text in enumerate(originals):
        words = text.split()
        for edits in (1, 2, 3, 4, 8):
            for place in chance.sample(range(60), edits):
                words[place] = chance.choice(_WORDS)
            edited = " ".join(words)
            similarity = jaccard(shingles(text), shingles(edited))
            twin = duplicates.find(edited)
            if similarity >= 0.8:
                near += 1
                found += twin is not None and twin.key == str(number)
            else:
                far += 1
                assert twin is None
    assert near > 400
    assert far > 500
    assert found / near >= 0.995


def test_in_a_crowd_of_one_template_comparisons_are_bounded_and_twins_still_found() -> None:
    chance = random.Random(3)
    template = chance.choices(_WORDS, k=40)
    texts = [[*template, *chance.choices(_WORDS, k=20)] for _ in range(1500)]
    duplicates = Duplicates(0.8)
    for number, said in enumerate(texts):
        assert duplicates.add(str(number), " ".join(said)) is None
    found = most = 0
    for number, said in enumerate(texts[-200:], len(texts) - 200):
        said[chance.randrange(40, 60)] = "changed"
        sketch = Sketch(" ".join(said))
        most = max(most, len(duplicates._candidates(sketch)))
        twin = duplicates.find(sketch)
        found += twin is not None and twin.key == str(number)
    assert 64 < most <= 12 * 64, "the crowd is met, and not compared as a whole"
    assert found >= 190


def test_the_first_stays_whatever_comes_later() -> None:
    duplicates = Duplicates()
    base = "Write a short story about a lighthouse keeper who finds a map in an old bottle"
    assert duplicates.add("a", base) is None
    twin = duplicates.add("b", base.upper() + " ")
    assert twin is not None
    assert (twin.key, twin.exact) == ("a", True)
    twin = duplicates.add("c", f"{base} today")
    assert twin is not None
    assert (twin.key, twin.exact) == ("a", False)
    assert len(duplicates) == 1


def test_texts_without_words_repeat_only_themselves() -> None:
    duplicates = Duplicates()
    assert duplicates.add("a", "?!") is None
    assert duplicates.add("b", "!!") is None
    assert duplicates.find("?!") is not None


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.1])
def test_a_threshold_out_of_range_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        Duplicates(threshold)
