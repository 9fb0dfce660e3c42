"""What the user sees: the one place that prints, whoever wrote the text.

During a run there is a live line on a terminal, and plain lines elsewhere.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

import orjson
from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from autoevol.core.masking import Mask
from autoevol.core.progress import Intervals, PhaseCounts, step_line
from autoevol.core.records import Case, Step
from autoevol.core.text import printable, printable_json


class Reporter:
    """Prints progress to standard error, so that standard output holds results only.

    On a terminal there is one live block; otherwise a line at every phase, every step and at growing
    intervals of 15 to 60 seconds in between. Called from the background loop's thread, and every second from
    another one.

    Args:
        clock: Seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.console = Console(stderr=True)
        self._mask = Mask(*keys_at_hand())
        self._live = self.console.is_terminal
        self._progress: Progress | None = None
        self._block: Live | None = None
        self._status = ""
        self._task: Any = None
        self._counts = PhaseCounts("", None, clock())
        self._intervals = Intervals(clock())

    def phase(self, name: str, rows: int | None) -> None:
        """See `Listener`."""
        self.close()
        self._counts = PhaseCounts(name, rows, self._clock())
        self._intervals.said(self._clock(), anew=True)
        if not self._live:
            self._say(f"{name}: {rows} rows" if rows else f"{name}:")
            return
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", style="bold", markup=False),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("rows" if rows else "rows tried so far"),
            TimeElapsedColumn(),
            console=self.console,
        )
        self._task = self._progress.add_task(printable(name), total=rows)
        self._status = ""
        self._block = Live(get_renderable=self._shown, console=self.console)
        self._block.start()

    def case(self, case: Case) -> None:
        """See `Listener`."""
        self._counts.add(case)
        if self._progress:
            self._progress.update(self._task, advance=1)
        elif self._intervals.due(self._clock()):
            self._intervals.said(self._clock())
            self._say(self._counts.line(self._clock()))

    def step(self, step: Step, methods: int) -> None:
        """See `Listener`."""
        self._counts.stepped(step.number)
        if self._progress:
            self._progress.update(self._task, description=printable(self._counts.title))
        self._say(step_line(step, methods))

    def pulse(self, status: Callable[[], str]) -> None:
        """See `Listener`."""
        if self._progress:
            self._status = status()
        elif self._intervals.due(self._clock()):
            self._intervals.said(self._clock())
            rows = [self._counts.line(self._clock())] if self._counts.name else []
            self._say("; ".join([*rows, status()]))

    def note(self, text: str) -> None:
        """See `Listener`."""
        self._intervals.said(self._clock())
        self._say(text)

    def close(self) -> None:
        """End the live block; what it says last stays."""
        if self._block:
            self._block.stop()
        self._progress = self._block = None

    def _shown(self) -> Group:
        """The live block: the bar, how the rows came out, how the calls stand."""
        told = (self._counts.outcomes(), self._counts.speed(self._clock()))
        below = ["; ".join(filter(None, told)), self._status]
        lines = [Text(printable(self._mask(text)), overflow="fold") for text in below if text]
        return Group(*([self._progress] if self._progress else []), *lines)

    def _say(self, text: str) -> None:
        self.console.print(Text(printable(self._mask(text))), soft_wrap=True)


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
