"""show: where a run in another process stands, and what a folder holds."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from autoevol.cli.console import say, say_json
from autoevol.cli.progress import Fitting, is_screen
from autoevol.cli.tables import print_lines, print_report
from autoevol.core.errors import AutoEvolError
from autoevol.core.progress import Intervals
from autoevol.core.status import in_a_line, in_lines
from autoevol.reports.folder import read_folder
from autoevol.reports.following import Ending, Followed, follow

CODES: dict[Ending, int] = {
    "done": 0,
    "stopped": 1,
    "lost": 1,
    "refused": 2,
    "budget": 3,
    "interrupted": 130,
}
"""Exit codes of commands by how they ended; `lost` is what a shell is not told of."""


def watch(folder: Path) -> int:
    """Follow what is under way in `folder`, on standard error; returns the exit code that it ended with."""
    screen = _Screen()
    try:
        return CODES[follow(folder, screen.show)]
    except KeyboardInterrupt:
        screen.close()
        say("no longer watching; what was watched goes on", error=True)
        raise typer.Exit(130) from None
    finally:
        screen.close()


def show_folder(folder: Path, *, json: bool) -> None:
    """Print what a folder holds. Raises InputError and StoreError as `read_folder`."""
    shown = read_folder(folder)
    if json:
        say_json(shown.to_json())
        return
    for process in shown.progress:
        if process.life != "ended" or not shown.report:
            print_lines(process.sentences())
    if shown.report:
        print_report(shown.report, False, folder, shown.lines())
        return
    if not shown.progress:
        say("no summary: the run is in progress, or was stopped; the command that started it resumes it")
    print_lines(shown.lines())


@contextmanager
def told_anyway(code: int) -> Iterator[None]:
    """Inside, an error after a run that has failed is told and leaves its exit code as it is."""
    try:
        yield
    except AutoEvolError as error:
        if not code:
            raise
        say(f"autoevol: {error}", error=True)


class _Screen:
    """One block on a terminal; elsewhere a line at growing intervals, and whenever a phase begins."""

    def __init__(self) -> None:
        self._console = Console(file=sys.stderr, stderr=True)
        self._fitting = Fitting(self._console)
        self._seen: list[Followed] = []
        self._intervals = Intervals(time.monotonic())
        self._said: list[str] = []
        self._live: Live | None = None
        if is_screen(self._console):
            self._live = Live(get_renderable=self._drawn, console=self._console, refresh_per_second=2)
            self._live.start()

    def show(self, seen: list[Followed]) -> None:
        """Show what was seen."""
        self._seen = seen
        now, phases = time.monotonic(), [one.status.phase.name if one.status.phase else "" for one in seen]
        if self._live is None and (phases != self._said or self._intervals.due(now)):
            self._intervals.said(now, anew=phases != self._said)
            self._said = phases
            for one in seen:
                say(in_a_line(one.sentences()), error=True)

    def close(self) -> None:
        """End the block; what it says last stays."""
        live, self._live = self._live, None
        if live:
            live.stop()

    def _drawn(self) -> Text:
        width = self._fitting.width
        lines = [line for one in self._seen for line in in_lines(map(self._fitting, one.sentences()), width)]
        return Text("\n".join(lines), no_wrap=True, overflow="ellipsis")
