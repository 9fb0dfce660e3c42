"""again: a finished run with other rounds, other responses or another failure measure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoevol.cli.common import Json, Out, Store, app, exit_codes, finish
from autoevol.cli.options import with_settings
from autoevol.config import AgainConfig, BudgetConfig, EndpointConfig


@app.command()
@exit_codes()
@with_settings(wanted=AgainConfig, endpoint=EndpointConfig, budget=BudgetConfig)
def again(
    *,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A run folder with finished rows.")],
    out: Out,
    json: Json = False,
    store: Store = None,
    wanted: AgainConfig,
    endpoint: EndpointConfig,
    budget: BudgetConfig,
) -> None:
    """Choose, answer or judge the rounds of DIR again, into a new run folder. Nothing is evolved."""
    from autoevol.commands import again as renewing

    finish(lambda tell: renewing.again(folder, out, wanted, endpoint, budget, tell, store=store), json)
