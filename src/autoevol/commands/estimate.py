"""What a run will cost, extrapolated from a sample that is really run."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, astuple, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import dspy
import numpy as np
from dspy.utils.exceptions import LMError

from autoevol.commands.budgeted import BudgetSample, reach_note
from autoevol.commands.estimate_notes import notes_of
from autoevol.commands.extrapolate import FIELDS, Projection, cost_of, intervals
from autoevol.commands.keywords import take
from autoevol.commands.likely import (
    TAIL,
    SampleCosts,
    cut_off,
    likely_costs,
    likely_of,
    prospects,
)
from autoevol.commands.models import asking, make_metric, open_session, role_lm
from autoevol.commands.past import as_begun
from autoevol.commands.plan import check, plan_evolve, plan_run
from autoevol.commands.planned import Plan, Stage
from autoevol.commands.result import as_html, as_lines, frame
from autoevol.commands.shares import Share
from autoevol.config import LoopConfig, Settings
from autoevol.core import aio
from autoevol.core.context import in_scope
from autoevol.core.errors import InputError, MethodError
from autoevol.core.records import Case, Outcome, Row
from autoevol.data.sources import name_of
from autoevol.evolution.rounds import RowPipeline
from autoevol.evolution.stage import case_of
from autoevol.lm.meter import Use, Uses, metered_as
from autoevol.lm.prices import caps_of
from autoevol.lm.session import Session
from autoevol.metrics.base import Metric
from autoevol.optimization.rehearsal import Odds
from autoevol.optimization.rewriting import chain_sampling
from autoevol.optimization.scoreboard import run_row
from autoevol.programs.analyze import AnalyzeTrajectory
from autoevol.programs.evolver import Evolver
from autoevol.programs.propose import ProposeMethod
from autoevol.reports.estimate import FILE, EstimatedFigure, EstimateReport
from autoevol.store.calls import SAMPLE_RUN, CallStore
from autoevol.store.files import write_json

_CHAINS = 3
STORE = Path("runs/estimate.sqlite")
"""Where the sample's calls are kept unless the settings name another store."""


@dataclass(frozen=True, repr=False)
class Estimate:
    """What a plan will cost.

    Attributes:
        totals: Likely cost of all stages, with patience, racing and first look; `usd` is None if a model
            in use has no price.
        stages: The same by stage.
        outcomes: Sampled rows by outcome.
        paid: Calls paid for the sample, by role; the others were in the store.
        notes: What limits the estimate, in sentences.
        at_most: Cost of all stages if every step is made, every method is scored on all rows and every
            failed row is retried in vain, as far as the caps allow. The calls are a bound; the rest is
            estimated from the sample.
        share: What the optimisation may spend, and how many steps that allows; None without a budget.
        reached: Part of the bulk stage that the caps leave, 0..1; None where none of them ends it.
    """

    plan: Plan
    totals: dict[str, Projection | None]
    stages: dict[str, dict[str, Projection | None]]
    outcomes: dict[str, int]
    paid: dict[str, int]
    notes: tuple[str, ...]
    at_most: dict[str, float | None]
    share: dict[str, Any] | None = None
    reached: Projection | None = None

    def to_json(self) -> dict[str, Any]:
        """The estimate as JSON."""
        return {**asdict(replace(self, plan=None)), "plan": self.plan.to_json()}  # type: ignore[arg-type]

    def to_pandas(self) -> Any:  # noqa: ANN401 (a pandas.DataFrame; pandas is optional)
        """Stages and total as a table, one row each. Raises InputError without pandas."""
        parts = {**self.stages, "total": self.totals}
        return frame(
            [
                {"stage": name, **{key: value and value.mid for key, value in part.items()}}
                for name, part in parts.items()
            ]
        )

    def __repr__(self) -> str:
        return as_lines(estimate_rows(self))

    def _repr_html_(self) -> str:
        return as_html(estimate_rows(self))


def estimate(
    seeds: str | Path,
    *,
    sample: int = 20,
    method: str | Path | None = None,
    evolve: bool = False,
    out: str | Path | None = None,
    settings: Settings | None = None,
    **options: Any,  # noqa: ANN401 (settings of every type)
) -> Estimate:
    """Run a sample of `seeds`, and estimate what the whole run will cost: `autoevol estimate`.

    Args:
        seeds: As for `run`.
        sample: Number of rows to run.
        method: Estimate `evolve` with this method; by default `run`.
        evolve: Estimate `evolve` without a method, with WizardLM's operations.
        out: Run folder, whose run will not pay for the sample again.
        settings: Those of the run.
        options: Settings by the names of the command's options.

    Raises:
        InputError: If a setting, a model or the seeds cannot be used, or no row of the sample could be run.
        StopRun: If access, the endpoint or the disk fails, or the budget is reached.
    """
    (settings,) = take("estimate", settings, options)
    settings = as_begun(Path(out), settings) if out else settings
    judged = check(settings)
    if method is None and not evolve:
        plan = plan_run(name_of(seeds), settings, judge_calls=judged, sample=sample)
    else:
        name = None if method is None else str(method)
        plan = plan_evolve(name_of(seeds), name, settings, judge_calls=judged, sample=sample)
    path = settings.store.path or (Path(out) / "calls.sqlite" if out else STORE)
    with open_session(partial(CallStore, path, SAMPLE_RUN), settings) as session:
        found = estimate_plan(plan, session, settings)
    if out:
        write_json(Path(out) / FILE, _report(found).to_json())
    return found


def _report(found: Estimate) -> EstimateReport:
    parts = {**found.stages, "total": found.totals}
    calls = {name: EstimatedFigure(*astuple(part["calls"])) for name, part in parts.items() if part["calls"]}
    return EstimateReport(
        source=found.plan.source,
        rows=found.plan.rows,
        sampled=sum(found.outcomes.values()),
        most_calls=sum(found.plan.calls.values()),
        calls=calls,
        printed=tuple(estimate_rows(found)),
    )


def estimate_plan(plan: Plan, session: Session, settings: Settings) -> Estimate:
    """Run the plan's sample, and extrapolate it to all rows.

    A sampled row makes the calls that the run would make for it, in the same scope, so a later
    run that shares the call store does not pay for them again. Rows are resampled with
    replacement; a total of n rows varies by the error of the sample's mean and by the n rows
    themselves. Rewritten methods are assumed to cost what the first one costs.

    Raises:
        InputError: If no row of the sample could be run.
        StopRun: If access, the endpoint or the disk fails, or the budget is reached.
    """
    metric, uses = make_metric(session, settings.models, settings.metrics), Uses()
    with (
        session.watched(uses),
        asking(session, settings.models),
        dspy.context(trace=None, disable_history=True),
    ):
        cases, chains = aio.run_and_wait(_run(plan, session, settings, metric))
    if all(case.verdict.outcome is Outcome.UNSCORED for case in cases):
        why = cases[0].verdict.reason
        raise InputError(
            f"no row of the sample could be run: {why} (`autoevol doctor` tells what the endpoint does)"
        )
    rows = _per_unit(uses, [f"row-{case.row_id}" for case in cases])
    bulk = _per_unit(uses, [f"bulk-{case.row_id}" for case in cases]) if plan.differs else rows
    tries = _per_unit(uses, [f"chain-{number}" for number in range(chains)])
    concurrency, outcomes = settings.requests.concurrency, Counter(case.verdict.outcome for case in cases)
    odds = Odds(outcomes[Outcome.FAILED], outcomes[Outcome.FAILED] + outcomes[Outcome.PASSED])
    is_passed = np.array([case.verdict.outcome is Outcome.PASSED for case in cases])
    sample = SampleCosts(rows[is_passed], rows[~is_passed], tries)
    held = BudgetSample.of(Share.of(settings, plan), rows, tries, settings.loop.steps)
    seen = prospects(plan, odds, settings.loop.seed, held and held.budget)
    chance = np.random.default_rng(settings.loop.seed)
    drawn: dict[str, np.ndarray] = {}
    most: dict[str, np.ndarray] = {}
    for stage in plan.stages:
        # Rows of several rounds, or of several methods, were sampled as the bulk stage will run them.
        known = stage.name == "evolve" and (plan.only_bulk or plan.differs)
        once = bulk if known else rows * (1 + plan.policy.retries if stage.name == "evolve" else 1)
        most[stage.name] = cost_of(stage, once, tries, concurrency, chance)
        if known:
            drawn[stage.name] = most[stage.name]
        else:
            drawn[stage.name] = likely_costs(plan, stage, sample, seen, concurrency)
        if settings.batch.on and stage.name == "evolve":
            for costs in {id(part): part for part in (most[stage.name], drawn[stage.name])}.values():
                costs[..., FIELDS.index("usd")] *= 1 - settings.batch.discount
    caps = caps_of(settings.budget)
    cut_off(most, caps)
    reached = cut_off(drawn, caps)
    priced = all(use.usd is not None for use in uses)
    ends = intervals(np.sum(list(most.values()), axis=0), priced)
    tail = 0.025 if plan.course is None else TAIL
    notes, total = notes_of(plan, len(cases), chains, settings, priced), sum(plan.calls.values())
    notes += [held.note(seen)] if held else []
    notes += [reach_note(likely_of(reached))] if reached.min() < 1 else []
    return Estimate(
        plan,
        totals=intervals(np.sum(list(drawn.values()), axis=0), priced, tail),
        stages={name: intervals(values, priced, tail) for name, values in drawn.items()},
        outcomes={outcome.value: count for outcome, count in outcomes.items()},
        paid={line.role: line.paid.calls for line in session.ledger()},
        notes=tuple(notes),
        at_most={name: end and end.high for name, end in ends.items()}
        | {"calls": float(min(total, caps.calls or total))},
        share=held and held.to_json(seen),
        reached=likely_of(reached) if reached.min() < 1 else None,
    )


async def _run(plan: Plan, session: Session, settings: Settings, metric: Metric) -> tuple[list[Case], int]:
    """Run the sample; returns its cases and the number of chains tried on them."""
    models, loop = settings.models, settings.loop
    program = Evolver(plan.method, rounds=plan.rounds, system=models.system)
    bulk = RowPipeline(plan.policy, metric, models.evol.model, system=models.system, compare=plan.compare)
    slots = asyncio.Semaphore(settings.requests.concurrency)

    async def one(row: Row, scope: str) -> Case:
        async with slots:
            if plan.only_bulk or plan.differs:
                with metered_as(f"{'row' if plan.only_bulk else 'bulk'}-{row.id}"):
                    case = case_of(await bulk.run(row))
                if plan.only_bulk:
                    return case
            with in_scope(scope), metered_as(f"row-{row.id}"):
                return await run_row(program, row, metric)

    cases = await aio.gather(one(row, scope) for row, scope in plan.sample)
    chains = min(_CHAINS, loop.m) if any(stage.chains for stage in plan.stages) else 0
    read = [case for case in cases if case.trajectory][: loop.batch_size]
    if not read:
        return cases, 0
    lm = role_lm(session, models, "optimizer")
    await aio.gather(_chain(plan, read, lm, number, loop) for number in range(chains))
    return cases, chains


async def _chain(plan: Plan, cases: list[Case], lm: dspy.LM, number: int, loop: LoopConfig) -> None:
    sampling = chain_sampling(loop, 1, number)
    with (
        dspy.context(lm=lm),
        in_scope(f"chain-1-{number}"),
        metered_as(f"chain-{number}"),
        # Only the cost matters here, not the rewrite.
        suppress(MethodError, LMError),
    ):
        feedback = (await AnalyzeTrajectory().acall(cases, **sampling)).feedback
        await ProposeMethod().acall(plan.method, feedback, **sampling)


def _per_unit(uses: Sequence[Use], units: Sequence[str]) -> np.ndarray:
    """Sums of `FIELDS`, one row per unit."""
    place = {unit: number for number, unit in enumerate(units)}
    sums = np.zeros((len(units), len(FIELDS)))
    for use in (use for use in uses if use.unit in place):
        sums[place[use.unit]] += (1, use.input_tokens, use.output_tokens, use.usd or 0.0, use.seconds)
    return sums


def estimate_rows(found: Estimate) -> list[tuple[str, str]]:
    """The estimate as (label, value) rows."""
    rows = [("seeds", f"{found.plan.rows:,} rows of {found.plan.source}")]
    rows += [(stage.name, _stage_text(found.stages[stage.name], stage)) for stage in found.plan.stages]
    total, most = found.totals, found.at_most
    rows.append(("LM calls", f"likely {_text(total['calls'])}, at most {most['calls']:,.0f}"))
    rows.append(("tokens", f"likely {_text(total['input_tokens'])} in, {_text(total['output_tokens'])} out"))
    rows.append(("time", f"likely {_time(total['seconds'])}"))
    money = _text(total["usd"], "$", 2)
    if total["usd"] and most["usd"] is not None:
        money = f"likely {money}, at most about ${most['usd']:,.2f}"
    rows.append(("money", money))
    rows.append(("paid for the sample", f"{sum(found.paid.values()):,} calls"))
    return rows + [("assumed" if number == 0 else "", note) for number, note in enumerate(found.notes)]


def _stage_text(values: dict[str, Projection | None], stage: Stage) -> str:
    money = f", {_text(values['usd'], '$', 2)}" if values["usd"] else ""
    likely = f"likely {_text(values['calls'])} calls, {_time(values['seconds'])}{money}"
    return f"{likely}; at most {sum(stage.calls.values()):,} calls"


def _text(found: Projection | None, unit: str = "", digits: int = 0) -> str:
    if found is None:
        return "not known"
    low, mid, high = (f"{unit}{value:,.{digits}f}" for value in (found.low, found.mid, found.high))
    return f"{mid} [{low}, {high}]"


def _time(found: Projection | None) -> str:
    if found is None:
        return "not known"
    unit, size = next((u, s) for u, s in (("h", 3600), ("min", 60), ("s", 1)) if found.mid >= 2 * s or s == 1)
    scaled = Projection(found.low / size, found.mid / size, found.high / size)
    return f"{_text(scaled, digits=1)} {unit}"
