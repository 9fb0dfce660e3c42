"""clean, export: what a finished file needs before a model is trained on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoevol.cli.common import Json, app, exit_codes
from autoevol.cli.console import say, say_json
from autoevol.cli.options import with_settings
from autoevol.config import ExportConfig, PublishConfig, SelectConfig, Settings
from autoevol.config.choices import ExportFormat
from autoevol.config.settings import GROUPS

Dataset = Annotated[
    str,
    typer.Argument(
        metavar="DATASET",
        help="A run folder, a file, a folder or pattern of files, or the name of a Hugging Face dataset.",
    ),
]


@app.command()
@exit_codes(resumes=False)
@with_settings(*GROUPS["clean"], select=SelectConfig)
def clean(
    *,
    dataset: Dataset,
    out: Annotated[Path, typer.Option("--out", "-o", help="JSONL file for the records that are kept.")],
    against: Annotated[
        list[str] | None, typer.Option("--against", help="Seeds that no record may repeat. Repeatable.")
    ] = None,
    json: Json = False,
    select: SelectConfig,
    settings: Settings,
) -> None:
    """Remove duplicates, near duplicates and benchmark items from DATASET, with a report."""
    from autoevol.cli.tables import print_next, print_table
    from autoevol.commands import datasets
    from autoevol.reports.ending import NextStep

    cleaned = datasets.clean(dataset, out, against=against or (), select=select, settings=settings)
    if json:
        say_json(cleaned.to_json())
    else:
        print_table(cleaned.rows)
        train = out.with_name("train.jsonl")
        words = ("autoevol", "export", str(out), "--format", "messages", "--out", str(train))
        print_next([NextStep("write what a trainer reads", words)])


@app.command()
@exit_codes(resumes=False)
@with_settings(*GROUPS["export"], examples=ExportConfig, publish=PublishConfig)
def export(
    *,
    dataset: Dataset,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File to write; a provenance file goes next to it.")
    ],
    format: Annotated[ExportFormat, typer.Option("--format", help="Format to write.")] = "messages",
    json: Json = False,
    examples: ExportConfig,
    publish: PublishConfig,
    settings: Settings,
) -> None:
    """Write DATASET in the format that a trainer reads; with --recipe, what starts the trainer too."""
    from autoevol.cli.tables import print_table
    from autoevol.commands import datasets

    written = datasets.export(
        dataset, out, format=format, examples=examples, publish=publish, settings=settings
    )
    for line in written.notes():
        say(line, error=True)
    if json:
        say_json(written.to_json())
    else:
        print_table(written.rows)
