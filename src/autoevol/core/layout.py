"""Tables for a terminal of any width: lines end between words, and no word or number is cut.

What does not fit beside its label stands below it; a table of many columns leaves out those that are
needed least, and is told row by row where the rest does not fit either.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WIDTH = 80
"""Columns where nothing is known of the terminal."""
_GAP = 2
_NARROWEST = 30  # a column of text that is narrower is read badly
# An interval is read as one thing, and so is a number with what it counts per cent of.
_TOGETHER = re.compile(r"\[[^\[\] ]{1,12}, [^\[\] ]{1,12}\]|\d %")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its head.
        right: Whether cells stand on the right, as numbers do.
        spare: Whether it may be left out: 0 never, else the highest goes first.
    """

    name: str
    right: bool = False
    spare: int = 0


def cells(text: str) -> int:
    """Columns that `text` takes: none for combining marks, two for wide characters."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def wrapped(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` columns, broken at spaces; a longer word has a line of its own."""
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
    """(label, value) rows as lines, the values beside their labels or, where that is too narrow, below."""
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
    """A head and a line for each row, without spare columns where they do not fit.

    Where the others do not fit either, each row is told below its first cell.

    Args:
        columns: In order.
        rows: As many cells each.
        width: Of the terminal.
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
    told = (f"{name}: {cell}" if name else cell for name, cell in named)
    return [*wrapped(row[0], width), *(f"  {line}" for one in told for line in wrapped(one, width - 2))]


def _below(name: str, value: str, width: int) -> list[str]:
    told = [f"  {line}".rstrip() for line in wrapped(value, max(1, width - 2))]
    return [*(wrapped(name, width) if name else []), *told]


def _padded(text: str, size: int, *, right: bool = False) -> str:
    fill = " " * (size - cells(text))
    return fill + text if right else text + fill
