"""run, optimize, evolve: the main job and its two halves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from autoevol.cli.common import DryRun, Json, Out, Seeds, app, exit_codes, finish
from autoevol.cli.options import with_settings
from autoevol.cli.plan import show_evolve_plan, show_run_plan
from autoevol.config import EndpointConfig, MethodConfig, Settings
from autoevol.config.settings import GROUPS


@app.command()
@exit_codes()
@with_settings(*GROUPS["run"])
def run(
    *,
    seeds: Seeds,
    out: Out,
    json: Json = False,
    dry_run: DryRun = False,
    settings: Settings,
) -> None:
    """Optimise an evolving method on SEEDS, then evolve all of SEEDS with it."""
    if dry_run:
        return show_run_plan(seeds, settings, out, json=json)
    from autoevol.commands import run as running

    return finish(lambda tell: running.run(seeds, out, settings=settings, listener=tell), json)


@app.command()
@exit_codes()
@with_settings(*GROUPS["optimize"])
def optimize(
    *,
    seeds: Seeds,
    out: Out,
    json: Json = False,
    dry_run: DryRun = False,
    settings: Settings,
) -> None:
    """Optimise an evolving method on SEEDS, and stop there."""
    if dry_run:
        return show_run_plan(seeds, settings, out, json=json, evolve=False)
    from autoevol.commands import run as running

    return finish(lambda tell: running.optimize(seeds, out, settings=settings, listener=tell), json)


@app.command()
@exit_codes()
@with_settings(*GROUPS["evolve"])
def evolve(
    *,
    seeds: Seeds,
    out: Out,
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            help="Run folder, method file or name of a method (default: the operations of WizardLM).",
        ),
    ] = None,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Rounds of evolution per instruction.")] = 1,
    shard: Annotated[
        str | None,
        typer.Option(
            "--shard", help="Evolve one of several equal parts, such as 2/8; `autoevol merge` joins them."
        ),
    ] = None,
    json: Json = False,
    dry_run: DryRun = False,
    settings: Settings,
) -> None:
    """Evolve all of SEEDS with an existing method, or with the operations of WizardLM."""
    from autoevol.data.shard import Shard

    part = Shard.parse(shard) if shard else None
    settings = replace(settings, methods=MethodConfig(rounds=rounds))
    if dry_run:
        return show_evolve_plan(seeds, method, settings, out, part, json=json)
    from autoevol.commands import run as running

    return finish(
        lambda tell: running.evolve(seeds, out, method=method, shard=part, settings=settings, listener=tell),
        json,
    )


@app.command()
@exit_codes()
@with_settings(*GROUPS["retry"], endpoint=EndpointConfig)
def retry(
    *,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A run folder with dead rows.")],
    json: Json = False,
    endpoint: EndpointConfig,
    settings: Settings,
) -> None:
    """Retry the rows in dead.jsonl, with the settings of their run."""
    from autoevol.commands import retry as retrying

    finish(lambda tell: retrying.retry(folder, endpoint=endpoint, settings=settings, listener=tell), json)
