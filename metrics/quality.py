"""Quality of a set of instructions, measured without a model. Pure functions.

Diversity (distinct-n, Vendi score, cluster coverage), complexity (counts of constraints
and operations) and length. Texts in, numbers out; every range is stated. What an LM says
of complexity is in `autoevol.metrics.complexity`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from autoevol.metrics.embeddings import Embed, Matrix, unit
from autoevol.metrics.lexicon import FUNCTION_WORDS
from autoevol.metrics.textual import View

MAX_FEATURES = 4_096
"""Words of the TF-IDF space: the commonest ones, by the number of texts that have them."""


def distinct_n(texts: Sequence[str], n: int = 2) -> float:
    """Share of distinct word n-grams among all n-grams (Li et al. 2016, arXiv:1510.03055).

    Returns:
        In (0, 1]; 0 where no text has n words. It falls with the size of the set, so
        compare sets of one size.

    Raises:
        ValueError: If n < 1.
    """
    if n < 1:
        raise ValueError(f"n must be >= 1, got {n}")
    seen: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        words = View(text).words
        seen.update(zip(*(words[start:] for start in range(n)), strict=False))
    total = seen.total()
    return len(seen) / total if total else 0.0


def tfidf(texts: Sequence[str], max_features: int = MAX_FEATURES) -> Matrix:
    """TF-IDF vectors of unit length: (texts, features), features <= max_features.

    Words as `View.words` cuts them, function words left out; smoothed idf; log term
    frequency. A text without any feature gets its own axis, so that it is like nothing else
    but itself.
    """
    counts = [Counter(w for w in View(text).words if w not in FUNCTION_WORDS) for text in texts]
    spread = Counter(word for count in counts for word in count)
    # Ties in alphabetical order, so that the same texts give the same vectors everywhere.
    chosen = sorted(spread, key=lambda word: (-spread[word], word))[:max_features]
    place = {word: column for column, word in enumerate(chosen)}
    empty = [row for row, count in enumerate(counts) if not any(word in place for word in count)]
    vectors = np.zeros((len(texts), len(chosen) + len(empty)))
    for row, count in enumerate(counts):
        for word, times in count.items():
            if word in place:
                idf = math.log((1 + len(texts)) / (1 + spread[word])) + 1
                vectors[row, place[word]] = (1 + math.log(times)) * idf
    for extra, row in enumerate(empty):
        vectors[row, len(chosen) + extra] = 1.0
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(norms == 0, 1.0, norms)


def vendi_score(vectors: Matrix) -> float:
    """Effective number of different texts (Friedman and Dieng 2023, arXiv:2210.02410).

    The exponential of the entropy of the eigenvalues of K/n, K the cosine kernel. Cost
    grows with min(n, features)^3.

    Args:
        vectors: (n, features), rows of unit length.

    Returns:
        In [1, n]: 1 where all texts are alike, n where no two share anything; 0 for n = 0.
    """
    if len(vectors) == 0:
        return 0.0
    # K/n = XX'/n and X'X/n have the same non-zero eigenvalues: take the smaller one.
    gram = vectors @ vectors.T if vectors.shape[0] <= vectors.shape[1] else vectors.T @ vectors
    values = np.linalg.eigvalsh(gram / len(vectors))
    values = values[values > 1e-12]
    values = values / values.sum()
    return float(min(len(vectors), max(1.0, math.exp(-float((values * np.log(values)).sum())))))


def vendi(texts: Sequence[str], embed: Embed = tfidf) -> float:
    """Vendi score of texts under the cosine kernel of `embed`, in [1, number of texts]; 0 for none."""
    return vendi_score(unit(embed(texts), len(texts))) if texts else 0.0


class Coverage(NamedTuple):
    """How evenly a set covers the topics of a reference set.

    Attributes:
        share: Clusters of the reference with at least one text, 0..1.
        evenness: Entropy of the distribution over the clusters by its maximum, 0..1.
    """

    share: float
    evenness: float


def cluster_coverage(
    texts: Sequence[str],
    reference: Sequence[str],
    clusters: int = 20,
    seed: int = 0,
    embed: Embed = tfidf,
) -> Coverage:
    """Coverage of the topics of `reference` (spherical k-means) by `texts`.

    Args:
        texts: The set to be measured.
        reference: The set whose clusters define the topics, the seeds as a rule.
        clusters: Number of clusters; at most one per reference text is used.
        seed: Seed of the starting centres.
        embed: Embedding of the texts; called once with both sets together.

    Returns:
        (0, 0) where either set is empty.

    Raises:
        ValueError: If clusters < 1.
    """
    if clusters < 1:
        raise ValueError(f"clusters must be >= 1, got {clusters}")
    if not texts or not reference:
        return Coverage(0.0, 0.0)
    both = [*reference, *texts]
    vectors = unit(embed(both), len(both))
    centres = spherical_centres(vectors[: len(reference)], min(clusters, len(reference)), seed)
    nearest = np.argmax(vectors[len(reference) :] @ centres.T, axis=1)
    counts = np.bincount(nearest, minlength=len(centres))
    shares = counts[counts > 0] / counts.sum()
    most = math.log(len(centres))
    evenness = float(-(shares * np.log(shares)).sum()) / most if most else 1.0
    return Coverage(float((counts > 0).mean()), min(1.0, max(0.0, evenness)))


def spherical_centres(vectors: Matrix, clusters: int, seed: int, rounds: int = 25) -> Matrix:
    """Centres of spherical k-means (Dhillon and Modha 2001) from distinct rows; fewer where rows repeat.

    Args:
        vectors: (n, features), rows of unit length.
        clusters: At most so many.
        seed: Decides the rows to start from.
        rounds: At most so many moves of the centres.

    Returns:
        (clusters or fewer, features), rows of unit length.
    """
    rng = np.random.default_rng(seed)
    rows = np.unique(vectors, axis=0)
    centres = rows[rng.permutation(len(rows))[:clusters]]
    for _ in range(rounds):
        nearest = np.argmax(vectors @ centres.T, axis=1)
        moved = centres.copy()
        for cluster in range(len(centres)):
            mine = vectors[nearest == cluster]
            if len(mine):
                mean = mine.mean(axis=0)
                moved[cluster] = mean / (np.linalg.norm(mean) or 1.0)
        if np.allclose(moved, centres):
            break
        centres = moved
    return centres


_CONSTRAINT = re.compile(
    r"\b(?:must|should|shall|without|only|exactly|at least|at most|no more than|no fewer than|within"
    r"|unless|except|ensure|avoid|cannot|limit(?:ed)?|maximum|minimum|between|if|assuming|given that"
    r"|provided that)\b",
    re.IGNORECASE,
)
_OPERATION = re.compile(
    r"\b(?:half|twice|double|triple|thrice|percent(?:age)?|ratio|average|mean|sum|total|difference|product"
    r"|remaining|left|each|per|every|times|more than|less than|fewer than|discount|tax|interest"
    r"|increase[sd]?|decrease[sd]?|split|shared?|compare|sort|filter|group|rank|convert|combine|explain|prove"
    r"|optimi[sz]e|implement|analy[sz]e)\b|%",
    re.IGNORECASE,
)


def constraint_count(text: str) -> int:
    """Words of constraint in an instruction, >= 0. English; a crude proxy of complexity."""
    return len(_CONSTRAINT.findall(View(text).text))


def operation_count(text: str) -> int:
    """Words that stand for a step of calculation or work, >= 0. English; a crude proxy."""
    return len(_OPERATION.findall(View(text).text))


class Distribution(NamedTuple):
    """A sample of numbers in short; all 0 for an empty one."""

    size: int
    mean: float
    low: float
    q1: float
    median: float
    q3: float
    high: float


def distribution(values: Sequence[float]) -> Distribution:
    """Mean, extremes and quartiles (linear interpolation)."""
    if not values:
        return Distribution(0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    low, q1, median, q3, high = (
        float(q) for q in np.quantile(np.asarray(values, dtype=float), [0, 0.25, 0.5, 0.75, 1])
    )
    return Distribution(len(values), float(np.mean(values)), low, q1, median, q3, high)


class Growth(NamedTuple):
    """How much longer the rewrites are.

    Attributes:
        words: Distribution of the words of the rewrites.
        added: Distribution of words added a pair; negative where a rewrite is shorter.
        in_range: Share of pairs that add 10 to 20 words, what the methods ask for, 0..1.
    """

    words: Distribution
    added: Distribution
    in_range: float


def growth(pairs: Sequence[tuple[str, str]], low: int = 10, high: int = 20) -> Growth:
    """Length of rewrites against their originals.

    Args:
        pairs: (original, rewrite).
        low: Least number of added words that counts as in range.
        high: Largest number that does.
    """
    after = [float(len(View(rewrite).words)) for _, rewrite in pairs]
    added = [count - len(View(original).words) for count, (original, _) in zip(after, pairs, strict=True)]
    inside = sum(low <= gain <= high for gain in added)
    return Growth(distribution(after), distribution(added), inside / len(added) if added else 0.0)
