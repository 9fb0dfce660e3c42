"""Cutting a judge's reply into its fields, in whatever dress they come.

Tried in order, the strictest first: DSPy's markers, a JSON object, lines that begin with the
name of a field (headings, bold, bullets, tables, XML tags). Thinking is passed over. Of a field
that is there twice the last one counts: a draft, or a text that is quoted, comes before the verdict.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

_ALIASES = {
    "work": "work|working|solution",
    "answer": "answer|answer found",
    "complexity_original": "complexity original|complexity of (?:the )?original|original(?:'s)? complexity",
    "complexity_rewrite": "complexity rewrite|complexity of (?:the )?rewrite|rewrite(?:'s)? complexity",
    "gain": "gain|difficulty gain",
    "kinds": "kinds|kinds of faults|faults|failure kinds|kind",
    "response_faults": "response faults|faults of the response",
    "response_right": "response right|response is right|response correct|is the response right",
    "reason": "reason|reasoning|rationale",
    "severity": "severity|schweregrad|gravité|gravedad|严重程度|严重性|重大度",
}
FIELDS = tuple(_ALIASES)
"""The outputs of `JudgeEvolution`, in order."""

DECISIVE = "severity"

_THOUGHT = re.compile(r"<(think|thinking|reasoning)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_OPEN_THOUGHT = re.compile(r"<(?:think|thinking|reasoning)>", re.IGNORECASE)
_END_OF_THOUGHT = re.compile(r"</(?:think|thinking|reasoning)>", re.IGNORECASE)
_MARKER = re.compile(r"^[ \t*>]*\[\[ *#+ *([\w -]+?) *#+ *\]\][ \t*:]*", re.MULTILINE)
_NAME = "|".join(f"(?P<{field}>{pattern})".replace(" ", "[ _-]?") for field, pattern in _ALIASES.items())
# "**Severity:** 2", "## Severity", "- severity = 2", "| severity | 2 |", "<severity>2</severity>".
_LABEL = re.compile(
    rf"^[ \t>#*_\-•|+]*(?:\d{{1,2}}[.)][ \t]*)?[*_`\"'<\[|]*(?:{_NAME})[*_`\"'\]]*[ \t]*"
    r"(?:\((?:[^()\n]{0,40})\))?[*_`]*[ \t]*(?:(?:[:：=|>]|->|→|–|—|-(?=[ \t]))[*_`]*|$)",
    re.MULTILINE | re.IGNORECASE,
)
_CLOSING_TAG = re.compile(r"</\w+>\s*$")
_MAX_OBJECTS = 50


def split_reply(reply: str) -> dict[str, object]:
    """The fields of a reply by name, as far as they are there; empty where there is no verdict."""
    text = _without_thoughts(reply)
    for cut in (_by_markers, _by_json, _by_labels):
        fields = cut(text)
        if DECISIVE in fields:
            return fields
    return {}


def _without_thoughts(reply: str) -> str:
    text = _THOUGHT.sub("\n", reply)
    # Some servers drop the tag that opens; a thought that never ends is no verdict.
    text = _END_OF_THOUGHT.split(text)[-1]
    opened = _OPEN_THOUGHT.search(text)
    return text[: opened.start()] if opened else text


def _by_markers(text: str) -> dict[str, object]:
    named = ((_field(head.group(1)), value) for head, value in _sections(_MARKER, text))
    return {name: value for name, value in named if name}


def _by_labels(text: str) -> dict[str, object]:
    return {
        str(head.lastgroup): _CLOSING_TAG.sub("", value).strip() for head, value in _sections(_LABEL, text)
    }


def _sections(heads: re.Pattern[str], text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Each head with what stands between it and the next one."""
    found = list(heads.finditer(text))
    ends = [head.start() for head in found[1:]] + [len(text)]
    for head, end in zip(found, ends, strict=False):
        yield head, text[head.end() : end].strip()


def _by_json(text: str) -> dict[str, object]:
    fields: dict[str, object] = {}
    for found in _objects(text):
        if DECISIVE in found:
            fields = found
    return fields


def _objects(text: str) -> Iterator[dict[str, object]]:
    """Every JSON object of a text, with known names; inner objects are laid flat."""
    place, decoder = text.find("{"), json.JSONDecoder()
    for _ in range(_MAX_OBJECTS):
        if place < 0:
            return
        try:
            value, place_after = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            place = text.find("{", place + 1)
            continue
        yield dict(_flat(value))
        place = text.find("{", place_after)


def _flat(value: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for key, inner in value.items():
        name = _field(key)
        if isinstance(inner, dict):
            yield from _flat(inner)
        elif name:
            yield name, inner


_EXACT = re.compile(rf"(?:{_NAME})", re.IGNORECASE)


def _field(name: str) -> str:
    found = _EXACT.fullmatch(name.strip())
    return str(found.lastgroup) if found else ""
