"""calibrate, show: how good the measure is, and what a run found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoevol.cli.common import Json, app, exit_codes
from autoevol.cli.console import say, say_json
from autoevol.cli.options import with_settings
from autoevol.config import CalibrateConfig, Settings
from autoevol.config.settings import GROUPS


@app.command()
@exit_codes()
@with_settings(*GROUPS["calibrate"], how=CalibrateConfig)
def calibrate(
    *,
    labelled: Annotated[
        list[Path], typer.Argument(metavar="LABELLED...", help="Labelled evolutions, JSONL.")
    ],
    judge: Annotated[Path | None, typer.Option("--judge", help="Compiled judge for that LM.")] = None,
    save: Annotated[Path | None, typer.Option("--save", help="File for --calibration.")] = None,
    json: Json = False,
    how: CalibrateConfig,
    settings: Settings,
) -> None:
    """Measure the failure detectors against labelled evolutions."""
    from autoevol.cli.tables import width
    from autoevol.commands import calibrate as measuring
    from autoevol.core.layout import WIDTH
    from autoevol.metrics.tables import render_table

    found = measuring.calibrate(labelled, judge=judge, config=how, settings=settings)
    if save:
        found.save(save)
    if json:
        say_json([calibration.to_json() for calibration in found])
    else:
        say(render_table(found.calibrations, min(WIDTH, width())))


@app.command()
@exit_codes(resumes=False)
def show(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder given to --out.")],
    watch: Annotated[
        bool,
        typer.Option("--watch", "-w", help="Follow a run in another process to its end, with its exit code."),
    ] = False,
    json: Json = False,
) -> None:
    """Show where a run stands, or what it, a search, transfer or comparison found."""
    from autoevol.cli import watching

    code = watching.watch(folder) if watch else 0
    with watching.told_anyway(code):
        watching.show_folder(folder, json=json)
    raise typer.Exit(code)
