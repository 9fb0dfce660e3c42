"""A map of texts: two axes and k-means clusters, as in WizardLM's figure of the depth and breadth of topics.

WizardLM (Xu et al., arXiv:2304.12244, appendix) shows BERT embeddings under t-SNE with 20 k-means clusters.
Here the axes are the two directions of most variance (truncated SVD, centred), which are the same in every
run and keep distances no worse than they say; the clusters are found in the whole space, not on the map.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoevol.core.schema import Record
from autoevol.metrics.embeddings import Embed, unit
from autoevol.metrics.lexicon import FUNCTION_WORDS
from autoevol.metrics.quality import spherical_centres, tfidf
from autoevol.metrics.textual import View

CLUSTERS = 20
_WORDS = 4


@dataclass(frozen=True, slots=True)
class Topic(Record):
    """One cluster.

    Attributes:
        words: What its texts have and others have not, the most telling word first.
        before: Seeds in it.
        after: Evolved instructions in it.
    """

    words: tuple[str, ...]
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class MapSpot(Record):
    """One text on the map.

    Attributes:
        x: -1..1; the wider of the two axes fills that.
        y: -1..1, in the same unit.
        topic: Place of its topic among those of the map.
        evolved: Whether it is no seed.
    """

    x: float
    y: float
    topic: int
    evolved: bool


@dataclass(frozen=True, slots=True)
class TopicMap(Record):
    """Seeds and evolved instructions on one map.

    Attributes:
        space: What the texts were compared by.
        shown: Share of the variance that the two axes show, 0..1.
        topics: Largest first.
        spots: Seeds, then evolved instructions, each in its order.
    """

    space: str
    shown: float
    topics: tuple[Topic, ...]
    spots: tuple[MapSpot, ...]


def topic_map(
    before: Sequence[str],
    after: Sequence[str],
    embed: Embed = tfidf,
    *,
    space: str = "TF-IDF",
    clusters: int = CLUSTERS,
    seed: int = 0,
) -> TopicMap | None:
    """Place seeds and evolved instructions; None below three distinct texts, which make no map.

    Args:
        before: Seeds.
        after: Evolved instructions.
        embed: Embedding; called once with all texts.
        space: Its name.
        clusters: At most so many, and at most one for every four texts.
        seed: Of the starting centres.
    """
    texts = [*before, *after]
    if len(set(texts)) < 3:
        return None
    vectors = unit(embed(texts), len(texts))
    centres = spherical_centres(vectors, max(2, min(clusters, len(texts) // 4)), seed)
    nearest = np.argmax(vectors @ centres.T, axis=1)
    axes, shown = _two_axes(vectors)
    order = [int(cluster) for cluster, _ in Counter(nearest.tolist()).most_common()]
    named = _telling_words(texts, nearest.tolist())
    topics = []
    for cluster in order:
        of_seeds = int((nearest[: len(before)] == cluster).sum())
        whole = int((nearest == cluster).sum())
        topics.append(Topic(named[cluster], of_seeds, whole - of_seeds))
    spots = tuple(
        MapSpot(round(float(x), 4), round(float(y), 4), order.index(int(cluster)), number >= len(before))
        for number, ((x, y), cluster) in enumerate(zip(axes, nearest, strict=True))
    )
    return TopicMap(space, shown, tuple(topics), spots)


def _two_axes(vectors: np.ndarray) -> tuple[np.ndarray, float]:
    """Places on the two directions of most variance, scaled into -1..1, and the share that they show."""
    centred = vectors - vectors.mean(axis=0)
    # As many rows as texts: their products are the smaller matrix, with the same leading directions.
    values, directions = np.linalg.eigh(centred @ centred.T)
    values = np.maximum(values, 0.0)
    leading = [-1, -2]
    axes = directions[:, leading] * np.sqrt(values[leading])
    # The sign of a direction is arbitrary: the text farthest out is on the positive side.
    farthest = np.abs(axes).argmax(axis=0)
    axes = axes * np.where(axes[farthest, [0, 1]] < 0, -1.0, 1.0)
    low, high = axes.min(axis=0), axes.max(axis=0)
    axes = axes - (low + high) / 2
    widest = float(np.abs(axes).max()) or 1.0
    total = float(values.sum())
    return axes / widest, float(values[leading].sum()) / total if total else 0.0


def _telling_words(texts: Sequence[str], clusters: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Words by the texts of a cluster that have them, more than by those of all."""
    words = [{word for word in View(text).words if _tells(word)} for text in texts]
    spread = Counter(word for found in words for word in found)
    named = {}
    for cluster in set(clusters):
        mine = [found for found, at in zip(words, clusters, strict=True) if at == cluster]
        counts = Counter(word for found in mine for word in found)
        telling = {
            word: count / len(mine) - (spread[word] - count) / max(1, len(texts) - len(mine))
            for word, count in counts.items()
        }
        named[cluster] = tuple(sorted(telling, key=lambda word: (-telling[word], word))[:_WORDS])
    return named


def _tells(word: str) -> bool:
    return word not in FUNCTION_WORDS and len(word) > 1 and any(char.isalpha() for char in word)
