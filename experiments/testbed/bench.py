"""The testbed as a bench on which optimizers compete."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import dspy

from autoevol.comparison.entry import Heat
from autoevol.experiments.testbed.world import Testbed
from autoevol.lm.budget import Caps
from autoevol.lm.session import Session
from autoevol.metrics.failure import FailureMetric
from autoevol.programs.evolver import Evolver
from autoevol.store.calls import CallStore

TRAIN = 200


class TestbedBench:
    """Entries in one testbed. One thread, so that a run can be repeated to the call."""

    __test__ = False
    concurrency = 1

    def __init__(self, testbed: Testbed) -> None:
        self.transport = testbed.transport()

    def session(self, path: Path, caps: Caps) -> Session:
        """See `compare.Bench`."""
        return Session(CallStore(path, power_safe=False), caps=caps, concurrency=self.concurrency)

    def task_lm(self, session: Session) -> dspy.LM:
        """See `compare.Bench`."""
        return session.lm("testbed/world", "evol", transport=self.transport, temperature=0.0)

    def respond_lm(self, session: Session) -> dspy.LM | None:
        """See `compare.Bench`."""
        return None

    def prompt_lm(self, session: Session) -> dspy.LM:
        """See `compare.Bench`."""
        return session.lm("testbed/world", "optimizer", transport=self.transport, temperature=1.0)

    def metric(self, session: Session) -> FailureMetric:
        """See `compare.Bench`."""
        return FailureMetric()


@dataclass(frozen=True)
class TestbedHeat(Heat):
    """A heat whose bench is a testbed."""

    __test__ = False
    bench: TestbedBench


def heat_of(testbed: Testbed, dev: int, train: int = TRAIN, first: int = 0) -> TestbedHeat:
    """The heat of one testbed: its own start, `train` train rows, `dev` dev rows, from row `first` on."""
    rows = tuple(testbed.rows(dev + train, first))
    return TestbedHeat(testbed.seed, TestbedBench(testbed), Evolver(testbed.start), rows[dev:], rows[:dev])
