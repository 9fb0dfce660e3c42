"""The finished steps of a run, read for what the next rewrites can learn from them.

A pure function of the journal, so that a resumed run tells its optimizer LM the same.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from autoevol.core.records import Candidate, Method, Outcome, Score, Step
from autoevol.optimization.compiling import total_scores
from autoevol.optimization.race import cured_and_broken
from autoevol.optimization.sentences import edit
from autoevol.programs.analyze import Rivals
from autoevol.programs.track_record import Attempt, TrackRecord

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

    def record(self, *, attempts: int, kinds: bool) -> TrackRecord:
        """The last so many changes, and, if asked for, the kinds that the method in force failed by."""
        tried = self._attempts()[-attempts:] if attempts else []
        score = total_scores(self.steps).get(self.incumbent.id) if kinds else None
        if score is None:
            return TrackRecord(tried)
        failed = Counter(mark.kind for mark in score.marks.values() if mark.outcome is Outcome.FAILED)
        scored = len(score.marks) - score.count(Outcome.UNSCORED)
        return TrackRecord(tried, {kind: count for kind, count in failed.items() if kind}, scored)

    def rivals(self) -> dict[str, Rivals]:
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
            if score.method_id not in chosen
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

    def _attempts(self) -> list[Attempt]:
        """Every change that was scored, oldest first; what was tried again counts as one."""
        attempts: dict[tuple[str, str], Attempt] = {}
        for candidate, score, base in self._scored():
            changed = edit(self.methods[candidate.parent_id].text, self.methods[score.method_id].text)
            common = sum(score.scored(row_id) for row_id in base.marks if base.scored(row_id))
            if not common or not any(changed):
                continue
            cured, broken = cured_and_broken(base.marks, score.marks)
            kept = any(step.improved and step.chosen_id == score.method_id for step in self.steps)
            attempt = Attempt(*changed, cured, broken, common, kept)
            # Moved to the end: what was tried last is told last.
            if before := attempts.pop(changed, None):
                attempt = replace(
                    attempt,
                    cured=before.cured + cured,
                    broken=before.broken + broken,
                    rows=before.rows + common,
                    kept=before.kept or kept,
                )
            attempts[changed] = attempt
        return list(attempts.values())

    def _scored(self) -> Iterator[tuple[Candidate, Score, Score]]:
        """Every candidate that a step scored, its score there, and that of the method it was made from."""
        for step in self.steps:
            scores = {score.method_id: score for score in step.scores}
            for candidate in step.candidates:
                if candidate.method and {candidate.method.id, candidate.parent_id} <= scores.keys():
                    yield candidate, scores[candidate.method.id], scores[candidate.parent_id]


def _fared(row_id: str, scores: Sequence[Score]) -> Rivals:
    outcomes = [score.marks[row_id].outcome for score in scores if score.scored(row_id)]
    return Rivals(len(outcomes), outcomes.count(Outcome.FAILED))


def _deviations(base: Score, score: Score) -> float:
    """How far `score` is ahead of `base`, in standard deviations of a difference that is chance."""
    cured, broken = cured_and_broken(base.marks, score.marks)
    return (cured - broken) / math.sqrt(cured + broken + 1)
