"""doctor: what the endpoints take, tell and do, before a run depends on it."""

from __future__ import annotations

import typer

from autoevol.cli.common import Json, app, exit_codes
from autoevol.cli.options import with_settings
from autoevol.config import Settings
from autoevol.config.settings import GROUPS


@app.command()
@exit_codes(resumes=False)
@with_settings(*GROUPS["doctor"])
def doctor(*, json: Json = False, settings: Settings) -> None:
    """Check the endpoint of each role with at most 6 calls, and print the flags that follow."""
    from autoevol.cli.console import say, say_json
    from autoevol.cli.tables import width
    from autoevol.commands import doctor as checking
    from autoevol.core.layout import WIDTH, pairs_table
    from autoevol.core.text import printable

    report = checking.doctor(settings=settings)
    if json:
        say_json(report.to_json())
    else:
        shown = [(label, printable(value)) for label, value in report.table_rows()]
        say("\n".join(pairs_table(shown, min(WIDTH, width()))))
    if not report.usable:
        raise typer.Exit(1)
