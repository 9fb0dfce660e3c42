"""The map of topics: two clouds fall apart, names say why, nothing depends on the order of the machine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoevol.core.schema import build
from autoevol.metrics.embeddings import Matrix
from autoevol.metrics.topics import TopicMap, topic_map

SORT = [f"Sort the list of {name} numbers." for name in ("prime", "odd", "even", "large")]
COOK = [f"Cook a soup of {name} onions." for name in ("red", "white", "green", "sweet")]


def test_two_clouds_are_two_topics_named_by_what_they_have_alone() -> None:
    harder = [f"{text} Explain each step." for text in SORT]
    found = topic_map([*SORT, *COOK], harder)
    assert found is not None
    cooking = next(
        place for place, topic in enumerate(found.topics) if topic.before and "soup" in topic.words
    )
    topic = found.topics[cooking]
    assert (topic.before, topic.after) == (4, 0)
    assert sum(topic.before for topic in found.topics) == 8
    assert sum(topic.after for topic in found.topics) == 4
    assert {spot.topic for spot in found.spots[4:8]} == {cooking}
    assert cooking not in {spot.topic for spot in found.spots[:4]}
    assert [spot.evolved for spot in found.spots] == [False] * 8 + [True] * 4
    xs = np.array([spot.x for spot in found.spots])
    sorting = np.array([*xs[:4], *xs[8:]])
    assert max(xs[4:8]) < min(sorting) or min(xs[4:8]) > max(sorting), "the first axis tells them apart"
    assert build(TopicMap, found.to_json()) == found


def test_the_axes_by_hand() -> None:
    """Four texts at the corners of a rectangle: all variance is on two axes, the long side first."""
    corners = np.array([[1, 2, 1], [1, -2, 1], [-1, 2, 1], [-1, -2, 1]]) / np.sqrt(6)

    def embed(texts: Sequence[str]) -> Matrix:
        return corners

    found = topic_map(["a", "b"], ["c", "d"], embed)
    assert found is not None
    assert found.shown == pytest.approx(1.0)
    assert [abs(spot.x) for spot in found.spots] == pytest.approx([1.0] * 4)
    assert [abs(spot.y) for spot in found.spots] == pytest.approx([0.5] * 4)


def test_too_few_texts_make_no_map() -> None:
    assert topic_map([], []) is topic_map(["a", "b"], ["a", "b"]) is None


texts = st.lists(st.text("abc xyz.", max_size=12), max_size=12)


@settings(deadline=None, max_examples=40)
@given(texts, texts)
def test_every_text_has_a_place_and_a_topic(before: list[str], after: list[str]) -> None:
    found = topic_map(before, after)
    if found is None:
        assert len({*before, *after}) < 3
        return
    assert found == topic_map(before, after)
    assert len(found.spots) == len(before) + len(after)
    assert sum(topic.before for topic in found.topics) == len(before)
    assert sum(topic.after for topic in found.topics) == len(after)
    assert 0 <= found.shown <= 1 + 1e-9
    for spot in found.spots:
        assert -1.0001 <= spot.x <= 1.0001
        assert -1.0001 <= spot.y <= 1.0001
        assert 0 <= spot.topic < len(found.topics)
