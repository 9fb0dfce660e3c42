"""Selection rules over *simulated* outcomes: what each spends, and how well it chooses.

Every method has a true failure rate, every row a difficulty that all methods share; a method
fails a row where its own noise and the row's difficulty fall below its threshold (a Gaussian
copula with correlation rho). No text, no model: the rules are the real ones, their scores are
drawn. Run `python -m autoevol.experiments.selection`.
"""

from __future__ import annotations

import argparse
import asyncio
import math
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoevol.core.records import FailureKind, Mark, Method, Outcome, Row, Score
from autoevol.metrics.intervals import wilson
from autoevol.metrics.paired import PairedTest
from autoevol.optimization.race import Race
from autoevol.optimization.rule import SelectionRule
from autoevol.optimization.rules import LowestFailureRate, ReleasedRule

FAILED = Mark(Outcome.FAILED, FailureKind.ASKS_FOR_MORE, 1, 1)
PASSED = Mark(Outcome.PASSED, None, 1, 1)


@dataclass(frozen=True)
class Setting:
    """What is simulated; the defaults are the rates and sizes of the paper.

    Attributes:
        incumbent: True failure rate of the method in force, or of the one that a run starts with.
        low: Lowest rate of a challenger; in a run, as a multiple of the rate in force.
        high: Highest rate of a challenger, likewise.
        challengers: How many at each step.
        dev: Dev rows.
        reserve: Reserve rows, used by a race only.
        rho: Correlation of the rows' difficulty between methods, in [0, 1).
        steps: Steps of a run.
    """

    incumbent: float = 0.10
    low: float = 0.04
    high: float = 0.16
    challengers: int = 5
    dev: int = 50
    reserve: int = 100
    rho: float = 0.0
    steps: int = 10


# Multiples of the rate in force: rewrites scattered round it, and rewrites that are never better.
SCATTERED = Setting(low=0.4, high=1.6, rho=0.3)
NEVER_BETTER = Setting(low=1.0, high=1.6, rho=0.3)


@dataclass(frozen=True)
class Rival:
    """A rule as it is compared; `reserve` says whether it is options the reserve rows."""

    name: str
    rule: SelectionRule
    reserve: bool = True


PAPER = Rival("paper", LowestFailureRate())
RACE = Rival("race", Race())
RIVALS = (PAPER, Rival("author", ReleasedRule()), RACE, Rival("race, no reserve", Race(), reserve=False))


class Table:
    """Simulated outcomes of methods on rows; counts what is looked at for the first time.

    Args:
        setting: What is simulated.
        seed: Seeds everything that is drawn.
    """

    def __init__(self, setting: Setting, seed: int) -> None:
        self.setting = setting
        self.evaluations = 0
        self._rng = np.random.default_rng(seed)
        count = setting.dev + setting.reserve
        self.rows = [Row(str(number), f"Row {number}.") for number in range(count)]
        self._difficulty = math.sqrt(setting.rho) * self._rng.standard_normal(count)
        self._failed: dict[str, NDArray[np.bool_]] = {}
        self._seen: dict[str, set[str]] = {}
        self.rates: dict[str, float] = {}

    def add(self, rate: float) -> Method:
        """A new method that fails a row with this chance."""
        method = Method(f"simulated method {len(self.rates)}")
        noise = math.sqrt(1 - self.setting.rho) * self._rng.standard_normal(len(self.rows))
        self._failed[method.id] = self._difficulty + noise < NormalDist().inv_cdf(rate)
        self._seen[method.id] = set()
        self.rates[method.id] = rate
        return method

    def scattered(self, around: float) -> list[Method]:
        """New challengers with rates uniform between the setting's bounds, times `around`."""
        draws = self._rng.uniform(self.setting.low, self.setting.high, self.setting.challengers)
        return [self.add(min(0.99, float(draw) * around)) for draw in draws]

    async def evaluate(self, method: Method, rows: Sequence[Row]) -> Score:
        """See `SelectionRule`."""
        failed, seen = self._failed[method.id], self._seen[method.id]
        ids = [row.id for row in rows]
        self.evaluations += len(set(ids) - seen)
        seen.update(ids)
        return Score(method.id, {row_id: FAILED if failed[int(row_id)] else PASSED for row_id in ids})

    async def start(self) -> Method:
        """The first incumbent, its dev marks known and not counted."""
        method = self.add(self.setting.incumbent)
        await self.evaluate(method, self.rows[: self.setting.dev])
        self.evaluations = 0
        return method

    async def select(self, rival: Rival, incumbent: Method, challengers: Sequence[Method]) -> Method:
        """The method that the rule chooses."""
        dev, reserve = self.rows[: self.setting.dev], self.rows[self.setting.dev :]
        spare = reserve if rival.reserve else []
        picked = await rival.rule.select(incumbent, challengers, dev, self.evaluate, spare)
        return picked.chosen


Work = Callable[[int], Coroutine[Any, Any, tuple[Table, Method]]]


@dataclass(frozen=True)
class Outcomes:
    """What happened, one entry a repetition.

    Attributes:
        evaluations: Rows looked at beyond the first incumbent's dev rows.
        rates: True rate of the method chosen last.
        regrets: The same, less the lowest true rate that was to be had; for one selection only.
        worse: 1 where the method chosen last is truly worse than the first incumbent.
    """

    evaluations: list[int]
    rates: list[float]
    regrets: list[float]
    worse: list[int]


def once(rival: Rival, setting: Setting, reps: int, seed: int = 0) -> Outcomes:
    """One selection, `reps` times; every rival meets the same worlds."""

    async def work(number: int) -> tuple[Table, Method]:
        table = Table(setting, seed + number)
        incumbent = await table.start()
        return table, await table.select(rival, incumbent, table.scattered(1.0))

    return _outcomes(work, reps, setting)


def in_a_row(rival: Rival, setting: Setting, reps: int, seed: int = 0) -> Outcomes:
    """A run of `setting.steps` selections over the same rows, `reps` times."""

    async def work(number: int) -> tuple[Table, Method]:
        table = Table(setting, seed + number)
        chosen = await table.start()
        for _ in range(setting.steps):
            chosen = await table.select(rival, chosen, table.scattered(table.rates[chosen.id]))
        return table, chosen

    return _outcomes(work, reps, setting)


def _outcomes(work: Work, reps: int, setting: Setting) -> Outcomes:
    async def all_of_them() -> list[tuple[Table, Method]]:
        return [await work(number) for number in range(reps)]

    outcomes = asyncio.run(all_of_them())
    rates = [table.rates[chosen.id] for table, chosen in outcomes]
    return Outcomes(
        evaluations=[table.evaluations for table, _ in outcomes],
        rates=rates,
        regrets=[rate - min(table.rates.values()) for rate, (table, _) in zip(rates, outcomes, strict=True)],
        worse=[int(rate > setting.incumbent) for rate in rates],
    )


def selection_lines(reps: int, rhos: Sequence[float]) -> Iterator[str]:
    """The table of single selections."""
    for rho in rhos:
        setting = replace(Setting(), rho=rho)
        paper = once(PAPER, setting, reps)
        for rival in RIVALS:
            outcomes = paper if rival is PAPER else once(rival, setting, reps)
            gap = PairedTest.of(paper.regrets, outcomes.regrets)
            rarer = PairedTest.of(paper.worse, outcomes.worse)
            yield (
                f"simulated | rho {rho:.1f} | {rival.name:16} | "
                f"{np.mean(outcomes.evaluations):5.1f} evaluations | "
                f"regret {np.mean(outcomes.regrets):.4f}, to paper {gap.difference:+.4f} "
                f"[{gap.low:+.4f}, {gap.high:+.4f}] | worse {_share(outcomes.worse)}, to paper "
                f"{rarer.difference:+.3f} [{rarer.low:+.3f}, {rarer.high:+.3f}]"
            )


def run_lines(reps: int) -> Iterator[str]:
    """The table of whole runs."""
    for name, setting in (("scattered", SCATTERED), ("never better", NEVER_BETTER)):
        for rival in (PAPER, RACE):
            outcomes = in_a_row(rival, setting, reps)
            yield (
                f"simulated | {setting.steps} steps, {name:12} | {rival.name:5} | "
                f"{np.mean(outcomes.evaluations):6.1f} evaluations | true rate {setting.incumbent:.1%} -> "
                f"{np.mean(outcomes.rates):.2%} | worse than the start {_share(outcomes.worse)}"
            )


def _share(hits: Sequence[int]) -> str:
    low, high = wilson(sum(hits), len(hits))
    return f"{np.mean(hits):.3f} [{low:.3f}, {high:.3f}]"


def main() -> None:
    """Read the options and print both tables."""
    parser = argparse.ArgumentParser(prog="python -m autoevol.experiments.selection")
    parser.add_argument("--reps", type=int, default=1000, help="Repetitions (default 1000).")
    parser.add_argument(
        "--rho", type=float, nargs="+", default=[0.0, 0.3, 0.6], help="Correlations of row difficulty."
    )
    options = parser.parse_args()
    for line in selection_lines(options.reps, options.rho):
        print(line, flush=True)
    print("simulated | author: texts have one length here, so it is paper with ties for the challenger")
    for line in run_lines(options.reps):
        print(line, flush=True)


if __name__ == "__main__":
    main()
