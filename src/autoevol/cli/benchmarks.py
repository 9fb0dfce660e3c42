"""benchmarks: a tuned model on the papers' benchmarks, by the harnesses that run them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoevol.cli.common import Json, app, exit_codes
from autoevol.cli.console import say
from autoevol.cli.options import with_settings
from autoevol.config import BenchmarksConfig


@app.command()
@exit_codes()
@with_settings(config=BenchmarksConfig)
def benchmarks(
    *,
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="The tuned model: a folder, or a Hugging Face name.")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder of the hand-off; give the same one to go on.")
    ],
    collect: Annotated[
        bool, typer.Option("--collect", help="Run nothing; read the results that are in OUT/results.")
    ] = False,
    json: Json = False,
    config: BenchmarksConfig,
) -> None:
    """Measure MODEL on the papers' benchmarks: write the commands, run what is here, read all results."""
    from autoevol.cli.tables import print_report
    from autoevol.commands import benchmarks as handing

    done = handing.benchmarks(
        model, out, config=config, collect=collect, tell=lambda text: say(text, error=True)
    )
    print_report(done.report, json)
    if done.report.open and not json:
        say(f"{out / handing.SCRIPT} has the commands; results belong in {out / 'results'}", error=True)
    if any(reason.startswith(handing.FAILED) for reason in done.report.open.values()):
        raise typer.Exit(1)
