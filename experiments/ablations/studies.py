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
_APART = 10_000  # seeds of the loops of one site; those of sites are consecutive


@dataclass(frozen=True)
class Plan:
    """How loops are run.

    Attributes:
        config: Settings of the loop where a study does not vary them.
        rule: Name of the selection rule.
        folder: Where calls are stored; the same folder goes on where a run was killed.
        loops: Loops per setting and site, each with a seed of its own. Rates are means over them, unit by
            unit, so that an interval over units does not take one world for several.
    """

    config: LoopConfig
    rule: str
    folder: Path
    loops: int = 1

    def again(self, site: Site) -> list[Site]:
        """The same site for every loop, each with a seed of its own."""
        seeds = ((number, site.heat.seed + _APART * number) for number in range(self.loops))
        return [
            site
            if not number
            else replace(site, name=f"{site.name}-loop-{number}", heat=replace(site.heat, seed=seed))
            for number, seed in seeds
        ]

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


def rated(site: Site, plan: Plan, methods: Callable[[Site], Sequence[Method]]) -> Rates:
    """Rates by method and unit at a site, each the mean over the loops of the plan.

    Args:
        site: Rates the methods.
        plan: Says how many loops.
        methods: What one loop is to be rated for, given the site with its seed.
    """
    each = [site.rate(methods(again)) for again in plan.again(site)]
    return [
        [sum(rates) / len(rates) for rates in zip(*units, strict=True)] for units in zip(*each, strict=True)
    ]


def m(ground: Ground, plan: Plan) -> Table:
    """Number of rewrites per step, at a fixed number of steps (figure 5a)."""
    calls: dict[int, list[int]] = {count: [] for count in MS}

    def found(site: Site) -> list[Method]:
        ends = {count: plan.run(site, f"m{count}", m=count)[-1] for count in MS}
        for count, end in ends.items():
            calls[count].append(end.calls)
        return [site.heat.student.method, *(end.method for end in ends.values())]

    rates = by_method([rated(site, plan, found) for site in ground.sites()])
    lines = [line("start", rates[0])]
    for number, count in enumerate(MS):
        lines.append(line(f"m = {count}", rates[number + 1], rates[0], calls=calls[count]))
    return Table("m", ground.label, ground.rate, "the start", tuple(lines))


def steps(ground: Ground, plan: Plan) -> Table:
    """Number of steps without an early stop (figure 5b): does more do harm?"""
    walks: list[list[Reached]] = []

    def found(site: Site) -> list[Method]:
        walks.append(padded(plan.run(site, "steps", steps=STEPS[-1]), STEPS[-1] + 1))
        return [place.method for place in walks[-1]]

    rates = by_method([rated(site, plan, found) for site in ground.sites()])
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
    calls: dict[str, list[int]] = {"weak": [], "default": []}

    def found(site: Site) -> list[Method]:
        weak = plan.run(site, "weak", start=site.weak)[-1]
        default = plan.run(site, "default")[-1]
        calls["weak"].append(weak.calls)
        calls["default"].append(default.calls)
        return [site.weak, weak.method, site.heat.student.method, default.method]

    rates = by_method([rated(site, plan, found) for site in ground.sites()])
    lines = (
        line("weak start", rates[0], rates[2]),
        line("weak, optimised", rates[1], rates[2], calls=calls["weak"]),
        line("default start", rates[2]),
        line("default, optimised", rates[3], rates[2], calls=calls["default"]),
    )
    return Table("start", ground.label, ground.rate, "the default start", lines)


def models(ground: Ground, plan: Plan) -> Table:
    """Evol LM by optimizer LM (table 3)."""
    lines: list[Line] = []
    for name, sites in ground.crossed().items():
        calls: list[int] = []
        before, after = by_method([rated(site, plan, _before_and_after(plan, calls)) for site in sites])
        lines.append(line(name, after, before, start=before, calls=calls))
    return Table("models", ground.label, ground.rate, "the start under the same evol LM", tuple(lines))


def _before_and_after(plan: Plan, calls: list[int]) -> Callable[[Site], Sequence[Method]]:
    def found(site: Site) -> list[Method]:
        end = plan.run(site)[-1]
        calls.append(end.calls)
        return [site.heat.student.method, end.method]

    return found


def transfer(ground: Ground, plan: Plan) -> Table:
    """A method optimised on data and model A, rated on others against the start."""
    sites = ground.sites()
    ends = [[plan.run(again)[-1].method for again in plan.again(site)] for site in sites]
    lines: list[Line] = []
    for name, places in {"where it was optimised": sites, **ground.others()}.items():
        here = zip(places, sites, ends, strict=True)
        before, after = by_method([_elsewhere(place, site, found, plan) for place, site, found in here])
        lines.append(line(name, after, before, start=before))
    return Table("transfer", ground.label, ground.rate, "the same start in the same place", tuple(lines))


def _elsewhere(place: Site, site: Site, ends: Sequence[Method], plan: Plan) -> Rates:
    """The start and the methods that the loops at `site` ended with, rated at `place`."""
    following = iter(ends)
    return rated(place, plan, lambda _: [site.heat.student.method, next(following)])


Study = Callable[[Ground, Plan], Table]
