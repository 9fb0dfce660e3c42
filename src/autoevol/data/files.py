"""Opening a seed file, and the raw record that every format yields."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from reprlib import Repr
from typing import IO, cast

from autoevol.core.errors import InputError

# Far above any instruction, far below the memory of a small machine: a longer line is
# a binary file, or an unclosed quote.
LONGEST = 64 * 1024 * 1024

SNIPPET = 200

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
    """

    line: int
    value: object
    problem: str | None = None
    snippet: str = ""


def snippet_of(value: object) -> str:
    """The start of a parsed record, printable whatever it holds."""
    return _BRIEF.repr(value)[:SNIPPET]


def snippet_of_bytes(line: bytes) -> str:
    """The start of an unparsed line, printable whatever it holds."""
    return line[:SNIPPET].decode("utf-8", "backslashreplace").rstrip("\r\n")


def shown(path: str | os.PathLike[str]) -> str:
    """A file name for messages and reports; a name that is not UTF-8 is escaped."""
    return os.fspath(path).encode("utf-8", "backslashreplace").decode()


@contextmanager
def opened(opener: Callable[[], IO[bytes]], name: str) -> Iterator[IO[bytes]]:
    """The bytes of a text file, unpacked if it is gzipped (recognised by content, not by name).

    Raises:
        InputError: It cannot be read, it is empty, or it is UTF-16. Also if the file turns
            out damaged inside the `with` block: what is lost cannot be counted, so a
            damaged file is never skipped over.
    """
    try:
        with opener() as file:
            stream = io.BufferedReader(cast(io.RawIOBase, file))
            if stream.peek(2)[:2] == b"\x1f\x8b":
                stream = io.BufferedReader(cast(io.RawIOBase, gzip.GzipFile(fileobj=stream)))
            _check_start(stream.peek(4)[:4], name)
            yield stream
    except (OSError, EOFError, zlib.error) as exc:
        raise InputError(f"{name} cannot be read: {exc}. Check the file, or fetch it again") from exc


def _check_start(start: bytes, name: str) -> None:
    if not start:
        raise InputError(f"{name} is empty")
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(f"{name}, line 1: the file is UTF-16. Save it as UTF-8")
