"""What a run is going to do: its stages and the LM calls of each, known before the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

from autoevol import jobs, prices
from autoevol.config import BudgetConfig, DataConfig, LoopConfig, MethodConfig, MetricConfig, ModelConfig
from autoevol.data.load import iter_rows, load_rows
from autoevol.data.split import sample_rows
from autoevol.lm.meter import MeteredSession
from autoevol.programs.operations import IN_DEPTH
from autoevol.records import Method, Row
from autoevol.store.calls import CallStore
from autoevol.strategies import RandomBatches, find_rule
from autoevol.teleprompt import planned_calls


@dataclass(frozen=True)
class Stage:
    """One part of a run.

    Attributes:
        calls: LM calls by role if every reply parses; fewer are made, never more.
        rows: Rows that are run at a time, one batch after the other.
        chains: Analyses with a rewrite each that are made at a time, one batch after the other.
    """

    name: str
    calls: dict[str, int]
    rows: tuple[int, ...]
    chains: tuple[int, ...] = ()


@dataclass(frozen=True)
class Plan:
    """A run before it begins.

    Attributes:
        source: The seeds as messages call them.
        rows: Distinct seeds.
        method: The first method, with which a sample can be run.
        rounds: Rounds of evolution per row.
        stages: In order.
        sample: Rows to try first, each with the scope in which the run will ask for it.
    """

    source: str
    rows: int
    method: Method
    rounds: int
    stages: tuple[Stage, ...]
    sample: tuple[tuple[Row, str], ...] = ()

    @property
    def calls(self) -> dict[str, int]:
        """LM calls by role over all stages."""
        roles = dict.fromkeys(role for stage in self.stages for role in stage.calls)
        return {role: sum(stage.calls.get(role, 0) for stage in self.stages) for role in roles}

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON, without the rows themselves."""
        return {
            "seeds": {"source": self.source, "rows": self.rows},
            "method": {"id": self.method.id, "name": self.method.name},
            "rounds": self.rounds,
            "stages": {
                stage.name: {"rows": sum(stage.rows), "chains": sum(stage.chains), "calls": stage.calls}
                for stage in self.stages
            },
            "calls": {**self.calls, "total": sum(self.calls.values())},
        }


def plan_run(
    seeds: str,
    data: DataConfig,
    loop: LoopConfig,
    methods: MethodConfig,
    *,
    judge_calls: int = 0,
    evolve: bool = True,
    sample: int = 0,
) -> Plan:
    """Plan an optimisation on `seeds`, and with `evolve` the evolution of all of them.

    Args:
        seeds: As `load_rows` takes them.
        data: How to read them.
        loop: Settings of the optimisation.
        methods: Starting methods, rounds, holdout.
        evolve: Whether the file is evolved afterwards.
        judge_calls: LM calls of the metric for each row that it judges.
        sample: Rows to try first: half from the first mini-batch, the others from the dev set.

    Raises:
        InputError: If the seeds or a setting cannot be used.
    """
    find_rule(methods.selection)  # an unknown name ends here
    starts = {method.id: method for method in map(jobs.find_method, methods.start)}
    first = next(iter(starts.values()))
    loaded = load_rows(
        seeds, field=data.field, skip_bad=data.skip_bad, limit=data.limit, split=data.split, turns=data.turns
    )
    split = jobs.plan_split(loaded.rows, loop, methods)
    batch = RandomBatches().draw(split.train, loop.batch_size, 1, loop.seed) if loop.steps else ()
    dev = len(split.dev)
    calls = planned_calls(loop, rounds=methods.rounds, dev=dev, batch=len(batch), starts=len(starts))
    steps = (len(batch), loop.m * dev) * loop.steps
    rows = (len(starts) * dev, *steps)
    stages = [Stage("optimize", _with_judge(calls, sum(rows), judge_calls), rows, (loop.m,) * loop.steps)]
    stages.append(_rows_stage("holdout", (len(split.holdout),) * 2, methods.rounds, judge_calls))
    if evolve:
        count = len(loaded.rows)
        stages.append(_rows_stage("evolve", (count,), methods.rounds, judge_calls, every_round=True))
    tried = batch[: max(1, sample // 2)] if sample else ()
    rest = split.dev[: max(0, sample - len(tried))]
    scoped = [(row, f"batch-1:{first.id}:{row.id}") for row in tried]
    scoped += [(row, f"dev:{first.id}:{row.id}") for row in rest]
    return Plan(loaded.source, len(loaded.rows), first, methods.rounds, tuple(stages), tuple(scoped))


def plan_evolve(
    seeds: str,
    data: DataConfig,
    method: str | None,
    rounds: int,
    *,
    judge_calls: int = 0,
    sample: int = 0,
    seed: int = 0,
) -> Plan:
    """Plan the evolution of `seeds` with a known method. Reads them all and keeps the sample only.

    Without a method rounds are drawn from WizardLM's operations; the first stands for all of them.
    """
    known = jobs.find_method(method) if method else IN_DEPTH[0]
    with iter_rows(
        seeds, field=data.field, skip_bad=data.skip_bad, limit=data.limit, split=data.split, turns=data.turns
    ) as stream:
        tried, count = sample_rows(stream, sample, seed)
    stage = _rows_stage("evolve", (count,), rounds, judge_calls, every_round=True)
    scoped = tuple((row, f"bulk:{row.id}") for row in tried)
    return Plan(stream.source, count, known, rounds, (stage,), scoped)


def check(models: ModelConfig, metrics: MetricConfig, budget: BudgetConfig) -> int:
    """Make every model and the metric as a run would, without a call; returns the metric's calls.

    Raises:
        InputError: If a model, a key, a price, the detector or the objective cannot be used.
    """
    with TemporaryDirectory() as folder, MeteredSession(CallStore(f"{folder}/none.sqlite")) as session:
        prices.check_prices(models, metrics, budget)
        jobs.evol_lm(session, models)
        jobs.optimizer_lm(session, models)
        return jobs.make_metric(session, models, metrics).detector.calls


def table_rows(plan: Plan, budget: BudgetConfig) -> list[tuple[str, str]]:
    """The plan as (label, value) rows."""
    rows = [("seeds", f"{plan.rows} rows of {plan.source}"), ("method", plan.method.name or plan.method.id)]
    for stage in plan.stages:
        made = ", ".join(f"{count} {role}" for role, count in stage.calls.items() if count)
        rows.append(
            (stage.name, f"{sum(stage.rows)} rows; at most {sum(stage.calls.values())} calls ({made})")
        )
    total = sum(plan.calls.values())
    rows.append(("LM calls", f"at most {total}"))
    if budget.max_calls is not None:
        fits = "covers them" if budget.max_calls >= total else "may end the run before they are made"
        rows.append(("--max-calls", f"{budget.max_calls} {fits}"))
    return rows


def _rows_stage(
    name: str, batches: Sequence[int], rounds: int, judge_calls: int, *, every_round: bool = False
) -> Stage:
    """Calls of a stage; in the bulk stage `every_round` is answered and judged, else the last."""
    total = sum(batches)
    judged = rounds * total if every_round else total
    calls = {"evol": rounds * total, "respond": judged}
    return Stage(name, _with_judge(calls, judged, judge_calls), tuple(batches))


def _with_judge(calls: dict[str, int], rows: int, judge_calls: int) -> dict[str, int]:
    return {**calls, "judge": rows * judge_calls} if judge_calls else calls
