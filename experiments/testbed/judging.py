"""Who judges in the simulated world: one that errs, and one that need not look twice at what is sound."""

from __future__ import annotations

from random import Random

from autoevol.core.records import Outcome, Trajectory, Verdict
from autoevol.experiments.testbed.sentences import CURES
from autoevol.experiments.testbed.texts import is_sound
from autoevol.metrics.base import Detector, failed, passed
from autoevol.metrics.failure import FailureMetric

_CURABLE = tuple(CURES)


class ErringJudge:
    """Turns the verdicts of another detector around on a share of all evolutions. *Simulated* noise.

    It errs as a judge at temperature 0: by the text alone, so that asking again gives the same verdict, and
    two methods that make the same of a row are judged alike. An optimizer is told of failures that are
    none, each by a curable kind drawn at random, and hears nothing of those that are missed.

    Args:
        inner: What is right.
        share: Probability that a verdict is turned around, in (0, 1).
        seed: Of the testbed.
    """

    name = "erring"
    calls = 0

    def __init__(self, inner: Detector, share: float, seed: int) -> None:
        self.inner, self.kinds = inner, inner.kinds
        self._share, self._seed = share, seed

    def judge(self, trajectory: Trajectory) -> Verdict:
        """See `Detector`."""
        verdict = self.inner.judge(trajectory)
        reply = trajectory.evolutions[-1].reply
        random = Random("\x1f".join(("judge", str(self._seed), trajectory.seed, reply or "")))
        if random.random() >= self._share or verdict.outcome is Outcome.UNSCORED:
            return verdict
        if verdict.outcome is Outcome.FAILED:
            return passed(self.name)
        return failed(self.name, random.choice(_CURABLE), "the judge says so")


class SoundFirst:
    """Passes what the world wrote as sound, and asks another detector about the rest alone.

    It says nothing else than the text detectors would (`tests/experiments/test_shortcut.py`), and sooner.
    """

    calls = 0

    def __init__(self, inner: Detector) -> None:
        self.inner, self.name, self.kinds = inner, inner.name, inner.kinds

    def judge(self, trajectory: Trajectory) -> Verdict:
        """See `Detector`."""
        if is_sound(trajectory.seed, trajectory.evolved):
            return passed(self.name)
        return self.inner.judge(trajectory)


class DetectorAlone(FailureMetric):
    """The failure rate of a text detector for the loop alone: no feedback for others is written."""

    async def ajudge(self, trajectory: Trajectory) -> Verdict:
        """See `Metric`."""
        return self.detector.judge(trajectory)
