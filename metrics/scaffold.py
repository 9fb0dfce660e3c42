"""Detectors of what belongs to the rewriting and not to the task: scaffold and placeholders."""

from __future__ import annotations

import re

from autoevol.core.records import FailureKind, Trajectory, Verdict
from autoevol.metrics.base import failed, passed
from autoevol.metrics.lexicon import word_set
from autoevol.metrics.textual import View, shorten, view

# Words that name the rewriting itself. A line or a tag made of them is scaffold whatever
# the method calls its parts: optimised methods rename them on the way.
_META = (
    r"(?:finally\s+)?(?:re-?written|evolved|improved|modified|revised|created|given|original|new"
    r"|final|complex\w*)\s+"
    r"(?:instruction|prompt|problem|question|version)"
    r"|methods?\s+list|elements?\s+identified|plan|review|step\s+\d+"
    r"|umgeschriebene\s+anweisung|instruction\s+(?:réécrite|finale)|instrucción\s+(?:reescrita|final)"
)
_TAG = re.compile(r"#\s?[A-Za-z][A-Za-z ]{2,40}#")
_META_LINE = re.compile(
    rf"^[ \t]{{0,8}}(?:#{{1,6}}|\*\*|\d+[.)])?[ \t]{{0,4}}(?:{_META})"
    r"[ \t]{0,4}(?:\*\*)?[ \t]{0,4}(?::|$)",
    re.IGNORECASE | re.MULTILINE,
)
_META_CJK = re.compile(r"(?:改写|重写|进化|最终)后?的?(?:指令|提示|题目|问题)\s*[:：]")
_META_WORDS = word_set(
    """instruction prompt problem question version methods elements plan review step anweisung réécrite
    finale instruction instrucción reescrita"""
)
_TITLED = re.compile(
    r"(?:final|re-?written|evolved|revised)\b"
    r"|(?:new|given|created|original|improved)\s+(?:instruction|prompt)",
    re.IGNORECASE,
)
_PREAMBLE = re.compile(
    r"(?:(?:sure|certainly|of course|okay|absolutely)\b[^\n]{0,60})?here(?:'s|\s+is|\s+are)\b[^\n:]{0,80}"
    r"\b(?:rewrit|re-writ|evolv|instruction|prompt|version|complex|revised|modified)[^\n:]{0,80}:"
    r"|(?:hier ist|voici|aquí está|ecco|aqui está)\b[^\n:]{0,100}:\s"
    r"|(?:以下是|这是|下面是)[^\n:：]{0,30}(?:改写|重写|指令|版本)[^\n:：]{0,20}[:：]",
    re.IGNORECASE,
)
_PREAMBLE_WORDS = word_set("here here's hier voici aquí ecco aqui")
_AFTERWORD = re.compile(
    r"^\W{0,4}(?:(?:i(?:'ve| have)|we have)\s+(?:added|rewritten|increased|introduced|modified|made)\b"
    r"|(?:the|this)\s+(?:rewritten|evolved|revised|modified|new)\s+(?:instruction|prompt|version)\b"
    r"|(?:changes made|explanation of changes|word count|added words)\b)",
    re.IGNORECASE | re.MULTILINE,
)
_COMMENT_WORDS = word_set(
    "added rewritten increased introduced modified made evolved revised new changes explanation word"
)
_ABOUT_WORDS = word_set("instruction prompt")
_ABOUT = re.compile(
    r"\b(?:re-?writ(?:e|es|ten|ing)|rephras\w+|reword\w*|paraphras\w+|evolv\w+|revis\w+|simplif\w+|shorten\w*)\b"
    r"[^.?!\n]{0,40}\b(?:this|the|an?|your|its|original|given|above|following)\s+(?:\w+\s+)?(?:instruction|prompt)\b"
    r"|\b(?:original|re-?written|evolved|harder|more complex)\s+(?:instruction|prompt)\b",
    re.IGNORECASE,
)
_CHAT_TOKENS = ("<|im_start|>", "<|im_end|>", "<|endoftext|>", "[inst]", "[/inst]", "<think>", "</think>",
                "[[ ## ", "### response", "<|assistant|>", "</s>")  # fmt: skip
COPIED_WORDS = 6
"""So many words in a row are no coincidence: of 1,910 tasks none shares them with a built-in example
that it never saw; 4 share five."""
_COPIED_STEMS = 2


class CopiedExample:
    """What a worked example of the method asks for, carried into a task that has nothing like it.

    Either a run of words, or the condition itself: all content words that the rewrite adds are those that an
    example added to its own task, and at least half of these.
    """

    name = "copied-example"
    kinds: frozenset[FailureKind] = frozenset({FailureKind.LEAKED})
    calls = 0

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Look for what an example has and no earlier stage has."""
        if trajectory.evolved is None or not trajectory.shown:
            return passed(self.name)
        earlier = [view(step.instruction) for step in trajectory.evolutions]
        evolved = view(trajectory.evolved)
        runs = _runs(evolved.words).difference(*(_runs(one.words) for one in earlier))
        added = evolved.stems.difference(*(one.stems for one in earlier))
        for demo in trajectory.shown:
            task, example = view(demo.instruction), view(demo.evolved_instruction)
            if copied := runs & _runs(example.words):
                seen = f'Copied from an example of the method: "{" ".join(min(copied))}".'
                return failed(self.name, FailureKind.LEAKED, seen)
            condition = example.stems - task.stems
            if added <= condition and len(added) >= max(_COPIED_STEMS, len(condition) / 2):
                seen = f'What it adds is what an example of the method adds: "{shorten(example.text)}".'
                return failed(self.name, FailureKind.LEAKED, seen)
        return passed(self.name)


def _runs(words: list[str]) -> set[tuple[str, ...]]:
    return {tuple(words[n : n + COPIED_WORDS]) for n in range(len(words) - COPIED_WORDS + 1)}


_BRACES = re.compile(r"\{\{[^{}\n]{0,40}\}\}|\$\{[a-z_]{1,30}\}")
# "[name]" but not a link, an index, a type, a citation or a check box.
_BRACKETS = re.compile(
    r"(?<![\w\])!\\])\[(?:insert |your |enter )?[A-Za-z][A-Za-z]+(?:[ _/'-][A-Za-z]+){0,5}\](?![(\[:\w])"
)
_ANGLES = re.compile(r"<(?:insert|your|enter|add)\b[^<>\n]{1,40}>|_{4,}|\bX{3,}\b|\bTBD\b", re.IGNORECASE)
_TEMPLATE_WORDS = (
    "placeholder", "template", "jinja", "mustache", "handlebars", "vorlage", "platzhalter", "modèle",
    "plantilla",     "模板", "占位", "fill in", "fill-in", "mail merge",
)  # fmt: skip


class Scaffold:
    """Headings and remarks of the rewriting, or a chat wrapper, around the instruction.

    What the seed has already is not a leak.
    """

    name = "scaffold"
    kinds: frozenset[FailureKind] = frozenset({FailureKind.LEAKED})
    calls = 0

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Look for what no task would say."""
        if trajectory.evolved is None:
            return passed(self.name)
        seen = _scaffold(view(trajectory.seed), view(trajectory.evolved))
        return failed(self.name, FailureKind.LEAKED, seen) if seen else passed(self.name)


class Placeholders:
    """An unfilled placeholder. They are allowed where the text speaks of templates.

    A letter form may well contain "[name]".
    """

    name = "placeholders"
    kinds: frozenset[FailureKind] = frozenset({FailureKind.LEAKED})
    calls = 0

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Look for the marks that templates use."""
        if trajectory.evolved is None:
            return passed(self.name)
        seen = _placeholder(view(trajectory.seed), view(trajectory.evolved))
        return failed(self.name, FailureKind.LEAKED, seen) if seen else passed(self.name)


def _scaffold(seed: View, evolved: View) -> str:
    text = evolved.text
    if "<" in text or "[" in text or "###" in text:
        for token in _CHAT_TOKENS:
            if token in evolved.lower and token not in seed.lower:
                return f'Chat markup in the instruction: "{token}".'
    if "#" in text and (tag := _TAG.search(text)) and not _TAG.search(seed.text):
        return f'A heading of the method leaked: "{tag.group()}".'
    line = None
    if evolved.has(_META_WORDS) and (":" in text or "\n" in text):
        line = _META_LINE.search(text)
    elif not evolved.ascii:
        line = _META_CJK.search(text)
    if line and (_is_wrapper(line, text)) and not _META_LINE.search(seed.text):
        return f'A heading of the method leaked: "{shorten(line.group())}".'
    wrapped = evolved.has(_PREAMBLE_WORDS) or not evolved.ascii
    opening = _PREAMBLE.match(text.lstrip()[:400]) if wrapped else None
    if opening and not _PREAMBLE.match(seed.text[:400]):
        return f'The rewrite is introduced instead of given: "{shorten(opening.group())}".'
    about = _ABOUT.search(text) if evolved.has(_ABOUT_WORDS) else None
    if about and not seed.has(_ABOUT_WORDS):
        return f'The rewrite speaks of the rewriting: "{shorten(about.group())}".'
    after = _AFTERWORD.search(text[-800:]) if evolved.has(_COMMENT_WORDS) else None
    if after and not _AFTERWORD.search(seed.text[-800:]):
        return f'The rewrite is commented on: "{shorten(after.group())}".'
    return ""


def _is_wrapper(line: re.Match[str], text: str) -> bool:
    """Whether a heading wraps the instruction instead of belonging to its content.

    "Step 1" and "Plan:" head parts of many honest instructions, so one of them alone
    proves nothing; two different headings, or one that names a rewriting, do.
    """
    if _TITLED.search(line.group()) or not line.group().isascii():
        return True
    heads = {match.group().strip(" \t#*:0123456789.)").lower() for match in _META_LINE.finditer(text)}
    return len(heads) > 1


def _placeholder(seed: View, evolved: View) -> str:
    text = evolved.text
    if not (
        "{" in text
        or "[" in text
        or "<" in text
        or "___" in text
        or "xxx" in evolved.lower
        or "tbd" in evolved.lower
    ):
        return ""
    prose = (
        text
        if "`" not in text
        else re.sub(r"```.{0,8000}?(?:```|\Z)|`[^`\n]{0,400}`", " ", text, flags=re.DOTALL)
    )
    for pattern in (_BRACES, _BRACKETS, _ANGLES):
        found = pattern.search(prose)
        if found and not pattern.search(seed.text):
            if any(word in evolved.lower for word in _TEMPLATE_WORDS):
                return ""
            return f'An unfilled placeholder: "{found.group()}".'
    return ""
