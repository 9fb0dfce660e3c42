"""clean, export, quality: what a finished file needs before anybody trains on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoevol.cli.common import Json, app, exit_codes
from autoevol.cli.options import with_settings
from autoevol.config import PublishConfig, Settings
from autoevol.config.settings import GROUPS

Dataset = Annotated[
    str,
    typer.Argument(metavar="DATASET", help="A run folder, a file or the name of a Hugging Face dataset."),
]


@app.command()
@exit_codes(resumes=False)
@with_settings(*GROUPS["clean"])
def clean(
    *,
    dataset: Dataset,
    out: Annotated[Path, typer.Option("--out", "-o", help="JSONL file for the records that stay.")],
    against: Annotated[
        list[str] | None, typer.Option("--against", help="Seeds that nothing may repeat. Repeatable.")
    ] = None,
    json: Json = False,
    settings: Settings,
) -> None:
    """Remove duplicates, near duplicates and benchmark items from DATASET, with a report."""
    import orjson

    from autoevol.cli.console import print_table
    from autoevol.commands import datasets

    cleaned = datasets.clean(dataset, out, against=against or (), settings=settings)
    if json:
        print(orjson.dumps(cleaned.to_json()).decode())
    else:
        print_table(cleaned.rows)


@app.command()
@exit_codes(resumes=False)
@with_settings(*GROUPS["export"], publish=PublishConfig)
def export(
    *,
    dataset: Dataset,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write; provenance goes beside it.")],
    format: Annotated[
        str,
        typer.Option("--format", help="messages, prompt-completion, sharegpt, alpaca, openai or parquet."),
    ] = "messages",
    json: Json = False,
    publish: PublishConfig,
    settings: Settings,
) -> None:
    """Write DATASET in the format of a trainer, with its provenance in a file beside it."""
    import orjson

    from autoevol.cli.console import print_table
    from autoevol.commands import datasets

    exported = datasets.export(dataset, out, format=format, publish=publish, settings=settings)
    if json:
        print(orjson.dumps(exported.to_json()).decode())
    else:
        print_table(exported.rows)
