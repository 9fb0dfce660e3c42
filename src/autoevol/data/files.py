"""The raw record that every format yields, and names and snippets for messages."""

from __future__ import annotations

import os
from dataclasses import dataclass
from reprlib import Repr
from typing import Final

# Far above any instruction, far below the memory of a small machine: a longer line is
# a binary file, or an unclosed quote.
LONGEST: Final = 64 * 1024 * 1024

SNIPPET: Final = 200

NOT_UTF8: Final = "If the file has another encoding, name it with --encoding (gbk, cp1252, utf-16)"

# Bounded in width and depth, so that a hostile record cannot make its own error expensive.
_BRIEF = Repr()
_BRIEF.maxstring = _BRIEF.maxother = 120
_BRIEF.maxdict = 8


@dataclass(frozen=True, slots=True)
class Raw:
    """One record as the file has it.

    Attributes:
        line: 1-based line on which it starts; its 1-based number in a table without lines.
        value: The parsed record; None where `problem` is set.
        problem: Why it could not be parsed.
        snippet: The start of the unparsed text, where `problem` is set.
        file: The file among several that it stands in; None where there is one.
    """

    line: int
    value: object
    problem: str | None = None
    snippet: str = ""
    file: str | None = None


def snippet_of(value: object) -> str:
    """The start of a parsed record, printable whatever it holds."""
    return _BRIEF.repr(value)[:SNIPPET]


def snippet_of_bytes(line: bytes) -> str:
    """The start of an unparsed line, printable whatever it holds."""
    return line[:SNIPPET].decode("utf-8", "backslashreplace").rstrip("\r\n")


def shown(path: str | os.PathLike[str]) -> str:
    """A file name for messages and reports; a name that is not UTF-8 is escaped."""
    return os.fspath(path).encode("utf-8", "backslashreplace").decode()
