"""Detectors of form: was there an instruction at all, is it whole, new, and in the same language?"""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from autoevol.core.records import FailureKind, Trajectory, Verdict
from autoevol.metrics.base import failed, passed
from autoevol.metrics.lexicon import PROFILES, word_set
from autoevol.metrics.textual import View, clip, shorten, view

NEAR_COPY_RATIO = 0.97
"""Share of words kept in order from which a rewrite counts as a copy (2 * matches / words)."""

_WORD = re.compile(r"\w")
_TAG = re.compile(r"#[^#\n]{1,60}#:?")


class Broken:
    """No usable instruction or response: empty, unparsed, truncated, or filtered.

    Decided by the record alone: what was read out of the reply, and why the reply ended.
    """

    name = "form"
    kinds: frozenset[FailureKind] = frozenset(
        {FailureKind.EMPTY, FailureKind.UNPARSED, FailureKind.TRUNCATED, FailureKind.REFUSED}
    )
    calls = 0

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Judge the rewrite first, then the response."""
        last = trajectory.evolutions[-1]
        if last.finish_reason == "content_filter":
            return failed(self.name, FailureKind.REFUSED, "The provider's filter stopped the rewrite.")
        if last.finish_reason == "length":
            return failed(self.name, FailureKind.TRUNCATED, "The rewrite was cut off at the token limit.")
        if last.evolved is None:
            if not _TAG.sub("", clip(last.reply or "")).strip():
                return failed(
                    self.name, FailureKind.EMPTY, "The reply is blank, or a heading without a text."
                )
            return failed(self.name, FailureKind.UNPARSED, "The reply marks no final instruction.")
        if not _has_content(last.evolved):
            return failed(self.name, FailureKind.EMPTY, "The evolved instruction has no words.")
        return self._response(trajectory)

    def _response(self, trajectory: Trajectory) -> Verdict:
        if trajectory.response_finish_reason == "content_filter":
            return failed(self.name, FailureKind.REFUSED, "The provider's filter stopped the response.")
        if trajectory.response is None:
            return passed(self.name)
        if not _has_content(trajectory.response):
            return failed(self.name, FailureKind.EMPTY, "The response is blank.")
        if trajectory.response_finish_reason == "length":
            return failed(self.name, FailureKind.TRUNCATED, "The response was cut off at the token limit.")
        return passed(self.name)


class CutShort:
    """The last sentence of the rewrite stops in the middle, whatever the provider says."""

    name = "cut-short"
    kinds: frozenset[FailureKind] = frozenset({FailureKind.TRUNCATED})
    calls = 0

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Look at the end of the last stage."""
        seen = _cut_short(trajectory.seed, trajectory.evolved) if trajectory.evolved else ""
        return failed(self.name, FailureKind.TRUNCATED, seen) if seen else passed(self.name)


class Unchanged:
    """The rewrite is the instruction again, or as good as.

    Compared with every earlier stage, so that a round which undoes another is seen.
    Case, spacing and punctuation do not count; a single changed number does.
    """

    name = "unchanged"
    kinds: frozenset[FailureKind] = frozenset({FailureKind.UNCHANGED})
    calls = 0

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Compare the last stage with every stage before it."""
        evolved = trajectory.evolved
        if evolved is None:
            return passed(self.name)
        after = view(evolved)
        for number, step in enumerate(trajectory.evolutions):
            before = view(step.instruction)
            if _same(before, after, step.instruction, evolved):
                return failed(self.name, FailureKind.UNCHANGED, f"The rewrite repeats stage {number}.")
        return passed(self.name)


class LanguageChanged:
    """The rewrite is in another script, or in another language of the Latin script.

    Quoted passages and code are left out of account: an instruction to translate a German
    sentence stays an English instruction.
    """

    name = "language"
    kinds: frozenset[FailureKind] = frozenset({FailureKind.LANGUAGE_CHANGED})
    calls = 0

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Compare script, then closed-class words, of the first and the last stage."""
        evolved = trajectory.evolved
        if evolved is None:
            return passed(self.name)
        if _plainly_english(view(trajectory.seed)) and _plainly_english(view(evolved)):
            return passed(self.name)
        before, after = language(trajectory.seed), language(evolved)
        if before and after and before != after:
            return failed(self.name, FailureKind.LANGUAGE_CHANGED, f"From {before} to {after}.")
        return passed(self.name)


_COMMON = word_set("the and of is how she he they each many his her with has have are what it there")


def _plainly_english(text: View) -> bool:
    """Whether a text is English at first sight; the usual case, decided at a fraction of the cost."""
    if not text.ascii and len(text.text.encode("utf-8", "replace")) > 1.05 * len(text.text):
        return False
    return len(_COMMON & text.vocabulary) >= 3


def _has_content(text: str) -> bool:
    return text[:1].isalnum() or bool(_WORD.search(clip(text)))


def _same(before: View, after: View, first: str, second: str) -> bool:
    if first == second:
        return True
    if before.words != after.words:
        if abs(len(before.words) - len(after.words)) > 2 or len(before.words) < 12:
            return False
        # A swap of two short words is cosmetic; a new number or a new name is not.
        added = after.vocabulary - before.vocabulary
        if len(added) > 2 or sorted(before.values) != sorted(after.values):
            return False
        matcher = SequenceMatcher(None, before.words[:400], after.words[:400], autojunk=False)
        return matcher.quick_ratio() >= NEAR_COPY_RATIO and len(first) < 4_000
    # Without words (symbols, or past the looked-at part) only the whole text decides.
    squeezed = "".join(first.split()).casefold(), "".join(second.split()).casefold()
    return squeezed[0] == squeezed[1] or (
        before.values == after.values and bool(after.words) and _near(*squeezed)
    )


def _near(first: str, second: str) -> bool:
    return abs(len(first) - len(second)) <= 4


_OPEN_END = re.compile(r"[,(\[{:–-]$|\b(?:and|or|the|a|of|und|oder|et|ou|y|der|die|le|la)$", re.IGNORECASE)
_LIST_LINE = re.compile(r"\s*(?:[-*•|#>]|\d+[.)])")


def _cut_short(seed: str, evolved: str) -> str:
    """Why the last sentence of `evolved` looks unfinished, or ''."""
    end = evolved[-400:].rstrip()
    if end.endswith((".", "?", "!")):
        return ""
    last_line = end.rsplit("\n", 1)[-1]
    if (
        "```" in last_line
        or _LIST_LINE.match(last_line)
        or not seed.rstrip().endswith((".", "?", "!", "。", "？", "！"))
    ):
        return ""
    if _OPEN_END.search(last_line[-12:]) and not last_line.endswith(":"):
        return f'The instruction breaks off: "{shorten(last_line[-50:])}".'
    words = last_line.split()
    # A whole sentence and then one more word: long prose is rarely left without a stop.
    if (
        len(words) > 12
        and last_line[-1].isalpha()
        and re.search(r"[.!?。？！]\s+\S+(?:\s\S+){0,2}$", last_line)
    ):
        return f'The instruction breaks off: "{shorten(last_line[-50:])}".'
    return ""


_SCRIPTS = (
    ("Japanese", re.compile(r"[\u3040-\u30ff]")),
    ("Korean", re.compile(r"[\uac00-\ud7af]")),
    ("Chinese", re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")),
    ("Cyrillic script", re.compile(r"[\u0400-\u04ff]")),
    ("Arabic script", re.compile(r"[\u0600-\u06ff]")),
    ("Devanagari script", re.compile(r"[\u0900-\u097f]")),
    ("Hebrew script", re.compile(r"[\u0590-\u05ff]")),
    ("Greek script", re.compile(r"[\u0370-\u03ff]")),
    ("Thai script", re.compile(r"[\u0e00-\u0e7f]")),
)
_QUOTED = re.compile(
    r"```[^`]*```|\"[^\"\n]{0,2000}\"|“[^”\n]{0,2000}”|«[^»\n]{0,2000}»|「[^」\n]{0,2000}」|`[^`\n]{0,2000}`"
)
_LOOK = 1_500
_SHORT = 12
"""Below this many distinct words every language is compared: "was" and "die" are in two."""


def language(text: str) -> str:
    """The language or script of `text`, '' where it cannot be told safely."""
    head = text[:_LOOK]
    # What follows a short request and a colon is input, in whatever language.
    request, colon, given = head.partition(": ")
    if colon and len(given) > len(request) and len(request.split()) <= _SHORT and "\n" not in request:
        head = request
    marked = '"' in head or "`" in head or "“" in head or "«" in head or "「" in head
    outside = _QUOTED.sub(" ", head) if marked else head
    letters = outside if outside.isascii() else "".join(filter(str.isalpha, outside))
    if not letters.isascii():
        for name, pattern in _SCRIPTS:
            found = len(pattern.findall(letters))
            # A Japanese text is mostly kanji and a Chinese one has no kana at all.
            if found * (6 if name == "Japanese" else 2) > len(letters):
                return name
    distinct = (view(text) if outside is head and head == text else View(outside)).vocabulary
    if len(distinct) < 6:
        return ""
    if len(distinct) >= _SHORT and len(distinct & PROFILES["English"]) >= 0.25 * len(distinct):
        return "English"
    shares = sorted(
        ((len(distinct & profile) / len(distinct), name) for name, profile in PROFILES.items()), reverse=True
    )
    best, second = shares[0], shares[1]
    return best[1] if best[0] >= 0.18 and best[0] >= 1.35 * second[0] else ""
