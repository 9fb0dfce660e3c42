"""estimate, and --dry-run of the main job: what a run will do and cost, before it starts."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autoevol.cli.common import Json, Seeds, app, exit_codes
from autoevol.cli.console import say_json
from autoevol.cli.options import with_settings
from autoevol.config import Settings
from autoevol.config.settings import GROUPS

if TYPE_CHECKING:
    from autoevol.commands.planned import Plan
    from autoevol.commands.shares import Share
    from autoevol.data.shard import Shard


@app.command()
@exit_codes()
@with_settings(*GROUPS["estimate"])
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
    json: Json = False,
    settings: Settings,
) -> None:
    """Run a sample of SEEDS, and estimate calls, tokens, time and cost of the whole run from it."""
    from autoevol.cli.tables import print_table
    from autoevol.commands import estimate as estimating

    report = estimating.estimate(
        seeds, sample=sample, method=method, evolve=evolve, out=out, settings=settings
    )
    if json:
        say_json(report.to_json())
    else:
        print_table(estimating.estimate_rows(report))


def show_run_plan(seeds: str, settings: Settings, out: Path, *, json: bool, evolve: bool = True) -> None:
    """Check everything that `run` (or `optimize`) is given, and print what it would do."""
    from autoevol.commands import plan, shares
    from autoevol.commands.past import as_begun

    settings = as_begun(out, settings)
    planned = plan.plan_run(seeds, settings, judge_calls=plan.check(settings), evolve=evolve)
    _show(planned, settings, json, shares.Share.of(settings, planned) if evolve else None)


def show_evolve_plan(
    seeds: str, method: str | None, settings: Settings, out: Path, shard: Shard | None, *, json: bool
) -> None:
    """Check everything that `evolve` is given, and print what it would do."""
    from autoevol.commands import plan
    from autoevol.commands.past import as_begun

    settings = as_begun(out / shard.folder if shard else out, settings)
    judged = plan.check(settings)
    settings = replace(settings, budget=settings.budget.part(shard.of)) if shard else settings
    _show(plan.plan_evolve(seeds, method, settings, judge_calls=judged, shard=shard), settings, json)


def _show(planned: Plan, settings: Settings, json: bool, share: Share | None = None) -> None:
    from autoevol.cli.tables import print_table
    from autoevol.commands import plan
    from autoevol.commands.likely import likely_run
    from autoevol.reports.known_models import limits_of

    likely, steps = likely_run(planned, settings), settings.loop.steps
    if json:
        told = {"share": share.to_json(steps, likely.steps)} if share else {}
        reached = {"bulk_reached": asdict(likely.reached)} if likely.reached else {}
        say_json({**planned.to_json(), "likely_calls": asdict(likely.calls), **reached, **told})
        return
    rows = plan.plan_rows(planned, settings.budget, likely)
    rows += [("--optimize-share", share.told(steps, likely.steps))] if share else []
    weak = limits_of(settings.models.evol.model)
    print_table([*rows, *([("what to expect", weak)] if weak else [])])
