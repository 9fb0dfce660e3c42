"""clean: what a finished file needs before anybody trains on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoevol.cli.common import Json, app, exit_codes
from autoevol.config import CleanConfig, DataConfig
from autoevol.options import with_settings

Dataset = Annotated[str, typer.Argument(help="A run folder, a file or the name of a Hugging Face dataset.")]


@app.command()
@exit_codes()
@with_settings(settings=CleanConfig, data=DataConfig)
def clean(
    *,
    dataset: Dataset,
    out: Annotated[Path, typer.Option("--out", "-o", help="JSONL file for the records that stay.")],
    against: Annotated[
        list[str] | None, typer.Option("--against", help="Seeds that nothing may repeat. Repeatable.")
    ] = None,
    json: Json = False,
    settings: CleanConfig,
    data: DataConfig,
) -> None:
    """Remove duplicates, near duplicates and benchmark items from DATASET, with a report."""
    from dataclasses import asdict

    import orjson

    from autoevol.clean.files import clean_file
    from autoevol.clean.report import table_rows
    from autoevol.console import print_table

    report = clean_file(dataset, out, against=against or (), settings=settings, data=data)
    if json:
        print(orjson.dumps(asdict(report)).decode())
    else:
        print_table(table_rows(report))
