"""Where a study runs: testbeds with a known truth, or the user's models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from autoevol.comparison import referee
from autoevol.comparison.entry import Heat
from autoevol.comparison.job import ModelBench
from autoevol.config import RoleConfig, Settings
from autoevol.core.errors import InputError
from autoevol.core.records import Method, Outcome, Row
from autoevol.data.load import load_rows
from autoevol.data.split import Split, split_rows
from autoevol.experiments.testbed import Testbed, TestbedConfig
from autoevol.experiments.testbed.bench import heat_of
from autoevol.experiments.testbed.sentences import HARMS
from autoevol.lm.budget import Caps
from autoevol.lm.prices import caps_of
from autoevol.lm.session import Session
from autoevol.programs.evolver import Evolver
from autoevol.programs.methods import INITIAL, WEAK
from autoevol.store.calls import CallStore, Spent

Rates = list[list[float]]


@dataclass(frozen=True)
class Site:
    """One world, with its rows, its starts and its way to rate methods.

    Attributes:
        name: Distinct within a study; part of file names.
        heat: Student (with the default start), rows and models.
        weak: The weak start.
        fresh: Rows that no loop here has seen.
        rate: Failure rates of methods: a list per method, of equal lengths and the same units.
            In a testbed there is one unit, the true rate; on models one per holdout row.
    """

    name: str
    heat: Heat
    weak: Method
    fresh: tuple[Row, ...]
    rate: Callable[[Sequence[Method]], Rates]


class Ground(Protocol):
    """The sites of a study.

    Attributes:
        label: Said with every figure.
        rate: What the rates are.
    """

    label: str
    rate: str

    def sites(self) -> list[Site]:
        """Where loops run."""
        ...

    def crossed(self) -> dict[str, list[Site]]:
        """The same rows under every pair of evol LM and optimizer LM, by the name of the pair."""
        ...

    def others(self) -> dict[str, list[Site]]:
        """Other data, other models, or both: for each, one site per element of `sites`."""
        ...


class TestbedGround:
    """`count` testbeds; everything is *simulated*.

    The weak start is the default start with every harmful sentence that the world has.

    Args:
        count: How many testbeds, with the seeds 0, 1, ...
        dev: Dev rows.
    """

    __test__ = False
    label = "simulated"
    rate = "true failure rate"

    # The default world fails the start at 42 to 58 %.
    stronger = TestbedConfig(start_low=0.2, start_high=0.3)

    def __init__(self, count: int, dev: int) -> None:
        self._count, self._dev = count, dev

    def sites(self) -> list[Site]:
        """See `Ground`."""
        return self._sites("", TestbedConfig())

    def crossed(self) -> dict[str, list[Site]]:
        """See `Ground`."""
        evols = {"evol LM weaker": TestbedConfig(), "evol LM stronger": self.stronger}
        insights = {"optimizer LM weaker (insight 0.3)": 0.3, "stronger (insight 0.9)": 0.9}
        return {
            f"{evol}, {optimizer}": self._sites(f"-{evol}-{insight}", replace(config, insight=insight))
            for evol, config in evols.items()
            for optimizer, insight in insights.items()
        }

    def others(self) -> dict[str, list[Site]]:
        """See `Ground`. In another world other cures are strong; the kinds of failure are the same."""
        return {
            "stronger evol LM, same world": self._sites("-stronger", self.stronger),
            "another world": self._sites("-other", TestbedConfig(), first=1000),
        }

    def _sites(self, name: str, config: TestbedConfig, first: int = 0) -> list[Site]:
        return [
            self._site(f"{seed}{name}", Testbed(seed, config)) for seed in range(first, first + self._count)
        ]

    def _site(self, name: str, testbed: Testbed) -> Site:
        heat = heat_of(testbed, self._dev)
        harms = [harm for kind in HARMS.values() for harm in kind if harm not in testbed.start.text]
        return Site(
            name=name,
            heat=heat,
            weak=Method(" ".join([testbed.start.text, *harms]), name="weak"),
            fresh=tuple(testbed.rows(100, first=len(heat.train) + len(heat.dev))),
            rate=lambda methods: [[testbed.true_rate(method)] for method in methods],
        )


class CappedBench(ModelBench):
    """The user's models under caps that hold over all call stores of a study, resumes included.

    Args:
        settings: Of the models, with their budget.
        folder: Where these stores are; one session at a time.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        super().__init__(settings)
        self._caps, self._folder = caps_of(settings.budget), folder

    def session(self, path: Path, caps: Caps) -> Session:
        """See `Bench`. What the other stores have paid is taken off."""
        spent = Spent()
        for other in self._folder.glob("*.sqlite"):
            if other != path:
                store = CallStore(other)
                store.book_flights()
                spent += sum(store.spent().values(), Spent())
                store.close()
        mine = self._caps
        left = Caps(
            None if mine.calls is None else mine.calls - spent.calls,
            None if mine.tokens is None else mine.tokens - spent.tokens,
            None if mine.usd is None else mine.usd - spent.usd,
        )
        return super().session(path, left if caps == Caps() else caps)


class ModelGround:
    """The user's models on the user's seeds, one split. Rates are failures on the holdout, a unit per row.

    Args:
        seeds: File of seed instructions.
        settings: Endpoint, sampling and requests of all models.
        evols: Names of the evol models; the first is the one that studies with one model use.
        optimizers: Names of the optimizer models; empty takes the evol models.
        folder: Where the referee's calls are stored.
        dev: Dev rows.
        holdout: Holdout rows.
        seed: Draws the split.
        other_seeds: Another file, for `transfer`.
    """

    rate = "failure rate on the holdout"

    def __init__(
        self,
        seeds: str,
        settings: Settings,
        evols: Sequence[str],
        optimizers: Sequence[str],
        folder: Path,
        *,
        dev: int,
        holdout: int,
        seed: int = 0,
        other_seeds: str | None = None,
    ) -> None:
        self._settings, self._folder = settings, folder
        self._evols, self._optimizers = list(evols), list(optimizers) or list(evols)
        self._dev, self._holdout, self._seed = dev, holdout, seed
        self._split = self._read(seeds)
        self._other_seeds = other_seeds
        self.label = f"{self._evols[0]}, optimizer {self._optimizers[0]}"

    def sites(self) -> list[Site]:
        """See `Ground`."""
        return [self._site("a", self._evols[0], self._optimizers[0], self._split)]

    def crossed(self) -> dict[str, list[Site]]:
        """See `Ground`."""
        if len(self._evols) < 2 or len(self._optimizers) < 2:
            raise InputError("this study needs two evol models: give --evol-model twice")
        return {
            f"{evol} x {optimizer}": [self._site(f"{row}{column}", evol, optimizer, self._split)]
            for row, evol in enumerate(self._evols)
            for column, optimizer in enumerate(self._optimizers)
        }

    def others(self) -> dict[str, list[Site]]:
        """See `Ground`."""
        found: dict[str, list[Site]] = {}
        first, optimizer = self._evols[0], self._optimizers[0]
        splits = {"": self._split}
        if self._other_seeds:
            splits[self._other_seeds] = self._read(self._other_seeds)
        for number, (data, split) in enumerate(splits.items()):
            for evol in self._evols:
                if data or evol != first:
                    name = ", ".join(filter(None, [data, evol]))
                    found[name] = [self._site(f"other-{number}-{len(found)}", evol, optimizer, split)]
        if not found:
            raise InputError("this study needs --other-seeds, a second --evol-model, or both")
        return found

    def _read(self, seeds: str) -> Split:
        return split_rows(load_rows(seeds).rows, dev=self._dev, holdout=self._holdout, seed=self._seed)

    def _site(self, name: str, evol: str, optimizer: str, split: Split) -> Site:
        base = self._settings.models
        models = replace(base, evol=replace(base.evol, model=evol), optimizer=RoleConfig(model=optimizer))
        bench = CappedBench(replace(self._settings, models=models), self._folder)
        student = Evolver(INITIAL, system=models.system)
        heat = Heat(self._seed, bench, student, split.train, split.dev)

        def rate(methods: Sequence[Method]) -> Rates:
            path = self._folder / f"referee-{name}.sqlite"
            scores = referee.score(methods, bench, student, split.holdout, path).scores
            common = [row.id for row in split.holdout if all(s.scored(row.id) for s in scores.values())]
            if not common:
                raise InputError("no holdout row could be scored for all methods")
            return [
                [float(scores[method.id].marks[row_id].outcome is Outcome.FAILED) for row_id in common]
                for method in methods
            ]

        return Site(name, heat, WEAK, split.holdout, rate)
