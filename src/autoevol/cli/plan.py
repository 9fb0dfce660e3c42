"""estimate, and --dry-run of the main job: what a run will do and cost, before it does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autoevol.cli.common import Json, Seeds, app, exit_codes, quiet_dspy
from autoevol.config import BudgetConfig, DataConfig, LoopConfig, MethodConfig, MetricConfig, ModelConfig
from autoevol.options import with_settings

if TYPE_CHECKING:
    from autoevol.plan import Plan


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
def estimate(
    *,
    seeds: Seeds,
    sample: Annotated[int, typer.Option("--sample", min=1, help="Rows that are really run.")] = 20,
    method: Annotated[
        str | None, typer.Option("--method", help="Estimate `evolve` with this method; by default `run`.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Run folder that will not pay for the sample again.")
    ] = None,
    store: Annotated[
        Path | None, typer.Option("--store", help="Call store to use; by default runs/estimate.sqlite.")
    ] = None,
    json: Json = False,
    data: DataConfig,
    models: ModelConfig,
    loop: LoopConfig,
    methods: MethodConfig,
    metrics: MetricConfig,
    budget: BudgetConfig,
) -> None:
    """Run a sample of SEEDS, and tell calls, tokens, time and money of the whole run from it."""
    import orjson

    from autoevol import estimate as estimating
    from autoevol import plan, prices
    from autoevol.console import print_table
    from autoevol.lm.flow import Limits
    from autoevol.lm.meter import MeteredSession
    from autoevol.store.calls import CallStore

    quiet_dspy()
    judged = plan.check(models, metrics, budget)
    if method is None:
        planned = plan.plan_run(seeds, data, loop, methods, judge_calls=judged, sample=sample)
    else:
        planned = plan.plan_evolve(
            seeds, data, method, methods.rounds, judge_calls=judged, sample=sample, seed=loop.seed
        )
    path = store or (out / "calls.sqlite" if out else Path("runs/estimate.sqlite"))
    with MeteredSession(
        CallStore(path, "estimate"),
        caps=prices.caps_of(budget),
        concurrency=models.concurrency,
        prices=prices.prices_of(models, metrics, budget),
        client=models.client,
        limits=Limits(models.rpm, models.tpm),
    ) as session:
        found = estimating.estimate(planned, session, models, loop, metrics)
    if json:
        print(orjson.dumps(found.to_json()).decode())
    else:
        print_table(estimating.table_rows(found))


def show_run_plan(
    seeds: str,
    data: DataConfig,
    models: ModelConfig,
    loop: LoopConfig,
    methods: MethodConfig,
    metrics: MetricConfig,
    budget: BudgetConfig,
    *,
    json: bool,
    evolve: bool = True,
) -> None:
    """Check everything that `run` (or `optimize`) is given, and print what it would do."""
    from autoevol import plan

    judged = plan.check(models, metrics, budget)
    _show(plan.plan_run(seeds, data, loop, methods, judge_calls=judged, evolve=evolve), budget, json)


def show_evolve_plan(
    seeds: str,
    method: str | None,
    rounds: int,
    data: DataConfig,
    models: ModelConfig,
    metrics: MetricConfig,
    budget: BudgetConfig,
    *,
    json: bool,
) -> None:
    """Check everything that `evolve` is given, and print what it would do."""
    from autoevol import plan

    judged = plan.check(models, metrics, budget)
    _show(plan.plan_evolve(seeds, data, method, rounds, judge_calls=judged), budget, json)


def _show(planned: Plan, budget: BudgetConfig, json: bool) -> None:
    import orjson

    from autoevol import plan
    from autoevol.console import print_table

    if json:
        print(orjson.dumps(planned.to_json()).decode())
    else:
        print_table(plan.table_rows(planned, budget))
