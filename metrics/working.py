"""Detectors of broken problems, by the calculation that the response shows.

Every number in an honest calculation comes from the instruction, from an earlier line,
or from common knowledge (12 months, 100 %). What comes from nowhere was missing.
"""

from __future__ import annotations

import re

from autoevol.metrics.base import failed, passed
from autoevol.metrics.growth import quantitative
from autoevol.metrics.textual import View, shorten, value_of, view
from autoevol.records import FailureKind, Trajectory, Verdict

MAX_EQUATIONS = 40
"""Lines of calculation that are followed in one response."""

_KNOWN = frozenset(
    (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 12.0, 16.0, 24.0, 28.0, 30.0, 31.0, 36.0, 48.0, 50.0, 52.0, 60.0,
     100.0, 360.0, 365.0, 366.0, 1000.0, 1440.0, 3600.0, 5280.0, 2.54, 3.14, 0.5, 0.25, 1.5)
)  # fmt: skip
"""Small counts and conversion factors that a calculation may use unasked."""

_EQUALS = re.compile(r"= ?[$€£]?([-−]?\d(?:[\d.,]{0,20}\d)?)")
_BREAKS = ("\n", "=", ". ", ": ", "; ", ", ")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_LEFT_CHARS = 90
_PARTS = {"third": 1 / 3, "fourth": 0.25, "fifth": 0.2, "sixth": 1 / 6, "eighth": 0.125, "tenth": 0.1}


class Working:
    """The calculation uses a number from nowhere, or passes through a negative amount.

    Only in quantitative tasks. A wrong response to a sound problem is mistaken for an
    unsound problem where the model invents a number, which costs some false alarms.
    """

    name = "working"
    kinds: frozenset[FailureKind] = frozenset({FailureKind.UNSOLVABLE, FailureKind.CONTRADICTORY})
    calls = 0

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Follow the equations of the response line by line."""
        if trajectory.evolved is None or not trajectory.response:
            return passed(self.name)
        asked, response = view(trajectory.evolved), view(trajectory.response)
        if "=" not in response.text or not (quantitative(asked) or quantitative(view(trajectory.seed))):
            return passed(self.name)
        negative = _negative(asked, response)
        if negative:
            return failed(
                self.name, FailureKind.CONTRADICTORY, f'The calculation goes below zero: "{negative}".'
            )
        invented = _invented(asked, response)
        if invented:
            return failed(
                self.name,
                FailureKind.UNSOLVABLE,
                f'The calculation uses a number from nowhere: "{invented}".',
            )
        return passed(self.name)


def equations(response: View) -> list[tuple[str, float]]:
    """The calculations of a response: left side as text, value of the right side."""
    found: list[tuple[str, float]] = []
    text, start = response.text, 0
    for match in _EQUALS.finditer(text):
        if len(found) == MAX_EQUATIONS:
            break
        before = text[max(start, match.start() - _LEFT_CHARS) : match.start()]
        left = before[max(before.rfind(mark) for mark in _BREAKS) + 1 :]
        digits = match.group(1)
        value = value_of(digits.lstrip("-−"))
        found.append((left, -value if digits[0] in "-−" else value))
        start = match.end(1)
    return found


def _negative(asked: View, response: View) -> str:
    if not _BELOW_ZERO.search(response.text) or asked.has(_SIGNED):
        return ""
    return next(
        (shorten(f"{left.strip()} = {value:g}") for left, value in equations(response) if value < 0), ""
    )


_BELOW_ZERO = re.compile(r"= ?[$€£]?[-−]\d")
_SIGNED = frozenset("negative below debt loss deficit temperature temperatures owe owes degrees".split())
_OPERATOR = re.compile(r"[\d)%a-z] ?[-+*/×÷−] ?[$€£(]?\d")


def _invented(asked: View, response: View) -> str:
    known = {*_KNOWN, *asked.quantities}
    for left, value in equations(response):
        operands = {round(value_of(digits), 4) for digits in _NUMBER.findall(left)}
        if not operands <= known and _OPERATOR.search(left):
            # Percentages and inverses are worked out only where a plain look fails.
            known |= _reachable(asked)
            if not operands <= known:
                return shorten(f"{left.strip()} = {value:g}")
        # What a sentence states was read or reasoned from the instruction.
        known |= operands
        known.add(round(abs(value), 4))
    return ""


def _reachable(asked: View) -> set[float]:
    """Numbers that a first line may use: given, common knowledge, or a percentage at work."""
    known = set(_KNOWN)
    for value in asked.quantities:
        known.add(round(value, 4))
        if value:
            known.add(round(1 / value, 4))
        if value <= 100:
            known.update(
                (round(value / 100, 4), round(1 - value / 100, 4), round(1 + value / 100, 4), 100 - value)
            )
    known.update(round(part, 4) for word, part in _PARTS.items() if word in asked.vocabulary)
    return known
