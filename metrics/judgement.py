"""What a judge's reply says: forgiving where the verdict is plain, strict where it is not.

The verdict is the severity. Without a severity that can be read in one way only, there is no
judgement; all else may be missing, and an unknown fault does not unmake a plain verdict.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from autoevol.core.records import FailureKind
from autoevol.metrics.severity import by_severity
from autoevol.metrics.textual import shorten

RESPONSE_KINDS: frozenset[FailureKind] = frozenset(
    {FailureKind.REFUSED, FailureKind.ASKS_FOR_MORE, FailureKind.HEDGED}
)
"""Kinds that only a response can have."""

JUDGED_KINDS: frozenset[FailureKind] = frozenset(FailureKind) - {
    FailureKind.EMPTY,
    FailureKind.UNPARSED,
    FailureKind.TRUNCATED,
    FailureKind.UNCHANGED,
}
"""Kinds that take reading; the others are facts of the record."""

MAX_GAIN = 3


class Judgement(NamedTuple):
    """What a judge said about one evolution.

    Attributes:
        kinds: Faults of the rewrite, worst first; empty where it found none.
        severity: 0 usable as a harder instruction, 1 not usable as one, 2 broken.
        reason: One sentence.
        before: Complexity of the original, 1..10; None if it cannot be read.
        after: Complexity of the rewrite, 1..10; None if it cannot be read.
        gain: How much harder the rewrite is, 0..3; None if it cannot be read.
        answer: The answer to the rewrite that the judge found.
        response_faults: Faults of the response, worst first.
        response_right: Whether the response is right; None if it cannot be said.
    """

    kinds: tuple[FailureKind, ...]
    severity: int
    reason: str = ""
    before: float | None = None
    after: float | None = None
    gain: int | None = None
    answer: str = ""
    response_faults: tuple[FailureKind, ...] = ()
    response_right: bool | None = None


def read_judgement(said: Mapping[str, object]) -> Judgement | None:
    """Read the outputs of `JudgeEvolution`; None where the severity is not there or not plain."""
    severity = read_number(said.get("severity"), 0, 2)
    if severity is None or severity % 1:
        return None
    gain = read_number(said.get("gain"), 0, MAX_GAIN)
    named = read_kinds(said.get("kinds"))
    faults = read_kinds(said.get("response_faults"))
    return Judgement(
        kinds=by_severity(kind for kind in named if kind not in RESPONSE_KINDS),
        severity=int(severity),
        reason=shorten(_text(said.get("reason")), 300),
        before=read_number(said.get("complexity_original"), 1, 10),
        after=read_number(said.get("complexity_rewrite"), 1, 10),
        gain=None if gain is None or gain % 1 else int(gain),
        answer=shorten(_text(said.get("answer")), 200),
        # A fault of a response stays one wherever the judge put it.
        response_faults=by_severity(kind for kind in (*named, *faults) if kind in RESPONSE_KINDS),
        response_right=_read_yes(said.get("response_right")),
    )


_NUMBER = re.compile(r"(?<![\w.])\d{1,2}(?:\.\d{1,2})?(?![\w]|\.\d)")
_SCALE = re.compile(r"(?<=\d)\s*(?:/|out of|von|sur|de)\s*(\d{1,2})\b")
# "1-2", "1 or 2", "0 to 1": a judge that does not decide.
_UNDECIDED = re.compile(r"\s*(?:-|–|—|~|/|to|or|and|,|oder|bis|ou|o)\s*\d")
_DIGIT_WORDS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "零": 0, "〇": 0, "一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6,
    "七": 7, "八": 8, "九": 9, "十": 10,
}  # fmt: skip


def read_number(value: object, low: float, high: float) -> float | None:
    """A number in low..high that a field states in one way only, else None.

    Digits of any script count, and numbers in English or Chinese words where the field is no more
    than that. "2/2" and "8 out of 10" are read on their scale; "1 or 2" and "1-2" are undecided.
    """
    text = _decimal(_text(value)).strip().strip("*_`\"'[]()<>#|: ")
    word = text.split("\n", 1)[0].strip(" .*_`").lower()
    if word in _DIGIT_WORDS:
        return _within(_DIGIT_WORDS[word], low, high)
    line = text.split("\n", 1)[0]
    scales = {int(scale) for scale in _SCALE.findall(line)}
    if scales - {int(high)}:
        return None
    line = _SCALE.sub("", line)
    found = list(_NUMBER.finditer(line))
    if not found:
        return None
    first = found[0]
    if _UNDECIDED.match(line, first.end()):
        return None
    leads = not line[: first.start()].strip(" *_`-=:+")
    if line[first.start() - 1 : first.start()] in ("-", "−") and leads and "-" in line[: first.start()]:
        return None
    if not leads and len({match.group() for match in found}) > 1:
        return None
    return _within(float(first.group()), low, high)


def _within(number: float, low: float, high: float) -> float | None:
    return number if low <= number <= high else None


_NAMES = {str(kind): kind for kind in JUDGED_KINDS}
_SPLIT = re.compile(r"[,;\n、，；|/]|\band\b|\bund\b|\bet\b|\by\b")
_ASIDE = re.compile(r"\([^()]*\)|（[^（）]*）|[:：–—].*|\s-\s.*")


def read_kinds(value: object) -> tuple[FailureKind, ...]:
    """The failure kinds that a field lists, worst first; what it says besides is passed over.

    Only whole entries count: "not contradictory" and "a stagnant pond" name no fault.
    """
    found: list[FailureKind] = []
    for part in _SPLIT.split(_text(value).lower()):
        name = (
            _ASIDE.sub("", part).strip(" \t-*•[]{}'\"`.<>_#0123456789)").replace(" ", "_").replace("-", "_")
        )
        if name in _NAMES:
            found.append(_NAMES[name])
    return by_severity(found)


_YES = frozenset(("yes", "y", "true", "right", "correct", "ja", "oui", "sí", "si", "是", "对", "はい", "да"))
_NO = frozenset(("no", "n", "false", "wrong", "incorrect", "nein", "non", "否", "不", "いいえ", "нет"))


def _read_yes(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    words = re.findall(r"[^\W\d_]+", _text(value).lower())
    return True if words[:1] and words[0] in _YES else False if words[:1] and words[0] in _NO else None


def _decimal(text: str) -> str:
    """`text` with the digits of every script written as ASCII digits."""
    if text.isascii():
        return text
    digits = (unicodedata.decimal(char, None) for char in text)
    return "".join(
        char if digit is None else str(digit) for char, digit in zip(text, digits, strict=True)
    ).replace("／", "/")


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    # JSON has numbers, and lists of names.
    if isinstance(value, Iterable) and not isinstance(value, Mapping):
        return ", ".join(map(str, value))
    return str(value)
