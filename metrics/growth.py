"""Does the rewrite ask for more? The detector of stagnation, by what was added.

A rewrite of a quantitative problem is harder where a number enters the calculation or
the question asks for another operation. A number in a limit ("at most 200", "has 15 in
stock"), in an assumption, or worked out from the given ones changes nothing as a rule.
Any other rewrite is harder where it adds content words, not counting decoration.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from autoevol.core.records import FailureKind, Trajectory, Verdict
from autoevol.metrics.base import failed, passed
from autoevol.metrics.lexicon import NUMBER_WORDS, word_set
from autoevol.metrics.textual import View, view

MIN_ADDED_WORDS = 3
"""Content words that a rewrite of a non-quantitative task must gain, net."""

_IDLE_WORDS = word_set(
    """exceed exceeds exceeding under over maximum minimum max min limit limits limited limitation budget
    capacity within available aim aims aiming aimed goal hoping hopes deadline constraint
    constraints cannot mindestens höchstens maximal assume assumes assumed assuming suppose
    supposing considering regardless established born angenommen suponiendo"""
)
_IDLE_PHRASES = (
    "at least", "at most", "no more than", "no less than", "more than", "less than", "up to", "only has",
    "only had", "only have", "only got", "in stock", "must be", "can only", "given that", "provided that",
    "known as", "au moins", "au plus", "al menos", "como máximo",
)  # fmt: skip
_IDLE_WIDE = ("至少", "至多", "最多", "不超过", "预算", "假设")
# Without one of these words none of the phrases can be there.
_PHRASE_WORDS = word_set("least most more less only stock must given provided known up moins plus menos como")
_RESTATED = word_set(
    """equal equals equaling equivalent amounts amounting amount reaching total totals totaling totalling
    represent represents representing multiplying i.e"""
)
_RESTATED_PHRASES = ("which is", "that is", "in other words")
_PERCENT = word_set("percent percentage prozent pourcentage porcentaje percentuale 百分")
_OPERATIONS = _PERCENT | word_set(
    """ratio average difference proportion probability fraction median profit per differ longer earlier
    later durchschnitt unterschied wahrscheinlich
    moyenne différence promedio diferencia media 平均 比例 概率"""
)
# What asks for an extreme: under it a limit binds, whatever it is a limit of.
_EXTREMES = word_set(
    """fewest largest smallest greatest least most maximum minimum cheapest highest lowest shortest longest
    earliest latest höchstens mindestens maximal minimal kleinste größte plus moins máximo mínimo"""
)
_CODE_WORDS = word_set("python function code program script sql print query javascript java regex html")


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
        if _word_problem(seed):
            seen = _no_new_quantity(seed, evolved, trajectory.response)
        else:
            seen = _no_new_content(seed, evolved)
        return failed(self.name, FailureKind.STAGNANT, seen) if seen else passed(self.name)


def _word_problem(seed: View) -> bool:
    """Whether the numbers are what the task is about: not those of an input below it, or of code."""
    return seed.quantitative and "\n" not in seed.text.strip() and not seed.has(_CODE_WORDS)


def _no_new_quantity(seed: View, evolved: View, response: str | None) -> str:
    if _counted_questions(evolved) > _counted_questions(seed):
        return ""
    # Only words that the seed lacks are worth a look at where they stand.
    known = _operations(seed)
    asked = any(_asked(word, evolved) for word in _operations(evolved) - known)
    if asked and _operations(view(evolved.question)) - known:
        return ""
    if not evolved.vocabulary.isdisjoint(_EXTREMES - seed.vocabulary) and _asks_extreme(seed, evolved):
        return ""
    idle = 0
    for value, clause in new_quantities(seed, evolved):
        unused = response is not None and "=" in response and not _mentions(view(response), value)
        if not unused and not _idle(value, clause, seed):
            return ""
        idle += 1
    return (
        "The added numbers only limit or restate, or go unused." if idle else "No new quantity or operation."
    )


def _asks_extreme(seed: View, evolved: View) -> bool:
    """Whether the question asks for a most or a least that the seed's does not ask for."""
    return bool(view(evolved.question).vocabulary & _EXTREMES - view(seed.question).vocabulary)


def _mentions(text: View, value: float) -> bool:
    """Whether a number occurs in a text, in digits or in words; cheaper than reading them all."""
    for digits in {f"{value:.12g}", f"{value:,.12g}"}:
        place = text.text.find(digits)
        while place >= 0:
            end = place + len(digits)
            if not (text.text[max(0, place - 1) : place].isdigit() or text.text[end : end + 1].isdigit()):
                return True
            place = text.text.find(digits, end)
    return any(NUMBER_WORDS[word] == value for word in text.vocabulary & _NUMBER_WORDS)


def new_quantities(seed: View, evolved: View) -> Iterator[tuple[float, str]]:
    """Quantities of `evolved` beyond those of `seed`, each with its clause in lower case.

    A value counts as new as often as it occurs more often than in the seed; together with
    the same word ("5 years") it is never new.
    """
    before = counted(seed)
    named = {(value, thing) for value, thing, _ in before}
    left: dict[float, int] = {}
    for value, _, _ in before:
        left[value] = left.get(value, 0) + 1
    cut = ""
    for value, thing, place in counted(evolved):
        if (value, thing) in named or left.get(value, 0) > 0:
            left[value] = left.get(value, 0) - 1
        else:
            if not cut:
                cut = _cut(evolved)
            start = cut.rfind("\n", max(0, place - _REACH), place) + 1 or max(0, place - _REACH)
            end = cut.find("\n", place, place + _REACH)
            yield value, evolved.lower[start : end if end >= 0 else place + _REACH]


def counted(text: View) -> list[tuple[float, str, int]]:
    """Quantities with the beginning of the next word, and their place: "5 years" is (5.0, "year", 0)."""
    lower = text.lower
    # Words first: of "twice as many, that is, by 2" the digit is the restatement. "one" and
    # "a third friend" are rarely quantities.
    found = [(value, lower[end + 1 : end + 5], start) for value, start, end in text.numbers]
    if text.number_words:
        words = [(NUMBER_WORDS[word], lower[end + 1 : end + 5], start) for word, start, end in _placed(text)]
        return words + found
    return found


def _placed(text: View) -> Iterator[tuple[str, int, int]]:
    """Numbers in words that count, with their begin and end in `lower`."""
    end = 0
    for word in text.number_words:
        if word in _RARELY_COUNTING and word != "third":
            continue
        start = text.lower.index(word, end)
        while not _stands_alone(text.lower, start, start + len(word)):
            start = text.lower.index(word, start + 1)
        end = start + len(word)
        # "a third friend" is no share, "one third being ferns" and "a third of them" are.
        if word != "third" or text.lower.startswith(" of ", end) or text.lower[:start].endswith(_ONE):
            yield word, start, end


def _stands_alone(text: str, start: int, end: int) -> bool:
    return not (text[max(0, start - 1) : start].isalpha() or text[end : end + 1].isalpha())


_NUMBER_WORDS = frozenset(NUMBER_WORDS)
_RARELY_COUNTING = frozenset(("one", "once", "third"))
_ONE = ("one ", "one-")
_MARKS = (", ", ". ", "; ", ": ", "? ", "! ")
_ENGLISH_JOINTS = word_set("and but while which where who")
_JOINTS = _ENGLISH_JOINTS | word_set("und aber et mais y pero")
_WIDE_MARKS = str.maketrans(dict.fromkeys("，。；、？！", "\n"))
_REACH = 120


def _cut(text: View) -> str:
    """The text, place by place, with a line break wherever a mark or a joining word ends a clause.

    A joining word belongs to what follows: "which is" says that a number is restated.
    """
    lower = text.lower
    for mark in _MARKS:
        lower = lower.replace(mark, "\n ")
    for word in (_ENGLISH_JOINTS if " the " in lower else _JOINTS) & text.vocabulary:
        lower = lower.replace(f" {word} ", f"\n{word} ")
    return lower if text.ascii else lower.translate(_WIDE_MARKS)


def _idle(value: float, clause: str, seed: View) -> bool:
    words = frozenset(clause.split())
    if not _IDLE_WORDS.isdisjoint(words):
        return True
    if not _PHRASE_WORDS.isdisjoint(words) and any(phrase in clause for phrase in _IDLE_PHRASES):
        return True
    if not clause.isascii() and any(mark in clause for mark in _IDLE_WIDE):
        return True
    if _RESTATED.isdisjoint(words) and not any(phrase in clause for phrase in _RESTATED_PHRASES):
        return False
    return value in seed.quantities or derivable(value, seed.quantities, "%" in clause)


def derivable(value: float, given: list[float], percent: bool = False, twice: bool = True) -> bool:
    """Whether one operation on two of the `given` numbers (or a dozen) gives `value`.

    With `percent`, also the share of one number in another, in percent. Without `twice`, no
    number is taken with itself unless it is given more than once.
    """
    numbers = list(dict.fromkeys(given))[:12]
    once = () if twice else [number for number in numbers if given.count(number) == 1]
    slack = 1e-6 * max(1.0, abs(value))
    for a in numbers:
        for b in (*numbers, 12.0):
            if a == b and a in once:
                continue
            if abs(a + b - value) <= slack or abs(a - b - value) <= slack or abs(a * b - value) <= slack:
                return True
            if b and (abs(a / b - value) <= slack or (percent and abs(100 * a / b - value) <= slack)):
                return True
    return False


def _counted_questions(text: View) -> int:
    return text.text.count("?") if text.ascii else sum(map(text.text.count, "?？؟"))


def _asked(word: str, text: View) -> bool:
    """Whether an operation can be in the question: a look that saves cutting it into words."""
    return word in text.question.lower() or word in _PERCENT


def _operations(text: View) -> frozenset[str]:
    found = text.vocabulary & _OPERATIONS
    return found | {"percent"} if "%" in text.text or not _PERCENT.isdisjoint(found) else found


_CONSTRAINT = re.compile(
    r"\b(?:without|must|should|at least|at most|exactly|no more than|ensure|including|include"
    r"|handle|limit\w*|only|using|explain|justify|compare|also|support\w*|avoid\w*|ohne|mindestens|sans"
    r"|au moins|sin|al menos)\b"
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
