"""calibrate, show: how good the measure is, and what a run found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoevol.cli.common import Json, app, exit_codes
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
    import orjson

    from autoevol.commands import calibrate as measuring

    found = measuring.calibrate(labelled, judge=judge, config=how, settings=settings)
    if save:
        found.save(save)
    if json:
        print(orjson.dumps([calibration.to_json() for calibration in found]).decode())
    else:
        print(found)


@app.command()
@exit_codes(resumes=False)
def show(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder given to --out.")],
    json: Json = False,
) -> None:
    """Show what a run, search, transfer or comparison found: figures, steps, and the chosen method."""
    import orjson

    from autoevol.cli.console import print_table
    from autoevol.reports import report

    content = report.read_folder(folder)
    if content["search"] and not json:
        from autoevol.hypersearch.result import table_rows

        print_table(table_rows(content["search"]))
        return
    if json:
        print(orjson.dumps(content).decode())
        return
    if content["transfer"]:
        from autoevol.commands.transfer import table_rows as transfer_rows

        print_table(transfer_rows(content["transfer"]))
        return
    if content["comparison"]:
        print_table(report.comparison_rows(content["comparison"]))
        return
    if content["summary"]:
        print_table(report.table_rows(content["summary"]))
    else:
        print("no summary: the run is in progress, or was stopped; the command that started it resumes it")
    for step in content["steps"]:
        print(f"step {step['step']}: {report.rate_text(step['dev'])} on dev; {step['note']}")
    if content["method"]:
        print(f"\n{content['method']['text']}")
