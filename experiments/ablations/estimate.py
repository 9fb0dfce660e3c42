"""How many calls a study makes at most, known before the first of them."""

from __future__ import annotations

from dataclasses import replace

from autoevol.data.split import reserve_of
from autoevol.experiments.ablations.grounds import Ground, Site
from autoevol.experiments.ablations.mixing import MOST
from autoevol.experiments.ablations.studies import MS, STEPS, Plan
from autoevol.optimization.dev_rows import find_dev_rows
from autoevol.optimization.plan import Extra, planned_calls, spare_rows
from autoevol.optimization.rules import find_rule

_ROW = 2
"""Calls of a row: the evolution and the response."""


def most_calls(study: str, ground: Ground, plan: Plan, holdout: int) -> int:
    """An upper bound on what `study` pays, loops and ratings together.

    Args:
        study: Its name.
        ground: Where it runs.
        plan: How.
        holdout: Rows on which methods are rated; 0 where the truth is known.
    """
    sites = ground.sites()
    loops = [(site, {}) for site in sites]
    rated = 2 * len(sites)
    if study == "m":
        loops = [(site, {"m": count}) for site in sites for count in MS]
        rated = (1 + len(MS)) * len(sites)
    elif study == "steps":
        loops = [(site, {"steps": STEPS[-1]}) for site in sites]
        rated = (1 + STEPS[-1]) * len(sites)
    elif study == "start":
        loops, rated = loops * 2, 4 * len(sites)
    elif study == "models":
        loops = [(site, {}) for pair in ground.crossed().values() for site in pair]
        rated = 2 * len(loops)
    elif study == "transfer":
        rated = 2 * len(sites) * (1 + len(ground.others()))
    calls = sum(_loop_calls(site, plan, varied) for site, varied in loops)
    if study == "rounds":  # of one loop; two methods go through every round
        return calls + sum(2 * MOST * len(site.fresh) * _ROW for site in sites)
    return plan.loops * (calls + rated * holdout * _ROW)


def _loop_calls(site: Site, plan: Plan, varied: dict[str, int]) -> int:
    config, rule, heat = replace(plan.config, **varied), find_rule(plan.rule), site.heat
    dev_rows = find_dev_rows(config.dev_rows or rule.dev_rows)
    spare = reserve_of(len(heat.train), len(heat.dev), spare_rows(config, rule, dev_rows))
    extra = Extra.of(config, rule, dev_rows, spare)
    batch = min(config.batch_size, len(heat.train))
    return sum(planned_calls(config, rounds=1, dev=len(heat.dev), batch=batch, extra=extra).values())
