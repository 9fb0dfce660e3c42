"""`python -m autoevol.experiments.search`: does searching the loop's settings pay? *Simulated*.

In each of several testbeds with a known truth (`experiments.testbed`), a search with the paper's
space (batch size, m, steps) runs its trials. What it hands out is the method of its best trial, the
one with the lowest failure rate on the dev rows. All calls that its trials paid for are its cost; what
the shared store answered is free to it, as it would be to a user.

Equal total cost means: the paper's defaults (batch 10, m 5, 10 steps, patience 1) are given the same
number of paid calls, on the same train and dev rows, in the two ways in which one would spend them:

- *again*: the defaults run with one seed after another (other batches, other samples of the optimizer)
  in a store of their own until the calls are used up; the last run is cut off where they end. Handed
  out is the method with the lowest rate on the dev rows, by the same rule as in the search.
- *longer*: one run that goes on after steps without improvement, until the calls are used up.

So all three see the same rows, spend the same calls and choose by the same measure; none sees the truth.
The fourth contestant is the defaults *once*, at their own, lower cost. The difference in the true
failure rate is paired by testbed, and its interval is a bootstrap over testbeds.

A second table asks about the configuration instead of the method: the best trial's settings and the
defaults each run anew, with new seeds and new rows, and without the search being counted. The testbed has
no rows beyond the first round and one temperature, so only the three settings of the paper are varied.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import dspy

from autoevol.commands.following import Listener
from autoevol.config import LoopConfig, MethodConfig, SearchConfig, Settings
from autoevol.core.progress import Silent
from autoevol.core.records import Method, Row
from autoevol.data.split import split_rows
from autoevol.experiments.testbed import Testbed
from autoevol.hypersearch.holdout import front
from autoevol.hypersearch.job import Search, plan
from autoevol.hypersearch.space import ALWAYS
from autoevol.hypersearch.study import SharedStudy, quiet
from autoevol.hypersearch.tracking import TrackedTrials
from autoevol.hypersearch.trial import TrialBench
from autoevol.lm.budget import Caps
from autoevol.lm.session import Session
from autoevol.metrics.failure import FailureMetric
from autoevol.metrics.paired import PairedTest
from autoevol.optimization.teleprompter import AutoEvol
from autoevol.programs.evolver import Evolver
from autoevol.reports.search import describe
from autoevol.store.calls import CallStore
from autoevol.store.study import StudyFolder, WorkerFolder

_TRAIN = 200
_ENDLESS = 10**6
_FRESH = 1000  # apart from any seed of a testbed


@dataclass(frozen=True)
class Contestant:
    """What one way of spending calls hands out.

    Attributes:
        rate: True failure rate of the method, *simulated*.
        calls: Calls paid for it.
    """

    rate: float
    calls: int


@dataclass(frozen=True)
class World:
    """One testbed with the rows and settings that all contestants share."""

    testbed: Testbed
    rows: Sequence[Row]
    loop: LoopConfig

    @staticmethod
    def of(seed: int, dev: int) -> World:
        """The world of one seed."""
        testbed = Testbed(seed)
        # The defaults of the paper, which are not ours any more.
        loop = LoopConfig(dev_size=dev, seed=seed, steps=10, patience=1)
        return World(testbed, testbed.rows(_TRAIN + dev), loop)

    def session(self, path: Path, calls: int | None = None) -> Session:
        """A session with a hard cap."""
        return Session(CallStore(path, power_safe=False), caps=Caps(calls=calls))

    def lm(self, session: Session) -> dspy.LM:
        """The LM that plays every role."""
        return session.lm("testbed/world", transport=self.testbed.transport(), temperature=0.0)


def search(world: World, folder: Path, config: SearchConfig) -> tuple[Contestant, SharedStudy]:
    """A search, and the method of its best trial."""
    folder.mkdir(parents=True)
    start = folder / "start.txt"
    start.write_text(world.testbed.start.text, encoding="utf-8")
    methods = MethodConfig(start=(str(start),), holdout_size=0, selection="race")
    space, base = plan(world.rows, Settings(loop=world.loop, methods=methods), config)
    shared = StudyFolder(folder / "study", {}, 1)

    def open_bench(place: WorkerFolder, told: Listener) -> TrialBench:
        session = Session(place.calls(power_safe=False))
        lm = world.lm(session)
        return TrialBench(
            session=session,
            metric=FailureMetric(),
            rows=world.rows,
            holdout=0,
            dev=base.loop.dev_size,
            seed=world.loop.seed,
            asking=lambda models: dspy.context(lm=lm),
            optimizer=lm,
            listener=told,
        )

    with quiet():
        study = SharedStudy(shared, config, space)
        Search(shared, study, open_bench, Silent(), TrackedTrials(Settings(), Silent())).run()
        best = front(study)[0]
    calls = sum(spent.calls for spent in shared.spent().values())
    return Contestant(world.testbed.true_rate(Method(best.user_attrs["method"]["text"])), calls), study


def again(world: World, folder: Path, calls: int) -> Contestant:
    """The defaults with one seed after another until `calls` are paid; the best on dev."""
    folder.mkdir(parents=True)
    with world.session(folder / "calls.sqlite", calls) as session:
        tried: list[tuple[float, Method]] = []
        for seed in count():
            best = optimise(world, session, replace(world.loop, seed=_FRESH * seed + world.loop.seed))
            tried.append((-(best.score or 0.0), best.method))
            if best.stopped == "budget":
                break
        method = min(tried, key=lambda pair: pair[0])[1]
        return Contestant(world.testbed.true_rate(method), paid(session))


def longer(world: World, folder: Path, calls: int) -> Contestant:
    """One run that goes on until `calls` are paid."""
    folder.mkdir(parents=True)
    with world.session(folder / "calls.sqlite", calls) as session:
        best = optimise(world, session, replace(world.loop, steps=_ENDLESS, patience=_ENDLESS))
        return Contestant(world.testbed.true_rate(best.method), paid(session))


def alone(world: World, folder: Path, loop: LoopConfig) -> Contestant:
    """One run with these settings at its own cost."""
    folder.mkdir(parents=True)
    with world.session(folder / "calls.sqlite") as session:
        best = optimise(world, session, loop)
        return Contestant(world.testbed.true_rate(best.method), paid(session))


def optimise(world: World, session: Session, loop: LoopConfig) -> Any:  # noqa: ANN401 (DSPy hangs its results on it)
    """AutoEvol on the rows of `world`, which are split as every trial of the search splits them."""
    split = split_rows(world.rows, dev=world.loop.dev_size, holdout=0, seed=world.loop.seed)
    with dspy.context(lm=world.lm(session)):
        return AutoEvol(FailureMetric(), config=loop).compile(
            Evolver(world.testbed.start), trainset=split.train, valset=split.dev
        )


def paid(session: Session) -> int:
    """Calls paid in a session."""
    return sum(line.paid.calls for line in session.ledger())


def anew(world: World, folder: Path, settings: LoopConfig, runs: int) -> Contestant:
    """Mean of `runs` runs with the settings of `settings`, on rows and seeds of which none was used."""
    fresh_runs = []
    for run in range(1, runs + 1):
        first = len(world.rows) * run
        fresh = replace(world, rows=world.testbed.rows(len(world.rows), first=first))
        loop = replace(settings, seed=_FRESH * run + world.loop.seed)
        fresh_runs.append(alone(fresh, folder / str(run), loop))
    rate = sum(contestant.rate for contestant in fresh_runs) / runs
    return Contestant(rate, sum(contestant.calls for contestant in fresh_runs) // runs)


def contest(seed: int, options: argparse.Namespace) -> dict[str, Contestant]:
    """All contestants in one testbed; prints its line."""
    world = World.of(seed, options.dev)
    config = SearchConfig(trials=options.trials, search_seed=seed, space=tuple(options.space))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        searched, study = search(world, folder / "search", config)
        best = front(study)[0].params
        settings = replace(study.space.configuration(best).loop, concurrency=world.loop.concurrency)
        contestants = {
            "search": searched,
            "again": again(world, folder / "again", searched.calls),
            "longer": longer(world, folder / "longer", searched.calls),
            "once": alone(world, folder / "once", world.loop),
            "best anew": anew(world, folder / "best", settings, options.runs),
            "defaults anew": anew(world, folder / "defaults", world.loop, options.runs),
        }
        pruned = sum(trial.values is None for trial in study.finished())
    rates = " ".join(f"{contestants[name].rate:>6.1%}" for name in ("search", "again", "longer", "once"))
    calls = " ".join(f"{contestants[name].calls:>6}" for name in ("search", "again", "longer", "once"))
    start = world.testbed.true_rate(world.testbed.start)
    print(f"{seed:>7} {start:>6.1%}  {rates}  {calls}  {pruned:>6}  {describe(best)}", flush=True)
    return contestants


def difference(results: Sequence[dict[str, Contestant]], first: str, second: str) -> str:
    """Mean true rates of two contestants and the paired difference with its interval."""
    before, after = ([each[name].rate for each in results] for name in (first, second))
    gap = PairedTest.of(before, after)
    means = f"{second} {sum(after) / len(after):.1%}, {first} {sum(before) / len(before):.1%}"
    wins = sum(a < b for a, b in zip(after, before, strict=True))
    ties = sum(a == b for a, b in zip(after, before, strict=True))
    return f"{means}: {gap.span}, better in {wins} and equal in {ties} of {len(results)}"


def main() -> None:
    """Read the options, run every testbed, print the tables."""
    parser = argparse.ArgumentParser(prog="python -m autoevol.experiments.search")
    parser.add_argument("--testbeds", type=int, default=10, help="How many (default 10).")
    parser.add_argument("--trials", type=int, default=20, help="Trials of each search (default 20).")
    parser.add_argument("--dev", type=int, default=50, help="Dev rows (default 50, the paper's).")
    parser.add_argument("--runs", type=int, default=3, help="New runs of a configuration (default 3).")
    parser.add_argument("--space", action="append", default=[], help="As `autoevol search` takes it.")
    options = parser.parse_args()
    started = time.monotonic()
    space = ", ".join((*ALWAYS, *options.space))
    print(f"simulated: searches of {options.trials} trials over {space}, with {options.dev} dev rows")
    print("simulated: true failure rates, then calls paid, of search, again, longer and once")
    heads = " ".join(f"{name:>6}" for name in ("search", "again", "longer", "once"))
    print(f"testbed  start  {heads}  {heads}  pruned  best trial")
    results = [contest(seed, options) for seed in range(options.testbeds)]
    print("simulated: the method, at equal total cost (search against again and longer)")
    for other in ("again", "longer", "once"):
        print("  " + difference(results, other, "search"))
    print("simulated: the configuration, run anew on new rows, the search not counted")
    print("  " + difference(results, "defaults anew", "best anew"))
    means = [
        sum(each[name].calls for each in results) // len(results) for name in ("best anew", "defaults anew")
    ]
    print(f"  calls of one run: best {means[0]}, defaults {means[1]}")
    print(f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
