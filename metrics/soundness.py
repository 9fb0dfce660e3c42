"""Detectors of broken problems, by the instruction alone.

Structure that makes a quantitative problem unsolvable or contradictory whatever it is
about: a quantity left open, a charge without an amount, a total given besides the parts
that fix it, lists of unequal length that are to be matched.
"""

from __future__ import annotations

import re

from autoevol.metrics.base import failed, passed
from autoevol.metrics.growth import derivable, quantitative, question
from autoevol.metrics.textual import View, shorten, value_of, view
from autoevol.records import FailureKind, Trajectory, Verdict

_OPEN_QUANTITY = re.compile(
    r"\b(?:unforeseen|unpredictabl\w+|unspecified|unknown number|fluctuat\w+|randomly|rang(?:ed|ing|es) (?:from|between)"
    r"|(?:a|an) (?:certain|unknown|additional|undisclosed|variable) (?:number|amount|percentage|sum|quantity)"
    r"|(?:may|might) (?:not )?(?:be (?:un)?able|have|lose|need)|depending on|varies|unbekannt\w*|inconnue?s?|desconocid\w+)\b"
    r"|未知|不确定|若干|视情况",
    re.IGNORECASE,
)
_ASKS_RANGE = re.compile(
    r"\b(?:range|minimum|maximum|at least|at most|probability|expected|estimate|average|in terms of|express)\b|最少|最多|概率",
    re.IGNORECASE,
)
_CHARGES = ("tax", "fee", "tip", "discount", "interest", "commission", "shipping", "surcharge", "inflation",
            "steuer", "gebühr", "rabatt", "zinsen", "taxe", "frais", "remise", "impuesto", "descuento", "税", "折扣", "利息")  # fmt: skip
_CHARGE = re.compile(
    r"\b(?:sales )?(?:tax(?:es)?|fees?|tips?|discounts?|interest|commission|shipping|surcharge|inflation|steuern?|gebühr(?:en)?"
    r"|rabatt|zinsen|taxes?|frais|remise|impuestos?|descuento)\b|税|折扣|利息",
    re.IGNORECASE,
)
_NO_CHARGE = re.compile(
    r"\b(?:no|free|without|not including|excluding|before|ignoring|ohne|sans|sin)\b|\d", re.IGNORECASE
)
_TOTAL = re.compile(
    r"\b(?:total|sum|altogether|combined|in all|insgesamt|summe|somme|suma)\b[^.?!;\d]{0,45}?(\d+(?:[.,]\d+)*)(?!\d*%)",
    re.IGNORECASE,
)
_RESPECTIVELY = re.compile(
    r"\brespectively\b|\bbeziehungsweise\b|\brespectivement\b|\brespectivamente\b|分别", re.IGNORECASE
)


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
        if not quantitative(seed):
            return passed(self.name)
        seen = _open_quantity(seed, evolved) or _unpriced(seed, evolved) or _unmatched(evolved)
        if seen:
            return failed(self.name, FailureKind.UNSOLVABLE, seen)
        seen = _second_total(seed, evolved)
        return failed(self.name, FailureKind.CONTRADICTORY, seen) if seen else passed(self.name)


def _open_quantity(seed: View, evolved: View) -> str:
    found = _OPEN_QUANTITY.search(evolved.text)
    if not found or _OPEN_QUANTITY.search(seed.text) or _ASKS_RANGE.search(question(evolved)):
        return ""
    return f'A quantity is left open: "{shorten(found.group())}".'


def _unpriced(seed: View, evolved: View) -> str:
    if not any(word in evolved.lower for word in _CHARGES):
        return ""
    for name in {match.group().lower() for match in _CHARGE.finditer(evolved.text[:4_000])}:
        if name[:4] in seed.lower:
            continue
        if not any(_NO_CHARGE.search(s) for s in evolved.sentences if name[:4] in s.lower()):
            return f'"{name}" enters the calculation without an amount.'
    return ""


_ORDINAL = "(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth)"
_ORDINALS = re.compile(rf"\b{_ORDINAL}(?:,? (?:and )?{_ORDINAL}){{1,9}}\b", re.IGNORECASE)
_COUNTS = re.compile(r"\d[\d.,]{0,12} \w+(?:,? (?:and )?\d[\d.,]{0,12} \w+){1,9}")


def _unmatched(evolved: View) -> str:
    """A list of counts to be matched one to one with a list of places of another length."""
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
    asked = question(evolved)
    for match in _TOTAL.finditer(evolved.text):
        value = value_of(match.group(1))
        if value in seed.quantities or match.group() in asked or derivable(value, seed.quantities):
            continue
        if _TOTAL.search(seed.text) or value <= 1:
            return ""
        return f'A total is given besides the parts: "{shorten(match.group())}".'
    return ""
