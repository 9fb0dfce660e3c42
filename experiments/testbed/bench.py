"""The testbed as a bench on which optimizers compete."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import dspy

from autoevol.comparison.entry import Heat
from autoevol.experiments.testbed.judging import DetectorAlone, ErringJudge, SoundFirst
from autoevol.experiments.testbed.shortcut import ShortcutEvolver
from autoevol.experiments.testbed.world import Testbed
from autoevol.lm.budget import Caps
from autoevol.lm.session import Session
from autoevol.metrics.base import Detector
from autoevol.metrics.ensemble import default_text_ensemble
from autoevol.metrics.failure import FailureMetric
from autoevol.programs.evolver import Evolver
from autoevol.store.calls import CallStore

TRAIN = 200


class TestbedBench:
    """Entries in one testbed. One thread, so that a run can be repeated to the call.

    Args:
        testbed: The world.
        shortcut: Whether sound evolutions are known as such without a look of the text detectors, which
            pass them as well.
    """

    __test__ = False
    concurrency = 1

    def __init__(self, testbed: Testbed, *, shortcut: bool = False) -> None:
        self.transport = testbed.transport()
        self._seed, self._misjudged, self._shortcut = testbed.seed, testbed.config.misjudged, shortcut

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
        texts = default_text_ensemble()
        detector: Detector = SoundFirst(texts) if self._shortcut else texts
        if self._misjudged:
            detector = ErringJudge(detector, self._misjudged, self._seed)
        return DetectorAlone(detector) if self._shortcut else FailureMetric(detector)


@dataclass(frozen=True)
class TestbedHeat(Heat):
    """A heat whose bench is a testbed."""

    __test__ = False
    bench: TestbedBench


def heat_of(
    testbed: Testbed, dev: int, train: int = TRAIN, first: int = 0, *, shortcut: bool = False
) -> TestbedHeat:
    """The heat of one testbed: its own start, `train` train rows, `dev` dev rows, from row `first` on.

    With the `shortcut` (see the module of that name) it takes a fifth of the time.
    """
    rows = tuple(testbed.rows(dev + train, first))
    student = ShortcutEvolver(testbed.truth, testbed.start) if shortcut else Evolver(testbed.start)
    return TestbedHeat(
        testbed.seed, TestbedBench(testbed, shortcut=shortcut), student, rows[dev:], rows[:dev]
    )
