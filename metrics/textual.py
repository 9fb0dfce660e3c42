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

# Cutting with `translate` and `split` is several times as fast as any pattern, and a table of
# bytes ten times as fast as one of characters.
_BLANKS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\n\t\r€£¥“”„«»‘…–—−×÷、。，！？；：（）「」『』《》【】¿¡'
_WIDE_BLANKS = tuple(mark for mark in _BLANKS if not mark.isascii())
_WORD_BLANKS = {ord(mark): " " for mark in _BLANKS}
_ASCII_WORDS = bytes(32 if code < 128 and code in _WORD_BLANKS else code for code in range(256))
_ASCII_NUMBERS = bytes(code if chr(code) in "0123456789.," else 32 for code in range(256))
_FULL_STOPS = str.maketrans({"、": ", ", "，": ", ", "。": ". ", "；": "; ", "！": "! ", "？": "? "})
_NUMBER_WORDS = frozenset(NUMBER_WORDS)
_STOPS = ((". ", ".\n"), ("! ", "!\n"), ("? ", "?\n"), ("; ", ";\n"))
_BEFORE_QUESTION = (". ", "! ", "? ", "; ", "\n", '."', "?")
_MAX_QUESTIONS = 20
_MAX_QUESTION = 600
_MAX_NUMBER_WORDS = 200
_FENCE = re.compile(r"```[^\n]*\n(.*?)(?:```|\Z)", re.DOTALL)
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|(?<=[。！？；])|\n+")
_LEADING = re.compile(r"\d+(?:\.\d+)?")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_WIDE = re.compile(r"[\u0250-\u1fff\u2e80-\U0010ffff]")
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
        self.lower = self.text.lower()
        """The text in lower case, with straight apostrophes."""
        if not self.ascii:
            self.lower = self.lower.replace("’", "'")
        self.requests: bool | None = None  # for `autoevol.metrics.asking`, which looks at every sentence

    @lazy
    def words(self) -> list[str]:
        """Lower-case words and digits in order; CJK runs are cut into overlapping pairs."""
        text = self.lower
        if not self.ascii:
            for mark in _WIDE_BLANKS:
                text = text.replace(mark, " ")
        # Bytes of other characters than ASCII are not in the table and stay.
        found = text.encode("utf-8", "surrogatepass").translate(_ASCII_WORDS)
        found = found.decode("utf-8", "surrogatepass").split()
        if " '" in self.lower or "' " in self.lower:
            found = [bare for word in found if (bare := word.strip("'"))]
        if not self.wide or not _CJK.search(self.text):
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
    def digits(self) -> list[str]:
        """Numbers written in digits, in order, as they are written: "1,600", ".5"."""
        found: list[str] = []
        # One byte a character, whatever the script: other digits than ASCII are not read.
        for token in self.lower.encode("ascii", "replace").translate(_ASCII_NUMBERS).decode().split():
            digits = token.strip(".,")
            if digits:
                fraction = token[0] == "." and token[1] == digits[0] and self._opens(token)
                found.append("." + digits if fraction else digits)
        return found

    def _opens(self, token: str) -> bool:
        """Whether a word begins with `token`: ".5" is a half, and "no.5" is the fifth."""
        place = self.lower.find(token)
        return place == 0 or not self.lower[place - 1].isalnum()

    @lazy
    def values(self) -> list[float]:
        """Values of the numbers written in digits, in order."""
        return [value_of(digits) for digits in self.digits]

    @lazy
    def numbers(self) -> list[tuple[float, int, int]]:
        """Numbers in digits, in order: value, and where they begin and end in `lower`."""
        found: list[tuple[float, int, int]] = []
        end = 0
        text = self.lower
        for digits, value in zip(self.digits, self.values, strict=True):
            start = text.index(digits, end)
            end = start + len(digits)
            found.append((value, start, end))
        return found

    @lazy
    def number_words(self) -> list[str]:
        """Numbers in words ("three", "twice", "half", "dozen"), in order."""
        if self.vocabulary.isdisjoint(_NUMBER_WORDS):
            return []
        return [word for word in self.words if word in _NUMBER_WORDS][:_MAX_NUMBER_WORDS]

    @lazy
    def quantities(self) -> list[float]:
        """Values in digits, then values in words."""
        words = self.number_words
        return self.values + [NUMBER_WORDS[word] for word in words] if words else self.values

    @lazy
    def quantitative(self) -> bool:
        """Whether the text is a question over given quantities (a word problem)."""
        return self.asks and bool(self.values) and len(self.quantities) >= 2 and "```" not in self.text

    @lazy
    def sentences(self) -> list[str]:
        """Sentences and lines, stripped, none empty."""
        if self.ascii:
            lines = self.text
            for stop, broken in _STOPS:
                lines = lines.replace(stop, broken)
            parts = lines.split("\n")
        else:
            parts = _SENTENCE.split(self.text)
        return [part for part in map(str.strip, parts) if part]

    @lazy
    def wide(self) -> bool:
        """Whether there are letters of another script than the Latin one."""
        return not self.ascii and bool(_WIDE.search(self.text))

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
            start = -1
            for mark in _BEFORE_QUESTION:
                start = max(start, before.rfind(mark, start + 1))
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
        self._stems: list[str] = []
        self._wide: list[str] = []
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
                (self._wide if _WIDE.search(plain) else self._stems).append(plain)
        self._keys = frozenset(self._keyed)

    def find(self, text: View, part: str | None = None) -> str:
        """The first phrase found in `part` (by default all) of `text`, lower-case; else ''."""
        where = text.lower if part is None else part
        keys = self._keys & text.vocabulary
        if keys:
            for key in sorted(keys):
                for phrase in self._keyed[key]:
                    if phrase in where:
                        return phrase
        for phrase in self._stems:
            if phrase in where:
                return phrase
        if text.wide:
            for phrase in self._wide:
                if phrase in where:
                    return phrase
        return ""


def shorten(text: str, limit: int = 60) -> str:
    """`text` on one line of at most `limit` characters, for a reason."""
    line = " ".join(text[: limit * 4].split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
