"""Who decides what: facts by rule, all else by the judge, who is told what the rules noticed."""

from __future__ import annotations

from autoevol.core.records import FailureKind, Outcome, Trajectory, Verdict
from autoevol.metrics.base import AsyncDetector, Detector
from autoevol.metrics.ensemble import text_facts
from autoevol.metrics.judge import LMDetector


class Cascade:
    """Text rules and an LM detector. Rules settle facts; their other findings only inform the judge.

    On labelled pairs a text rule that ended the matter lost 5 of 40 broken pairs that the judge
    would have found, and threw away 2 of 17 that it would have kept.

    Args:
        rules: The text detector whose findings the judge is told.
        then: Decides on everything that is no fact. Only an `LMDetector` can be told anything.
        name: By default both names.
        facts: Decides before anything is paid; by default `text_facts()`.
        hints: Whether the judge is told what the rules found.
    """

    def __init__(
        self,
        rules: Detector,
        then: AsyncDetector,
        name: str | None = None,
        *,
        facts: Detector | None = None,
        hints: bool = True,
    ) -> None:
        self.rules = rules
        self.then = then
        self.facts = facts or text_facts()
        self.hints = hints
        self.name = name or f"{rules.name}+{then.name}"
        self.kinds: frozenset[FailureKind] = self.facts.kinds | then.kinds
        self.calls = rules.calls + then.calls

    def judge(self, trajectory: Trajectory) -> Verdict:
        """A fact, or else what the judge says."""
        return self.fact(trajectory) or self._named(self.informed(trajectory).judge(trajectory))

    async def ajudge(self, trajectory: Trajectory) -> Verdict:
        """As `judge`, without blocking the event loop."""
        return self.fact(trajectory) or self._named(await self.informed(trajectory).ajudge(trajectory))

    def verdict(self, trajectory: Trajectory, said: Verdict) -> Verdict:
        """The verdict where the judge, asked apart and told nothing, said `said`."""
        return self.fact(trajectory) or self._named(said)

    def fact(self, trajectory: Trajectory) -> Verdict | None:
        """The verdict of the rules that settle facts; None where the judge has to decide."""
        verdict = self.facts.judge(trajectory)
        return None if verdict.outcome is Outcome.PASSED else self._named(verdict)

    def informed(self, trajectory: Trajectory) -> AsyncDetector:
        """The judge, told what the rules noticed in this trajectory."""
        if not self.hints or not isinstance(self.then, LMDetector):
            return self.then
        noticed = self.rules.judge(trajectory)
        if noticed.outcome is not Outcome.FAILED:
            return self.then
        return self.then.informed([f"{', '.join(noticed.kinds)}: {noticed.reason}"])

    def _named(self, verdict: Verdict) -> Verdict:
        return Verdict(verdict.outcome, verdict.kinds, verdict.reason, self.name, verdict.assessment)
