"""prove: does the data train a better model?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoevol.cli.common import DryRun, Json, app, exit_codes, finish
from autoevol.cli.options import with_settings
from autoevol.config import EndpointConfig, ProveConfig, Settings
from autoevol.config.settings import GROUPS
from autoevol.core.errors import InputError


@app.command()
@exit_codes()
@with_settings(*GROUPS["prove"], config=ProveConfig, endpoint=EndpointConfig)
def prove(
    *,
    source: Annotated[
        Path,
        typer.Argument(
            metavar="DIR|FILE", help="A run folder or a file of pairs; with --collect, the proof."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of the proof; give the same one to resume.")
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--against",
            help="Further arms: length, ops, initial, or NAME=FILE, several with commas. Repeatable. "
            "(default: length)",
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option("--recipe", help="Write the folder for this trainer instead of training: trl."),
    ] = None,
    collect: Annotated[
        bool, typer.Option("--collect", help="Conclude from the students that a recipe has left in DIR.")
    ] = False,
    dry_run: DryRun = False,
    json: Json = False,
    config: ProveConfig,
    endpoint: EndpointConfig,
    settings: Settings,
) -> None:
    """Tune a small model on DIR and on its rivals, and tell which data is better, with intervals."""
    from dataclasses import asdict

    from autoevol.cli.console import say, say_json
    from autoevol.cli.tables import print_report, print_table
    from autoevol.proof import job
    from autoevol.proof.recipe import RECIPES, write_recipe

    if recipe is not None and recipe not in RECIPES:
        raise InputError(f"--recipe {recipe!r} is unknown; known is {', '.join(RECIPES)}")
    if collect:
        print_report(job.collect(source).report, json, source)
        return
    rivals = against or ["length"]
    if dry_run:
        planned = job.outline(source, rivals, settings, config)
        say_json(planned.to_json()) if json else print_table(planned.rows())
        return
    if out is None:
        raise InputError("--out is missing: the folder of the proof")
    given = {**asdict(config), **asdict(endpoint)}
    if recipe is not None:
        plan = job.prepare(source, out, against=rivals, settings=settings, **given)
        path = write_recipe(out, plan)
        shown = [*plan.rows(), ("recipe", str(path))]
        say_json({"recipe": str(path), "plan": plan.id}) if json else print_table(shown)
        say(f"run {path / 'launch.sh'}, then: autoevol prove {out} --collect", error=True)
        return
    finish(
        lambda tell: job.prove(source, out, against=rivals, settings=settings, listener=tell, **given), json
    )
