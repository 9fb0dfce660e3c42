"""again: a finished run with other rounds, other responses or another failure measure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoevol.cli.common import Json, Out, app, exit_codes, finish
from autoevol.cli.options import with_settings
from autoevol.config import AgainConfig, EndpointConfig, Settings
from autoevol.config.settings import GROUPS


@app.command()
@exit_codes()
@with_settings(*GROUPS["again"], wanted=AgainConfig, endpoint=EndpointConfig)
def again(
    *,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A run folder with finished rows.")],
    out: Out,
    json: Json = False,
    wanted: AgainConfig,
    endpoint: EndpointConfig,
    settings: Settings,
) -> None:
    """Choose, answer or judge the rounds of DIR again, into a new run folder. Nothing is evolved."""
    from autoevol.commands import again as renewing

    finish(
        lambda tell: renewing.again(
            folder, out, wanted=wanted, endpoint=endpoint, settings=settings, listener=tell
        ),
        json,
    )
