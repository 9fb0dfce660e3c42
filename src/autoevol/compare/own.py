"""Contestants of this library: AutoEvol with each selection rule, its rivals, and fixed methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autoevol.compare import sizes
from autoevol.compare.entry import Entry
from autoevol.compare.results import Group
from autoevol.compare.tracker import StepWatch
from autoevol.config import LoopConfig
from autoevol.programs.evolver import Evolver
from autoevol.records import Method
from autoevol.rivals import APE, OPRO
from autoevol.strategies import RULES, SelectionRule
from autoevol.teleprompt import AutoEvol


class Loop:
    """AutoEvol with one selection rule. Sizes: see `sizes.loop`; it never stops for patience."""

    group: Group = "autoevol"
    traps: tuple[str, ...] = ()
    keeps_best = True

    def __init__(self, rule: type[SelectionRule]) -> None:
        self.name = rule.name
        self._rule = rule

    def sizes(self, entry: Entry) -> Mapping[str, Any]:
        """See `Contestant`."""
        heat = entry.heat
        return sizes.loop(entry.budget, entry.row_calls, len(heat.dev), len(heat.train))._asdict()

    def compile(self, entry: Entry) -> Evolver:
        """See `Contestant`."""
        heat, sized = entry.heat, self.sizes(entry)
        config = LoopConfig(
            **sized,
            patience=sized["steps"],
            dev_size=len(heat.dev),
            seed=entry.seed,
            concurrency=heat.bench.concurrency,
        )
        teleprompter = AutoEvol(
            entry.metric,
            config=config,
            optimizer_lm=entry.prompt_lm,
            selection=self._rule(),
            on_step=StepWatch(entry.tracker, heat.student.method),
        )
        return teleprompter.compile(heat.student, trainset=heat.train, valset=heat.dev)


class Opro:
    """OPRO, after its paper. Sizes: see `sizes.opro`."""

    name = "opro"
    group: Group = "rivals"
    traps: tuple[str, ...] = ()
    keeps_best = True

    def sizes(self, entry: Entry) -> Mapping[str, Any]:
        """See `Contestant`."""
        return sizes.opro(entry.budget, entry.row_calls, len(entry.heat.dev))._asdict()

    def compile(self, entry: Entry) -> Evolver:
        """See `Contestant`."""
        heat = entry.heat
        teleprompter = OPRO(
            entry.metric,
            **self.sizes(entry),
            prompt_lm=entry.prompt_lm,
            seed=entry.seed,
            concurrency=heat.bench.concurrency,
            on_step=StepWatch(entry.tracker, heat.student.method),
        )
        return teleprompter.compile(heat.student, trainset=heat.train, valset=heat.dev)


class Ape:
    """APE, after its paper. Sizes: see `sizes.ape`."""

    name = "ape"
    group: Group = "rivals"
    traps: tuple[str, ...] = ()
    keeps_best = True

    def sizes(self, entry: Entry) -> Mapping[str, Any]:
        """See `Contestant`."""
        steps, candidates = sizes.ape(entry.budget, entry.row_calls, len(entry.heat.dev))
        return {"resamplings": steps, "candidates": candidates}

    def compile(self, entry: Entry) -> Evolver:
        """See `Contestant`."""
        heat = entry.heat
        teleprompter = APE(
            entry.metric,
            **self.sizes(entry),
            prompt_lm=entry.prompt_lm,
            seed=entry.seed,
            concurrency=heat.bench.concurrency,
            on_step=StepWatch(entry.tracker, heat.student.method),
        )
        return teleprompter.compile(heat.student, trainset=heat.train, valset=heat.dev)


class Fixed:
    """A method as it stands: nothing is optimised and nothing is paid before the referee."""

    group: Group = "fixed"
    traps: tuple[str, ...] = ()
    keeps_best = True

    def __init__(self, method: Method) -> None:
        self.name = method.name
        self._method = method

    def sizes(self, entry: Entry) -> Mapping[str, Any]:
        """See `Contestant`."""
        return {}

    def compile(self, entry: Entry) -> Evolver:
        """See `Contestant`."""
        return entry.heat.student.with_method(self._method)


def loops() -> list[Loop]:
    """AutoEvol with every selection rule that there is."""
    return [Loop(rule) for rule in RULES.values()]
