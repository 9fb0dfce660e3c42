"""What a plan is likely to ask for: between nothing and the most that it may, with what is not known drawn.

An optimisation is rehearsed with the rules that it will have (`optimization.rehearsal`); the bulk stage
follows from the method that a rehearsal ends with. What a row costs comes from a sample, apart for rows
that passed and rows that failed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from autoevol.commands.extrapolate import REPLICATES, Projection, resampled, sum_of
from autoevol.commands.planned import Plan, Stage
from autoevol.optimization.rehearsal import Odds, Rehearsed, rehearse

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
    bulk_failed: np.ndarray
    bulk_passed: np.ndarray

    def pick(self, numbers: np.ndarray) -> Prospects:
        """These rehearsals, as often as they are named."""
        return Prospects(*(part[numbers] for part in self))


def prospects(plan: Plan, odds: Odds, seed: int, times: int = TIMES) -> Prospects:
    """How the plan may go; the same for the same arguments."""
    chance = np.random.default_rng([seed, times])
    if plan.course is None:
        rates = [odds.draw(chance) for _ in range(times)]
        played = [Rehearsed(False, 0, 0, 0, 0.0, 0, rate, float(chance.uniform(rate, 1.0))) for rate in rates]
    else:
        played = rehearse(plan.course, odds, times, seed)
    bulk = [_bulk(plan, one, chance) for one in played]
    return Prospects(
        *(
            np.array([getattr(one, name) for one in played], dtype=float)
            for name in ("passed", "failed", "chains", "waves", "holdout", "rate")
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


def likely_calls(plan: Plan, seed: int) -> Projection:
    """Calls of a plan of which nothing was tried: a row is taken to make all calls that it may."""
    seen = prospects(plan, Odds(), seed)
    calls = np.zeros(len(seen.rate))
    for stage in plan.stages:
        runs = {
            "optimize": seen.passed + seen.failed,
            "holdout": seen.holdout,
            "evolve": seen.bulk_passed + seen.bulk_failed,
        }[stage.name]
        most = sum(stage.rows) * (1 + plan.policy.retries if stage.name == "evolve" else 1)
        optimizer = stage.calls.get("optimizer", 0)
        a_row = (sum(stage.calls.values()) - optimizer) / max(1, most)
        calls += np.minimum(runs * a_row + 2 * seen.chains * bool(optimizer), sum(stage.calls.values()))
    low, mid, high = np.quantile(calls, [TAIL, 0.5, 1 - TAIL])
    return Projection(float(low), float(mid), float(high))


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
