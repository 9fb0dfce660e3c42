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

from autoevol.config import LoopConfig, MethodConfig, ModelConfig, SearchConfig
from autoevol.experiments.testbed import Testbed
from autoevol.lm.budget import Caps
from autoevol.lm.session import Session
from autoevol.metrics.failure import FailureMetric
from autoevol.metrics.intervals import PairedDifference, paired_bootstrap
from autoevol.programs.evolver import Evolver
from autoevol.records import Case, Method, Row, Step
from autoevol.search.holdout import front
from autoevol.search.job import Search, plan
from autoevol.search.space import Configuration, describe
from autoevol.search.study import SharedStudy, quiet
from autoevol.search.trial import Bench
from autoevol.store.calls import CallStore
from autoevol.store.run import RunFolder
from autoevol.store.study import StudyFolder
from autoevol.teleprompt import AutoEvol

_TRAIN = 200
_ENDLESS = 10**6


class Silent:
    """Hears of nothing."""

    def phase(self, name: str, rows: int | None) -> None:
        """See `jobs.Listener`."""

    def case(self, case: Case) -> None:
        """See `jobs.Listener`."""

    def step(self, step: Step, methods: int) -> None:
        """See `jobs.Listener`."""


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
        return World(testbed, testbed.rows(_TRAIN + dev), LoopConfig(dev_size=dev, seed=seed))

    def session(self, path: Path, calls: int | None = None) -> Session:
        """A session with a hard cap."""
        return Session(CallStore(path, power_safe=False), caps=Caps(calls=calls))

    def lm(self, session: Session) -> dspy.LM:
        """The LM that plays every role."""
        return session.lm("testbed/world", transport=self.testbed.transport(), temperature=0.0)

    def true_rate(self, method: Method) -> float:
        """The truth, which no contestant sees."""
        return self.testbed.true_rate(method)


def search(world: World, folder: Path, trials: int) -> tuple[Contestant, SharedStudy]:
    """A search, and the method of its best trial."""
    folder.mkdir(parents=True)
    start = folder / "start.txt"
    start.write_text(world.testbed.start.text, encoding="utf-8")
    config = SearchConfig(trials=trials, search_seed=world.testbed.seed)
    methods = MethodConfig(start=(str(start),), holdout_size=0)
    space, base = plan(world.rows, ModelConfig(), world.loop, methods, config)
    shared = StudyFolder(folder / "study", {}, 1)

    def open_session(place: RunFolder) -> Session:
        return Session(place.calls(folder / "calls.sqlite", power_safe=False))

    def bench(session: Session) -> Bench:
        lm = world.lm(session)
        return Bench(
            session=session,
            metric=FailureMetric(),
            rows=world.rows,
            holdout=0,
            dev=base.loop.dev_size,
            seed=world.loop.seed,
            evol=lambda models: lm,
            optimizer=lm,
            listener=Silent(),
        )

    with quiet():
        study = SharedStudy(shared, config, space)
        Search(shared, study, open_session, bench).run()
        best = front(study)[0]
    with CallsOf(folder / "calls.sqlite") as paid:
        calls = paid
    method = Method(best.user_attrs["method"]["text"])
    return Contestant(world.true_rate(method), calls), study
