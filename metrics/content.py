"""Detectors of what the original had and the rewrite lacks: data, question, subject."""

from __future__ import annotations

import re

from autoevol.core.records import FailureKind, Trajectory, Verdict
from autoevol.metrics.asking import asks_for_something
from autoevol.metrics.base import failed, passed
from autoevol.metrics.lexicon import FUNCTION_WORDS, word_set
from autoevol.metrics.textual import View, shorten, view

KEPT_INPUT = 0.4
"""Share of the distinct words of a code block, table or input that a rewrite must keep."""
KEPT_QUANTITIES = 0.5
"""Share of the number of quantities that a rewrite must keep (their values may change)."""
SHARED_SUBJECT = 0.12
"""Share of the original's content words below which a rewrite is about something else."""


class LostInformation:
    """Code, a table, quoted or separate input, the quantities or the question is gone.

    Values may change (a harder variant of a sum has other numbers): what counts is how
    many quantities remain. Separate input is what follows a blank line or a colon.
    """

    name = "lost-information"
    kinds: frozenset[FailureKind] = frozenset({FailureKind.LOST_INFORMATION})
    calls = 0

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Look for the parts of the seed one by one, the most telling first."""
        if trajectory.evolved is None:
            return passed(self.name)
        seed, evolved = view(trajectory.seed), view(trajectory.evolved)
        for look in (_lost_question, _lost_code, _lost_input, _lost_quotes, _lost_quantities, _dangling):
            seen = look(seed, evolved)
            if seen:
                return failed(self.name, FailureKind.LOST_INFORMATION, seen)
        return passed(self.name)


class OffTask:
    """The rewrite shares almost no content words, numbers or names with the original."""

    name = "off-task"
    kinds: frozenset[FailureKind] = frozenset({FailureKind.OFF_TASK})
    calls = 0

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Compare content words by their beginnings."""
        if trajectory.evolved is None:
            return passed(self.name)
        seed, evolved = view(trajectory.seed), view(trajectory.evolved)
        seen = _other_work(seed, evolved)
        if seen:
            return failed(self.name, FailureKind.OFF_TASK, seen)
        if not set(seed.values).isdisjoint(evolved.values):
            return passed(self.name)
        # Enough words as they stand settle it; beginnings of words are for the doubtful rest.
        if len((seed.vocabulary & evolved.vocabulary) - FUNCTION_WORDS) >= SHARED_SUBJECT * len(
            seed.vocabulary
        ):
            return passed(self.name)
        # Too few words, or other letters altogether, give no ground for a comparison.
        if len(seed.plain_stems) < 6 or len(evolved.plain_stems) < 3 or _scripts_differ(seed, evolved):
            return passed(self.name)
        shared = seed.plain_stems & evolved.plain_stems
        if len(shared) >= SHARED_SUBJECT * len(seed.plain_stems):
            return passed(self.name)
        return failed(
            self.name,
            FailureKind.OFF_TASK,
            f"{len(shared)} of {len(seed.plain_stems)} content words are left.",
        )


_PROGRAMMING = word_set(
    """function script program code sql query python javascript java bash shell regex html css class method
    typescript rust php ruby algorithm api json csv loop array dictionary tuple recursion funktion skript
    programm abfrage fonction requête función consulta funzione"""
)
_ASKS_CODE = word_set("function script program sql query regex funktion skript fonction función funzione")
_PROSE = word_set(
    """poem story essay song letter speech discuss arguments debate gedicht geschichte brief aufsatz poème
    histoire lettre poema historia carta"""
)


def _other_work(seed: View, evolved: View) -> str:
    """A sum or a program that became another kind of work, though the subject be the same."""
    if not seed.ascii and not evolved.ascii and _scripts_differ(seed, evolved):
        return ""
    if seed.has(_ASKS_CODE) and not seed.has(_PROSE) and not evolved.has(_PROGRAMMING):
        if "`" not in evolved.text and evolved.ascii and len(evolved.words) >= 8:
            return "A program was asked for, and now something else is."
    elif (
        not evolved.asks
        and seed.quantitative
        and len(seed.values) >= 2
        and evolved.has(_PROSE)
        and not seed.has(_PROSE)
        and not set(seed.values) & set(evolved.values)
    ):
        return "A number was asked for, and now a text is."
    return ""


def _scripts_differ(seed: View, evolved: View) -> bool:
    return seed.text[:200].isascii() != evolved.text[:200].isascii()


def _lost_question(seed: View, evolved: View) -> str:
    # Only a question is sure to be one: verbs of request are known in part, above all of
    # other languages than English.
    if evolved.asks or not seed.asks or asks_for_something(evolved):
        return ""
    end = evolved.sentences[-1] if evolved.sentences else ""
    return f'Nothing is asked any more; the rewrite ends: "{shorten(end)}".'


def _lost_code(seed: View, evolved: View) -> str:
    if not seed.code:
        return ""
    kept = _kept("\n".join(seed.code), evolved)
    return f"{kept:.0%} of the code of the original is left." if kept < KEPT_INPUT else ""


_INPUT = re.compile(
    r"(?:\n[ \t]*\n|:[ \t]*\n|^(?:input|text|sentence|passage|data)[ \t]{0,3}:)",
    re.IGNORECASE | re.MULTILINE,
)


def _lost_input(seed: View, evolved: View) -> str:
    if "\n" not in seed.text and ":" not in seed.text:
        return ""
    cut = _INPUT.search(seed.text)
    if cut is None:
        return ""
    given = seed.text[cut.end() :]
    # An instruction in paragraphs has no input: input is what stands after the request.
    if asks_for_something(view(given)) and not asks_for_something(view(seed.text[: cut.start()])):
        return ""
    if len(given.split()) < 3:
        return ""
    kept = _kept(given, evolved)
    return f'{kept:.0%} of the input is left: "{shorten(given)}".' if kept < KEPT_INPUT else ""


_QUOTE = re.compile(r"\"([^\"\n]{8,2000})\"|“([^“”\n]{8,2000})”|「([^「」\n]{4,2000})」|«([^«»\n]{8,2000})»")


def _lost_quotes(seed: View, evolved: View) -> str:
    text = seed.text
    if not ('"' in text or "“" in text or "「" in text or "«" in text):
        return ""
    quotes = ["".join(groups) for groups in _QUOTE.findall(seed.text)]
    lost = [quote for quote in quotes if _kept(quote, evolved) < KEPT_INPUT]
    return (
        f'The quoted passage is gone: "{shorten(lost[0])}".' if lost and len(lost) * 2 > len(quotes) else ""
    )


def _lost_quantities(seed: View, evolved: View) -> str:
    before, after = seed.quantities, evolved.quantities
    if len(seed.values) < 2 or not before:
        return ""
    if len(after) >= KEPT_QUANTITIES * len(before):
        return ""
    missing = set(seed.values).difference(after)
    if not missing:
        return ""
    gone = ", ".join(f"{value:g}" for value in sorted(missing)[:4])
    return f"Of {len(before)} quantities {len(after)} are left; gone: {gone}."


_POINTERS = frozenset(("following", "below", "above", "attached", "provided", "given"))
_DANGLING = re.compile(
    r"\b(?:the\s+)?(?:following|below|above|attached|provided|given)\s+(?:\w+\s+){0,2}?"
    r"(?:text|passage|table|list|code|data|dataset|article|paragraph|sentences?|image|document|snippet|input)\b"
    r"|(?:以下|下面|下列)的?(?:文本|文章|句子|代码|表格|数据|列表)",
    re.IGNORECASE,
)


def _dangling(seed: View, evolved: View) -> str:
    """Input that the rewrite speaks of and does not carry, where the original had none to lose."""
    if not evolved.has(_POINTERS) and not evolved.has_any(("以下", "下面", "下列")):
        return ""
    found = _DANGLING.search(evolved.text)
    if found is None or _DANGLING.search(seed.text):
        return ""
    rest = evolved.text[found.end() :]
    carried = (
        "\n" in rest.strip()
        or len(rest) > 300
        or ":" in rest
        or "：" in rest
        or any(m in rest for m in '"“「«`')
    )
    before = evolved.text[: found.start()]
    if carried and not rest.rstrip().endswith((":", "：")):
        return ""
    if "\n" in before.strip() or any(m in before for m in '"“「«`'):
        return ""
    return f'The rewrite speaks of input that it does not carry: "{shorten(found.group())}".'


def _kept(part: str, evolved: View) -> float:
    """Share of the distinct words and numbers of `part` that occur in `evolved`, 0..1."""
    given = view(part)
    tokens = (given.vocabulary - FUNCTION_WORDS) or given.vocabulary
    have = evolved.vocabulary
    numbers, had = set(given.values), set(evolved.values)
    total = len(tokens) + len(numbers)
    if total:
        return (len(tokens & have) + len(numbers & had)) / total
    return float("".join(part.split()) in "".join(evolved.text.split()))
