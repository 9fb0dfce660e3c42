"""compare: optimizers side by side at an equal budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from autoevol.cli.common import Json, Out, app, exit_codes, reporting
from autoevol.cli.console import say, say_json
from autoevol.cli.options import with_settings
from autoevol.config import CompareConfig, Settings
from autoevol.config.settings import GROUPS

if TYPE_CHECKING:
    from autoevol.reports.comparison import Finished

# The option --seeds is the number of entries, so the argument cannot be called that in Python.
Source = Annotated[
    str, typer.Argument(metavar="SEEDS", help="A file, the name of a Hugging Face dataset, or `sample`.")
]


@app.command()
@exit_codes()
@with_settings(*GROUPS["compare"], comparison=CompareConfig)
def compare(
    *,
    source: Source,
    out: Out,
    json: Json = False,
    comparison: CompareConfig,
    settings: Settings,
) -> None:
    """Give every optimizer the same budget on SEEDS, and score their methods on one holdout."""
    from autoevol.cli.tables import print_next, width
    from autoevol.comparison import job
    from autoevol.comparison.tournament import DRAWING
    from autoevol.reports.comparison import FILE
    from autoevol.reports.ending import next_steps

    with reporting() as reporter:
        reporter.note(f"at most {job.most_calls(comparison)} calls, and those of the referee")
        held = job.compare(
            source,
            out,
            config=comparison,
            settings=settings,
            on_entry=lambda entry: reporter.note(_told(entry)),
            listener=reporter,
        )
    if json:
        say_json(held.report.to_json())
        return
    say(held.report.table(width()))
    for name in (FILE, DRAWING):
        say(out / name)
    print_next(next_steps(out, held.report))


def _told(entry: Finished) -> str:
    notes = "".join(f"; {note}" for note in entry.notes)
    took = f"{entry.calls} calls, {entry.seconds:.0f} s, {entry.ending}"
    return f"{entry.contestant}, seed {entry.seed}: {took}{notes}"
