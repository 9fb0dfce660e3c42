"""The command line. The only place that prints, and the only one that turns errors into exit codes.

Exit codes: 0 done; 1 the run had to stop (access, endpoint, disk); 2 bad input or usage;
3 budget reached, partial result saved; 130 interrupted, state saved.

One module per group of commands; importing it registers them with `app`.
"""

from __future__ import annotations

import os
import signal

from typer.models import CommandInfo

from autoevol.cli import again, compare, files, main_job, measure, passport, plan, quality, scale, search
from autoevol.cli.common import app

__all__ = [
    "again",
    "app",
    "compare",
    "files",
    "main",
    "main_job",
    "measure",
    "passport",
    "plan",
    "quality",
    "scale",
    "search",
]

# Commands in the order of `autoevol --help`; one that is not listed comes last.
_PANELS = {
    "Evolve": ("run", "optimize", "evolve", "retry", "again", "show"),
    "Before and after": ("estimate", "clean", "export", "quality"),
    "Several processes": ("launch", "merge"),
    "Methods and measures": ("search", "compare", "passport", "transfer", "calibrate"),
}
_PLACES = [(name, panel) for panel, names in _PANELS.items() for name in names]


def _arrange() -> None:
    places = {name: (number, panel) for number, (name, panel) in enumerate(_PLACES)}

    def place(command: CommandInfo) -> tuple[int, str | None]:
        name = command.name or getattr(command.callback, "__name__", "")
        return places.get(name, (len(places), None))

    app.registered_commands.sort(key=lambda command: place(command)[0])
    for command in app.registered_commands:
        if panel := place(command)[1]:
            command.rich_help_panel = panel


_arrange()


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Entry point of `autoevol`."""
    # Asked for a price table at import, litellm would go to the network.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    signal.signal(signal.SIGTERM, _interrupt)
    app()
