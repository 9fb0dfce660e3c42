"""clean, export: what a finished file needs before a model is trained on it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from autoevol.cli.common import Json, app, exit_codes
from autoevol.cli.options import with_settings
from autoevol.config import CleanConfig, DataConfig, ExportConfig
from autoevol.config.choices import ExportFormat

Dataset = Annotated[
    str,
    typer.Argument(
        metavar="DATASET",
        help="A run folder, a file, a folder or pattern of files, or the name of a Hugging Face dataset.",
    ),
]


@app.command()
@exit_codes(resumes=False)
@with_settings(settings=CleanConfig, data=DataConfig)
def clean(
    *,
    dataset: Dataset,
    out: Annotated[Path, typer.Option("--out", "-o", help="JSONL file for the records that are kept.")],
    against: Annotated[
        list[str] | None, typer.Option("--against", help="Seeds that no record may repeat. Repeatable.")
    ] = None,
    json: Json = False,
    settings: CleanConfig,
    data: DataConfig,
) -> None:
    """Remove duplicates, near duplicates and benchmark items from DATASET, with a report."""
    from dataclasses import asdict

    import orjson

    from autoevol.cli.console import print_table
    from autoevol.dataset.clean import clean_file, cleaning_rows

    report = clean_file(dataset, out, against=against or (), settings=settings, data=data)
    if json:
        print(orjson.dumps(asdict(report)).decode())
    else:
        print_table(cleaning_rows(report))


@app.command()
@exit_codes(resumes=False)
@with_settings(settings=ExportConfig, data=DataConfig)
def export(
    *,
    dataset: Dataset,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File to write; a provenance file goes next to it.")
    ],
    format: Annotated[ExportFormat, typer.Option("--format", help="Format to write.")] = "messages",
    card: Annotated[bool, typer.Option("--card", help="Also write a dataset card, README.md.")] = False,
    run: Annotated[
        Path | None, typer.Option("--run", help="Run folder for the card (default: that of DATASET).")
    ] = None,
    license: Annotated[
        str | None, typer.Option("--license", help="Licence of the dataset, such as cc-by-4.0.")
    ] = None,
    seed_license: Annotated[str | None, typer.Option("--seed-license", help="Licence of the seeds.")] = None,
    push_to_hub: Annotated[
        str | None,
        typer.Option("--push-to-hub", help="OWNER/NAME of a Hugging Face dataset; implies --card."),
    ] = None,
    public: Annotated[bool, typer.Option("--public", help="Make a new hub dataset public.")] = False,
    json: Json = False,
    settings: ExportConfig,
    data: DataConfig,
) -> None:
    """Write DATASET in the format that a trainer reads, and its provenance next to it."""
    import orjson

    from autoevol.cli.console import print_table
    from autoevol.dataset import card as cards
    from autoevol.dataset import hub
    from autoevol.dataset.export import export_file, run_folder_of

    folder = run or run_folder_of(dataset)
    done = export_file(dataset, out, format, data=data, settings=settings)
    for line in done.notes():
        print(line, file=sys.stderr)
    written = {
        "rows": done.rows,
        "rejected": done.rejected,
        **({"dropped": done.counts.dropped} if settings.drop_long else {}),
        "data": str(done.path),
        "provenance": str(done.provenance),
        **{path.name: str(path) for path in done.companions},
    }
    if card or push_to_hub:
        licences = cards.Licences(license, seed_license)
        readme = cards.write_card(done, folder, licences, title=push_to_hub or done.path.stem)
        written["card"] = str(readme)
        if push_to_hub:
            written["hub"] = hub.push_to_hub(done, readme, push_to_hub, private=not public)
    if json:
        print(orjson.dumps(written).decode())
    else:
        print_table([(name, str(value)) for name, value in written.items()])
