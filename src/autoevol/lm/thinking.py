r"""Separates thinking from the answer, in the notations of various models and servers.

| notation                                           | thinking                                    |
|----------------------------------------------------|---------------------------------------------|
| `<think>...</think>` and its kin, first in the text | between the tags                            |
| the same on a line of its own, later                | between the tags, if both are present       |
| a closing tag without an opening one                | all before it (the prompt held the opening) |
| an opening tag without a closing one                | all after it: the reply was cut off         |
| `<\|channel\|>` marks of gpt-oss                      | every channel but `final`                   |
| the same marks stripped to their words              | from `analysis` to `assistantfinal`         |

A tag in backticks or quotes is only mentioned, not used.
"""

from __future__ import annotations

import re

_NAMES = r"(?:think|thinking|thought)"
_PAIRS: tuple[tuple[str, str], ...] = (
    (rf"<{_NAMES}(?:\s[^<>\n]*)?>", rf"</{_NAMES}\s*>"),
    (r"<seed:think>", r"</seed:think>"),
    (r"\[THINK\]", r"\[/THINK\]"),
    ("\u25c1think\u25b7", "\u25c1/think\u25b7"),
    (r"<\|begin_of_thought\|>", r"<\|end_of_thought\|>"),
    (r"<\|START_THINKING\|>", r"<\|END_THINKING\|>"),
    (r"<\|channel>thought\b", r"<channel\|>"),
)
_FREE = r"(?<![`'\"\u201c])", r"(?![`'\"\u201d])"
_TAGS = [
    (
        re.compile(f"{_FREE[0]}(?:({opened})|({closed})){_FREE[1]}", re.IGNORECASE),
        re.compile(opened, re.IGNORECASE),
    )
    for opened, closed in _PAIRS
]
_ANY = re.compile("|".join(tag for pair in _PAIRS for tag in pair), re.IGNORECASE)
_ANSWER = re.compile(
    r"^\s*<\|(?:START_RESPONSE|begin_of_solution)\|>\s*|\s*<\|(?:END_RESPONSE|end_of_solution)\|>\s*$"
)
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<]*<\|message\|>")
_MARKS = re.compile(r"<\|(?:start|end|return|call|message|channel|constrain)\|>")
_STRIPPED = re.compile(r"\s*analysis(?=[A-Z\s])(.*?)assistant\s*final(?=\W|[A-Z])(.*)", re.DOTALL)


def split_thinking(text: str) -> tuple[str, str]:
    """(answer, thinking), both stripped. A text without thinking is returned unchanged."""
    if "<" not in text and "[" not in text and "\u25c1" not in text and "assistant" not in text:
        return text, ""  # a shortcut for nearly all replies: the patterns below are expensive
    if "<|channel|>" in text:
        return _by_channel(text)
    if (stripped := _STRIPPED.fullmatch(text)) is not None:
        return stripped[2].strip(), stripped[1].strip()
    if not _ANY.search(text):
        return text, ""
    thoughts: list[str] = []
    for tags, opening in _TAGS:
        text, found = _cut(text, tags, opening)
        thoughts += found
    if not thoughts:
        return text, ""
    return _ANSWER.sub("", text).strip(), "\n\n".join(filter(None, thoughts))


def notation_of(text: str) -> str | None:
    """The mark that separates thinking from the answer in `text`, verbatim; None without thinking."""
    if not split_thinking(text)[1]:
        return None
    if "<|channel|>" in text:
        return "<|channel|>"
    mark = _ANY.search(text)
    if mark is None:
        return "analysis ... assistantfinal"
    opened = any(opening.fullmatch(mark[0]) for _, opening in _TAGS)
    return mark[0] if opened else f"{mark[0]} alone"


def _cut(text: str, tags: re.Pattern[str], opening: re.Pattern[str]) -> tuple[str, list[str]]:
    """(text outside the tags, texts between them). Nested and quoted pairs are tracked."""
    kept: list[str] = []
    thoughts: list[str] = []
    at = begun = depth = quoted = 0
    last_end = 0
    for match in tags.finditer(text):
        if match[1]:
            if depth or _begins(text, at, match.start()):
                begun = begun if depth else match.end()
                last_end = match.start() if not depth else last_end
                depth += 1
            elif text[at : match.start()].count("```") % 2:
                quoted += 1
        elif quoted:
            quoted -= 1
        elif depth:
            depth -= 1
            if not depth:
                kept.append(text[at:last_end])
                thoughts.append(text[begun : match.start()].strip())
                at = match.end()
        elif not thoughts:
            thoughts.append(text[: match.start()].strip())
            kept, at = [], match.end()
        elif not text[at : match.start()].strip():
            at = match.end()  # closed twice
    if not depth:
        return "".join([*kept, text[at:]]), thoughts
    if text[at:last_end].strip() and not _alone(text, last_end, opening):
        return "".join([*kept, text[at:]]), thoughts
    return "".join([*kept, text[at:last_end]]), [*thoughts, text[begun:].strip()]


def _begins(text: str, since: int, at: int) -> bool:
    """Whether an opening tag counts: first in the remaining text, or first on its line, outside code."""
    before = text[since:at]
    if not before.strip():
        return True
    line = before.rpartition("\n")
    return bool(line[1]) and not line[2].strip() and before.count("```") % 2 == 0


def _alone(text: str, at: int, opening: re.Pattern[str]) -> bool:
    """Whether the rest of the line after the tag at `at` is blank."""
    match = opening.match(text, at)
    return match is not None and text[match.end() :].partition("\n")[0].strip() == ""


def _by_channel(text: str) -> tuple[str, str]:
    said: list[str] = []
    thought: list[str] = []
    heads = list(_CHANNEL.finditer(text))
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        piece = text[head.end() : following.start() if following else len(text)]
        piece = re.sub(r"<\|start\|>\s*assistant\s*$", "", piece)
        (said if head[1].lower() == "final" else thought).append(_MARKS.sub("", piece).strip())
    if not heads:
        return "", _MARKS.sub("", text).strip()
    return "\n\n".join(filter(None, said)), "\n\n".join(filter(None, thought))
