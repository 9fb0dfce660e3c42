"""Several detectors as one: the certain ones first, the rest only for what passes those."""

from __future__ import annotations

from collections.abc import Sequence

from autoevol.core.records import FailureKind, Outcome, Trajectory, Verdict
from autoevol.metrics.answered import Answered
from autoevol.metrics.base import Detector, passed
from autoevol.metrics.conclusions import Conclusion
from autoevol.metrics.content import LostInformation, OffTask
from autoevol.metrics.failed_call import ErrorText
from autoevol.metrics.form import Broken, CutShort, LanguageChanged, Unchanged
from autoevol.metrics.growth import Stagnant
from autoevol.metrics.responses import AsksForMore, Hedged, Refused
from autoevol.metrics.scaffold import CopiedExample, Placeholders, Scaffold
from autoevol.metrics.severity import FATAL_KINDS, by_severity
from autoevol.metrics.soundness import Unsound
from autoevol.metrics.working import Working

_STAGNATION = frozenset({FailureKind.STAGNANT})


class Ensemble:
    """Several detectors as one.

    The detectors of the group `gate` run first, in order, and the first failure decides: without an
    instruction there is nothing else to detect. Then all other detectors run and all findings are kept,
    the most severe kind first (`autoevol.metrics.severity`); the reason is that of the first finding of
    that kind.

    An unscored member makes the whole unscored only if no other member found a failure.
    """

    def __init__(
        self, detectors: Sequence[Detector], gate: Sequence[Detector] = (), name: str = "ensemble"
    ) -> None:
        self.name = name
        self.gate = tuple(gate)
        self.detectors = tuple(detectors)
        members = (*self.gate, *self.detectors)
        self.kinds: frozenset[FailureKind] = frozenset().union(*(member.kinds for member in members))
        self.calls = sum(member.calls for member in members)

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Judge one trajectory by the members in order."""
        for detector in self.gate:
            verdict = detector.judge(trajectory)
            if verdict.outcome is not Outcome.PASSED:
                return Verdict(verdict.outcome, verdict.kinds, verdict.reason, self.name)
        found: list[Verdict] = []
        fatal = False
        for detector in self.detectors:
            # "No harder" applies to a valid instruction; for a broken one it is irrelevant.
            if fatal and detector.kinds == _STAGNATION:
                continue
            verdict = detector.judge(trajectory)
            if verdict.outcome is not Outcome.PASSED:
                found.append(verdict)
                fatal = fatal or not FATAL_KINDS.isdisjoint(verdict.kinds)
        return merge_verdicts(self.name, found) if found else passed(self.name)


def merge_verdicts(name: str, verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict of several on the same trajectory: all kinds, the worst first."""
    found = [verdict for verdict in verdicts if verdict.outcome is Outcome.FAILED]
    if found:
        kinds = by_severity(kind for verdict in found for kind in verdict.kinds)
        if not FATAL_KINDS.isdisjoint(kinds):
            kinds = tuple(kind for kind in kinds if kind is not FailureKind.STAGNANT)
        reasons = [verdict.reason for verdict in found if verdict.kinds[0] is kinds[0]] or [found[0].reason]
        return Verdict(Outcome.FAILED, kinds, reasons[0], name)
    unscored = next((verdict for verdict in verdicts if verdict.outcome is Outcome.UNSCORED), None)
    return Verdict(Outcome.UNSCORED, reason=unscored.reason, detector=name) if unscored else passed(name)


def text_facts() -> Ensemble:
    """The failures that text alone proves: no text or an error page, cut off, unchanged, scaffold."""
    return Ensemble(
        name="facts", gate=(Broken(), ErrorText(), Unchanged()), detectors=(Scaffold(), CopiedExample())
    )


def default_text_ensemble() -> Ensemble:
    """Every text detector of this project; no LM is called.

    How good it is on labelled pairs is measured by `autoevol.metrics.calibration`.
    """
    return Ensemble(
        name="text",
        gate=(Broken(), ErrorText(), Unchanged()),
        detectors=(
            Scaffold(),
            CopiedExample(),
            Placeholders(),
            CutShort(),
            LanguageChanged(),
            Refused(),
            AsksForMore(),
            LostInformation(),
            OffTask(),
            Answered(),
            Unsound(),
            Conclusion(),
            Working(),
            Stagnant(),
            Hedged(),
        ),
    )
