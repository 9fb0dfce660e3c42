"""Detectors of broken problems, by the calculation that the response shows.

An unsound problem shows on the way to the answer: an amount below zero, a broken number
of things that are whole, two values for one quantity, an answer beyond a stated limit.
"""

from __future__ import annotations

import re

from autoevol.core.records import FailureKind, Trajectory, Verdict
from autoevol.metrics.base import failed, passed
from autoevol.metrics.conclusions import CONTINUOUS, counted_thing, final_answer
from autoevol.metrics.lexicon import word_set
from autoevol.metrics.textual import View, shorten, value_of, view


class Working:
    """The calculation passes through something that cannot be.

    Only in quantitative tasks. Whether every number used was given was tried too and
    left out: on labelled pairs it found nothing, on GSM8K's own solutions it gave 4 %
    false alarms.
    """

    name = "working"
    kinds: frozenset[FailureKind] = frozenset({FailureKind.UNSOLVABLE, FailureKind.CONTRADICTORY})
    calls = 0

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Look for the four signs, the surest first."""
        if trajectory.evolved is None or not trajectory.response:
            return passed(self.name)
        asked, response = view(trajectory.evolved), view(trajectory.response)
        if not (asked.quantitative or view(trajectory.seed).quantitative):
            return passed(self.name)
        seen = _below_zero(asked, response) or _two_values(response) or _beyond_limit(asked, response)
        if seen:
            return failed(self.name, FailureKind.CONTRADICTORY, seen)
        seen = _split_thing(asked, response) or _rounded_thing(asked, response)
        return failed(self.name, FailureKind.UNSOLVABLE, seen) if seen else passed(self.name)


# A subtraction of numbers: "x = -3" in algebra is a solution like any other.
_NEGATIVE_RESULT = re.compile(
    r"\d\)? ?[-+*/×÷−] ?[$€£(]?\d[\d.,]{0,12}[)%]{0,2} ?= ?[$€£]?[-−]\d[\d.,]{0,12}"
)
_MINUS_AFTER_EQUALS = re.compile(r"= ?[$€£]?[-−]")
_SIGNED = word_set("negative below debt loss deficit temperature temperatures owe owes degrees")


def _below_zero(asked: View, response: View) -> str:
    if not _MINUS_AFTER_EQUALS.search(response.text):
        return ""
    found = _NEGATIVE_RESULT.search(response.text)
    if not found or asked.has(_SIGNED):
        return ""
    before = response.text[max(0, found.start() - 50) : found.end()].rsplit("\n", 1)[-1]
    return f'The calculation goes below zero: "{shorten(before)}".'


_NAMED_VALUE = re.compile(
    r"'s ((?:current )?[a-z]+) (?:is|are|was|will be) [^.\n=]{0,40}= ?[$€£]?"
    r"(\d[\d,]{0,15}(?:\.\d{1,9})?)(?! {0,2}[-+*/×%\d])"
)
_NAME = re.compile(r"\b[A-Z][a-z]+$")


def _two_values(response: View) -> str:
    """Somebody's age, share or speed that is worked out to be one thing and then another."""
    if response.text.count("'s ") < 2 or "=" not in response.text:
        return ""
    values: dict[str, float] = {}
    for found in _NAMED_VALUE.finditer(response.text):
        owner = _NAME.search(response.text, max(0, found.start() - 30), found.start())
        if owner is None:
            continue
        name, value = f"{owner.group()}'s {found.group(1)}", value_of(found.group(2))
        if values.setdefault(name, value) != value:
            return f"One quantity gets two values: {name} is {values[name]:g} and {value:g}."
    return ""


_UPPER = re.compile(
    r"(?:at most|no more than|(?:cannot|can't|must not|does not|should not) (?:exceed|go over|be more than)"
    r"|maximum(?: capacity| budget)? of|limit(?:ed)? (?:of|to|is)|budget (?:of|is)|capacity (?:of|is))"
    r"[^\d.?!]{0,25}?(\$?)(\d[\d,]{0,15}(?:\.\d{1,9})?) ?([a-z]*)"
)
_LIMIT_WORDS = word_set("most more exceed over maximum limit limited budget capacity")
_LIMITS = ("at most", "more than", "exceed", "go over", "maximum", "limit", "budget", "capacity")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def _beyond_limit(asked: View, response: View) -> str:
    """A limit of the instruction that the answer, in the same unit, goes beyond."""
    if not asked.has(_LIMIT_WORDS) or not any(mark in asked.lower for mark in _LIMITS):
        return ""
    answer = final_answer(response)
    number = _NUMBER.search(answer)
    if not number:
        return ""
    value, wanted = value_of(number.group()), asked.question.lower()
    for dollar, digits, unit in _UPPER.findall(asked.lower):
        same = "$" in answer if dollar else len(unit) > 2 and unit in wanted
        if same and value > value_of(digits):
            return f"The answer {value:g} goes beyond the limit of {dollar}{digits} {unit}".rstrip() + "."
    return ""


_RESULT = re.compile(r"= ?(\d[\d,]{0,15}\.\d{1,9}) ([a-z]+)")


def _split_thing(asked: View, response: View) -> str:
    """A broken number of people or things on the way to the answer."""
    if "=" not in response.text or any(value % 1 for value in asked.values):
        return ""
    for digits, noun in _RESULT.findall(response.text):
        if (
            value_of(digits) % 1
            and noun.endswith("s")
            and noun not in CONTINUOUS
            and noun in asked.vocabulary
        ):
            return f'The calculation splits what is whole: "{digits} {noun}".'
    return ""


_ROUNDS = word_set("approximately roughly about rounded rounding round ungefähr etwa environ aproximadamente")
_ROUNDS_WIDE = ("≈", "大约", "约")
_BROKEN = re.compile(r"\d\.\d")


def _rounded_thing(asked: View, response: View) -> str:
    """A number of whole things that had to be rounded, where nothing in the task is rough or broken."""
    if not (response.has(_ROUNDS) or response.has_any(_ROUNDS_WIDE)) or not _BROKEN.search(response.text):
        return ""
    if asked.has(_ROUNDS) or asked.has_any(_ROUNDS_WIDE) or any(value % 1 for value in asked.values):
        return ""
    thing = counted_thing(asked)
    return f"The number of {thing} had to be rounded." if thing else ""
