"""Tables on standard output, as wide as the terminal; in a pipe or a file a line is never broken."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from autoevol.cli.console import say, say_json
from autoevol.core.layout import pairs_table, wrapped
from autoevol.core.text import printable

if TYPE_CHECKING:
    from autoevol.reports.ending import NextStep
    from autoevol.reports.folder import Report

UNBROKEN = 1_000_000
"""Width of what is read by programs."""


def width(*, error: bool = False) -> int:
    """Columns of the terminal; `UNBROKEN` where standard output (or error) is none."""
    stream = sys.stderr if error else sys.stdout
    return shutil.get_terminal_size().columns if stream.isatty() else UNBROKEN


def print_report(report: Report, json: bool, folder: Path | None = None, lines: Iterable[str] = ()) -> None:
    """A report on standard output: one JSON line, or a table.

    Args:
        report: What a command found.
        json: As one line of JSON.
        folder: Its folder, of which the table shows one pair and the commands that come next.
        lines: Printed below the table.
    """
    if json:
        say_json(report.to_json())
        return
    from autoevol.reports.ending import example_rows, next_steps

    print_table([*report.table_rows(), *(example_rows(folder) if folder else ())])
    print_lines(lines)
    if folder:
        print_next(next_steps(folder, report))


def print_table(rows: Sequence[tuple[str, str]]) -> None:
    """Two columns on standard output, lines broken between words."""
    # As a terminal will show it: an escape that is spelled out takes more room.
    shown = [(printable(label), printable(value)) for label, value in rows]
    say("\n".join(pairs_table(shown, width())))


def print_lines(lines: Iterable[str]) -> None:
    """Texts on standard output, broken between words."""
    for line in lines:
        say("\n".join(wrapped(printable(line), width())))


def print_next(steps: Sequence[NextStep]) -> None:
    """Commands to type next, on standard error, each with what it is for; they can be copied as they are."""
    for step in steps:
        lines = wrapped(shlex.join(step.words), width(error=True) - 8)
        say(f"# {step.purpose}\n  " + " \\\n      ".join(lines), error=True)
