"""What the text detectors read: one cached `View` of each text, and its words.

A detector never scans a text of unknown length: `clip` bounds what is looked at, so that
the worst input costs as much as a long one. Each text is cut into words once; a
detector first asks whether any of its trigger words is among them (a set operation) and
only then searches for a pattern.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Generic, TypeVar, overload

from autoevol.metrics.lexicon import DECORATION, FUNCTION_WORDS, NUMBER_WORDS

HEAD_CHARS = 12_000
TAIL_CHARS = 4_000
"""Characters of a text that detectors look at: its beginning and its end."""

STEM_CHARS = 5
"""Two words are taken as forms of one if this many first letters agree (crude, fast, for
languages that inflect at the end)."""

# Cutting with `translate` and `split` is several times as fast as any pattern; for plain
# ASCII, by far the commonest case, a table of bytes is twice as fast again.
_BLANKS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\n\t\r€£¥“”„«»‘…–—−×÷、。，！？；：（）「」『』《》【】¿¡'
_TYPOGRAPHIC = "“”‘–—…€£×"
_WORD_BLANKS = {ord(mark): " " for mark in _BLANKS}
_ASCII_WORDS = bytes(32 if code in _WORD_BLANKS else code for code in range(256))
_ASCII_NUMBERS = bytes(code if chr(code) in "0123456789.," else 32 for code in range(256))
_FULL_STOPS = str.maketrans({"、": ", ", "，": ", ", "。": ". ", "；": "; ", "！": "! ", "？": "? "})
_NUMBER_WORDS = frozenset(NUMBER_WORDS)
_STOPS = (".", "!", "?", ";")
_BEFORE_QUESTION = (". ", "! ", "? ", "; ", "\n", '."', "?")
_MAX_QUESTIONS = 20
_MAX_QUESTION = 600
_MAX_NUMBER_WORDS = 200
_FENCE = re.compile(r"```[^\n]*\n(.*?)(?:```|\Z)", re.DOTALL)
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|(?<=[。！？；])|\n+")
_LEADING = re.compile(r"\d+(?:\.\d+)?")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")


def clip(text: str) -> str:
    """The part of `text` that is looked at: all of it, or its head and its tail."""
    if len(text) <= HEAD_CHARS + TAIL_CHARS:
        return text
    return text[:HEAD_CHARS] + "\n" + text[-TAIL_CHARS:]


@lru_cache(maxsize=4096)
def value_of(digits: str) -> float:
    """The value of digits as written: "1,600" is 1600, ".5" and "0,5" are 0.5, "5%" is 5."""
    if len(digits) > 40:
        return float("inf")
    plain = digits.rstrip("%.,:;?!")
    if "," in plain:
        plain = plain.replace(",", "") if _THOUSANDS.fullmatch(plain) else plain.replace(",", ".")
    try:
        return float(plain)
    except ValueError:
        # A version, a date, an ordinal, a unit stuck to it: what it begins with stands for it.
        leading = _LEADING.match(plain)
        return float(leading.group()) if leading else 0.0


_T = TypeVar("_T")


class lazy(Generic[_T]):
    """`functools.cached_property` without the lock that makes its first access slow (Python 3.11)."""

    def __init__(self, compute: Callable[[Any], _T]) -> None:
        self.compute = compute
        self.name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, owner: None, kind: type) -> lazy[_T]: ...
    @overload
    def __get__(self, owner: object, kind: type) -> _T: ...
    def __get__(self, owner: object | None, kind: type) -> lazy[_T] | _T:
        if owner is None:
            return self
        value = owner.__dict__[self.name] = self.compute(owner)
        return value


class View:
    """One text, with what detectors ask of it computed at most once."""

    def __init__(self, text: str) -> None:
        self.text = clip(text)
        self.ascii = self.text.isascii()
        self.requests: bool | None = None  # for `autoevol.metrics.asking`, which looks at every sentence

    @lazy
    def lower(self) -> str:
        """The text in lower case, with straight apostrophes."""
        return self.text.lower() if self.ascii else self.text.lower().replace("’", "'")

    @lazy
    def words(self) -> list[str]:
        """Lower-case words and digits in order; CJK runs are cut into overlapping pairs."""
        text = self.lower
        if not self.ascii:
            for mark in _TYPOGRAPHIC:
                text = text.replace(mark, " ")
        if text.isascii():
            found = text.encode().translate(_ASCII_WORDS).decode().split()
        else:
            found = text.translate(_WORD_BLANKS).split()
        if " '" in self.lower or "' " in self.lower:
            found = [bare for word in found if (bare := word.strip("'"))]
        if self.ascii or not _CJK.search(self.text):
            return found
        words: list[str] = []
        for word in found:
            if len(word) > 1 and _CJK.match(word):
                words.extend(word[i : i + 2] for i in range(len(word) - 1))
            else:
                words.append(word)
        return words

    @lazy
    def vocabulary(self) -> frozenset[str]:
        """The distinct words."""
        return frozenset(self.words)

    @lazy
    def stems(self) -> frozenset[str]:
        """First letters of every word that carries content."""
        return frozenset([word[:STEM_CHARS] for word in self.vocabulary - FUNCTION_WORDS])

    @lazy
    def plain_stems(self) -> frozenset[str]:
        """As `stems`, without words that only decorate."""
        return frozenset([word[:STEM_CHARS] for word in self.vocabulary - FUNCTION_WORDS - DECORATION])

    @lazy
    def numbers(self) -> list[tuple[float, int, int]]:
        """Numbers in digits, in order: value, and where they begin and end in `lower`."""
        text = self.lower
        found: list[tuple[float, int, int]] = []
        end = 0
        # One byte a character, whatever the script, so that places are those of the text.
        for token in text.encode("ascii", "replace").translate(_ASCII_NUMBERS).decode().split():
            digits = token.strip(".,")
            if not digits:
                continue
            start = text.index(digits, end)
            end = start + len(digits)
            if token[0] == "." and not text[max(0, start - 2) : start - 1].isalnum():
                digits = "." + digits
            found.append((value_of(digits), start, end))
        return found

    @lazy
    def values(self) -> list[float]:
        """Values of the numbers written in digits, in order."""
        return [value for value, _, _ in self.numbers]

    @lazy
    def number_words(self) -> list[tuple[str, int, int]]:
        """Numbers in words ("three", "twice", "half", "dozen"): the word, begin and end in `lower`."""
        found: list[tuple[str, int, int]] = []
        for word in self.vocabulary & _NUMBER_WORDS:
            start = self.lower.find(word)
            while start >= 0 and len(found) < _MAX_NUMBER_WORDS:
                end = start + len(word)
                if not (
                    self.lower[end : end + 1].isalpha() or self.lower[max(0, start - 1) : start].isalpha()
                ):
                    found.append((word, start, end))
                start = self.lower.find(word, end)
        return found

    @lazy
    def quantities(self) -> list[float]:
        """Values in digits, then values in words."""
        if self.vocabulary.isdisjoint(_NUMBER_WORDS):
            return self.values
        return self.values + [NUMBER_WORDS[word] for word, _, _ in self.number_words]

    @lazy
    def sentences(self) -> list[str]:
        """Sentences and lines, stripped, none empty."""
        if self.ascii:
            lines = self.text
            for mark in _STOPS:
                lines = lines.replace(mark + " ", mark + "\n")
            parts = lines.split("\n")
        else:
            parts = _SENTENCE.split(self.text)
        return [part for part in map(str.strip, parts) if part]

    @lazy
    def asks(self) -> bool:
        """Whether a question mark of any script occurs."""
        return "?" in self.text or (not self.ascii and ("？" in self.text or "؟" in self.text))

    @lazy
    def question(self) -> str:
        """The sentences with a question mark, joined; the last sentence where there is none."""
        if not self.asks:
            return self.sentences[-1] if self.sentences else ""
        text = self.text if self.ascii else self.text.translate(_FULL_STOPS).replace("؟", "?")
        asked, end = [], text.find("?")
        while end >= 0 and len(asked) < _MAX_QUESTIONS:
            before = text[max(0, end - _MAX_QUESTION) : end]
            start = max(map(before.rfind, _BEFORE_QUESTION))
            asked.append(before[start + 1 :].strip() + "?")
            end = text.find("?", end + 1)
        return " ".join(asked)

    @lazy
    def code(self) -> list[str]:
        """Contents of the fenced code blocks."""
        return _FENCE.findall(self.text) if "```" in self.text else []

    def has(self, triggers: frozenset[str]) -> bool:
        """Whether any of the `triggers` is among the words."""
        return not self.vocabulary.isdisjoint(triggers)

    def has_any(self, marks: tuple[str, ...]) -> bool:
        """Whether any of the `marks`, none of them ASCII, occurs; at no cost in ASCII texts."""
        return not self.ascii and any(mark in self.lower for mark in marks)


@lru_cache(maxsize=32)
def view(text: str) -> View:
    """The view of `text`; the few texts of the trajectory in hand stay cached."""
    return View(text)


class Phrases:
    """A list of phrases to be sought in views, indexed by a telling word of each.

    A phrase stands for whole words; one that ends in "*" may go on. Only phrases whose
    longest word occurs in a text are sought in it, so a long list costs little.
    """

    def __init__(self, *phrases: str) -> None:
        self._keyed: dict[str, list[str]] = {}
        self._ascii: list[str] = []
        self._other: list[str] = []
        for phrase in phrases:
            plain = phrase.rstrip("*")
            whole = plain.translate(_WORD_BLANKS).split()[: -1 if phrase.endswith("*") else None]
            # Other scripts run words together or inflect in front: there, look for all.
            words = [token for token in whole if token[0].isalpha() and token[0] < "\u0250"]
            if words:
                self._keyed.setdefault(
                    max(words, key=lambda w: (w not in FUNCTION_WORDS, len(w))), []
                ).append(plain)
            else:
                (self._ascii if plain.isascii() else self._other).append(plain)
        self._keys = frozenset(self._keyed)

    def find(self, text: View, part: str | None = None) -> str:
        """The first phrase found in `part` (by default all) of `text`, lower-case; else ''."""
        where = text.lower if part is None else part
        for key in sorted(self._keys & text.vocabulary):
            for phrase in self._keyed[key]:
                if phrase in where:
                    return phrase
        rest = self._ascii if text.ascii else [*self._ascii, *self._other]
        return next((phrase for phrase in rest if phrase in where), "")


def shorten(text: str, limit: int = 60) -> str:
    """`text` on one line of at most `limit` characters, for a reason."""
    line = " ".join(text[: limit * 4].split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
