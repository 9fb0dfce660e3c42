"""How much harder is a rewrite? By a judge, and by a text proxy where there is none."""

from __future__ import annotations

from autoevol.core.records import Trajectory, Verdict
from autoevol.metrics.judgement import MAX_GAIN
from autoevol.metrics.textual import view

PROXY_WORDS = 5
"""Net new content words that stand for one step of gain."""


def judged_gain(verdict: Verdict) -> float | None:
    """The gain that a judge gave, 0..3; None without a judge, or where it did not say."""
    return verdict.assessment.gain if verdict.assessment else None


def proxy_gain(trajectory: Trajectory) -> float:
    """Distinct content words that came, less those that went, a step for every five; 0..3.

    It orders usable rewrites much as raters do (see `autoevol calibrate` on pairs with gains),
    and it is easily fooled: words are not demands. Nothing is paid for it.
    """
    if trajectory.evolved is None:
        return 0.0
    net = len(view(trajectory.evolved).plain_stems) - len(view(trajectory.seed).plain_stems)
    return min(float(MAX_GAIN), max(0.0, net / PROXY_WORDS))
