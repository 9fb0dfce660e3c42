"""headroom: whether an optimisation has anything to gain, before it is paid for."""

from __future__ import annotations

from typing import Annotated

import typer

from autoevol.cli.common import Json, Out, Seeds, app, exit_codes, finish
from autoevol.cli.options import with_settings
from autoevol.config import Settings
from autoevol.config.settings import GROUPS


@app.command()
@exit_codes()
@with_settings(*GROUPS["headroom"])
def headroom(
    *,
    seeds: Seeds,
    out: Out,
    rows: Annotated[int, typer.Option("--rows", min=2, help="Rows to sample, twice per method.")] = 48,
    json: Json = False,
    settings: Settings,
) -> None:
    """Sample the starting methods on a few of SEEDS, and say what an optimisation could gain."""
    from autoevol.commands import headroom as looking

    finish(
        lambda tell: looking.headroom(seeds, out, rows=rows, settings=settings, listener=tell),
        json,
    )
