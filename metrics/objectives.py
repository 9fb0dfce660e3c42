"""What a teleprompter maximises: the paper's failure rate, or the yield of usable instructions.

An objective turns the verdict of a detector into a score and into the feedback that the
optimizer reads. In the paper the optimizer sees instructions only; here the response that
the verdict rests on is in view.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

from autoevol.core.records import FailureKind, Outcome, Trajectory, Verdict
from autoevol.metrics.base import failed
from autoevol.metrics.form import Unchanged
from autoevol.metrics.severity import HARMLESS_KINDS
from autoevol.metrics.textual import shorten, view

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
    """Scores one finished trajectory by a detector's verdict on it; higher is better. Pure.

    Attributes:
        name: As given on the command line.
    """

    name: str

    def score(self, trajectory: Trajectory, verdict: Verdict, case: str = "") -> Scored:
        """Score a trajectory; `case` is what to call it in the feedback."""
        ...


class FailureRateObjective:
    """1 where the detector finds no failure: 1 - lambda of the paper.

    Args:
        count_harmless: Whether an instruction that is merely no harder fails (the paper's
            rules let it pass).
    """

    name = "failure-rate"

    def __init__(self, count_harmless: bool = True) -> None:
        self.count_harmless = count_harmless

    def score(self, trajectory: Trajectory, verdict: Verdict, case: str = "") -> Scored:
        """1.0 or 0.0 by the verdict."""
        if verdict.outcome is Outcome.FAILED and not self.count_harmless:
            serious = tuple(kind for kind in verdict.kinds if kind not in HARMLESS_KINDS)
            if not serious:
                verdict = Verdict(Outcome.PASSED, detector=verdict.detector)
        return Scored(_points(verdict), verdict, feedback(trajectory, verdict, case))


class UsableYield:
    """1 where the instruction passes every gate and is harder.

    A copy of any earlier stage scores 0 whatever the detector says, so that a method
    which does nothing has yield 0 under every detector.

    Args:
        discipline: If set, a success outside the 10 to 20 added words a round scores less:
            by `discipline` (0..1) for each further 20 words, down to 0.
    """

    name = "usable-yield"

    def __init__(self, discipline: float = 0.0) -> None:
        if not 0 <= discipline <= 1:
            raise ValueError(f"discipline must be in 0..1, got {discipline}")
        self.discipline = discipline
        self._copies = Unchanged()

    def score(self, trajectory: Trajectory, verdict: Verdict, case: str = "") -> Scored:
        """1.0 for a usable instruction, less for an overlong one, else 0.0."""
        if verdict.outcome is Outcome.PASSED:
            verdict = self._own_verdict(trajectory) or verdict
        text = feedback(trajectory, verdict, case)
        points = _points(verdict)
        if not points:
            return Scored(points, verdict, text)
        excess = excess_words(trajectory)
        points = max(0.0, 1.0 - self.discipline * excess / LENGTH_RANGE[1])
        if points < 1.0:
            text += f" It goes {excess} words beyond the {LENGTH_RANGE[1]} that a round may add."
        return Scored(points, verdict, text)

    def _own_verdict(self, trajectory: Trajectory) -> Verdict | None:
        if trajectory.evolved is None:
            return failed(self.name, FailureKind.UNPARSED, "No evolved instruction.")
        copied = self._copies.judge(trajectory)
        return copied if copied.outcome is Outcome.FAILED else None


OBJECTIVES: dict[str, type[FailureRateObjective] | type[UsableYield]] = {
    objective.name: objective for objective in (FailureRateObjective, UsableYield)
}


def _points(verdict: Verdict) -> float | None:
    return None if verdict.outcome is Outcome.UNSCORED else float(verdict.outcome is Outcome.PASSED)


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
        reply = trajectory.evolutions[-1].reply or ""
        lines.append(f"Reply without an instruction: {shorten(reply, _SHOWN)}")
    if trajectory.response is not None:
        # The conclusion tells most about an unsound problem, and it is at the end.
        end = trajectory.response.strip()[-_SHOWN:]
        lines.append(f"End of the response: {shorten(end, _SHOWN) or '(blank)'}")
    return "\n".join(lines)
