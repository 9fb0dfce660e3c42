"""What is said while a command runs: one block on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable

from rich.console import Console, Group
from rich.constrain import Constrain
from rich.live import Live
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.text import Text

from autoevol.cli.console import keys_at_hand
from autoevol.core.masking import Mask
from autoevol.core.progress import Progress
from autoevol.core.status import CallStatus, PhaseStatus, in_a_line, in_lines
from autoevol.core.text import printable

RUN_LOG = logging.getLogger("autoevol.run")
RUN_LOG.addHandler(logging.NullHandler())

# A narrower block is not torn where a wide window is made smaller.
_WIDEST = 80


def is_screen(console: Console) -> bool:
    """Whether what is drawn there can be drawn over: a terminal, and not the log of a CI job."""
    tty = console.file.isatty() and not console.is_dumb_terminal
    return tty and os.environ.get("CI", "").lower() in ("", "0", "false")


class Fitting:
    """Makes texts of anybody fit for a stream: no key in them, and nothing that steers a terminal.

    Args:
        console: Writes to the stream.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._mask = Mask(*keys_at_hand())

    @property
    def width(self) -> int:
        """Characters in a line of a block, now."""
        return max(20, min(self._console.width, _WIDEST) - 1)

    def __call__(self, text: str) -> str:
        """`text`, with escapes for what the stream's encoding lacks."""
        encoding = self._console.encoding or "utf-8"
        return printable(self._mask(text)).encode(encoding, "backslashreplace").decode(encoding)


class Block:
    """A block of lines at the foot of a terminal, drawn again and again until it is closed.

    Args:
        console: A terminal.
        phase: Where the phase stands; asked at every drawing.
        calls: How the calls stand, None before any; asked at every drawing.
    """

    def __init__(
        self, console: Console, phase: Callable[[], PhaseStatus], calls: Callable[[], CallStatus | None]
    ) -> None:
        self._phase, self._calls = phase, calls
        self._fit, first = Fitting(console), phase()
        # Not every encoding has the dots.
        spinner = SpinnerColumn("line" if console.options.ascii_only else "dots")
        name = TextColumn("{task.description}", style="bold", markup=False)
        bar = (BarColumn(bar_width=None),) if first.rows else ()
        self._bar = Bar(spinner, name, *bar, TimeElapsedColumn(), console=console, expand=bool(bar))
        (short,) = in_lines([self._fit(first.name)], 30)
        self._task = self._bar.add_task(short, total=first.rows)
        self._live = Live(get_renderable=self._drawn, console=console, refresh_per_second=4)
        self._live.start()

    def close(self) -> None:
        """End it; what it says last stays."""
        self._live.stop()

    def _drawn(self) -> Group:
        phase, calls = self._phase(), self._calls()
        self._bar.update(self._task, completed=phase.done)
        width = self._fit.width
        sentences = [*phase.sentences(), *(calls.sentences() if calls else [])]
        lines = in_lines(map(self._fit, sentences), width - 2)
        told = [Text(f"  {line}", no_wrap=True, overflow="ellipsis") for line in lines]
        return Group(Constrain(self._bar, width), *told)


class Reporter(Progress):
    """Tells progress on standard error, so that standard output holds results only.

    Args:
        clock: Seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        # Bound now: a comparison silences the standard error of the optimizers that it runs.
        self.console = Console(file=sys.stderr, stderr=True)
        self._live = False
        self._fit = Fitting(self.console)
        self._screen = is_screen(self.console)
        self._block: Block | None = None

    def phase(self, name: str, rows: int | None, *, at_most: bool = False, before: int = 0) -> None:
        """See `Progress`."""
        self.close()
        super().phase(name, rows, at_most=at_most, before=before)
        if self._screen:
            counts = self._counts
            self._block = Block(self.console, lambda: counts.status(self._clock()), lambda: self._calls)

    def close(self) -> None:
        """End the block; what it says last stays."""
        block, self._block = self._block, None
        if block:
            block.close()

    def _tell(self) -> None:
        self._intervals.said(self._clock())
        text = in_a_line(self.sentences())
        RUN_LOG.info(text)
        if not self._screen:
            self._print(text)

    def _announce(self, heading: str) -> None:
        RUN_LOG.info(heading)
        if not self._screen:
            self._print(heading)

    def _say(self, text: str) -> None:
        RUN_LOG.info(text)
        self._print(text)

    def _print(self, text: str) -> None:
        # In a file lines stay whole; a terminal would break them within words.
        self.console.print(Text(self._fit(text)), soft_wrap=not self._screen)
