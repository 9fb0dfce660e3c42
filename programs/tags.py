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

    The last pair of tags counts: models quote the contract before they follow it. A tag that
    is opened and never closed marks a result only if the model ended the reply of its own
    accord; otherwise the reply was cut off in the middle of it.

    Args:
        reply: The whole reply.
        tag: The tag that the contract named.
        complete: The provider says that the reply was not cut off.
        renamed: Without any of our tags in the reply, accept a last heading such as
            `#Finally Rewritten Instruction#:` (see `read_heading`).
    """
    opening, closing = f"<{tag}>", f"</{tag}>"
    start, end = reply.rfind(opening), reply.rfind(closing)
    if start >= 0 or end >= 0:
        if complete and start > end:
            end = len(reply)
        text = reply[start + len(opening) : end].strip() if 0 <= start < end else ""
        return Marked(text, by_tag=True) if text and text != "..." else None
    heading = read_heading(reply) if renamed else None
    return Marked(heading, by_tag=False) if heading else None


# Headings seen in methods that optimizers wrote: #Finally Rewritten Instruction#, #Final
# Rewritten Instruction#, **Final Instruction:**, ### Final Evolved Problem, #Rewritten
# Instruction#. Which step they close differs, so a heading that says "final" wins.
_THING = r"(?:instruction|prompt|question|problem|task|query)"
_MARKER = r"[ \t]*[#*_>\[\]`]{1,6}[ \t]*"
_HEADING = re.compile(
    rf"^{_MARKER}(?P<final>final(?:ly)?[ \t]+)?"
    rf"(?P<made>(?:re-?written|evolved|revised|complex|new|improved)[ \t]+)*"
    rf"{_THING}[ \t]*[#*_\]`]{{0,6}}[ \t]*:?[ \t]*[#*_`]{{0,6}}[ \t]*(?P<inline>[^\n]*)$",
    re.IGNORECASE | re.MULTILINE,
)
_ANY_HEADING = re.compile(
    r"^[ \t]*(?:#{1,6}[^#\n]{1,60}#+[ \t]*:?[ \t]*$|step[ \t]*\d+\b[^\n]{0,60}$)", re.I | re.M
)


def read_heading(reply: str) -> str | None:
    """The text under the last heading that announces the final instruction, or None.

    A heading that says "final" is preferred to one that only says "rewritten" or "evolved";
    a bare `#Instruction#` announces nothing, as it repeats the input.
    """
    found = [match for match in _HEADING.finditer(reply) if match["final"] or match["made"]]
    chosen = [match for match in found if match["final"]] or found
    if not chosen:
        return None
    last = chosen[-1]
    text = last["inline"] + reply[last.end() :]
    following = _ANY_HEADING.search(text, len(last["inline"]))
    if following:
        text = text[: following.start()]
    return text.strip() or None
