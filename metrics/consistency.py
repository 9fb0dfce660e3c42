"""Detector of conditions that exclude each other, by arithmetic on what the instruction states.

Only what can be checked without understanding: parts against their whole, shares of one
whole, one person's amount stated twice. Most contradictions of real rewrites lie deeper
(two facts that fix one quantity in two ways) and take a reader.
"""

from __future__ import annotations

import re

from autoevol.core.records import FailureKind, Trajectory, Verdict
from autoevol.metrics.base import failed, passed
from autoevol.metrics.lexicon import word_set
from autoevol.metrics.textual import View, shorten, value_of, view


class Inconsistent:
    """Stated numbers that cannot all be true.

    Only in quantitative tasks, and only what the seed has not.
    """

    name = "inconsistent"
    kinds: frozenset[FailureKind] = frozenset({FailureKind.CONTRADICTORY})
    calls = 0

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Check parts, shares, and amounts by name."""
        if trajectory.evolved is None:
            return passed(self.name)
        seed, evolved = view(trajectory.seed), view(trajectory.evolved)
        if len(evolved.values) < 2 or not seed.quantitative:
            return passed(self.name)
        seen = _parts(evolved) or _shares(evolved) or _two_amounts(seed, evolved)
        return failed(self.name, FailureKind.CONTRADICTORY, seen) if seen else passed(self.name)


_NUMBER = r"\d[\d,]{0,15}(?:\.\d{1,9})?"
_HAVING = word_set("has have had with includes include contains contain consists consist")
_PARTS = re.compile(
    rf"({_NUMBER}) ([a-z]+)"
    r" (?:(?:has|have|had|with|includes?|including|contains?|consists? of) )"
    rf"(?:exactly )?({_NUMBER}) ([a-z]+)(?:, ({_NUMBER}) ([a-z]+))?,? and ({_NUMBER}) ([a-z]+)"
)
_AND_NUMBER = re.compile(r" and \d")
_COLLECTION = ("of ", "of the ", "total ", "all ", "all the ", "altogether ")


def _parts(evolved: View) -> str:
    """A collection ("a class of 28 pupils") with parts that are more than the whole."""
    if not evolved.has(_HAVING) or not _AND_NUMBER.search(evolved.lower):
        return ""
    for _, start, _ in evolved.numbers:
        if not evolved.lower.endswith(_COLLECTION, 0, start):
            continue
        found = _PARTS.match(evolved.lower, start)
        if found is None:
            continue
        parts = [value_of(digits) for digits in found.group(3, 5, 7) if digits]
        if sum(parts) > value_of(found.group(1)):
            return f'The parts are more than the whole: "{shorten(found.group())}".'
    return ""


_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,9})?) ?(?:%|percent\b)")
_REST = word_set("rest remaining remainder others")


def _shares(evolved: View) -> str:
    """Percentages of one sentence that are over 100 though something is said to be left over."""
    if not evolved.has(_REST) or ("%" not in evolved.text and "percent" not in evolved.vocabulary):
        return ""
    for sentence in evolved.sentences:
        lowered = sentence.lower()
        shares = [float(digits) for digits in _PERCENT.findall(lowered)]
        if len(shares) > 1 and sum(shares) > 100 and view(sentence).has(_REST):
            return f'The shares leave nothing over: "{shorten(sentence)}".'
    return ""


_OWNED = re.compile(
    rf"\b([A-Z][a-z]+) (?:is|has|weighs|earns|owns|tiene|ist|hat) (?:only |already |exactly )?"
    rf"({_NUMBER}) ([a-zñäöüéß]+)"
)
_OWNS = word_set("is has weighs earns owns tiene ist hat")
_LATER = word_set("now then later after afterwards currently today tomorrow yesterday ago remaining left")


def _two_amounts(seed: View, evolved: View) -> str:
    """Somebody who is said to have one amount of a thing and then another, at no other time."""
    if evolved.has(_LATER):
        return ""
    if sum(evolved.text.count(f" {word} ") for word in _OWNS & evolved.vocabulary) < 2:
        return ""
    owned = _OWNED.findall(evolved.text)
    amounts: dict[tuple[str, str], float] = {}
    for name, digits, thing in owned:
        value = value_of(digits)
        if amounts.setdefault((name, thing), value) != value and f"{digits} {thing}" not in seed.lower:
            return f"{name} has {amounts[name, thing]:g} {thing}, and has {digits}."
    return ""
