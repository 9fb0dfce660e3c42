"""The plan of a run, made before its first call: its stages and the LM calls of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from autoevol.commands.few_rows import START_AT_ONCE, check_enough, few_rows
from autoevol.commands.first_look import look_rows, may_decline
from autoevol.commands.likely import LikelyRun
from autoevol.commands.methods import find_method, make_policy
from autoevol.commands.models import asking, checked_detector, open_session, role_lm
from autoevol.commands.planned import Least, Plan, Stage
from autoevol.config import BudgetConfig, LoopConfig, MethodConfig, Settings
from autoevol.core.records import Row
from autoevol.data.load import Loaded, iter_rows, load_rows
from autoevol.data.shard import Shard
from autoevol.data.split import Split, reserve_of, sample_rows, split_rows
from autoevol.evolution.policy import Policy
from autoevol.optimization.compiling import RandomBatches
from autoevol.optimization.dev_rows import find_dev_rows
from autoevol.optimization.first_look import BAR
from autoevol.optimization.plan import Extra, planned_calls, spare_rows
from autoevol.optimization.rehearsal import Course
from autoevol.optimization.rules import find_rule
from autoevol.store.calls import CallStore
from autoevol.store.sealed import check_source


def plan_split(rows: Sequence[Row], loop: LoopConfig, methods: MethodConfig) -> Split:
    """Disjoint train, dev and holdout rows, and a reserve for later steps and the confirmation.

    The default sizes shrink for a small file, so that each of the three gets at least a
    quarter of it; sizes that the user chose are kept, or refused. The reserve is what remains,
    `spare_rows` at most.
    """
    check_enough(len(rows), 3)
    dev, holdout = loop.dev_size, methods.holdout_size
    if dev == LoopConfig().dev_size and 4 * dev > len(rows):
        dev = max(1, len(rows) // 4)
    if holdout is None:
        holdout = min(dev, max(1, len(rows) // 4))
    rule = find_rule(methods.selection)
    wanted = spare_rows(loop, rule, find_dev_rows(loop.dev_rows or rule.dev_rows))
    reserve = reserve_of(len(rows) - dev - holdout, dev, wanted)
    return split_rows(rows, dev=dev, holdout=holdout, seed=loop.seed, reserve=reserve)


def plan_run(
    seeds: str, settings: Settings, *, judge_calls: int = 0, evolve: bool = True, sample: int = 0
) -> Plan:
    """Plan an optimisation on `seeds`, and with `evolve` the evolution of all of them.

    Args:
        seeds: As `load_rows` takes them.
        settings: Those of the run.
        evolve: Whether the file is evolved afterwards.
        judge_calls: LM calls of the metric per judged row.
        sample: Rows to sample: half from the first mini-batch, the others from the dev set.

    Raises:
        InputError: If the seeds or a setting cannot be used.
    """
    if evolve and settings.stages.optimize == "never":
        start = settings.methods.start[0]
        return plan_evolve(seeds, start, settings, judge_calls=judge_calls, sample=sample)
    check_source(seeds)
    loaded = load_rows(seeds, **settings.data.reading())
    return plan_loaded(loaded, settings, judge_calls=judge_calls, evolve=evolve, sample=sample)


def plan_loaded(
    loaded: Loaded, settings: Settings, *, judge_calls: int = 0, evolve: bool = True, sample: int = 0
) -> Plan:
    """As `plan_run` with an optimisation, for seeds that are loaded already."""
    loop, methods = settings.loop, settings.methods
    starts = {method.id: method for method in map(find_method, methods.start)}
    first = next(iter(starts.values()))
    split = plan_split(loaded.rows, loop, methods)
    batch = RandomBatches().draw(split.train, loop.batch_size, 1, loop.seed) if loop.steps else ()
    dev = len(split.dev)
    rule = find_rule(methods.selection)
    extra = Extra.of(loop, rule, find_dev_rows(loop.dev_rows or rule.dev_rows), len(split.reserve))
    calls = planned_calls(
        loop, rounds=methods.rounds, dev=dev, batch=len(batch), starts=len(starts), extra=extra
    )
    steps = (len(batch), (loop.m + extra.moves) * dev) * loop.steps
    looks = extra.looks(loop, len(starts))
    rows = (len(starts) * dev, *steps, *((looks,) if looks else ()))
    stages = [Stage("optimize", _with_judge(calls, sum(rows), judge_calls), rows, (loop.m,) * loop.steps)]
    stages.append(_rows_stage("holdout", (len(split.holdout),) * 2, methods.rounds, judge_calls))
    policy = make_policy(settings, first)
    compare = settings.pipeline.keep == "best"
    if evolve:
        answered = sum(_is_answered(policy, row) for row in loaded.rows)
        stages.append(_bulk_stage(policy, len(loaded.rows), answered, judge_calls, compare))
    tried = batch[: max(1, sample // 2)] if sample else ()
    rest = split.dev[: max(0, sample - len(tried))]
    scoped = [(row, f"batch-1:{first.id}:{row.id}") for row in tried]
    scoped += [(row, f"dev:{first.id}:{row.id}") for row in rest]
    seen = look_rows(split, loop, methods.selection) if evolve and settings.stages.optimize == "auto" else ()
    looked = len(seen) if may_decline(settings, seen) else 0
    row_calls = methods.rounds + 1 + judge_calls
    step = planned_calls(
        replace(loop, steps=min(1, loop.steps)),
        rounds=methods.rounds,
        dev=dev,
        batch=len(batch),
        starts=len(starts),
        extra=Extra(extra.moves),
    )
    in_step = len(batch) + (loop.m + extra.moves) * dev
    scored = len(starts) * dev + min(1, loop.steps) * in_step
    least = Least(
        first=sum(step.values()) + scored * judge_calls,
        step=in_step * row_calls + 2 * loop.m,
        confirm=2 * extra.confirm * row_calls,
        holdout=2 * len(split.holdout) * row_calls,
        row=row_calls,
    )
    course = Course(
        replace(loop, concurrency=settings.requests.concurrency),
        rule(),
        tuple(starts.values()),
        train=len(split.train),
        dev=len(split.dev),
        spare=len(split.reserve),
        holdout=len(split.holdout),
        look=looked,
        is_sampled=settings.models.evol.temperature != 0,
    )
    return Plan(
        source=loaded.source,
        shape=loaded.shape,
        rows=len(loaded.rows),
        policy=policy,
        stages=tuple(stages),
        sample=tuple(scoped),
        compare=compare,
        target=settings.pipeline.target_rows,
        look=looked,
        least=least,
        course=course,
    )


def plan_evolve(
    seeds: str,
    method: str | None,
    settings: Settings,
    *,
    judge_calls: int = 0,
    sample: int = 0,
    shard: Shard | None = None,
) -> Plan:
    """Plan the evolution of `seeds` with a given method, or with WizardLM's operations without one.

    Reads all seeds but keeps only the sample. With a `shard`, only its rows are planned.
    """
    answered = 0
    known = find_method(method) if method else None
    policy = make_policy(settings, known)

    def counted(rows: Iterable[Row]) -> Iterator[Row]:
        nonlocal answered
        for row in rows:
            if shard is None or shard.owns(row.id):
                answered += _is_answered(policy, row)
                yield row

    with iter_rows(seeds, settings.data) as stream:
        tried, count = sample_rows(counted(stream), sample, settings.loop.seed)
    compare = settings.pipeline.keep == "best"
    stage = _bulk_stage(policy, count, answered, judge_calls, compare)
    scoped = tuple((row, "bulk") for row in tried)
    target = settings.pipeline.target_rows
    return Plan(stream.source, count, policy, (stage,), scoped, compare, target, shape=stream.shape)


def check(settings: Settings) -> int:
    """Make every model and the metric as a run would, without a call; returns the metric's calls per row.

    Raises:
        InputError: If a model, a key, a price, the detector or the objective cannot be used.
    """
    with TemporaryDirectory() as folder:
        open_store = partial(CallStore, Path(folder) / "none.sqlite")
        with open_session(open_store, settings) as session, asking(session, settings.models):
            role_lm(session, settings.models, "optimizer")
            return checked_detector(session, settings.models, settings.metrics).calls


def plan_rows(plan: Plan, budget: BudgetConfig, likely: LikelyRun) -> list[tuple[str, str]]:
    """The plan as (label, value) rows, with what is `likely` of it."""
    # Which column it is may have been guessed, and is seen too late in what was paid for.
    guessed = f", its {plan.shape}" if plan.shape.startswith("text column") else ""
    rows = [("seeds", f"{plan.rows:,} rows of {plan.source}{guessed}"), ("method", plan.name)]
    for stage in plan.stages:
        made = ", ".join(f"{count:,} {role}" for role, count in stage.calls.items() if count)
        limits = _limits(plan) if stage.name == "evolve" else ""
        calls = f"at most {stage.sum:,} calls ({made})"
        rows.append((stage.name, f"{sum(stage.rows):,} rows{limits}; {calls}"))
    if plan.look:
        rows.append(("first look", look_text(plan.look)))
    if plan.course and (
        why := few_rows({"dev": plan.course.dev, "holdout": plan.course.holdout}, START_AT_ONCE)
    ):
        rows.append(("few rows", why))
    total, cap = sum(plan.calls.values()), budget.max_calls
    rows.append(("LM calls", f"likely {likely.calls}, at most {min(total, cap or total):,}"))
    rows.append(("assumed", _ASSUMED))
    if cap is not None:
        ends = f"may end the run before all {total:,} calls are made"
        if part := likely.reached:
            ends += f": likely {part.mid:.0%} [{part.low:.0%}, {part.high:.0%}] of the bulk stage is reached"
        rows.append(("--max-calls", f"{cap:,} {'covers them' if cap >= total else ends}"))
    return rows


_ASSUMED = (
    "a first method that fails some 30 of 100 rows, though it may be any number, and rewrites from never "
    "better to nine of ten failures cured; `autoevol estimate` tries a sample, and knows more"
)


def _limits(plan: Plan) -> str:
    """The retries and the target of the bulk stage, in words."""
    times = f"{plan.policy.retries} more times" if plan.policy.retries > 1 else "once more"
    again = f", a failed one up to {times}" if plan.policy.retries else ""
    return again + (f", until {plan.target} are kept" if plan.target else "")


def look_text(rows: int) -> str:
    """A first look at `rows` rows, in words."""
    return f"up to {rows} rows, most of them of the steps; evolves at once where surely below {BAR:.0%} fail"


def _rows_stage(name: str, batches: Sequence[int], rounds: int, judge_calls: int) -> Stage:
    """Calls of a stage that answers and judges the last round."""
    total = sum(batches)
    calls = {"evol": rounds * total, "respond": total}
    return Stage(name, _with_judge(calls, total, judge_calls), tuple(batches))


def _bulk_stage(policy: Policy, rows: int, answered: int, judge_calls: int, compare: bool) -> Stage:
    """Calls of the bulk stage, which answers and judges every round, and `answered` seeds."""
    tries = rows * policy.rounds * (1 + policy.retries)
    calls = {"evol": tries, "respond": tries + answered}
    judged = tries * judge_calls + (rows if compare and policy.rounds > 1 else 0)
    return Stage("evolve", _with_judge(calls, judged, 1), (rows,))


def _is_answered(policy: Policy, row: Row) -> bool:
    return row.reference is None and policy.answers_seed(row.id)


def _with_judge(calls: dict[str, int], rows: int, judge_calls: int) -> dict[str, int]:
    return {**calls, "judge": rows * judge_calls} if rows * judge_calls else calls
