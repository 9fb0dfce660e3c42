"""Detector of the answer in the instruction: stated, calculated, or as a recipe."""

from __future__ import annotations

import re

from autoevol.core.records import FailureKind, Trajectory, Verdict
from autoevol.metrics.asking import asks_for_something
from autoevol.metrics.base import failed, passed
from autoevol.metrics.growth import derivable
from autoevol.metrics.lexicon import word_set
from autoevol.metrics.textual import View, shorten, view

_ANSWER_LINE = re.compile(
    r"^[ \t]{0,8}(?:\*\*|#{1,6}[ \t]{0,4})?(?:(?:the\s+)?(?:final\s+|correct\s+)?(?:answer"
    r"|solution)(?:\s+is)?"
    r"|antwort|lösung|réponse|solution|respuesta|solución|risposta|resposta|ответ|答案|解答|答え|정답)"
    r"(?:\*\*)?[ \t]{0,4}(?:[:：]|\bis\b|####)[ \t]{0,4}\S",
    re.IGNORECASE | re.MULTILINE,
)
# The same after the question, on its line: a colon is then needed.
_ANSWER_AFTER = re.compile(
    r"[.?!)。？！][ \t]{1,4}\(?(?:the\s+)?(?:(?:final\s+|correct\s+)?(?:answer|solution)(?:\s+is)?"
    r"|antwort|lösung|réponse|solution|respuesta|solución|risposta|resposta|ответ|答案|解答)"
    r"[ \t]{0,2}[:：][ \t]{0,4}\S",
    re.IGNORECASE,
)
_ANSWER_WIDE = ("答", "정답", "ответ")
_ANSWER_SAID = re.compile(
    r"\b(?:the\s+(?:final\s+|correct\s+)?answer\s+is|the\s+result\s+is|die\s+antwort\s+(?:ist|lautet)"
    r"|la\s+réponse\s+est|la\s+respuesta\s+es)\b:?\s+[\"“$€£]?[\w\d-]|答案(?:是|为)\s*\S|^####\s*-?\d",
    re.IGNORECASE | re.MULTILINE,
)
_EXERCISE = (
    "error", "mistake", "verify", "check", "whether", "explain why", "prove", "show that", "if the answer is",
    "wrong", "incorrect", "format", "überprüfe", "fehler", "vérifie", "错误", "验证",
)  # fmt: skip
_COMPUTED = re.compile(r"\d[\d.,]{0,20} {0,2}(?:[-+*/×÷x−] {0,2}\$?\d[\d.,]{0,20} {0,2}){1,8}= {0,2}\$?\d")
# An expression that spells out the calculation: two operators, between numbers or brackets.
_FORMULA = re.compile(
    r"[\d%)] ?(?: [-+/]|[*×÷]) ?(?:\(?[a-z$][\w ]{0,40}\)?|\$?\d[\d.,]{0,20}) ?(?: [-+/] |[*×÷])",
    re.IGNORECASE,
)
_STEPS = re.compile(
    r"\bfirst,?\s(?:calculate|compute|find|determine|multiply|divide|subtract|add)\b.{0,300}?"
    r"\bthen,?\s(?:calculate|compute|find|determine|multiply|divide|subtract|add)\b",
    re.DOTALL,
)
_HINT = re.compile(
    r"\b(?:you|she|he|they|we)\s(?:need|needs|have|has|must|should|can)\s(?:to\s)?"
    r"(?:multiply|divide|subtract|add)\b[^.?!]{0,160}\b(?:by|from|to)\b"
)
_ANSWER_WORDS = word_set("answer solution result antwort lösung réponse respuesta solución risposta resposta")
_ALGEBRA_WORDS = word_set("equation equations formula expression function code inequality polynomial")
_RECIPE_WORDS = frozenset(("multiply", "divide", "subtract", "add"))


class Answered:
    """The instruction contains its solution: the answer, the calculation, or the recipe.

    A formula counts only where the seed is posed in words: a seed about equations is
    made harder with equations.
    """

    name = "answered"
    kinds: frozenset[FailureKind] = frozenset({FailureKind.ANSWERED})
    calls = 0

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Look for a stated answer, then for the calculation that gives it."""
        if trajectory.evolved is None:
            return passed(self.name)
        seen = _answer(view(trajectory.seed), view(trajectory.evolved))
        return failed(self.name, FailureKind.ANSWERED, seen) if seen else passed(self.name)


def _answer(seed: View, evolved: View) -> str:
    text = evolved.text
    said = None
    if evolved.has(_ANSWER_WORDS) or "####" in text or evolved.has_any(_ANSWER_WIDE):
        said = _ANSWER_LINE.search(text) or _ANSWER_SAID.search(text) or _ANSWER_AFTER.search(text)
    if said and not (_ANSWER_LINE.search(seed.text) or _ANSWER_SAID.search(seed.text)):
        if not any(word in evolved.lower for word in _EXERCISE):
            return f'The instruction states an answer: "{shorten(said.group())}".'
        return ""
    if not seed.quantities or seed.has(_ALGEBRA_WORDS) or "=" in seed.text or "^" in seed.text:
        return ""
    spelled = _COMPUTED.search(text) if "=" in text else None
    if spelled is None and _has_operator(evolved):
        spelled = _FORMULA.search(text)
    if spelled:
        return f'The instruction spells out the calculation: "{shorten(spelled.group())}".'
    recipe = None
    if "first" in evolved.vocabulary and "then" in evolved.vocabulary:
        recipe = _STEPS.search(evolved.lower)
    if recipe is None and evolved.has(_RECIPE_WORDS):
        recipe = _HINT.search(evolved.lower)
    if recipe:
        return f'The instruction says how to solve it: "{shorten(recipe.group())}".'
    return _closing_statement(seed, evolved) or _stated_result(seed, evolved)


def _has_operator(text: View) -> bool:
    plain = "*" in text.text or " + " in text.text or " - " in text.text or " / " in text.text
    return plain or (not text.ascii and ("×" in text.text or "÷" in text.text))


_HENCE = word_set("so thus therefore hence leaving leaves meaning also donc luego entonces quedan")
_CONCLUDES = re.compile(
    r"(?:^|[,;(] ?)(?:so|thus|therefore|hence|which (?:leaves|means|makes)|leaving|meaning|donc|por lo tanto"
    r"|das heißt|somit)\b"
)

_SHARED_STEMS = 2


def _stated_result(seed: View, evolved: View) -> str:
    """A sentence that draws the conclusion which the question then asks for.

    It begins or goes on with a word of conclusion, has a number that the seed lacks and
    one operation on the seed's numbers gives, and shares its subject with the question.
    """
    if not evolved.has(_HENCE) or not evolved.asks or len(seed.values) < 2:
        return ""
    if set(evolved.values) <= set(seed.values):
        return ""
    for sentence in evolved.sentences:
        found = None if "?" in sentence else _CONCLUDES.search(sentence.lower())
        if not found:
            continue
        drawn = view(sentence[found.end() :])
        new = [value for value in drawn.values if value not in seed.values]
        if (
            new
            and len(view(evolved.question).stems & drawn.stems) >= _SHARED_STEMS
            and any(derivable(value, seed.quantities) for value in new)
        ):
            return f'The result is stated before it is asked for: "{shorten(sentence)}".'
    return ""


_TO_FIND = re.compile(r"\b(?:calculat|determin|find|figure|comput|know|solv|work out)\w*", re.IGNORECASE)


def _closing_statement(seed: View, evolved: View) -> str:
    """A last sentence that answers the seed's question instead of asking it."""
    if evolved.asks or not seed.asks or not evolved.sentences or asks_for_something(evolved):
        return ""
    question = next((s for s in reversed(seed.sentences) if "?" in s or "？" in s), "")
    asked, last = view(question).stems, view(evolved.sentences[-1])
    if len(asked) < 2 or len(asked & last.stems) * 2 < len(asked) or _TO_FIND.search(last.text):
        return ""
    new = set(last.values).difference(seed.values)
    return f'The question is answered: "{shorten(evolved.sentences[-1])}".' if new else ""
