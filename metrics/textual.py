"""What the text detectors read: one cached `View` of each text, and its quantities.

A detector never scans a whole text of unknown length: `clip` bounds what is looked at,
so that the worst input costs as much as a long one. Every pattern used on these views is
linear (no nested or adjacent unbounded repeats over the same characters).
"""

from __future__ import annotations

import re
from functools import cached_property, lru_cache

from autoevol.metrics.lexicon import DECORATION, FUNCTION_WORDS, NUMBER_WORDS

HEAD_CHARS = 12_000
TAIL_CHARS = 4_000
"""Characters of a text that detectors look at: its beginning and its end."""

STEM_CHARS = 5
"""Two words are taken as forms of one if this many first letters agree (crude, fast, for
languages that inflect at the end)."""

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*|\.\d+")
_FENCE = re.compile(r"```[^\n]*\n(.*?)(?:```|\Z)", re.DOTALL)
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|(?<=[。！？；])|\n+")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_CJK = re.compile(r"[぀-ヿ㐀-䶿一-鿿]")


def clip(text: str) -> str:
    """The part of `text` that is looked at: all of it, or its head and its tail."""
    if len(text) <= HEAD_CHARS + TAIL_CHARS:
        return text
    return text[:HEAD_CHARS] + "\n" + text[-TAIL_CHARS:]


def value_of(digits: str) -> float:
    """The value of digits as written: "1,600" is 1600, ".5" and "0,5" are 0.5."""
    if len(digits) > 40:
        return float("inf")
    if _THOUSANDS.fullmatch(digits):
        return float(digits.replace(",", ""))
    plain = digits.replace(",", ".")
    # "1.2.3" is a version or a date: its first part stands for it.
    return float(plain) if plain.count(".") < 2 else float(plain.split(".", 1)[0])


class View:
    """One text, with what detectors ask of it computed at most once."""

    def __init__(self, text: str) -> None:
        self.text = clip(text)

    @cached_property
    def lower(self) -> str:
        """The text in lower case."""
        return self.text.lower()

    @cached_property
    def words(self) -> list[str]:
        """Lower-case words in order; a CJK character run is cut into overlapping pairs."""
        found = _WORD.findall(self.lower)
        if not _CJK.search(self.text):
            return found
        words: list[str] = []
        for word in found:
            if len(word) > 1 and _CJK.match(word):
                words.extend(word[i : i + 2] for i in range(len(word) - 1))
            else:
                words.append(word)
        return words

    @cached_property
    def stems(self) -> frozenset[str]:
        """First letters of every word that carries content."""
        return frozenset(w[:STEM_CHARS] for w in self.words if w not in FUNCTION_WORDS)

    @cached_property
    def plain_stems(self) -> frozenset[str]:
        """As `stems`, without words that only decorate."""
        return frozenset(
            w[:STEM_CHARS] for w in self.words if w not in FUNCTION_WORDS and w not in DECORATION
        )

    @cached_property
    def values(self) -> list[float]:
        """Values of the numbers written in digits, in order."""
        return [value_of(digits) for digits in _NUMBER.findall(self.text)]

    @cached_property
    def quantities(self) -> list[float]:
        """Values in digits and in words ("three", "twice", "half", "dozen"), in no order."""
        return self.values + [NUMBER_WORDS[w] for w in self.words if w in NUMBER_WORDS]

    @cached_property
    def sentences(self) -> list[str]:
        """Sentences and lines, stripped, none empty."""
        return [part for part in map(str.strip, _SENTENCE.split(self.text)) if part]

    @cached_property
    def asks(self) -> bool:
        """Whether a question mark of any script occurs."""
        return "?" in self.text or "？" in self.text or "؟" in self.text

    @cached_property
    def code(self) -> list[str]:
        """Contents of the fenced code blocks."""
        return _FENCE.findall(self.text) if "```" in self.text else []


@lru_cache(maxsize=32)
def view(text: str) -> View:
    """The view of `text`; the few texts of the trajectory in hand stay cached."""
    return View(text)


def shorten(text: str, limit: int = 60) -> str:
    """`text` on one line of at most `limit` characters, for a reason."""
    line = " ".join(text[: limit * 4].split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
