"""Detectors of broken problems, by what the response concludes.

A model that was given an unsolvable problem shows it: it says so, puts in a number of
its own, ends with a negative count, a fraction of a person, a symbol, or nothing.
"""

from __future__ import annotations

import re

from autoevol.core.records import FailureKind, Trajectory, Verdict
from autoevol.metrics.base import failed, passed
from autoevol.metrics.lexicon import word_set
from autoevol.metrics.phrases import ASSUMPTIONS, CONTRADICTION, MISSING, NO_ANSWER
from autoevol.metrics.textual import Phrases, View, shorten, value_of, view

HUGE = 1e5
"""An answer this many times the largest given number is no everyday quantity."""
LAST_PART = 500
"""Characters at the end of a response in which it concludes."""

_MISSING = Phrases(*MISSING)
_NO_ANSWER, _CONTRADICTION, _ASSUMPTIONS = Phrases(*NO_ANSWER), Phrases(*CONTRADICTION), Phrases(*ASSUMPTIONS)
_SENTENCE_END = re.compile(r"[.!?]\s+|\n+|[。！？]")
_NUMBER = re.compile(r"[-−–]?\s?\$?€?£?\d+(?:[.,]\d+)*")
_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")
_ANSWER_MARKS = (
    "answer is", "answer:", "####", "antwort", "réponse est", "réponse :", "respuesta es", "respuesta:",
    "答案", "答え", "ответ",
)  # fmt: skip


class Conclusion:
    """What the end of the response says about the problem it was given.

    - no answer ("cannot be determined") or a contradiction noticed;
    - a number assumed that the instruction does not give;
    - a count that is negative or broken, a symbol for an answer, an absurd magnitude;
    - no number at all where a number was asked for.

    Only in quantitative tasks; the first also elsewhere, if the response is short and the task
    carries no text to be judged.
    """

    name = "conclusion"
    kinds: frozenset[FailureKind] = frozenset({FailureKind.UNSOLVABLE, FailureKind.CONTRADICTORY})
    calls = 0

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Judge the wording of the conclusion, then its number."""
        if trajectory.evolved is None or not trajectory.response:
            return passed(self.name)
        asked, response = view(trajectory.evolved), view(trajectory.response)
        counted = asked.quantitative or view(trajectory.seed).quantitative
        # Of a text that is to be judged, that something is missing there may be the right answer.
        if "\n" in asked.text.strip() or (not counted and len(response.text) > LAST_PART):
            return passed(self.name)
        kind, seen = _said(asked, response)
        if not seen and counted:
            kind, seen = _assumed(asked, response)
        if not seen and counted:
            kind, seen = _number(asked, response)
        return failed(self.name, kind, seen) if seen else passed(self.name)


_Finding = tuple[FailureKind, str]
_NOTHING: _Finding = (FailureKind.UNSOLVABLE, "")


def _said(asked: View, response: View) -> _Finding:
    found = _NO_ANSWER.find(response, response.lower[-LAST_PART:]) or _MISSING.find(response)
    if found and found not in asked.lower and not _invites(asked):
        return FailureKind.UNSOLVABLE, f'The response finds no answer: "{found}".'
    found = _CONTRADICTION.find(response)
    if found and found not in asked.lower and not _invites(asked):
        return FailureKind.CONTRADICTORY, f'The response finds a conflict: "{found}".'
    return _NOTHING


_INVITING = re.compile(
    r"\b(?:prove|proof|disprove|show that|whether|is it possible|possible to|possible|impossible"
    r"|contradict\w*|true or false|explain why|can you|could|beweise|zeige|ob|prouve[rz]?|demuestra)\b"
    r"|证明|是否|可能",
    re.IGNORECASE,
)


def _invites(asked: View) -> bool:
    """Whether "not possible" may be the right answer to what is asked."""
    return bool(_INVITING.search(asked.question))


_NAMING = re.compile(
    r"\b(?:represent\w*|denote\w*|variable|be (?:called )?[\"'“]?[a-z]\b|[a-z] (?:be|is|=|as)\b)"
    r"|[=:] ?[a-z]\b"
)


def _assumed(asked: View, response: View) -> _Finding:
    """A number that the response makes up and the instruction does not give."""
    word = _ASSUMPTIONS.find(response)
    if not word or word in asked.lower:
        return _NOTHING
    for sentence in response.sentences:
        lowered = sentence.lower()
        if word not in lowered or _NAMING.search(lowered):
            continue
        rest = view(sentence[lowered.index(word) :])
        # What the instruction itself assumes, or a value that it gives, is no invention.
        if rest.values and not set(rest.values) <= set(asked.quantities):
            return FailureKind.UNSOLVABLE, f'The response makes up a value: "{shorten(sentence)}".'
    return _NOTHING


CONTINUOUS = word_set(
    """hours hour minutes minute seconds days day weeks week months month years year miles mile kilometers
    km meters feet foot inches inch centimeters yards pounds pound ounces ounce grams kilograms kg
    tons gallons gallon liters litres liter cups cup quarts pints tablespoons teaspoons dollars
    cents money degrees percent percentage acres square cubic calories watts units more less time
    times points average mph stunden minuten tage jahre meter kilometer liter heures minutes jours
    litres kilomètres horas minutos días metros kilómetros litros euros much dozen pages slices
    pizzas hours"""
)
_HOW_MANY_WORDS = word_set("many viele combien cuántos cuántas quanti quante quantos quantas")
_HOW_MANY = re.compile(
    r"\b(?:how many|wie viele|combien de|combien d'|cuántos|cuántas|quanti|quante|quantos"
    r"|quantas)\s+(?:more |of the |of |total |additional )?"
    r"([^\W\d_]+)(?:\s+([^\W\d_]+))?",
    re.IGNORECASE,
)


_SYMBOL = re.compile(r"\d ?\*? ?([a-zA-Z])\b(?![\w'.°]) ?[-+*/]|[-+*/] ?\d* ?([a-zA-Z])\b(?![\w'.°])")


def _number(asked: View, response: View) -> _Finding:
    answer = final_answer(response)
    if not answer:
        asks_amount = asked.has(_HOW_MANY_WORDS) or _HOW_MUCH.search(asked.question)
        if asks_amount and not view(response.text[-LAST_PART:]).quantities:
            return FailureKind.UNSOLVABLE, "The response ends without a number."
        return _NOTHING
    values = _NUMBER.findall(answer)
    if not values:
        symbolic = re.fullmatch(r"[^\w]*[a-zA-Z]\b[^\w]*", answer[:20])
        if symbolic or answer.lower().startswith(("unknown", "undefined", "none", "n/a")):
            return FailureKind.UNSOLVABLE, f'The answer is no number: "{shorten(answer)}".'
        return _NOTHING
    symbol = _SYMBOL.search(answer)
    # A problem that is posed in letters may be answered in them.
    if symbol and (symbol.group(1) or symbol.group(2)).lower() not in asked.vocabulary and "=" not in answer:
        return FailureKind.UNSOLVABLE, f'The answer keeps a variable: "{shorten(answer)}".'
    return _impossible(asked, answer, values[-1] if len(values) == 1 else values[0])


def _impossible(asked: View, answer: str, number: str) -> _Finding:
    digits = _DIGITS.search(number)
    value = value_of(digits.group()) if digits else 0.0
    largest = max([abs(v) for v in asked.quantities], default=0.0)
    if value > HUGE * max(largest, 1.0):
        return FailureKind.CONTRADICTORY, f'An answer out of all proportion: "{shorten(answer)}".'
    counted = counted_thing(asked)
    negative = number.lstrip()[:1] in "-−–"
    if negative and (counted or _HOW_MUCH.search(asked.question)):
        return FailureKind.CONTRADICTORY, f'A negative amount: "{shorten(answer)}".'
    if value == 0 and (counted or _HOW_MUCH.search(asked.question)):
        return FailureKind.UNSOLVABLE, f'Nothing comes out: "{shorten(answer)}".'
    if counted and value % 1 and "%" not in answer:
        return FailureKind.UNSOLVABLE, f'A broken number of {counted}: "{shorten(answer)}".'
    return _NOTHING


_HOW_MUCH = re.compile(r"\bhow (?:much|many|long|far|old|tall|deep)\b", re.IGNORECASE)


def counted_thing(asked: View) -> str:
    """The indivisible thing whose number is asked for, or ''."""
    if not asked.has(_HOW_MANY_WORDS):
        return ""
    found = _HOW_MANY.search(asked.question)
    if not found:
        return ""
    nouns = [noun.lower() for noun in found.groups() if noun]
    return "" if any(noun in CONTINUOUS for noun in nouns) else nouns[0]


def final_answer(response: View) -> str:
    """What a response names as its answer, or the end of its last sentence with a number."""
    text, lower = response.text, response.lower
    for marker in _ANSWER_MARKS:
        place = lower.rfind(marker, max(0, len(lower) - LAST_PART))
        if place >= 0 and len(lower) == len(text):
            answer = text[place + len(marker) :].split("\n", 1)[0].strip(" :*=").rstrip(".")
            if answer:
                return answer
    last = _SENTENCE_END.split(text[-LAST_PART:].rstrip())[-1]
    after = last.rsplit("=", 1)[-1]
    return after.strip().rstrip(".") if _NUMBER.search(after) else ""
