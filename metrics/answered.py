"""Detector of the answer in the instruction: stated, calculated, or as a recipe."""

from __future__ import annotations

import re

from autoevol.core.records import FailureKind, Trajectory, Verdict
from autoevol.metrics.base import failed, passed
from autoevol.metrics.lexicon import word_set
from autoevol.metrics.textual import View, shorten, view

_ANSWER_LINE = re.compile(
    r"^[ \t]{0,8}(?:\*\*|#{1,6}[ \t]{0,4})?(?:(?:the\s+)?(?:final\s+|correct\s+)?(?:answer"
    r"|solution)(?:\s+is)?"
    r"|antwort|lösung|réponse|solution|respuesta|solución|risposta|resposta|ответ|答案|解答|答え|정답)"
    r"(?:\*\*)?[ \t]{0,4}(?:[:：]|####)[ \t]{0,4}[^\s_\[(<]",
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
# A value has to follow: "every unit of the answer is worth 5" and "if the result is doubled" say
# what is to be done with an answer.
_VALUE = (
    r"(?:[\"“'][^\"”'\n]{1,60}[\"”']|[$€£]?[-−]?\d[\d.,/]*(?:\s?%)?|(?:zero|one|two|three|four|five|six|seven"
    r"|eight|nine|ten|eleven|twelve|twenty|yes|no|true|false)\b)"
    r"(?!\s*(?:more|less|fewer|times|percent|digits?|words?|sentences?|lines?|points?|or\b|to\b|-))"
)
_ANSWER_SAID = re.compile(
    r"\b(?:the\s+(?:final\s+|correct\s+)?answer\s+is|the\s+result\s+is|die\s+antwort\s+(?:ist|lautet)"
    rf"|la\s+réponse\s+est|la\s+respuesta\s+es)\b:?\s+{_VALUE}|答案(?:是|为)\s*\S|^####\s*-?\d",
    re.IGNORECASE | re.MULTILINE,
)
_EXERCISE = (
    "error", "mistake", "verify", "check", "whether", "explain why", "prove", "show that", "if the answer is",
    "wrong", "incorrect", "format", "such that", "so that", "überprüfe", "fehler", "vérifie", "错误", "验证",
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
    seen = _said_outright(seed, evolved)
    if seen or not seed.quantities or seed.has(_ALGEBRA_WORDS) or "=" in seed.text or "^" in seed.text:
        return seen
    for look in (_spelled_out, _recipe):
        seen = look(seed, evolved)
        if seen:
            return seen
    return ""


def _said_outright(seed: View, evolved: View) -> str:
    text = evolved.text
    if not (evolved.has(_ANSWER_WORDS) or "####" in text or evolved.has_any(_ANSWER_WIDE)):
        return ""
    said = _ANSWER_LINE.search(text) or _ANSWER_SAID.search(text) or _ANSWER_AFTER.search(text)
    if not said or _ANSWER_LINE.search(seed.text) or _ANSWER_SAID.search(seed.text):
        return ""
    if any(word in evolved.lower for word in _EXERCISE):
        return ""
    return f'The instruction states an answer: "{shorten(said.group())}".'


def _spelled_out(_: View, evolved: View) -> str:
    spelled = _COMPUTED.search(evolved.text) if "=" in evolved.text else None
    if spelled is None and _has_operator(evolved):
        spelled = _FORMULA.search(evolved.text)
    return f'The instruction spells out the calculation: "{shorten(spelled.group())}".' if spelled else ""


def _recipe(_: View, evolved: View) -> str:
    recipe = None
    if "first" in evolved.vocabulary and "then" in evolved.vocabulary:
        recipe = _STEPS.search(evolved.lower)
    if recipe is None and evolved.has(_RECIPE_WORDS):
        recipe = _HINT.search(evolved.lower)
    return f'The instruction says how to solve it: "{shorten(recipe.group())}".' if recipe else ""


def _has_operator(text: View) -> bool:
    plain = "*" in text.text or " + " in text.text or " - " in text.text or " / " in text.text
    return plain or (not text.ascii and ("×" in text.text or "÷" in text.text))
