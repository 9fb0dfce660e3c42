"""run, optimize, evolve: the main job and its two halves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoevol.cli.common import DryRun, Json, Out, Seeds, Store, app, exit_codes, finish
from autoevol.cli.options import with_settings
from autoevol.cli.plan import show_evolve_plan, show_run_plan
from autoevol.config import BudgetConfig, EndpointConfig, Settings


@app.command()
@exit_codes()
@with_settings("data", "models", "loop", "methods", "metrics", "budget", "pipeline", "clean")
def run(
    *,
    seeds: Seeds,
    out: Out,
    json: Json = False,
    store: Store = None,
    dry_run: DryRun = False,
    settings: Settings,
) -> None:
    """Optimise an evolving method on SEEDS, then evolve all of SEEDS with it."""
    if dry_run:
        return show_run_plan(seeds, settings, json=json)
    from autoevol.commands import workflow

    return finish(lambda tell: workflow.run(seeds, out, settings, tell, store=store), json)


@app.command()
@exit_codes()
@with_settings("data", "models", "loop", "methods", "metrics", "budget")
def optimize(
    *,
    seeds: Seeds,
    out: Out,
    json: Json = False,
    store: Store = None,
    dry_run: DryRun = False,
    settings: Settings,
) -> None:
    """Optimise an evolving method on SEEDS, and stop there."""
    if dry_run:
        return show_run_plan(seeds, settings, json=json, evolve=False)
    from autoevol.commands import workflow

    return finish(lambda tell: workflow.run(seeds, out, settings, tell, store=store, evolve=False), json)


@app.command()
@exit_codes()
@with_settings("data", "models", "metrics", "budget", "pipeline", "clean")
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
    store: Store = None,
    dry_run: DryRun = False,
    settings: Settings,
) -> None:
    """Evolve all of SEEDS with an existing method, or with the operations of WizardLM."""
    from autoevol.data.shard import Shard

    part = Shard.parse(shard) if shard else None
    if dry_run:
        return show_evolve_plan(seeds, method, rounds, settings, part, json=json)
    from autoevol.commands import workflow

    return finish(
        lambda tell: workflow.evolve(seeds, out, method, rounds, settings, tell, store=store, shard=part),
        json,
    )


@app.command()
@exit_codes()
@with_settings(endpoint=EndpointConfig, budget=BudgetConfig)
def retry(
    *,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A run folder with dead rows.")],
    json: Json = False,
    store: Store = None,
    endpoint: EndpointConfig,
    budget: BudgetConfig,
) -> None:
    """Retry the rows in dead.jsonl, with the settings of their run."""
    from autoevol.commands import workflow

    finish(lambda tell: workflow.retry(folder, endpoint, budget, tell, store=store), json)
