"""Detectors of broken problems, by the calculation that the response shows.

An unsound problem shows on the way to the answer: an amount below zero, or two values for one quantity.
"""

from __future__ import annotations

import re

from autoevol.core.records import FailureKind, Trajectory, Verdict
from autoevol.metrics.base import failed, passed
from autoevol.metrics.lexicon import word_set
from autoevol.metrics.textual import View, shorten, value_of, view


class Working:
    """The calculation passes through something that cannot be.

    Only in quantitative tasks. Whether every number used was given was tried too and
    left out: on labelled pairs it found nothing, on GSM8K's own solutions it gave 4 %
    false alarms.
    """

    name = "working"
    kinds: frozenset[FailureKind] = frozenset({FailureKind.CONTRADICTORY})
    calls = 0

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Look for the two signs, the surer first."""
        if trajectory.evolved is None or not trajectory.response:
            return passed(self.name)
        asked, response = view(trajectory.evolved), view(trajectory.response)
        if not (asked.quantitative or view(trajectory.seed).quantitative):
            return passed(self.name)
        seen = _below_zero(asked, response) or _two_values(response)
        return failed(self.name, FailureKind.CONTRADICTORY, seen) if seen else passed(self.name)


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
