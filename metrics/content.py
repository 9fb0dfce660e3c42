"""Detectors of what the original had and the rewrite lacks: data, question, subject."""

from __future__ import annotations

import re

from autoevol.core.records import FailureKind, Trajectory, Verdict
from autoevol.metrics.asking import asks_for_something, opens_with_request
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
        for look in (_lost_question, _statement, _lost_input, _lost_quantities, _lost_number):
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
        seen = _other_work(seed, evolved) or _other_subject(seed, evolved)
        return failed(self.name, FailureKind.OFF_TASK, seen) if seen else passed(self.name)


def _other_subject(seed: View, evolved: View) -> str:
    if not set(seed.values).isdisjoint(evolved.values):
        return ""
    # Enough words as they stand settle it; beginnings of words are for the doubtful rest.
    if len((seed.vocabulary & evolved.vocabulary) - FUNCTION_WORDS) >= SHARED_SUBJECT * len(seed.vocabulary):
        return ""
    # Too few words, or other letters altogether, give no ground for a comparison.
    if len(seed.plain_stems) < 6 or len(evolved.plain_stems) < 3 or _scripts_differ(seed, evolved):
        return ""
    shared = seed.plain_stems & evolved.plain_stems
    if len(shared) >= SHARED_SUBJECT * len(seed.plain_stems):
        return ""
    return f"{len(shared)} of {len(seed.plain_stems)} content words are left."


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


_STATES = word_set(
    "a an the this that these those it there he she they his her their its i we my our some many most"
)
_IS = word_set("is are was were has have had can may will must should includes means")


def _statement(seed: View, evolved: View) -> str:
    """Sentences that tell where the seed asked, whatever verbs they have in their middle."""
    if evolved.asks or not evolved.ascii or not (seed.asks or asks_for_something(seed)):
        return ""
    sentences = [sentence.lower() for sentence in evolved.sentences]
    if not sentences or any(opens_with_request(sentence) for sentence in sentences):
        return ""
    tells = [
        words for words in map(str.split, sentences) if words[0] in _STATES and not _IS.isdisjoint(words)
    ]
    return (
        f'The rewrite tells and asks nothing: "{shorten(sentences[0])}".'
        if len(tells) == len(sentences)
        else ""
    )


_INPUT = re.compile(
    r"\n[ \t]*\n|:[ \t]*\n|^(?:input|text|sentence|passage|data)[ \t]{0,3}:"
    r"|:[ \t]+(?=[\"“「«]|def |class |SELECT )",
    re.IGNORECASE | re.MULTILINE,
)
_QUOTE = re.compile(r"\"[^\"\n]{8,2000}\"|“[^“”\n]{8,2000}”|「[^「」\n]{4,2000}」|«[^«»\n]{8,2000}»")


_MAX_PARTS = 8


def _lost_input(seed: View, evolved: View) -> str:
    """Code, a passage or another input that the seed carried and the rewrite does not."""
    if "\n" not in seed.text and ":" not in seed.text and not _QUOTE.search(seed.text):
        return ""
    parts = (seed.code or _QUOTE.findall(seed.text))[:_MAX_PARTS]
    cut = None if parts else _INPUT.search(seed.text)
    if cut is not None:
        given = seed.text[cut.end() :]
        # An instruction in paragraphs has no input: input is what stands after the request.
        asks = asks_for_something(view(given)) and not asks_for_something(view(seed.text[: cut.start()]))
        parts = [] if asks or len(given.split()) < 3 else [given]
    lost = [part for part in parts if _kept(part, evolved) < KEPT_INPUT]
    return f'The input is gone: "{shorten(lost[0])}".' if lost and len(lost) * 2 > len(parts) else ""


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


def _lost_number(seed: View, evolved: View) -> str:
    """A word problem with fewer of the numbers it had, and no new one: it lost something."""
    if not seed.quantitative or len(seed.values) < 2:
        return ""
    before, after = set(seed.quantities), set(evolved.quantities)
    gone = before - after
    if not gone or after - before or len(evolved.quantities) >= len(seed.quantities):
        return ""
    # A letter may stand for the number: "if he sells n of them".
    if any(len(word) == 1 and word.isalpha() for word in evolved.vocabulary - seed.vocabulary - {"a", "i"}):
        return ""
    return f"Gone, and replaced by nothing: {', '.join(f'{value:g}' for value in sorted(gone)[:4])}."


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
