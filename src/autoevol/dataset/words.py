"""Texts as sets and runs of words, for comparing instructions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence

SHINGLE = 3

# Scripts that are written without spaces: each character counts as a word.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORDS = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
# `3 + 4` and `3 - 4` are different tasks, so signs that calculate are words here.
_WORDS_AND_SIGNS = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+|[-+*/=<>^%$€£×÷]")


def normalised(text: str) -> str:
    """`text` without differences of letter case, width, composition and white space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def words(text: str) -> list[str]:
    """The words of `text`, normalised, without punctuation and signs."""
    return _WORDS.findall(normalised(text))


def shingles(text: str, size: int = SHINGLE) -> frozenset[str]:
    """All runs of `size` words; one run of all words if there are fewer; empty without words."""
    found = _WORDS_AND_SIGNS.findall(normalised(text))
    return frozenset(runs(found, min(size, len(found)))) if found else frozenset()


def runs(parts: Sequence[str], size: int) -> Iterator[str]:
    """Every run of `size` neighbours, joined by spaces, in order; `size` >= 1."""
    return (" ".join(parts[start : start + size]) for start in range(len(parts) - size + 1))


def jaccard(first: Collection[object], second: Collection[object]) -> float:
    """Size of the intersection of two sets over that of their union, 0..1; 0 if both are empty."""
    shared = len(set(first).intersection(second))
    return shared / (len(first) + len(second) - shared) if first or second else 0.0
