"""Tables for a terminal of any width: lines break between words, and no word or number is cut.

A value that does not fit beside its label goes below it. A table with too many columns drops the least
important ones, and falls back to one block per row where the rest still does not fit.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WIDTH = 80
"""Columns to assume where the terminal's width is unknown."""
_GAP = 2
_NARROWEST = 30  # a narrower column of prose is hard to read
# Intervals and percentages are never broken across lines.
_TOGETHER = re.compile(r"\[[^\[\] ]{1,12}, [^\[\] ]{1,12}\]|\d %")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its heading.
        right: Whether cells are right-aligned, as numbers are.
        spare: Whether it may be dropped: 0 never, otherwise the highest is dropped first.
    """

    name: str
    right: bool = False
    spare: int = 0


def cells(text: str) -> int:
    """Terminal columns that `text` takes: none for combining marks, two for wide characters."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def wrapped(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` columns, broken at spaces; a longer word gets its own line."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        kept = _TOGETHER.sub(lambda found: found[0].replace(" ", "\0"), paragraph)
        line = ""
        for word in kept.split(" "):
            longer = f"{line} {word}" if line else word
            if line and cells(longer) > width:
                lines.append(line)
                line = word
            else:
                line = longer
        lines.append(line)
    return [line.replace("\0", " ") for line in lines]


def pairs_table(rows: Sequence[tuple[str, str]], width: int = WIDTH) -> list[str]:
    """(label, value) rows as lines: values beside their labels or, where space is short, below them."""
    label = max((cells(name) for name, _ in rows), default=0)
    room = width - label - _GAP
    lines: list[str] = []
    for name, value in rows:
        first, *rest = wrapped(value, room) if room >= _NARROWEST else [value]
        if room < max(_NARROWEST, *map(cells, (first, *rest))):
            lines += _below(name, value, width)
            continue
        lines.append(f"{_padded(name, label)}{' ' * _GAP}{first}".rstrip())
        lines += [f"{' ' * (label + _GAP)}{line}".rstrip() for line in rest]
    return lines


def grid_table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int = WIDTH, gap: int = _GAP
) -> list[str]:
    """A heading and one line per row, without spare columns where they do not fit.

    Where even the rest does not fit, each row becomes a block below its first cell.

    Args:
        columns: In order.
        rows: One cell per column.
        width: Of the terminal, in columns.
        gap: Spaces between columns.
    """
    for limit in sorted({column.spare for column in columns}, reverse=True):
        shown = [number for number, column in enumerate(columns) if column.spare <= limit]
        sizes = [max(cells(line[n]) for line in (_heads(columns), *rows)) for n in shown]
        if sum(sizes) + gap * (len(shown) - 1) <= width:
            lines = (_heads(columns), *rows)
            return [(" " * gap).join(_fitted(columns, shown, sizes, line)).rstrip() for line in lines]
    return [line for row in rows for line in _row_below(columns, row, width)]


def _heads(columns: Sequence[Column]) -> list[str]:
    return [column.name for column in columns]


def _fitted(
    columns: Sequence[Column], shown: Sequence[int], sizes: Sequence[int], row: Sequence[str]
) -> Iterator[str]:
    for number, size in zip(shown, sizes, strict=True):
        yield _padded(row[number], size, right=columns[number].right)


def _row_below(columns: Sequence[Column], row: Sequence[str], width: int) -> list[str]:
    named = [(column.name, cell) for column, cell in zip(columns[1:], row[1:], strict=True) if cell]
    items = (f"{name}: {cell}" if name else cell for name, cell in named)
    return [*wrapped(row[0], width), *(f"  {line}" for item in items for line in wrapped(item, width - 2))]


def _below(name: str, value: str, width: int) -> list[str]:
    indented = [f"  {line}".rstrip() for line in wrapped(value, max(1, width - 2))]
    return [*(wrapped(name, width) if name else []), *indented]


def _padded(text: str, size: int, *, right: bool = False) -> str:
    fill = " " * (size - cells(text))
    return fill + text if right else text + fill
