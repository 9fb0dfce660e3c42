"""Complexity and tags by an LM, on a scripted engine: order, reading, and what is not scored."""

import asyncio
import re

import dspy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.metrics.complexity import (
    MAX_TAGS,
    ComplexityScorer,
    Tagger,
    read_scores,
    read_tags,
    tag_statistics,
)
from metrics_support import scripted_lm

VERSIONS = [
    "Add 2 and 3.",
    "Add 2 and 3, then halve it and round it down.",
    "Prove that 2 and 3 are coprime.",
]


def scored(text: str) -> str:
    return f"[[ ## scores ## ]]\n{text}\n\n[[ ## completed ## ]]"


def tagged(text: str) -> str:
    return f"[[ ## tags ## ]]\n{text}\n\n[[ ## completed ## ]]"


def by_length(prompt: str) -> str:
    shown = re.findall(r"<<<version \d+ \w+>>>\n(.*)", prompt)
    return scored(", ".join(str(min(10, len(text) // 6)) for text in shown))


def test_scores_come_back_in_the_order_given_whatever_order_is_shown() -> None:
    lm, engine = scripted_lm(by_length)
    expected = [float(min(10, len(text) // 6)) for text in VERSIONS]
    with dspy.context(lm=lm):
        for seed in range(8):
            scorer = ComplexityScorer(seed)
            assert scorer(versions=VERSIONS).scores == expected
            assert asyncio.run(scorer.acall(versions=VERSIONS)).scores == expected
            assert scorer.order(VERSIONS) == ComplexityScorer(seed).order(VERSIONS)
    assert len(set(engine.prompts)) > 1
    assert all(text in engine.prompts[0] for text in VERSIONS)


@pytest.mark.parametrize("text", ["", "hard", "3, 4", "3, 4, 11", "3, 4, 0", "1 2 3, 4, 5", "3, four, 5"])
def test_unreadable_scores_are_not_scored(text: str) -> None:
    lm, _ = scripted_lm(lambda _: scored(text))
    with dspy.context(lm=lm):
        assert ComplexityScorer()(versions=VERSIONS).scores is None


def test_a_reply_without_its_fields_and_a_failed_call_are_not_scored() -> None:
    def fail(_: str) -> str:
        raise dspy.LMError("down")

    for answer in (lambda _: "I like them all.", fail):
        lm, _ = scripted_lm(answer)
        with dspy.context(lm=lm):
            assert ComplexityScorer()(versions=VERSIONS).scores is None
            assert asyncio.run(ComplexityScorer().acall(versions=VERSIONS)).scores is None
            assert Tagger()(instruction="x").tags is None
            assert asyncio.run(Tagger().acall(instruction="x")).tags is None


def test_nothing_to_score_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no versions"):
        ComplexityScorer().order([])


@pytest.mark.parametrize(
    ("text", "scores"),
    [
        ("2, 5.5, 10", [2, 5.5, 10]),
        ("version 1: 2\nversion 2: 5\nversion 3: 7", [2, 5, 7]),
        ("1. 2/10\n2. 5/10\n3. 7 out of 10", [2, 5, 7]),
        ("[2, 5, 7]", [2, 5, 7]),
    ],
)
def test_scores_in_several_layouts(text: str, scores: list[float]) -> None:
    assert read_scores(text, 3) == scores


@given(st.lists(st.integers(1, 10), min_size=1, max_size=6))
def test_what_is_written_is_read(scores: list[int]) -> None:
    assert read_scores(", ".join(map(str, scores)), len(scores)) == scores
    assert read_scores(", ".join(map(str, scores)), len(scores) + 1) is None


@given(st.text(max_size=200), st.integers(1, 4))
def test_reading_never_raises_and_keeps_its_range(text: str, count: int) -> None:
    scores, tags = read_scores(text, count), read_tags(text)
    assert scores is None or (len(scores) == count and all(1 <= score <= 10 for score in scores))
    assert tags is None or (0 < len(tags) <= MAX_TAGS and len(set(tags)) == len(tags))


def test_tags_are_read_once_each() -> None:
    lm, _ = scripted_lm(lambda _: tagged("Sorting, string handling, sorting, 'Error  handling'"))
    with dspy.context(lm=lm):
        assert Tagger()(instruction="x").tags == ("sorting", "string handling", "error handling")
    assert read_tags("1. sorting\n2. json") == ("sorting", "json")
    assert read_tags("I would say that this one is about sorting lists.") is None
    assert read_tags(", ".join(f"tag {n}" for n in range(MAX_TAGS + 1))) is None


def test_tag_statistics_by_hand() -> None:
    found = tag_statistics([("a", "b"), None, ("b", "c", "d"), ("a",)])
    assert found == (3, 1, 2.0, 4, 4 / 3)
    assert tag_statistics([None]) == (0, 1, 0.0, 0, 0.0)


@given(st.lists(st.none() | st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6), max_size=8))
def test_tag_statistics_keep_their_ranges(tags: list[list[str] | None]) -> None:
    found = tag_statistics(tags)
    assert found.tagged + found.unscored == len(tags)
    assert found.unique <= 6
    assert (found.complexity >= 1) == (found.diversity > 0) == (found.tagged > 0)


@given(st.text(max_size=200) | st.text("ab,;\n*-1. ", max_size=200))
def test_tags_are_distinct_and_bounded(text: str) -> None:
    tags = read_tags(text)
    assert tags is None or 0 < len(tags) == len(set(tags)) <= MAX_TAGS
    assert tags is None or all(tag == tag.lower().strip() for tag in tags)
