"""doctor: what the endpoints take, tell and do, before a run depends on it."""

from __future__ import annotations

import textwrap

import typer

from autoevol.cli.common import Json, app, exit_codes, quiet_dspy
from autoevol.cli.options import with_settings
from autoevol.config import Settings
from autoevol.config.settings import GROUPS

_WIDTH = 80
_LABEL = 15


@app.command()
@exit_codes(resumes=False)
@with_settings(*GROUPS["doctor"])
def doctor(*, json: Json = False, settings: Settings) -> None:
    """Check the endpoint of each role with at most 6 calls, and print the flags that follow."""
    from autoevol.cli.console import say, say_json
    from autoevol.commands import doctor as checking

    quiet_dspy()
    report = checking.doctor(settings=settings)
    if json:
        say_json(report.to_json())
    else:
        say("\n".join(line for label, value in report.table_rows() for line in _wrapped(label, value)))
    if not report.usable:
        raise typer.Exit(1)


def _wrapped(label: str, value: str) -> list[str]:
    """A row in 80 columns; a word that is longer, such as a URL, stays whole so that it can be copied."""
    lines = textwrap.wrap(
        value,
        _WIDTH,
        initial_indent=f"{label:<{_LABEL}}",
        subsequent_indent=" " * _LABEL,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines or [label]
