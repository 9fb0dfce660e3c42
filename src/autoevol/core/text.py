"""Text of others made fit for a terminal and for a Markdown page.

What a model, a server or a file says may hold escape sequences that move the cursor, write the
clipboard or hide what follows, and marks that turn the direction of writing. They are shown, not sent.
"""

from __future__ import annotations

import re

# Controls but line ends and tabs (C0, DEL, C1), marks of direction, invisible and special characters, line
# separators, halves of surrogate pairs, and tags: invisible copies of ASCII.
_FOREIGN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
# What begins code, emphasis, cells, entities, HTML and formulas, and makes a link of brackets; addresses
# become links on their own. Brackets alone are words: a page of ours defines no references.
_MARKUP = re.compile(
    r"[\\`*<>|~&$@]|\](?=[(\[:]|$)|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=www)\.", re.IGNORECASE
)


def printable(text: str) -> str:
    r"""`text` with every character that a terminal would obey spelled out, as in `\x1b[2J`.

    Lines and tabs stay. What is left over is what a reader would see, in the order in which it stands.
    """
    return _FOREIGN.sub(lambda found: _spelled(found[0]), text)


def is_text(value: str) -> bool:
    """Whether it can be written as UTF-8: an argument of other bytes cannot, nor half a surrogate pair."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def excerpt(text: str, most: int) -> str:
    """The beginning of `text` on one line, printable, of at most `most` characters, cut between words."""
    line = printable(" ".join(text[: 4 * most].split()))
    if len(line) <= most and len(text) <= 4 * most:
        return line
    head = line[: most - 1]
    words = head.rpartition(" ")[0]
    # A text without spaces, as of many languages, is cut where it must be.
    return f"{words if 2 * len(words) > most else head} …"


def printable_json(text: str) -> str:
    """The same of a JSON text, which stays the same JSON."""
    return _FOREIGN.sub(lambda found: _as_json(found[0]), text)


def markdown(text: str) -> str:
    """`text` as words of one line on a Markdown page: no heading, cell, link, image or HTML is made of it."""
    line = " ".join(printable(text).split())
    escaped = _MARKUP.sub(lambda found: _ENTITIES.get(found[0], f"\\{found[0]}"), line)
    # A list, a rule or a heading of setext only begins a line.
    begins = re.match(r"[-+=#]|\d+(?=[.)](?:\s|$))", escaped)
    if begins is None:
        return escaped
    place = 0 if begins.end() == 1 and not escaped[0].isdigit() else begins.end()
    return f"{escaped[:place]}\\{escaped[place:]}"


def code_span(text: str) -> str:
    """`text` as code on a line of a Markdown page, whatever backticks it holds."""
    line = " ".join(printable(text).split()) or " "
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    inside = f" {line} " if line.startswith("`") or line.endswith("`") else line
    return f"{fence}{inside}{fence}"


def code_block(text: str) -> str:
    """`text` as a fenced block of its own, longer fenced than anything inside it."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}text\n{printable(text)}\n{fence}"


# Entities where a backslash would not do: for raw HTML, and links that renderers make of bare addresses.
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
