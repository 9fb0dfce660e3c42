"""Does the rewrite ask for more? The detector of stagnation, by what was added.

A rewrite of a quantitative problem is harder where a number enters the calculation or
the question asks for another operation. A number in a limit ("at most 200", "has 15 in
stock"), in an assumption, or worked out from the given ones changes nothing as a rule.
Any other rewrite is harder where it adds content words, not counting decoration.
"""

from __future__ import annotations

import re
from collections import Counter

from autoevol.metrics.base import failed, passed
from autoevol.metrics.lexicon import NUMBER_WORDS
from autoevol.metrics.textual import View, value_of, view
from autoevol.records import FailureKind, Trajectory, Verdict

MIN_ADDED_WORDS = 3
"""Content words that a rewrite of a non-quantitative task must gain, net."""

_CLAUSE = re.compile(
    r"[,.;?!:](?=\s|$)|\s(?:and|but|while|which|where|und|aber|et|mais|y|pero)\s|[，。；、？！]|\n"
)
_QUANTITY = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")
_LIMIT = re.compile(
    r"\b(?:at least|at most|no more than|no less than|not exceed|exceed|more than|less than|under|over|maximum|minimum"
    r"|max|min|limit(?:ed|s)?|budget|capacity|hold up to|up to|within|only (?:has|have|had|got)|available|in stock"
    r"|must be|can only|cannot|aim(?:s|ing|ed)?|goal|hop(?:es|ing)|deadline|constraint"
    r"|mindestens|höchstens|maximal|au moins|au plus|al menos|como máximo)\b|至少|至多|最多|不超过|预算",
    re.IGNORECASE,
)
_ASSUMED = re.compile(
    r"\b(?:assum\w+|suppos\w+|given that|provided that|considering|regardless|known as|established|born|angenommen"
    r"|supposons|suponiendo)\b|假设",
    re.IGNORECASE,
)
_RESTATED = re.compile(
    r"\b(?:which is|that is|i\.e|equal(?:s|ing)? to|equivalent|amount(?:s|ing)? to|reaching|total(?:s|ing|ling)?"
    r"|represent(?:s|ing)?|in other words|multiplying|by \d)\b|[(=]",
    re.IGNORECASE,
)
_OPERATIONS = re.compile(
    r"percent\w*|%|ratio|average|difference|proportion|probability|fraction|median|profit|per (?:hour|day|person|unit|week|month)"
    r"|how (?:many|much) more|how long|how far|at what|what time|prozent|durchschnitt|pourcentage|moyenne|porcentaje|promedio"
    r"|百分|平均|比例|概率",
    re.IGNORECASE,
)


class Stagnant:
    """The rewrite is no harder: reworded, decorated, or given conditions that do not bind.

    Blind where the added number is idle ("a supplement that took 6 months") and where a
    synonym changes the task; an LM judge sees those.
    """

    name = "stagnant"
    kinds: frozenset[FailureKind] = frozenset({FailureKind.STAGNANT})
    calls = 0

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Count what the last stage has and the seed has not."""
        if trajectory.evolved is None:
            return passed(self.name)
        seed, evolved = view(trajectory.seed), view(trajectory.evolved)
        if quantitative(seed):
            seen = _no_new_quantity(seed, evolved)
        else:
            seen = _no_new_content(seed, evolved)
        return failed(self.name, FailureKind.STAGNANT, seen) if seen else passed(self.name)


def quantitative(text: View) -> bool:
    """Whether `text` is a question over given quantities (a word problem)."""
    return text.asks and len(text.quantities) >= 2 and bool(text.values) and "```" not in text.text


def question(text: View) -> str:
    """The sentences with a question mark, joined; the last sentence where there is none."""
    asking = [s for s in text.sentences if s.endswith(("?", "？", "؟", '?"', "?)"))]
    return " ".join(asking) if asking else (text.sentences[-1] if text.sentences else "")


def _no_new_quantity(seed: View, evolved: View) -> str:
    if _counted_questions(evolved) > _counted_questions(seed):
        return ""
    gained = _operations(question(evolved)) - _operations(seed.text)
    if gained:
        return ""
    new = new_quantities(seed, evolved)
    working = [value for value, clause in new if not _idle(value, clause, seed)]
    if working:
        return ""
    return "The added numbers only limit or restate." if new else "No new quantity or operation."


def new_quantities(seed: View, evolved: View) -> list[tuple[float, str]]:
    """Quantities of `evolved` beyond those of `seed`, each with its clause.

    A value counts as new as often as it occurs more often than in the seed.
    """
    left = Counter(seed.quantities)
    named = set(_counted(seed.text))
    found: list[tuple[float, str]] = []
    for clause in _CLAUSE.split(evolved.text):
        for value, thing in _counted(clause) if clause else ():
            if left[value] > 0:
                left[value] -= 1
            elif (value, thing) not in named:
                found.append((value, clause))
    return found


def _counted(text: str) -> list[tuple[float, str]]:
    """Quantities with the beginning of the next word: ("5 years") is (5.0, "year")."""
    found: list[tuple[float, str]] = []
    tokens = _QUANTITY.findall(text)
    for token, following in zip(tokens, [*tokens[1:], ""], strict=False):
        # "one" and "a third friend" are rarely quantities.
        value = value_of(token) if token[0].isdigit() else _COUNTING_WORDS.get(token.lower())
        if value is not None:
            found.append((value, following[:4].lower()))
    return found


_COUNTING_WORDS = {
    word: value for word, value in NUMBER_WORDS.items() if word not in ("one", "once", "third", "thirds")
}


def _idle(value: float, clause: str, seed: View) -> bool:
    if _LIMIT.search(clause) or _ASSUMED.search(clause):
        return True
    return bool(_RESTATED.search(clause)) and (
        value in seed.quantities or derivable(value, seed.quantities, "%" in clause)
    )


def derivable(value: float, given: list[float], percent: bool = False) -> bool:
    """Whether one operation on two of the `given` numbers (or a dozen) gives `value`.

    With `percent`, also the share of one number in another, in percent.
    """
    numbers = list(dict.fromkeys(given))[:12]
    for a in numbers:
        for b in (*numbers, 12.0):
            results = [a + b, a - b, a * b]
            if b:
                results.append(a / b)
                if percent:
                    results.append(100 * a / b)
            if any(abs(result - value) <= 1e-6 * max(1.0, abs(value)) for result in results):
                return True
    return False


def _counted_questions(text: View) -> int:
    return sum(text.text.count(mark) for mark in "?？؟")


def _operations(text: str) -> set[str]:
    return {found.lower() for found in _OPERATIONS.findall(text)}


_CONSTRAINT = re.compile(
    r"\b(?:without|must|should|at least|at most|exactly|no more than|ensure|including|include|handle|limit\w*|only"
    r"|using|explain|justify|compare|also|support\w*|avoid\w*|ohne|mindestens|sans|au moins|sin|al menos)\b"
    r"|不得|必须|至少|不要|并且|同时",
    re.IGNORECASE,
)


def _no_new_content(seed: View, evolved: View) -> str:
    gained = evolved.plain_stems - seed.plain_stems
    lost = seed.plain_stems - evolved.plain_stems
    net = len(gained) - len(lost)
    if net >= MIN_ADDED_WORDS or _counted_questions(evolved) > _counted_questions(seed):
        return ""
    numbers = Counter(evolved.quantities) - Counter(seed.quantities)
    markers = len(_CONSTRAINT.findall(evolved.text)) - len(_CONSTRAINT.findall(seed.text))
    # One content word with a number or a "must" is a constraint; alone it is a synonym.
    if gained and (numbers or markers > 0) and net >= 1:
        return ""
    return f"{len(gained)} content words came and {len(lost)} went; nothing more is asked."
