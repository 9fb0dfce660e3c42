"""Makes untrusted text safe for a terminal and for a Markdown page.

Text from a model, a server or a file may contain escape sequences that move the cursor, write to the
clipboard or hide what follows, and marks that change the writing direction. They are spelled out instead.
"""

from __future__ import annotations

import re

# Control characters except line ends and tabs (C0, DEL, C1), direction marks, invisible and special
# characters, line separators, halves of surrogate pairs, and tag characters (invisible copies of ASCII).
_FOREIGN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
# Whatever starts code, emphasis, table cells, entities, HTML or formulas, or turns brackets into a link;
# bare addresses, because renderers link them. Brackets alone are harmless: our pages define no references.
_MARKUP = re.compile(
    r"[\\`*<>|~&$@]|\](?=[(\[:]|$)|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=www)\.", re.IGNORECASE
)


_HALVES = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    """`text` with U+FFFD for half characters, which a JSON reply can carry and no file or database can."""
    return _HALVES.sub("\ufffd", text)


def printable(text: str) -> str:
    r"""`text` with every character that a terminal would obey spelled out, as in `\x1b[2J`.

    Line ends and tabs stay.
    """
    return _FOREIGN.sub(lambda found: _spelled(found[0]), text)


def excerpt(text: str, most: int) -> str:
    """The start of `text` on one printable line of at most `most` characters, cut between words."""
    line = printable(" ".join(text[: 4 * most].split()))
    if len(line) <= most and len(text) <= 4 * most:
        return line
    head = line[: most - 1]
    words = head.rpartition(" ")[0]
    # Many languages have no spaces: then the cut is wherever the limit falls.
    return f"{words if 2 * len(words) > most else head} …"


def printable_json(text: str) -> str:
    """As `printable` for a JSON text, which keeps its value: characters become JSON escapes."""
    return _FOREIGN.sub(lambda found: _as_json(found[0]), text)


def markdown(text: str) -> str:
    """`text` as plain words on one line of a Markdown page: never a heading, cell, link, image or HTML."""
    line = " ".join(printable(text).split())
    escaped = _MARKUP.sub(lambda found: _ENTITIES.get(found[0], f"\\{found[0]}"), line)
    # Lists, rules and setext headings are only recognised at the start of a line.
    begins = re.match(r"[-+=#]|\d+(?=[.)](?:\s|$))", escaped)
    if begins is None:
        return escaped
    place = 0 if begins.end() == 1 and not escaped[0].isdigit() else begins.end()
    return f"{escaped[:place]}\\{escaped[place:]}"


def code_span(text: str) -> str:
    """`text` as inline code on a Markdown page, whatever backticks it contains."""
    line = " ".join(printable(text).split()) or " "
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    inside = f" {line} " if line.startswith("`") or line.endswith("`") else line
    return f"{fence}{inside}{fence}"


def code_block(text: str) -> str:
    """`text` as a fenced code block, with a longer fence than any inside it."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}text\n{printable(text)}\n{fence}"


# Entities where a backslash would not help: against raw HTML, and against automatic links.
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", ":": "&#58;", "@": "&#64;", ".": "&#46;"}


def _spelled(char: str) -> str:
    number = ord(char)
    return (
        f"\\x{number:02x}"
        if number < 0x100
        else f"\\u{number:04x}"
        if number < 0x10000
        else f"\\U{number:08x}"
    )


def _as_json(char: str) -> str:
    return "".join(f"\\u{int.from_bytes(pair, 'big'):04x}" for pair in _pairs(char))


def _pairs(char: str) -> list[bytes]:
    coded = char.encode("utf-16-be", "surrogatepass")
    return [coded[start : start + 2] for start in range(0, len(coded), 2)]
