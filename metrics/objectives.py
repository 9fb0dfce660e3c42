"""What a teleprompter maximises: the paper's failure rate, or the yield of usable instructions.

An objective turns the verdict of a detector into a score and into the feedback that the
optimizer reads. In the paper the optimizer sees instructions only; here the response that
the verdict rests on is in view.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

from autoevol.metrics.base import Detector
from autoevol.metrics.form import Unchanged
from autoevol.metrics.severity import HARMLESS_KINDS
from autoevol.metrics.textual import shorten, view
from autoevol.records import FailureKind, Outcome, Trajectory, Verdict

LENGTH_RANGE = (10, 20)
"""Words that one round may add, as WizardLM and Auto Evol-Instruct ask."""
_SHOWN = 400


class Scored(NamedTuple):
    """One case under an objective.

    Attributes:
        score: 1.0 for a success, 0.0 for a failure, in between only with a length
            discipline; None where no decision was reached, which is not a failure.
        verdict: What the detector decided.
        feedback: What the optimizer is told about the case.
    """

    score: float | None
    verdict: Verdict
    feedback: str


@runtime_checkable
class Objective(Protocol):
    """Scores one finished trajectory; higher is better."""

    name: str

    def score(self, trajectory: Trajectory, case: str = "") -> Scored:
        """Score a trajectory; `case` is what to call it in the feedback."""
        ...


class FailureRateObjective:
    """1 where the detector finds no failure that breaks the pair: 1 - lambda of the paper.

    As in the paper's rules, only what went wrong counts: an instruction that is merely no
    harder fails if, and only if, `count_harmless` is set.
    """

    name = "failure-rate"

    def __init__(self, detector: Detector, count_harmless: bool = True) -> None:
        self.detector = detector
        self.count_harmless = count_harmless

    def score(self, trajectory: Trajectory, case: str = "") -> Scored:
        """1.0 or 0.0 by the verdict."""
        verdict = self.detector.judge(trajectory)
        if verdict.outcome is Outcome.UNSCORED:
            return Scored(None, verdict, feedback(trajectory, verdict, case))
        failed = verdict.outcome is Outcome.FAILED
        if failed and not self.count_harmless and HARMLESS_KINDS.issuperset(verdict.kinds):
            failed = False
        return Scored(float(not failed), verdict, feedback(trajectory, verdict, case))


class UsableYield:
    """1 where the instruction passes every gate and is harder.

    A copy of any earlier stage scores 0 whatever the detector says, so that a method
    which does nothing has yield 0 under every detector.

    Args:
        detector: Decides on every kind, stagnation included.
        discipline: If set, a success outside the 10 to 20 added words a round scores less:
            by `discipline` (0..1) for each further 20 words, down to 0.
    """

    name = "usable-yield"

    def __init__(self, detector: Detector, discipline: float = 0.0) -> None:
        if not 0 <= discipline <= 1:
            raise ValueError(f"discipline must be in 0..1, got {discipline}")
        self.detector = detector
        self.discipline = discipline
        self._copies = Unchanged()

    def score(self, trajectory: Trajectory, case: str = "") -> Scored:
        """1.0 for a usable instruction, less for an overlong one, else 0.0."""
        verdict = self._copies.judge(trajectory)
        if trajectory.evolved is None:
            verdict = self.detector.judge(trajectory)
            if verdict.outcome is Outcome.PASSED:
                verdict = Verdict(
                    Outcome.FAILED, (FailureKind.UNPARSED,), "No evolved instruction.", self.name
                )
        elif verdict.outcome is Outcome.PASSED:
            verdict = self.detector.judge(trajectory)
        text = feedback(trajectory, verdict, case)
        if verdict.outcome is Outcome.UNSCORED:
            return Scored(None, verdict, text)
        if verdict.outcome is Outcome.FAILED:
            return Scored(0.0, verdict, text)
        excess = excess_words(trajectory)
        score = max(0.0, 1.0 - self.discipline * excess / LENGTH_RANGE[1])
        if score < 1.0:
            text += f" It goes {excess} words beyond the {LENGTH_RANGE[1]} that a round may add."
        return Scored(score, verdict, text)


def added_words(trajectory: Trajectory) -> int:
    """Words of the last stage beyond those of the seed; negative where it got shorter."""
    evolved = trajectory.evolved
    return 0 if evolved is None else len(view(evolved).words) - len(view(trajectory.seed).words)


def excess_words(trajectory: Trajectory) -> int:
    """Words beyond what the rounds may have added, >= 0."""
    return max(0, added_words(trajectory) - LENGTH_RANGE[1] * len(trajectory.evolutions))


def feedback(trajectory: Trajectory, verdict: Verdict, case: str = "") -> str:
    """What to tell an optimizer: the case, the kinds, what was seen, and the response itself."""
    title = f"Case {case}: " if case else ""
    if verdict.outcome is Outcome.UNSCORED:
        return f"{title}not scored ({verdict.reason})."
    if verdict.outcome is Outcome.PASSED:
        return f"{title}no failure found; {added_words(trajectory)} words added."
    kinds = ", ".join(str(kind) for kind in verdict.kinds)
    lines = [f"{title}failed ({kinds}). {verdict.reason}"]
    lines.append(f"Original: {shorten(trajectory.seed, _SHOWN)}")
    if trajectory.evolved is not None:
        lines.append(f"Evolved: {shorten(trajectory.evolved, _SHOWN)}")
    else:
        lines.append(f"Reply without an instruction: {shorten(trajectory.evolutions[-1].reply, _SHOWN)}")
    if trajectory.response is not None:
        # The conclusion tells most about an unsound problem, and it is at the end.
        end = trajectory.response.strip()[-_SHOWN:]
        lines.append(f"End of the response: {shorten(end, _SHOWN) or '(blank)'}")
    return "\n".join(lines)
