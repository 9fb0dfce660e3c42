"""A cascade: rules decide facts; the judge decides everything else, with the rules' findings as hints."""

from __future__ import annotations

from autoevol.core.records import FailureKind, Outcome, Trajectory, Verdict
from autoevol.metrics.base import AsyncDetector, Detector
from autoevol.metrics.ensemble import text_facts
from autoevol.metrics.judge import LMDetector


class Cascade:
    """Text rules and an LM detector. Rules decide facts; their other findings are only hints to the judge.

    On labelled pairs, rules that decided everything lost 5 of 40 broken pairs that the judge would have
    found, and refused 2 of 17 usable ones that it would have kept.

    Args:
        rules: The text detector whose findings become hints.
        then: Decides everything that is not a fact. Only an `LMDetector` takes hints.
        name: By default both names.
        facts: Decides before anything is paid for; by default `text_facts()`.
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
        """The verdict of the facts, otherwise that of the judge."""
        return self.fact(trajectory) or self._named(self.informed(trajectory).judge(trajectory))

    async def ajudge(self, trajectory: Trajectory) -> Verdict:
        """As `judge`, without blocking the event loop."""
        return self.fact(trajectory) or self._named(await self.informed(trajectory).ajudge(trajectory))

    def verdict(self, trajectory: Trajectory, said: Verdict) -> Verdict:
        """The verdict, given that the judge without hints said `said`."""
        return self.fact(trajectory) or self._named(said)

    def fact(self, trajectory: Trajectory) -> Verdict | None:
        """The verdict of the rules that decide facts; None if the judge has to decide."""
        verdict = self.facts.judge(trajectory)
        return None if verdict.outcome is Outcome.PASSED else self._named(verdict)

    def informed(self, trajectory: Trajectory) -> AsyncDetector:
        """The judge, with the rules' findings on this trajectory as hints."""
        if not self.hints or not isinstance(self.then, LMDetector):
            return self.then
        noticed = self.rules.judge(trajectory)
        if noticed.outcome is not Outcome.FAILED:
            return self.then
        return self.then.informed([f"{', '.join(noticed.kinds)}: {noticed.reason}"])

    def _named(self, verdict: Verdict) -> Verdict:
        return Verdict(verdict.outcome, verdict.kinds, verdict.reason, self.name, verdict.assessment)
