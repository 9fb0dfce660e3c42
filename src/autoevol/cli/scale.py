"""merge, launch: the bulk stage in several processes, on one machine or many."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoevol.cli.common import Json, app, exit_codes


@app.command()
@exit_codes()
def merge(
    *,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What the shards were given as --out.")],
    json: Json = False,
) -> None:
    """Join the finished shards in DIR into one run folder, DIR itself."""
    import orjson

    from autoevol import merging, report
    from autoevol.console import print_table

    summary = merging.merge(folder)
    if json:
        print(orjson.dumps(summary).decode())
    else:
        print_table(report.table_rows(summary))
