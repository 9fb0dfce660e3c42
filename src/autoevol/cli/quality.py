"""quality: complexity, diversity, tags and length of an evolved dataset, round by round."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoevol.cli.common import DryRun, Json, app, exit_codes, reporting
from autoevol.cli.console import say, say_json
from autoevol.cli.options import with_settings
from autoevol.config import QualityConfig, Settings
from autoevol.config.settings import GROUPS


@app.command()
@exit_codes()
@with_settings(*GROUPS["quality"], config=QualityConfig)
def quality(
    *,
    dataset: Annotated[Path, typer.Argument(metavar="FILE|DIR", help="A dataset.jsonl, or its run folder.")],
    dry_run: DryRun = False,
    json: Json = False,
    config: QualityConfig,
    settings: Settings,
) -> None:
    """Compare seeds, rounds and final instructions; with a judge, also complexity, tags and gain."""
    from autoevol.cli.tables import print_table
    from autoevol.commands import quality as measuring

    if dry_run:
        planned = measuring.plan_quality(dataset, config=config, settings=settings)
        say_json(planned.to_json()) if json else print_table(planned.rows)
        return
    with reporting() as reporter:
        measured = measuring.quality(dataset, config=config, settings=settings, listener=reporter)
    say_json(measured.to_json()) if json else say(measured)
    if measured.stopped_by is not None:
        raise measured.stopped_by
