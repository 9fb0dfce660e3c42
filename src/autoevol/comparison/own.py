"""Contestants of this library: AutoEvol with each selection rule, its rivals, and fixed methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from autoevol.comparison import sizes
from autoevol.comparison.entry import Entry
from autoevol.comparison.tracker import StepWatch
from autoevol.config import LoopConfig
from autoevol.config.choices import DevRows
from autoevol.core.records import Method
from autoevol.optimization.rivals import APE, OPRO
from autoevol.optimization.rivals.base import MethodSearch
from autoevol.optimization.rules import RULES, LowestFailureRate, SelectionRule
from autoevol.optimization.teleprompter import AutoEvol
from autoevol.programs.evolver import Evolver
from autoevol.reports.comparison import Group


class Loop:
    """AutoEvol with one selection rule, without patience. Sizes: see `sizes.loop`.

    Args:
        rule: The selection rule.
        dev_rows: Name of the policy for dev rows; None for the rule's own.
    """

    group: Group = "autoevol"
    traps: tuple[str, ...] = ()
    keeps_best = True

    def __init__(self, rule: type[SelectionRule], dev_rows: DevRows | None = None) -> None:
        self.name = f"{rule.name}-{dev_rows}" if dev_rows else rule.name
        self._rule = rule
        self._dev_rows: DevRows | None = dev_rows

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
            dev_rows=self._dev_rows,
            confirm_size=0,  # the budget ends the entry before a confirmation, whose rows would lie idle
            seed=entry.seed,
            concurrency=heat.bench.concurrency,
        )
        teleprompter = AutoEvol(
            entry.metric,
            config=config,
            optimizer_lm=entry.prompt_lm,
            selection=self._rule(),
            on_step=StepWatch(entry.tracker, heat.student.method),
            verbose=False,
        )
        return teleprompter.compile(heat.student, trainset=heat.train, valset=heat.dev)


class Rival:
    """OPRO or APE, according to its paper.

    Args:
        name: As given on the command line.
        optimizer: Makes the teleprompter.
        sizes: Its settings by budget, calls per row and dev rows; see `comparison.sizes`.
    """

    group: Group = "rivals"
    traps: tuple[str, ...] = ()
    keeps_best = True

    def __init__(
        self, name: str, optimizer: type[MethodSearch], sizes: Callable[[int, int, int], NamedTuple]
    ) -> None:
        self.name = name
        self._optimizer = optimizer
        self._sizes = sizes

    def sizes(self, entry: Entry) -> Mapping[str, Any]:
        """See `Contestant`."""
        return self._sizes(entry.budget, entry.row_calls, len(entry.heat.dev))._asdict()

    def compile(self, entry: Entry) -> Evolver:
        """See `Contestant`."""
        heat = entry.heat
        teleprompter = self._optimizer(
            entry.metric,
            **self.sizes(entry),
            prompt_lm=entry.prompt_lm,
            seed=entry.seed,
            concurrency=heat.bench.concurrency,
            on_step=StepWatch(entry.tracker, heat.student.method),
        )
        return teleprompter.compile(heat.student, trainset=heat.train, valset=heat.dev)


class Fixed:
    """A fixed method: nothing is optimised, and nothing is paid before the referee."""

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
    """AutoEvol with every selection rule, and with the paper's rule on fresh rows at every step."""
    return [*(Loop(rule) for rule in RULES.values()), Loop(LowestFailureRate, "fresh")]


def rivals() -> list[Rival]:
    """The optimizers of `autoevol.optimization.rivals`."""
    return [Rival("opro", OPRO, sizes.opro), Rival("ape", APE, sizes.ape)]
