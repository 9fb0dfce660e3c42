"""run, optimize, evolve: the main job and its two halves."""

from __future__ import annotations

from typing import Annotated

import typer

from autoevol.cli.common import Config, Json, Out, Seeds, Store, app, exit_codes, finish
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
    config: Config = None,
    data: DataConfig,
    models: ModelConfig,
    loop: LoopConfig,
    methods: MethodConfig,
    metrics: MetricConfig,
    budget: BudgetConfig,
) -> None:
    """Optimise an evolving method on SEEDS, then evolve all of SEEDS with it."""
    from autoevol import workflow

    finish(
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
    config: Config = None,
    data: DataConfig,
    models: ModelConfig,
    loop: LoopConfig,
    methods: MethodConfig,
    metrics: MetricConfig,
    budget: BudgetConfig,
) -> None:
    """Optimise an evolving method on SEEDS, and stop there."""
    from autoevol import workflow

    finish(
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
        str, typer.Option("--method", help="Run folder, method file, or initial, weak, compact.")
    ],
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Rounds of evolution per instruction.")] = 1,
    json: Json = False,
    store: Store = None,
    data: DataConfig,
    models: ModelConfig,
    metrics: MetricConfig,
    budget: BudgetConfig,
) -> None:
    """Evolve all of SEEDS with a method that is already known."""
    from autoevol import workflow

    finish(
        lambda tell: workflow.evolve(
            seeds, out, method, rounds, data, models, metrics, budget, tell, store=store
        ),
        json,
    )
