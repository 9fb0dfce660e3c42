"""Detectors of broken problems, by the instruction alone.

Structure that makes a quantitative problem unsolvable or contradictory whatever it is
about: a quantity left open, a charge without an amount, a total given besides the parts
that fix it, lists of unequal length that are to be matched.
"""

from __future__ import annotations

import re

from autoevol.core.records import FailureKind, Trajectory, Verdict
from autoevol.metrics.base import failed, passed
from autoevol.metrics.growth import derivable
from autoevol.metrics.lexicon import word_set
from autoevol.metrics.textual import View, shorten, value_of, view

_OPEN_QUANTITY = re.compile(
    r"\b(?:unforeseen|unpredictabl\w+|unspecified|unknown number|fluctuat\w+"
    r"|rang(?:ed|ing|es) (?:from|between)"
    r"|(?:a|an) (?:certain|unknown|additional|undisclosed|variable)"
    r" (?:number|amount|percentage|sum|quantity)"
    r"|(?:may|might) (?:not )?(?:be (?:un)?able|have|lose|need)|depending on|varies|unbekannt\w*"
    r"|inconnue?s?|desconocid\w+)\b"
    r"|未知|不确定|若干|视情况",
)
# The pattern is sought only where one word of a left set is there with one of its right set.
_OPEN_WORDS = word_set(
    """unforeseen unpredictable unpredictably unspecified fluctuate fluctuates fluctuated fluctuating
    depending varies inconnu inconnue inconnus inconnues unbekannt unbekannte unbekannten"""
)
_OPEN_PAIRS = (
    (word_set("unknown certain additional undisclosed variable"),
     word_set("number amount percentage sum quantity")),
    (word_set("ranged ranging ranges"), word_set("from between")),
    (word_set("may might"), word_set("able unable have lose need")),
)  # fmt: skip
_OPEN_LEFT = frozenset().union(*(left for left, _ in _OPEN_PAIRS))
_OPEN_WIDE = ("未知", "不确定", "若干", "视情况")
_ASKS_RANGE = re.compile(
    r"\b(?:range|minimum|maximum|at least|at most|probability|expected|estimate|average|in terms of"
    r"|express)\b|最少|最多|概率",
    re.IGNORECASE,
)
_CHARGES = word_set(
    """tax taxes fee fees tip tips discount discounts interest commission shipping surcharge inflation
    steuer steuern gebühr gebühren rabatt zinsen taxe frais remise impuesto impuestos descuento"""
)
_NO_CHARGE = re.compile(
    r"\b(?:no|free|without|not including|excluding|before|ignoring|ohne|sans|sin)\b|\d", re.IGNORECASE
)
_MAX_TOTALS = 20
_AMOUNT = re.compile(r"\b[^.?!;\d]{0,45}?(\d+(?:[.,]\d+)*)(?![\d%])")
_TOTAL_WORDS = word_set("total sum altogether combined insgesamt summe somme suma")
_RESPECTIVE_WORDS = word_set("respectively beziehungsweise respectivement respectivamente")
_RESPECTIVELY = re.compile("respectively|beziehungsweise|respectivement|respectivamente", re.IGNORECASE)


class Unsound:
    """A word problem that got an open quantity, an unpriced charge or a second total.

    Only what the seed has not is held against the rewrite, and only in quantitative
    tasks: a story may well have "unpredictable" weather.
    """

    name = "unsound"
    kinds: frozenset[FailureKind] = frozenset({FailureKind.UNSOLVABLE, FailureKind.CONTRADICTORY})
    calls = 0

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Look for the four structures in turn."""
        if trajectory.evolved is None:
            return passed(self.name)
        seed, evolved = view(trajectory.seed), view(trajectory.evolved)
        if not seed.quantitative:
            return passed(self.name)
        seen = (
            _open_quantity(seed, evolved)
            or _unpriced(seed, evolved)
            or _unmatched(evolved)
            or _vague(seed, evolved)
        )
        if seen:
            return failed(self.name, FailureKind.UNSOLVABLE, seen)
        seen = _second_total(seed, evolved)
        return failed(self.name, FailureKind.CONTRADICTORY, seen) if seen else passed(self.name)


def _open_quantity(seed: View, evolved: View) -> str:
    if not _may_be_open(evolved):
        return ""
    found = _OPEN_QUANTITY.search(evolved.lower)
    if not found or _OPEN_QUANTITY.search(seed.lower) or _ASKS_RANGE.search(evolved.question):
        return ""
    return f'A quantity is left open: "{shorten(found.group())}".'


def _may_be_open(text: View) -> bool:
    if text.has(_OPEN_WORDS) or text.has_any(_OPEN_WIDE):
        return True
    return text.has(_OPEN_LEFT) and any(text.has(left) and text.has(right) for left, right in _OPEN_PAIRS)


def _unpriced(seed: View, evolved: View) -> str:
    for name in sorted(_CHARGES & evolved.vocabulary):
        stem = name[:4]
        # A charge that is asked for needs no amount.
        if stem in seed.lower or stem in evolved.question.lower():
            continue
        if not any(_NO_CHARGE.search(s) for s in evolved.sentences if stem in s.lower()):
            return f'"{name}" enters the calculation without an amount.'
    return ""


_ORDINAL = "(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth)"
_ORDINALS = re.compile(rf"\b{_ORDINAL}(?:,? (?:and )?{_ORDINAL}){{1,9}}\b", re.IGNORECASE)
_COUNTS = re.compile(r"\d[\d.,]{0,12} \w+(?:,? (?:and )?\d[\d.,]{0,12} \w+){1,9}")


def _unmatched(evolved: View) -> str:
    """A list of counts to be matched one to one with a list of places of another length."""
    if not evolved.has(_RESPECTIVE_WORDS):
        return ""
    found = _RESPECTIVELY.search(evolved.text)
    if not found:
        return ""
    before = evolved.text[max(0, found.start() - 300) : found.start()]
    counts, places = _COUNTS.findall(before), _ORDINALS.findall(before)
    if not counts or not places:
        return ""
    numbers = len(re.findall(r"\d[\d.,]* ", counts[-1]))
    ordinals = len(re.findall(_ORDINAL, places[-1], re.IGNORECASE))
    return f"{numbers} counts are to be matched with {ordinals} places." if numbers != ordinals else ""


def _second_total(seed: View, evolved: View) -> str:
    if not evolved.has(_TOTAL_WORDS):
        return ""
    for _, value, words in _totals(evolved):
        given = value in seed.quantities or derivable(value, seed.quantities, twice=False)
        if not given and value > 1 and words not in evolved.question:
            return "" if _totals(seed) else f'A total is given besides the parts: "{shorten(words)}".'
    return ""


_VAGUE_WORDS = word_set(
    """some several few portion part either optional varying different various specific particular small
    large significant limited percentage fraction proportion share majority depend depends depending
    proportional unexpected further gradually"""
)
_VAGUE = re.compile(
    r"\b(?:some (?:of|more|additional|extra|other)|several|a few|a portion of|part of (?:his|her|their|the)"
    r"|optional\w*|either\b.{1,80}\bor|varying|gradually|depend(?:s|ing)? on|proportional to"
    r"|different (?:rate|price|speed|amount|cost|value|number|quantitie)s?"
    r"|various (?:amounts|costs|expenses|fees|prices|rates)"
    r"|(?:unexpected|further) (?:costs?|expenses|fees|charges)"
    r"|a (?:specific|particular|small|large|significant|limited)"
    r" (?:number|amount|percentage|fraction|portion|sum)"
    r"|a (?:percentage|fraction|proportion|share|majority) of)\b"
)


def _vague(seed: View, evolved: View) -> str:
    """An indefinite amount or a free choice in a sentence that does not say how much."""
    words = _VAGUE_WORDS & evolved.vocabulary
    if not words or _ASKS_RANGE.search(evolved.question):
        return ""
    for sentence in evolved.sentences:
        lowered = sentence.lower()
        if not any(word in lowered for word in words):
            continue
        found = _VAGUE.search(lowered)
        # A free choice stays one whatever numbers stand beside it.
        if (
            found
            and found.group() not in seed.lower
            and (found.group().startswith("either") or not view(sentence).quantities)
            and sentence not in evolved.question
        ):
            return f'An amount is left open: "{shorten(sentence)}".'
    return ""


def _totals(text: View) -> list[tuple[int, float, str]]:
    """Amounts that are called a total: place, value, and the words."""
    found: list[tuple[int, float, str]] = []
    for word in sorted(_TOTAL_WORDS & text.vocabulary):
        place = text.lower.find(word)
        while place >= 0 and len(found) < _MAX_TOTALS:
            amount = _AMOUNT.match(text.lower, place + len(word))
            if amount:
                found.append((place, value_of(amount.group(1)), text.text[place : amount.end()]))
            place = text.lower.find(word, place + 1)
    return sorted(found)
