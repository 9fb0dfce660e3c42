"""What the user sees: the one place that prints, whoever wrote the text."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from autoevol.core.masking import Mask
from autoevol.core.text import printable, printable_json

if TYPE_CHECKING:
    from autoevol.reports.folder import Report


def say(text: object, *, error: bool = False) -> None:
    """Print a text, whoever wrote it: nothing in it steers the terminal, and no key is in it.

    Args:
        text: What is shown; lines are never cut, so that paths can be copied.
        error: On standard error, where anything that only looks like a credential is hidden as well.
    """
    mask = Mask(*keys_at_hand())
    shown = printable(mask(str(text)) if error else mask.known(str(text)))
    stream = sys.stderr if error else sys.stdout
    # A terminal of another encoding shows what it lacks as an escape.
    encoding = stream.encoding or "utf-8"
    print(shown.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)


def say_json(data: object) -> None:
    """Print a value as one line of JSON on standard output."""
    mask = Mask(*keys_at_hand())
    print(printable_json(mask.known(orjson.dumps(data).decode())), flush=True)


def keys_at_hand() -> list[str]:
    """What looks like a key in the environment, by the name of its variable; paths to keys are none."""
    return [
        value
        for name, value in os.environ.items()
        if name.endswith(("_KEY", "_TOKEN")) and not value.startswith(("/", "~", "."))
    ]


def print_report(report: Report, json: bool) -> None:
    """A report on standard output: one JSON line, or a table."""
    if json:
        say_json(report.to_json())
    else:
        print_table(report.table_rows())


def print_table(rows: Sequence[tuple[str, str]]) -> None:
    """Two columns on standard output; lines are never cut, so that paths can be copied."""
    if not sys.stdout.isatty():
        width = max(len(label) for label, _ in rows)
        say("\n".join(f"{label:<{width}}  {value}" for label, value in rows))
        return
    mask = Mask(*keys_at_hand())
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in rows:
        # As text, not as rich's markup: a path may hold [/] and a method's name [bold].
        table.add_row(*(Text(printable(mask.known(cell))) for cell in (label, value)))
    Console().print(table)
