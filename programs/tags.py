"""The output contract: how a reply marks its result, and how the result is found again.

A result that cannot be told from the thinking around it is no result. The released code of
the paper takes the whole reply in that case, so a chain of thought becomes a training
instruction; here it becomes an *unparsed* evolution.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Marked(NamedTuple):
    """A result found in a reply, and whether by our tags or by a heading of the method's own."""

    text: str
    by_tag: bool


def choose_tag(tag: str, text: str) -> str:
    """`tag`, lengthened until it does not occur in `text`, so that data cannot pose as a tag."""
    while tag in text:
        tag += "_x"
    return tag


def contract(tag: str, asks_for: str) -> str:
    """The paragraph that is added to every method."""
    return (
        f"End your reply with {asks_for}, complete and without any comment, between these two tags:\n"
        f"<{tag}>\n...\n</{tag}>"
    )


def wrap(text: str, tag: str) -> str:
    """`text` marked as the contract asks."""
    return f"<{tag}>\n{text}\n</{tag}>"


def read_marked(reply: str, tag: str, *, complete: bool = False, renamed: bool = False) -> Marked | None:
    """The result that `reply` marks, or None.

    The last pair of tags counts, as models quote the contract before they follow it; but a
    pair that begins its line, as the contract shows it, counts before one inside a sentence
    ("I put it between <tag> and </tag>"). A tag that is opened and never closed marks a result
    only if the model ended the reply of its own accord; otherwise the reply was cut off in the
    middle of it.

    Args:
        reply: The whole reply.
        tag: The tag that the contract named.
        complete: The provider says that the reply was not cut off.
        renamed: Without any of our tags in the reply, accept a last heading such as
            `#Finally Rewritten Instruction#:` (see `read_heading`).
    """
    if f"<{tag}>" in reply or f"</{tag}>" in reply:
        text = _between(reply, tag, complete)
        return Marked(text, by_tag=True) if text else None
    heading = read_heading(reply, complete=complete) if renamed else None
    return Marked(heading, by_tag=False) if heading else None


def _between(reply: str, tag: str, complete: bool) -> str | None:
    pairs: list[tuple[bool, str]] = []
    opened: int | None = None  # where the text begins after a tag that is not closed yet
    for match in re.finditer(f"<(/?){re.escape(tag)}>", reply):
        if not match[1]:
            opened = match.end()
        elif opened is not None:
            text = reply[opened : match.start()].strip()
            if text and text != "...":  # "..." is the contract, quoted
                pairs.append((_begins_line(reply, opened - len(tag) - 2), text))
            opened = None
    if opened is not None and (not pairs or _begins_line(reply, opened - len(tag) - 2)):
        return reply[opened:].strip() if complete else None
    chosen = [text for own_line, text in pairs if own_line] or [text for _, text in pairs]
    return chosen[-1] if chosen else None


def _begins_line(reply: str, place: int) -> bool:
    """Whether nothing but a little markup stands before `place` in its line."""
    before = "\n" + reply[:place] if place <= 12 else reply[place - 12 : place]
    _, newline, line = before.rpartition("\n")
    return bool(newline) and not any(char.isalnum() for char in line)


# Headings seen in methods that optimizers wrote: #Finally Rewritten Instruction#, #Final
# Rewritten Instruction#, **Final Instruction:**, ### Final Evolved Problem, #Rewritten
# Instruction#. Which step they close differs, so a heading that says "final" wins. A heading
# ends its line, or a colon ends it: "* New problem constraints could be added" is an item of
# a list, and "#Rewritten Instruction# can only add 20 words" is the method, quoted.
# Blanks are bounded, or a line of a million of them would take hours.
_THING = r"(?:instruction|prompt|question|problem|task|query)"
_HEADING = re.compile(
    rf"^[ \t]{{0,8}}[#*_>\[\]`]{{1,6}}[ \t]{{0,4}}(?P<final>final(?:ly)?[ \t]{{1,4}})?"
    rf"(?P<made>(?:(?:re-?written|evolved|revised|complex|new|improved)[ \t]{{1,4}}){{0,4}})"
    rf"{_THING}[ \t]{{0,4}}[#*_\]`]{{0,6}}[ \t]{{0,4}}"
    rf"(?:\r?$|:[ \t]{{0,4}}[#*_`]{{0,6}}[ \t\r]{{0,4}}(?P<inline>[^\n]*)$)",
    re.IGNORECASE | re.MULTILINE,
)
_ANY_HEADING = re.compile(
    r"^[ \t]{0,8}(?:#{1,6}[^#\n]{1,60}#{1,6}[ \t]{0,4}(?::[ \t]{0,4})?\r?$"
    r"|step[ \t]{0,4}(?P<step>\d{1,3})\b[^\n]{0,60}$)",
    re.IGNORECASE | re.MULTILINE,
)
# Headings are sought in the end of a reply only; no sane one is longer than this.
_LONGEST = 100_000


def read_heading(reply: str, *, complete: bool = True) -> str | None:
    """The text under the last heading that announces the final instruction, or None.

    A heading that says "final" is preferred to one that only says "rewritten" or "evolved";
    a bare `#Instruction#` announces nothing, as it repeats the input. The text ends at the
    next heading, or where the reply goes on with its next step: a "Step 1" below a heading
    that stands in step 4 belongs to the instruction.

    Of a reply that was cut off (not `complete`), only a text under "final" that is followed
    by something else is known to be whole.
    """
    reply = reply[-_LONGEST:]
    found = [match for match in _HEADING.finditer(reply) if match["final"] or match["made"]]
    chosen = [match for match in found if match["final"]] or (found if complete else [])
    if not chosen:
        return None
    last = chosen[-1]
    start = last.end() if last["inline"] is None else last.start("inline")
    reached = max((int(m["step"]) for m in _ANY_HEADING.finditer(reply, 0, start) if m["step"]), default=None)
    for following in _ANY_HEADING.finditer(reply, last.end()):
        if following["step"] is None or (reached is not None and int(following["step"]) > reached):
            return reply[start : following.start()].strip() or None
    return (reply[start:].strip() or None) if complete else None
