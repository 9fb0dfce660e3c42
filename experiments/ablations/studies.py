"""The studies. Each takes a ground and gives a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autoevol.config import LoopConfig
from autoevol.core.records import Method
from autoevol.experiments.ablations.grounds import Ground, Rates, Site
from autoevol.experiments.ablations.table import Line, Table, line
from autoevol.experiments.loop import Reached, run_loop

MS = (1, 3, 5, 7, 9)
STEPS = (3, 6, 9, 12, 15)


@dataclass(frozen=True)
class Plan:
    """How loops are run.

    Attributes:
        config: Settings of the loop where a study does not vary them.
        rule: Name of the selection rule.
        folder: Where calls are stored; the same folder goes on where a run was killed.
    """

    config: LoopConfig
    rule: str
    folder: Path

    def run(
        self, site: Site, name: str = "loop", start: Method | None = None, **varied: int
    ) -> list[Reached]:
        """One loop at `site`, without an early stop; one element per step, step 0 first."""
        config = replace(self.config, seed=site.heat.seed, concurrency=site.heat.bench.concurrency, **varied)
        heat = site.heat
        if start:
            heat = replace(heat, student=heat.student.with_method(start))
        config = replace(config, patience=max(1, config.steps))
        return run_loop(heat, self.rule, config, self.folder / f"{name}-{site.name}.sqlite")


def by_method(per_site: Sequence[Rates]) -> list[list[float]]:
    """Rates by method over all sites, from rates by site and method."""
    return [[rate for rates in column for rate in rates] for column in zip(*per_site, strict=True)]


def m(ground: Ground, plan: Plan) -> Table:
    """Number of rewrites per step, at a fixed number of steps (figure 5a)."""
    sites = ground.sites()
    ends = [[plan.run(site, f"m{count}", m=count)[-1] for count in MS] for site in sites]
    rates = by_method(
        [
            site.rate([site.heat.student.method, *(end.method for end in found)])
            for site, found in zip(sites, ends, strict=True)
        ]
    )
    lines = [line("start", rates[0])]
    for number, count in enumerate(MS):
        calls = [found[number].calls for found in ends]
        lines.append(line(f"m = {count}", rates[number + 1], rates[0], calls=calls))
    return Table("m", ground.label, ground.rate, "the start", tuple(lines))


def steps(ground: Ground, plan: Plan) -> Table:
    """Number of steps without an early stop (figure 5b): does more do harm?"""
    sites = ground.sites()
    walks = [padded(plan.run(site, "steps", steps=STEPS[-1]), STEPS[-1] + 1) for site in sites]
    rates = by_method(
        [site.rate([place.method for place in walk]) for site, walk in zip(sites, walks, strict=True)]
    )
    lines = []
    for number in (0, *STEPS):
        here = [walk[number] for walk in walks]
        before = rates[max((n for n in (0, *STEPS) if n < number), default=0)]
        lines.append(
            line(
                f"{number} steps",
                rates[number],
                before if number else None,
                dev=[place.dev for place in here],
                words=[len(place.method.text.split()) for place in here],
                calls=[place.calls for place in here],
            )
        )
    mean = [sum(values) / len(values) for values in rates]
    dev = [sum(walk[number].dev for walk in walks) / len(walks) for number in range(len(rates))]
    curves = {ground.rate: list(enumerate(mean)), "dev rows": list(enumerate(dev))}
    return Table(
        "steps", ground.label, ground.rate, "the line above", tuple(lines), curves=curves,
        notes=("dev: failure rate of the method in force on the dev rows that selected it",),
    )  # fmt: skip


def padded(walk: Sequence[Reached], length: int) -> list[Reached]:
    """`walk` with its last element repeated: a loop that ends because nothing fails any more stays there."""
    return [*walk, *[walk[-1]] * (length - len(walk))]


def start(ground: Ground, plan: Plan) -> Table:
    """A weak against the default starting method, before and after optimisation (figure 4)."""
    sites = ground.sites()
    weak = [plan.run(site, "weak", start=site.weak)[-1] for site in sites]
    default = [plan.run(site, "default")[-1] for site in sites]
    rates = by_method(
        [
            site.rate([site.weak, from_weak.method, site.heat.student.method, from_default.method])
            for site, from_weak, from_default in zip(sites, weak, default, strict=True)
        ]
    )
    lines = (
        line("weak start", rates[0], rates[2]),
        line("weak, optimised", rates[1], rates[2], calls=[end.calls for end in weak]),
        line("default start", rates[2]),
        line("default, optimised", rates[3], rates[2], calls=[end.calls for end in default]),
    )
    return Table("start", ground.label, ground.rate, "the default start", lines)


def models(ground: Ground, plan: Plan) -> Table:
    """Evol LM by optimizer LM (table 3)."""
    lines: list[Line] = []
    for name, sites in ground.crossed().items():
        ends = [plan.run(site)[-1] for site in sites]
        before, after = by_method(
            [site.rate([site.heat.student.method, end.method]) for site, end in zip(sites, ends, strict=True)]
        )
        lines.append(line(name, after, before, start=before, calls=[end.calls for end in ends]))
    return Table("models", ground.label, ground.rate, "the start under the same evol LM", tuple(lines))


def transfer(ground: Ground, plan: Plan) -> Table:
    """A method optimised on data and model A, rated on others against the start."""
    sites = ground.sites()
    found = [(site.heat.student.method, plan.run(site)[-1].method) for site in sites]
    lines: list[Line] = []
    for name, places in {"where it was optimised": sites, **ground.others()}.items():
        before, after = by_method([place.rate(pair) for place, pair in zip(places, found, strict=True)])
        lines.append(line(name, after, before, start=before))
    return Table("transfer", ground.label, ground.rate, "the same start in the same place", tuple(lines))


Study = Callable[[Ground, Plan], Table]
