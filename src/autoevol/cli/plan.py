"""estimate, and --dry-run of the main job: what a run will do and cost, before it starts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autoevol.cli.common import Json, Seeds, app, exit_codes, quiet_dspy
from autoevol.cli.options import with_settings
from autoevol.config import BudgetConfig, Settings

if TYPE_CHECKING:
    from autoevol.commands.plan import Plan
    from autoevol.data.shard import Shard


@app.command()
@exit_codes()
@with_settings("data", "models", "loop", "methods", "metrics", "budget", "pipeline")
def estimate(
    *,
    seeds: Seeds,
    sample: Annotated[int, typer.Option("--sample", min=1, help="Rows to run.")] = 20,
    method: Annotated[
        str | None,
        typer.Option("--method", help="Estimate `evolve` with this method (default: estimate `run`)."),
    ] = None,
    evolve: Annotated[
        bool,
        typer.Option(
            "--evolve", help="Estimate `evolve` without a method, that is, with the operations of WizardLM."
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Run folder, which then does not pay for the sample again."),
    ] = None,
    store: Annotated[
        Path | None, typer.Option("--store", help="Call store to use (default: runs/estimate.sqlite).")
    ] = None,
    json: Json = False,
    settings: Settings,
) -> None:
    """Run a sample of SEEDS, and estimate calls, tokens, time and cost of the whole run from it."""
    import orjson

    from autoevol.cli.console import print_table
    from autoevol.commands import estimate as estimating
    from autoevol.commands import plan
    from autoevol.lm import prices
    from autoevol.lm.flow import Limits
    from autoevol.lm.session import Session
    from autoevol.store.calls import CallStore

    quiet_dspy()
    judged, models = plan.check(settings), settings.models
    if method is None and not evolve:
        planned = plan.plan_run(seeds, settings, judge_calls=judged, sample=sample)
    else:
        rounds = settings.methods.rounds
        planned = plan.plan_evolve(seeds, method, rounds, settings, judge_calls=judged, sample=sample)
    path = store or (out / "calls.sqlite" if out else Path("runs/estimate.sqlite"))
    with Session(
        CallStore(path, "estimate"),
        caps=prices.caps_of(settings.budget),
        concurrency=models.concurrency,
        prices=prices.prices_of(models, settings.metrics, settings.budget),
        client=models.client,
        limits=Limits(models.rpm, models.tpm),
    ) as session:
        report = estimating.estimate(planned, session, models, settings.loop, settings.metrics)
    if json:
        print(orjson.dumps(report.to_json()).decode())
    else:
        print_table(estimating.estimate_rows(report))


def show_run_plan(seeds: str, settings: Settings, *, json: bool, evolve: bool = True) -> None:
    """Check everything that `run` (or `optimize`) is given, and print what it would do."""
    from autoevol.commands import plan

    judged = plan.check(settings)
    _show(plan.plan_run(seeds, settings, judge_calls=judged, evolve=evolve), settings.budget, json)


def show_evolve_plan(
    seeds: str, method: str | None, rounds: int, settings: Settings, shard: Shard | None, *, json: bool
) -> None:
    """Check everything that `evolve` is given, and print what it would do."""
    from autoevol.commands import plan

    judged = plan.check(settings)
    budget = settings.budget.part(shard.of) if shard else settings.budget
    _show(plan.plan_evolve(seeds, method, rounds, settings, judge_calls=judged, shard=shard), budget, json)


def _show(planned: Plan, budget: BudgetConfig, json: bool) -> None:
    import orjson

    from autoevol.cli.console import print_table
    from autoevol.commands import plan

    if json:
        print(orjson.dumps(planned.to_json()).decode())
    else:
        print_table(plan.plan_rows(planned, budget))
