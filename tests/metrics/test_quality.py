"""Dataset quality: known values at the ends of each range, properties between them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoevol.metrics.quality import (
    cluster_coverage,
    constraint_count,
    distinct_n,
    distribution,
    growth,
    operation_count,
    tfidf,
    vendi,
    vendi_score,
)

texts = st.lists(st.text("abc dog cat run 12", max_size=25), max_size=8)


@given(texts, st.integers(1, 3))
def test_distinct_n_range(some: list[str], n: int) -> None:
    assert 0 <= distinct_n(some, n) <= 1
    assert distinct_n(some, n) == distinct_n(some[::-1], n)
    assert distinct_n(some + some, n) == pytest.approx(distinct_n(some, n) / 2)


def test_distinct_n_by_hand() -> None:
    assert distinct_n(["a dog ran", "a dog sat"], 2) == 3 / 4
    assert distinct_n([], 2) == 0
    with pytest.raises(ValueError, match="n must be"):
        distinct_n(["x"], 0)


@settings(deadline=None)
@given(texts)
def test_vendi_range_and_invariance(some: list[str]) -> None:
    score = vendi(some)
    assert (score == 0) if not some else (1 - 1e-9 <= score <= len(some) + 1e-9)
    assert vendi(some[::-1]) == pytest.approx(score)


@pytest.mark.parametrize("n", [1, 3, 7])
def test_vendi_at_the_ends(n: int) -> None:
    assert vendi_score(np.eye(n)) == pytest.approx(n)
    assert vendi_score(np.tile([[1.0, 0.0]], (n, 1))) == pytest.approx(1)
    # Duplicates add nothing: k kinds, each as often, count as k.
    assert vendi_score(np.repeat(np.eye(n), 4, axis=0)) == pytest.approx(n)


def test_vectors_have_unit_length_and_empty_texts_are_like_nothing() -> None:
    vectors = tfidf(["dogs run", "", "the of", "dogs sleep"])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(4))
    assert vectors[1] @ vectors[2] == 0


@settings(deadline=None, max_examples=40)
@given(texts, texts, st.integers(1, 6), st.integers(0, 3))
def test_coverage_range(some: list[str], reference: list[str], clusters: int, seed: int) -> None:
    found = cluster_coverage(some, reference, clusters, seed)
    assert 0 <= found.share <= 1
    assert 0 <= found.evenness <= 1
    assert found == cluster_coverage(some, reference, clusters, seed)


def test_coverage_of_a_reference_by_itself_is_full_and_by_one_topic_is_not() -> None:
    reference = ["dogs bark loudly", "stars shine bright", "bread needs yeast"]
    assert cluster_coverage(reference, reference, 3).share == 1
    assert cluster_coverage(["dogs bark", "dogs bark again"], reference, 3).share == pytest.approx(1 / 3)


@given(st.text(max_size=60), st.text(max_size=60))
def test_counts_add_up_over_lines(first: str, second: str) -> None:
    for count in (constraint_count, operation_count):
        assert count(first) >= 0
        assert count(f"{first}\n.\n{second}") == count(first) + count(second)


@given(st.lists(st.floats(-1e6, 1e6), max_size=30))
def test_distribution_is_ordered(values: list[float]) -> None:
    found = distribution(values)
    assert found.size == len(values)
    assert found.low <= found.q1 <= found.median <= found.q3 <= found.high
    assert found.low - 1e-6 <= found.mean <= found.high + 1e-6


def test_growth_counts_added_words() -> None:
    found = growth([("one two", "one two " + "more " * 10), ("one two three", "one")])
    assert (found.added.low, found.added.high, found.in_range) == (-2, 10, 0.5)


@settings(deadline=None)
@given(texts, st.integers(1, 6))
def test_vectors_have_unit_length_in_any_order(some: list[str], features: int) -> None:
    vectors = tfidf(some, features)
    assert vectors.shape[0] == len(some)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(some)))
    assert (vectors >= 0).all()
    turned = tfidf(some[::-1], features)
    assert turned @ turned.T == pytest.approx((vectors @ vectors.T)[::-1, ::-1])


@given(st.lists(st.tuples(st.text("ab ", max_size=40), st.text("ab ", max_size=40)), max_size=8))
def test_growth_turns_with_the_pairs(pairs: list[tuple[str, str]]) -> None:
    there, back = growth(pairs), growth([(after, before) for before, after in pairs])
    assert 0 <= there.in_range <= 1
    assert there.words.size == there.added.size == len(pairs)
    assert there.words.low >= 0
    assert there.added.mean == pytest.approx(-back.added.mean)
    assert (there.added.low, there.added.high) == (-back.added.high, -back.added.low)
    assert growth(pairs[::-1]).in_range == there.in_range
