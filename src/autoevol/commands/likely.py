"""What a plan is likely to ask for: between nothing and the most that it may, with what is not known drawn.

An optimisation is rehearsed with the rules that it will have (`optimization.rehearsal`), and within the share
of the budget that it may spend; the bulk stage follows from the method that a rehearsal ends with, and ends
where the caps end the run. What a row costs comes from a sample, apart for rows that passed and that failed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from autoevol.commands.extrapolate import FIELDS, REPLICATES, Projection, resampled, sum_of
from autoevol.commands.planned import Plan, Stage
from autoevol.commands.shares import Share
from autoevol.config import Settings
from autoevol.lm.budget import Caps
from autoevol.optimization.purse import Budgeted
from autoevol.optimization.rehearsal import Odds, Rehearsed, rehearse
from autoevol.store.calls import Spent

TIMES = 60
"""Rehearsals; each takes some hundredths of a second."""
TAIL = (0.025 * (TIMES + 1) - 1) / (TIMES - 1)
"""Quantile of so few draws below which one more draw lies in 2.5 % of cases (Weibull's plotting position)."""


@dataclass(frozen=True)
class SampleCosts:
    """What sampled rows took, (rows, fields) each.

    Attributes:
        passed: Of rows that passed.
        failed: Of rows that failed, or were lost.
        chains: Of analyses with a rewrite.
    """

    passed: np.ndarray
    failed: np.ndarray
    chains: np.ndarray


class Prospects(NamedTuple):
    """Rehearsals, one entry each: see `Rehearsed`; `again` are failed and passed tries of the bulk stage."""

    passed: np.ndarray
    failed: np.ndarray
    chains: np.ndarray
    waves: np.ndarray
    holdout: np.ndarray
    rate: np.ndarray
    steps: np.ndarray
    bulk_failed: np.ndarray
    bulk_passed: np.ndarray

    def pick(self, numbers: np.ndarray) -> Prospects:
        """These rehearsals, as often as they are named."""
        return Prospects(*(part[numbers] for part in self))


@dataclass(frozen=True)
class LikelyRun:
    """What is likely of a plan of which nothing was tried, each over the rehearsals.

    Attributes:
        calls: LM calls.
        steps: Whole steps of the optimisation; None without one.
        reached: Part of the bulk stage that the caps leave, 0..1; None where none of them ends it.
    """

    calls: Projection
    steps: Projection | None
    reached: Projection | None


def prospects(
    plan: Plan, odds: Odds, seed: int, budget: Budgeted | None = None, times: int = TIMES
) -> Prospects:
    """How the plan may go; the same for the same arguments."""
    chance = np.random.default_rng([seed, times])
    if plan.course is None:
        rates = [odds.draw(chance) for _ in range(times)]
        played = [Rehearsed(False, 0, 0, 0, 0.0, 0, rate, float(chance.uniform(rate, 1.0))) for rate in rates]
    else:
        played = rehearse(plan.course, odds, times, seed, budget)
    bulk = [_bulk(plan, one, chance) for one in played]
    return Prospects(
        *(
            np.array([getattr(one, name) for one in played], dtype=float)
            for name in ("passed", "failed", "chains", "waves", "holdout", "rate", "steps")
        ),
        *(np.array(part, dtype=float) for part in zip(*bulk, strict=True)),
    )


def likely_costs(
    plan: Plan, stage: Stage, sample: SampleCosts, seen: Prospects, concurrency: int
) -> np.ndarray:
    """What a stage is likely to cost, drawn `REPLICATES` times.

    Args:
        plan: Of the run.
        stage: One of its stages.
        sample: What rows and chains took.
        seen: How the plan may go.
        concurrency: Calls under way at once.

    Returns:
        (replicates, fields), as `extrapolate.cost_of`.
    """
    chance = np.random.default_rng([len(sample.passed), len(sample.failed)])
    drawn = seen.pick(chance.integers(len(seen.rate), size=REPLICATES))
    either = np.concatenate([sample.passed, sample.failed])
    passed = resampled(sample.passed if len(sample.passed) else either, chance)
    failed = resampled(sample.failed if len(sample.failed) else either, chance)
    chains = resampled(sample.chains, chance)
    waves, tries = np.zeros(REPLICATES), np.zeros(REPLICATES)
    if stage.name == "optimize":
        good, bad, waves, tries = drawn.passed, drawn.failed, drawn.waves, drawn.chains
    elif stage.name == "holdout":
        bad = drawn.holdout * drawn.rate
        good = drawn.holdout - bad
    else:
        good, bad = drawn.bulk_passed, drawn.bulk_failed
    if stage.name != "optimize":
        waves = np.where(good + bad > 0, np.maximum(1.0, (good + bad) / concurrency), 0.0)
    total = sum_of(good, *passed) + sum_of(bad, *failed) + sum_of(tries, *chains)
    share = bad / np.maximum(good + bad, 1.0)
    seconds = (1 - share) * passed[0][:, -1] + share * failed[0][:, -1]
    m = plan.course.loop.m if plan.course else 1
    steps = tries / m * math.ceil(m / concurrency)
    total[:, -1] = waves * seconds + steps * chains[0][:, -1]
    total[:, 0] = np.minimum(total[:, 0], sum(stage.calls.values()))
    return np.maximum(total, 0.0)


def likely_run(plan: Plan, settings: Settings) -> LikelyRun:
    """What is likely before anything is tried: a row is taken to make all calls that it may.

    Only a cap on calls can be held against that: what a call takes in tokens is not known.
    """
    share, budget = Share.of(settings, plan), None
    if share and plan.least:
        budget = Budgeted(share, Spent(plan.least.row), Spent(2))
    seen, drawn = prospects(plan, Odds(), settings.loop.seed, budget), {}
    for stage in plan.stages:
        runs = {
            "optimize": seen.passed + seen.failed,
            "holdout": seen.holdout,
            "evolve": seen.bulk_passed + seen.bulk_failed,
        }[stage.name]
        most = sum(stage.rows) * (1 + plan.policy.retries if stage.name == "evolve" else 1)
        optimizer = stage.calls.get("optimizer", 0)
        a_row = (stage.sum - optimizer) / max(1, most)
        drawn[stage.name] = np.zeros((len(runs), len(FIELDS)))
        drawn[stage.name][:, 0] = np.minimum(runs * a_row + 2 * seen.chains * bool(optimizer), stage.sum)
    reached = cut_off(drawn, Caps(settings.budget.max_calls))
    return LikelyRun(
        calls=likely_of(np.sum(list(drawn.values()), axis=0)[:, 0]),
        steps=likely_of(seen.steps) if plan.course else None,
        reached=likely_of(reached) if reached.min() < 1 else None,
    )


def likely_of(drawn: np.ndarray) -> Projection:
    """The interval of figures of as many rehearsals."""
    low, mid, high = np.quantile(drawn, [TAIL, 0.5, 1 - TAIL])
    return Projection(float(low), float(mid), float(high))


def cut_off(drawn: dict[str, np.ndarray], caps: Caps) -> np.ndarray:
    """End what was drawn where the caps end the run: the bulk stage comes last, and is cut off first.

    Args:
        drawn: By stage, (replicates, fields) as `extrapolate.cost_of`; changed.
        caps: Of the whole run.

    Returns:
        The part of the bulk stage that is left, 0..1, (replicates,); 1 where there is none.
    """
    nothing = np.zeros_like(next(iter(drawn.values())))
    before = sum((costs for name, costs in drawn.items() if name != "evolve"), nothing)
    bulk = drawn.get("evolve", nothing)
    first, rest = np.ones(len(bulk)), np.ones(len(bulk))
    tokens = ("input_tokens", "output_tokens")
    for cap, names in ((caps.calls, ("calls",)), (caps.tokens, tokens), (caps.usd, ("usd",))):
        if cap is None:
            continue
        columns = [FIELDS.index(name) for name in names]
        used, more = (np.sum(costs[:, columns], axis=1) for costs in (before, bulk))
        first = np.minimum(first, cap / np.maximum(used, cap))
        left = np.clip(cap - used, 0, more)
        rest = np.minimum(rest, np.divide(left, more, out=np.ones_like(more), where=more > 0))
    for name in drawn:
        drawn[name] = drawn[name] * (rest if name == "evolve" else first)[:, None]
    return rest


def _bulk(plan: Plan, one: Rehearsed, chance: np.random.Generator) -> tuple[float, float]:
    """Tries of the bulk stage that fail and that pass, until all rows are done or enough are kept."""
    stage = next((stage for stage in plan.stages if stage.name == "evolve"), None)
    if stage is None:
        return 0.0, 0.0
    rows, retries = sum(stage.rows), plan.policy.retries
    again = one.persists
    if plan.target:
        kept = 1 - one.rate * again**retries
        rows = min(rows, math.ceil(plan.target / max(kept, 1e-3)))
    failing = float(chance.binomial(rows, one.rate))
    failed = failing * sum(again**number for number in range(retries + 1))
    passed = rows - failing + failing * (1 - again) * sum(again**number for number in range(retries))
    known = min(one.known, rows)
    return failed - known * failing / rows, passed - known * (1 - failing / rows)
