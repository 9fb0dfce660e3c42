"""run, optimize, evolve: the main job and its two halves."""

from __future__ import annotations

from typing import Annotated

import typer

from autoevol.cli.common import Config, DryRun, Json, Out, Seeds, Store, app, exit_codes, finish
from autoevol.cli.plan import show_evolve_plan, show_run_plan
from autoevol.config import BudgetConfig, DataConfig, LoopConfig, MethodConfig, MetricConfig, ModelConfig
from autoevol.options import with_settings


@app.command()
@exit_codes()
@with_settings(
    data=DataConfig,
    models=ModelConfig,
    loop=LoopConfig,
    methods=MethodConfig,
    metrics=MetricConfig,
    budget=BudgetConfig,
)
def run(
    *,
    seeds: Seeds,
    out: Out,
    json: Json = False,
    store: Store = None,
    dry_run: DryRun = False,
    config: Config = None,
    data: DataConfig,
    models: ModelConfig,
    loop: LoopConfig,
    methods: MethodConfig,
    metrics: MetricConfig,
    budget: BudgetConfig,
) -> None:
    """Optimise an evolving method on SEEDS, then evolve all of SEEDS with it."""
    if dry_run:
        return show_run_plan(seeds, data, models, loop, methods, metrics, budget, json=json)
    from autoevol import workflow

    return finish(
        lambda tell: workflow.run(
            seeds, out, data, models, loop, methods, metrics, budget, tell, store=store
        ),
        json,
    )


@app.command()
@exit_codes()
@with_settings(
    data=DataConfig,
    models=ModelConfig,
    loop=LoopConfig,
    methods=MethodConfig,
    metrics=MetricConfig,
    budget=BudgetConfig,
)
def optimize(
    *,
    seeds: Seeds,
    out: Out,
    json: Json = False,
    store: Store = None,
    dry_run: DryRun = False,
    config: Config = None,
    data: DataConfig,
    models: ModelConfig,
    loop: LoopConfig,
    methods: MethodConfig,
    metrics: MetricConfig,
    budget: BudgetConfig,
) -> None:
    """Optimise an evolving method on SEEDS, and stop there."""
    if dry_run:
        return show_run_plan(seeds, data, models, loop, methods, metrics, budget, json=json, evolve=False)
    from autoevol import workflow

    return finish(
        lambda tell: workflow.run(
            seeds, out, data, models, loop, methods, metrics, budget, tell, store=store, evolve=False
        ),
        json,
    )


@app.command()
@exit_codes()
@with_settings(data=DataConfig, models=ModelConfig, metrics=MetricConfig, budget=BudgetConfig)
def evolve(
    *,
    seeds: Seeds,
    out: Out,
    method: Annotated[
        str, typer.Option("--method", help="Run folder, method file, or the name of a method.")
    ],
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Rounds of evolution per instruction.")] = 1,
    json: Json = False,
    store: Store = None,
    dry_run: DryRun = False,
    data: DataConfig,
    models: ModelConfig,
    metrics: MetricConfig,
    budget: BudgetConfig,
) -> None:
    """Evolve all of SEEDS with a method that is already known."""
    if dry_run:
        return show_evolve_plan(seeds, method, rounds, data, models, metrics, budget, json=json)
    from autoevol import workflow

    return finish(
        lambda tell: workflow.evolve(
            seeds, out, method, rounds, data, models, metrics, budget, tell, store=store
        ),
        json,
    )
