"""calibrate, show: how good the measure is, and what a run found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoevol.cli.common import Json, app, exit_codes
from autoevol.cli.options import with_settings
from autoevol.config import BudgetConfig, MetricConfig, ModelConfig
from autoevol.config.choices import Half


@app.command()
@exit_codes()
@with_settings(models=ModelConfig, budget=BudgetConfig)
def calibrate(
    *,
    labelled: Annotated[
        list[Path], typer.Argument(metavar="LABELLED...", help="Labelled evolutions, JSONL.")
    ],
    judge_model: Annotated[str | None, typer.Option("--judge-model", help="LM to measure as well.")] = None,
    judge: Annotated[Path | None, typer.Option("--judge", help="Compiled judge for that LM.")] = None,
    judge_samples: Annotated[
        int, typer.Option("--judge-samples", min=1, help="Replies asked of it; the majority decides.")
    ] = 1,
    no_judge_hints: Annotated[
        bool, typer.Option("--no-judge-hints", help="Do not tell it what text rules noticed.")
    ] = False,
    repeat: Annotated[
        int, typer.Option("--repeat", min=1, help="Measure it so often, and print the spread.")
    ] = 1,
    answers: Annotated[
        int | None, typer.Option("--agreement", min=2, help="Also measure so many answers' agreement.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most this many pairs.")] = None,
    with_responses: Annotated[
        bool, typer.Option("--with-responses", help="Only pairs with responses.")
    ] = False,
    half: Annotated[Half | None, typer.Option("--half", help="Only one half of the pairs.")] = None,
    save: Annotated[Path | None, typer.Option("--save", help="File for --calibration.")] = None,
    store: Annotated[str, typer.Option("--store", help="Call store of the judge.")] = "runs/calibrate.sqlite",
    json: Json = False,
    models: ModelConfig,
    budget: BudgetConfig,
) -> None:
    """Measure the failure detectors against labelled evolutions."""
    import orjson

    from autoevol.commands import calibrate as measuring
    from autoevol.commands import jobs
    from autoevol.lm import prices
    from autoevol.lm.flow import Limits
    from autoevol.lm.session import Session
    from autoevol.metrics.tables import render_table

    wanted = measuring.Pairs(labelled[0], limit, with_responses, half, tuple(labelled[1:]))
    how = measuring.Judging(judge_samples, not no_judge_hints, repeat, answers)
    pairs = measuring.load_pairs(wanted)
    detector = measuring.compiled_judge(judge, judge_model, how.samples)
    calibrations = measuring.calibrate_text(pairs)
    if judge_model:
        with Session(
            store,
            caps=prices.caps_of(budget),
            concurrency=models.concurrency,
            client=models.client,
            limits=Limits(models.rpm, models.tpm),
        ) as session:
            lm = jobs.judge_lm(session, models, MetricConfig(judge_model=judge_model))
            calibrations += measuring.measure_with(pairs, lm, detector, how)
    if save:
        measuring.save_calibrations(save, calibrations, wanted)
    if json:
        print(orjson.dumps([calibration.to_json() for calibration in calibrations]).decode())
    else:
        print(render_table(calibrations))


@app.command()
@exit_codes(resumes=False)
def show(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder given to --out.")],
    json: Json = False,
) -> None:
    """Show what a run, search, transfer or comparison found: figures, steps, and the chosen method."""
    import orjson

    from autoevol.cli.console import print_table
    from autoevol.reports.folder import read_folder

    shown = read_folder(folder)
    if json:
        print(orjson.dumps(shown.to_json()).decode())
        return
    if shown.report:
        print_table(shown.report.table_rows())
    else:
        print("no summary: the run is in progress, or was stopped; the command that started it resumes it")
    for line in shown.lines():
        print(line)
