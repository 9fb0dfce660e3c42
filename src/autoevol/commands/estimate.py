"""What a run will cost, from really running a sample of it."""

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

from autoevol.commands.extrapolate import FIELDS, Projection, cost_of, intervals
from autoevol.commands.keywords import take
from autoevol.commands.models import asking, make_metric, open_session, role_lm
from autoevol.commands.past import as_begun
from autoevol.commands.plan import Plan, check, look_text, plan_evolve, plan_run
from autoevol.commands.result import as_html, as_lines, frame
from autoevol.config import LoopConfig, Settings
from autoevol.core import aio
from autoevol.core.context import in_scope
from autoevol.core.errors import InputError, MethodError
from autoevol.core.records import Case, Outcome, Row
from autoevol.evolution.rounds import RowPipeline
from autoevol.evolution.stage import case_of
from autoevol.lm.meter import Use, Uses, metered_as
from autoevol.lm.session import Session
from autoevol.metrics.base import Metric
from autoevol.optimization.scoreboard import run_row
from autoevol.optimization.teleprompter import chain_sampling
from autoevol.programs.analyze import AnalyzeTrajectory
from autoevol.programs.evolver import Evolver
from autoevol.programs.propose import ProposeMethod
from autoevol.reports.estimate import FILE, EstimatedFigure, EstimateReport
from autoevol.store.calls import CallStore
from autoevol.store.files import write_json

_CHAINS = 3
STORE = Path("runs/estimate.sqlite")
"""Where the calls of a sample are kept unless the settings name another store."""


@dataclass(frozen=True, repr=False)
class Estimate:
    """What a plan will cost.

    Attributes:
        totals: Over all stages; `usd` is None where a model in use has no price.
        stages: The same by stage.
        outcomes: Sampled rows by outcome.
        paid: Calls paid for the sample, by role; the others were in the store.
        notes: What limits the estimate, in sentences.
    """

    plan: Plan
    totals: dict[str, Projection | None]
    stages: dict[str, dict[str, Projection | None]]
    outcomes: dict[str, int]
    paid: dict[str, int]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The estimate as JSON."""
        return {**asdict(replace(self, plan=None)), "plan": self.plan.to_json()}  # type: ignore[arg-type]

    def to_pandas(self) -> Any:  # noqa: ANN401 (a pandas.DataFrame; pandas is optional)
        """Stages and total as a table, a line each. Raises InputError without pandas."""
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
    """Run a sample of `seeds`, and tell what the whole run will cost: `autoevol estimate`.

    Args:
        seeds: As for `run`.
        sample: Rows that are really run.
        method: Estimate `evolve` with this method; by default `run`.
        evolve: Estimate `evolve` without a method: with the operations of WizardLM.
        out: Run folder that will not pay for the sample again.
        settings: Those of the run.
        options: Settings by the names of the command's options.

    Raises:
        InputError: If a setting, a model or the seeds cannot be used, or no row of the sample could be run.
        StopRun: If access, endpoint, disk or budget fail.
    """
    (settings,) = take("estimate", settings, options)
    settings = as_begun(Path(out), settings) if out else settings
    judged = check(settings)
    if method is None and not evolve:
        plan = plan_run(str(seeds), settings, judge_calls=judged, sample=sample)
    else:
        name = None if method is None else str(method)
        plan = plan_evolve(str(seeds), name, settings, judge_calls=judged, sample=sample)
    path = settings.store.path or (Path(out) / "calls.sqlite" if out else STORE)
    with open_session(partial(CallStore, path, "estimate"), settings) as session:
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
    run that shares the call store is not asked to pay for them again. Rows are resampled with
    replacement; a total of n rows varies by the error of the sample's mean and by the n rows
    themselves. Rewritten methods are taken to cost what the first one costs.

    Raises:
        InputError: If no row of the sample could be run.
        StopRun: If access, endpoint, disk or budget fail.
    """
    metric, uses = make_metric(session, settings.models, settings.metrics), Uses()
    with (
        session.watched(uses),
        asking(session, settings.models),
        dspy.context(trace=None, disable_history=True),
    ):
        cases, chains = aio.run_and_wait(_run(plan, session, settings, metric))
    if all(case.verdict.outcome is Outcome.UNSCORED for case in cases):
        raise InputError(f"no row of the sample could be run: {cases[0].verdict.reason}")
    rows = _per_unit(uses, [f"row-{case.row_id}" for case in cases])
    apart = _differs(plan)
    bulk = _per_unit(uses, [f"bulk-{case.row_id}" for case in cases]) if apart else rows
    if not apart and not _only_bulk(plan):
        bulk = _tried_again(rows, cases, plan.policy.retries)
    tries = _per_unit(uses, [f"chain-{number}" for number in range(chains)])
    drawn = [
        cost_of(
            stage,
            bulk if stage.name == "evolve" else rows,
            tries,
            settings.requests.concurrency,
            np.random.default_rng(settings.loop.seed),
        )
        for stage in plan.stages
    ]
    if settings.batch.on:
        for stage, costs in zip(plan.stages, drawn, strict=True):
            if stage.name == "evolve":
                costs[..., FIELDS.index("usd")] *= 1 - settings.batch.discount
    known = all(use.usd is not None for use in uses)
    return Estimate(
        plan,
        totals=intervals(np.sum(drawn, axis=0), known),
        stages={
            stage.name: intervals(values, known) for stage, values in zip(plan.stages, drawn, strict=True)
        },
        outcomes=dict(Counter(case.verdict.outcome.value for case in cases)),
        paid={line.role: line.paid.calls for line in session.ledger()},
        notes=tuple(_notes(plan, len(cases), chains, settings, known)),
    )


async def _run(plan: Plan, session: Session, settings: Settings, metric: Metric) -> tuple[list[Case], int]:
    """The cases of the sample, and how many chains were tried on them."""
    models, loop = settings.models, settings.loop
    program = Evolver(plan.method, rounds=plan.rounds, system=models.system)
    bulk = RowPipeline(plan.policy, metric, models.evol.model, system=models.system, compare=plan.compare)
    slots = asyncio.Semaphore(settings.requests.concurrency)

    async def one(row: Row, scope: str) -> Case:
        async with slots:
            if _only_bulk(plan) or _differs(plan):
                with metered_as(f"{'row' if _only_bulk(plan) else 'bulk'}-{row.id}"):
                    case = case_of(await bulk.run(row))
                if _only_bulk(plan):
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


def _only_bulk(plan: Plan) -> bool:
    return [stage.name for stage in plan.stages] == ["evolve"]


def _differs(plan: Plan) -> bool:
    """Whether the bulk stage makes other calls for a row than the optimisation before it."""
    policy = plan.policy
    one_round = policy.rounds == 1 and not policy.with_seeds
    return not _only_bulk(plan) and not (one_round and len(policy.choices) == 1)


def _tried_again(rows: np.ndarray, cases: Sequence[Case], retries: int) -> np.ndarray:
    """Costs of `rows`, one a line, with `retries` fresh samples at most for those that failed.

    A fresh sample is taken to fail as often as the first ones did.
    """
    failed = np.array([case.verdict.outcome is Outcome.FAILED for case in cases], dtype=float)
    more = sum(failed.mean() ** number for number in range(retries))
    return rows * (1 + more * failed)[:, None]


async def _chain(plan: Plan, cases: list[Case], lm: dspy.LM, number: int, loop: LoopConfig) -> None:
    sampling = chain_sampling(loop, 1, number)
    with (
        dspy.context(lm=lm),
        in_scope(f"chain-1-{number}"),
        metered_as(f"chain-{number}"),
        # What came back does not matter here, only what it cost.
        suppress(MethodError, LMError),
    ):
        feedback = (await AnalyzeTrajectory().acall(cases, **sampling)).feedback
        await ProposeMethod().acall(plan.method, feedback, **sampling)


def _per_unit(uses: Sequence[Use], units: Sequence[str]) -> np.ndarray:
    """Sums of `FIELDS`, one line for each unit."""
    place = {unit: number for number, unit in enumerate(units)}
    sums = np.zeros((len(units), len(FIELDS)))
    for use in (use for use in uses if use.unit in place):
        sums[place[use.unit]] += (1, use.input_tokens, use.output_tokens, use.usd or 0.0, use.seconds)
    return sums


def _notes(plan: Plan, sampled: int, chains: int, settings: Settings, priced: bool) -> list[str]:
    concurrency, batch_size = settings.requests.concurrency, settings.loop.batch_size
    notes = [f"From {sampled} sampled rows" + (f" and {chains} analyses with a rewrite." if chains else ".")]
    if sampled < concurrency:
        notes.append(
            f"The sample kept at most {sampled} of {concurrency} requests under way, so an endpoint "
            "that slows down under load will take longer than said."
        )
    if chains and sampled < batch_size:
        notes.append(f"Analyses saw {sampled} of {batch_size} cases, so they will take more tokens.")
    if plan.policy.retries and not _differs(plan) and not _only_bulk(plan):
        notes.append(
            "Fresh samples of failed rows are taken to fail as often as the sample did with the first method."
        )
    if plan.target:
        notes.append(f"Told for all rows; the run ends when {plan.target} are kept.")
    if settings.batch.on:
        notes.append(
            f"Batches spare {settings.batch.discount:.0%} of the bulk stage's price. Their time is the "
            "provider's: up to 24 hours for each rewrite, response and judgement of a round, and not the "
            "seconds said here."
        )
    if any(stage.chains for stage in plan.stages):
        notes.append(
            "The optimisation is told as if it made every step and scored every method on all rows. It ends "
            "earlier when patience runs out, and a race scores fewer rows, so it takes that much or less."
        )
    if plan.look:
        notes.append(f"First look: {look_text(plan.look)}.")
    if not priced:
        notes.append("Money is not known: give --price for every model.")
    if sampled == 1 < plan.rows:
        notes.append("One row says nothing about how much rows differ: the intervals have no meaning.")
    if plan.rows <= sampled:
        notes.append("The sample is all there is.")
    return notes


def estimate_rows(found: Estimate) -> list[tuple[str, str]]:
    """The estimate as (label, value) rows."""
    rows = [("seeds", f"{found.plan.rows} rows of {found.plan.source}")]
    rows += [(stage.name, _stage_text(found.stages[stage.name])) for stage in found.plan.stages]
    total = found.totals
    rows.append(("LM calls", f"{_text(total['calls'])}, at most {sum(found.plan.calls.values())}"))
    rows.append(("tokens", f"{_text(total['input_tokens'])} in, {_text(total['output_tokens'])} out"))
    rows.append(("time", _time(total["seconds"])))
    rows.append(("money", _text(total["usd"], "$", 2)))
    rows.append(("paid for the sample", f"{sum(found.paid.values())} calls"))
    return rows + [("", note) for note in found.notes]


def _stage_text(values: dict[str, Projection | None]) -> str:
    money = f", {_text(values['usd'], '$', 2)}" if values["usd"] else ""
    return f"{_text(values['calls'])} calls, {_time(values['seconds'])}{money}"


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
