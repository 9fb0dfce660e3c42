"""The finished steps of a run, read for what the next rewrites can learn from them.

A pure function of the journal, so that a resumed run tells its optimizer LM the same.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from autoevol.core.records import Candidate, Method, Outcome, Score, Step
from autoevol.optimization.compiling import total_scores
from autoevol.optimization.race import cured_and_broken
from autoevol.optimization.sentences import Edit, edit
from autoevol.programs.analyze import OtherRewrites
from autoevol.programs.track_record import TrackRecord, TriedChange

COMBINED = "Combined with"


class Past:
    """What happened before a step.

    Args:
        steps: The finished steps, in order; at least step 0.
        methods: All methods of the run by id, the first one first.
    """

    def __init__(self, steps: Sequence[Step], methods: Mapping[str, Method]) -> None:
        self.steps, self.methods = steps, methods

    @property
    def incumbent(self) -> Method:
        """The method in force."""
        return self.methods[self.steps[-1].chosen_id]

    def record(self, *, changes: int, kinds: bool) -> TrackRecord:
        """The last so many changes, and, if asked for, the kinds that the method in force failed by."""
        tried = self._changes()[-changes:] if changes else []
        score = total_scores(self.steps).get(self.incumbent.id) if kinds else None
        if score is None:
            return TrackRecord(tried)
        failed = Counter(mark.kind for mark in score.marks.values() if mark.outcome is Outcome.FAILED)
        scored = len(score.marks) - score.count(Outcome.UNSCORED)
        return TrackRecord(tried, {kind: count for kind, count in failed.items() if kind}, scored)

    def others(self) -> dict[str, OtherRewrites]:
        """By row id, how the other methods of the last step fared on it."""
        others = [score for score in self.steps[-1].scores if score.method_id != self.incumbent.id]
        return {row_id: _fared(row_id, others) for score in others for row_id in score.marks}

    def partner(self) -> Method | None:
        """A rewrite that did good and never came into force, to be combined with the method in force.

        Of those that say something the method in force does not, the one that was ahead of its own parent by
        most, in standard deviations of a difference without cause. Each is taken once for each method.
        """
        chosen = {step.chosen_id for step in self.steps}
        ahead = {
            score.method_id: _deviations(base, score)
            for _, score, base in self._scored()
            if score.method_id not in chosen and _is_whole(score, base)
        }
        for method_id in sorted(ahead, key=lambda method_id: -ahead[method_id]):
            method = self.methods[method_id]
            says_more = edit(self.incumbent.text, method.text).added
            if ahead[method_id] > 0 and says_more and not self._was_combined(method):
                return method
        return None

    def _was_combined(self, other: Method) -> bool:
        prefix = f"{COMBINED} {other.id}"
        return any(
            candidate.parent_id == self.incumbent.id and candidate.feedback.startswith(prefix)
            for step in self.steps
            for candidate in step.candidates
        )

    def _changes(self) -> list[TriedChange]:
        """Every change that was tried, oldest first; what was tried again counts as one."""
        changes: dict[tuple[str, str], TriedChange] = {}
        for candidate, score, base in self._scored():
            changed = edit(self.methods[candidate.parent_id].text, self.methods[score.method_id].text)
            if not any(changed):
                continue
            kept = any(step.improved and step.chosen_id == score.method_id for step in self.steps)
            # Moved to the end: what was tried last is told last.
            before = changes.pop(changed, None) or TriedChange(*changed)
            changes[changed] = before + _tried(changed, score, base, kept)
        return list(changes.values())

    def _scored(self) -> Iterator[tuple[Candidate, Score, Score]]:
        """Every candidate that a step scored, its score there, and that of the method it was made from."""
        for step in self.steps:
            scores = {score.method_id: score for score in step.scores}
            for candidate in step.candidates:
                if candidate.method and {candidate.method.id, candidate.parent_id} <= scores.keys():
                    yield candidate, scores[candidate.method.id], scores[candidate.parent_id]


def _fared(row_id: str, scores: Sequence[Score]) -> OtherRewrites:
    outcomes = [score.marks[row_id].outcome for score in scores if score.scored(row_id)]
    return OtherRewrites(len(outcomes), outcomes.count(Outcome.FAILED))


def _tried(changed: Edit, score: Score, base: Score, kept: bool) -> TriedChange:
    if not _is_whole(score, base):
        return TriedChange(*changed, dropped=1, kept=kept)
    rows = sum(score.scored(row_id) for row_id in base.marks if base.scored(row_id))
    return TriedChange(*changed, *cured_and_broken(base.marks, score.marks), rows, kept=kept)


def _is_whole(score: Score, base: Score) -> bool:
    """Whether a method was looked at on all rows of the one it was made from.

    A race begins with rows that the method in force failed. Whoever it drops has met few others, on which
    alone something can be broken, and so seems to have cured more than it broke.
    """
    return score.covers([row_id for row_id in base.marks if base.scored(row_id)])


def _deviations(base: Score, score: Score) -> float:
    """How far `score` is ahead of `base`, in standard deviations of a difference that is chance."""
    cured, broken = cured_and_broken(base.marks, score.marks)
    return (cured - broken) / math.sqrt(cured + broken + 1)
