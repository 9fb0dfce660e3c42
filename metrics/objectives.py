"""What a teleprompter maximises: the paper's failure rate, the yield of usable instructions, their gain, or
what they teach a student.

An objective turns the verdict of a detector into a score and into the feedback that the
optimizer reads. In the paper the optimizer sees instructions only; here the response that
the verdict rests on is in view.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from autoevol.core.errors import InputError
from autoevol.core.records import FailureKind, Outcome, Score, Trajectory, Verdict
from autoevol.metrics.base import UNREADABLE_VERDICT, failed, unscored
from autoevol.metrics.form import Unchanged
from autoevol.metrics.growth import Stagnant
from autoevol.metrics.harder import judged_gain, proxy_gain
from autoevol.metrics.judgement import MAX_GAIN
from autoevol.metrics.severity import HARMLESS_KINDS
from autoevol.metrics.textual import shorten, view

LENGTH_RANGE = (10, 20)
"""Words that one round may add, as WizardLM and Auto Evol-Instruct ask."""
_SHOWN = 400


class Scored(NamedTuple):
    """One case under an objective.

    Attributes:
        score: 1.0 for a success, 0.0 for a failure, in between by gain, or with a length
            discipline; None where no decision was reached, which is not a failure.
        verdict: What the detector decided.
        feedback: What the optimizer is told about the case.
    """

    score: float | None
    verdict: Verdict
    feedback: str


Direction = Literal["higher", "lower"]


@runtime_checkable
class Objective(Protocol):
    """Scores one finished trajectory by a detector's verdict on it; higher is better. Pure.

    Attributes:
        name: As given on the command line.
        label: What tables call the figure that `value` gives.
        unit: What the figure is counted in.
        direction: Which of two figures is the better one.
        needs_judge: Whether it asks for more than a text detector can say.
        computes: Whether a score takes seconds of this machine, and must not hold up what waits for LMs.
    """

    name: str
    label: str
    unit: str
    direction: Direction
    needs_judge: bool
    computes: bool

    def value(self, score: Score) -> float:
        """The figure for a method: its rows under this objective, 0..1."""
        ...

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
    label = "failure rate"
    unit = "share of the scored rows that fail"
    direction: Direction = "lower"
    needs_judge = False
    computes = False

    def __init__(self, count_harmless: bool = True) -> None:
        self.count_harmless = count_harmless

    def value(self, score: Score) -> float:
        """The failure rate."""
        return score.loss

    def score(self, trajectory: Trajectory, verdict: Verdict, case: str = "") -> Scored:
        """1.0 or 0.0 by the verdict."""
        if verdict.outcome is Outcome.FAILED and not self.count_harmless:
            serious = tuple(kind for kind in verdict.kinds if kind not in HARMLESS_KINDS)
            if not serious:
                verdict = replace(verdict, outcome=Outcome.PASSED, kinds=(), reason="")
        return Scored(_points(verdict), verdict, feedback(trajectory, verdict, case))


class UsableYield:
    """1 where the instruction passes every gate and is harder.

    A copy of any earlier stage scores 0 whatever the detector says, and so does a rewrite that
    is no harder: by the judge's gain, or without a judge by the text rule for stagnation. A method
    that does nothing, or only decorates, has yield 0 under every detector.

    Args:
        discipline: If set, a success outside the 10 to 20 added words a round scores less:
            by `discipline` (0..1) for each further 20 words, down to 0.
    """

    name = "usable-yield"
    label = "usable yield"
    unit = "share of the scored rows that are usable and harder"
    direction: Direction = "higher"
    needs_judge = False
    computes = False

    def __init__(self, discipline: float = 0.0) -> None:
        if not 0 <= discipline <= 1:
            raise ValueError(f"discipline must be in 0..1, got {discipline}")
        self.discipline = discipline
        self._copies, self._stagnant = Unchanged(), Stagnant()

    def value(self, score: Score) -> float:
        """The yield."""
        return 1.0 - score.loss

    def score(self, trajectory: Trajectory, verdict: Verdict, case: str = "") -> Scored:
        """1.0 for a usable instruction, less for an overlong one, else 0.0."""
        if verdict.outcome is Outcome.PASSED:
            verdict = self._own_verdict(trajectory, verdict) or verdict
        text = feedback(trajectory, verdict, case)
        points = _points(verdict)
        if not points:
            return Scored(points, verdict, text)
        excess = excess_words(trajectory)
        points = max(0.0, 1.0 - self.discipline * excess / LENGTH_RANGE[1])
        if points < 1.0:
            text += f" It goes {excess} words beyond the {LENGTH_RANGE[1]} that a round may add."
        return Scored(points, verdict, text)

    def _own_verdict(self, trajectory: Trajectory, verdict: Verdict) -> Verdict | None:
        if trajectory.evolved is None:
            return failed(self.name, FailureKind.UNPARSED, "No evolved instruction.")
        copied = self._copies.judge(trajectory)
        if copied.outcome is Outcome.FAILED:
            return copied
        gain = judged_gain(verdict)
        if gain is None:
            stagnant = self._stagnant.judge(trajectory)
            return stagnant if stagnant.outcome is Outcome.FAILED else None
        if gain > 0:
            return None
        lost = failed(verdict.detector, FailureKind.STAGNANT, "The judge finds it no harder.")
        return replace(lost, assessment=verdict.assessment)


class Gain(UsableYield):
    """How much harder the usable rewrites are: gain / 3, and 0 for a row that is not usable.

    The gain is the judge's. A passed row of which the judge did not say how much harder it is
    is not scored.
    """

    name = "gain"
    label = "gain"
    unit = "mean of gain / 3 over the scored rows, 0 for those that are not usable"
    needs_judge = True

    def __init__(self) -> None:
        super().__init__()

    def gain(self, trajectory: Trajectory, verdict: Verdict) -> float | None:
        """Of a usable rewrite, 0..3; None where it is not known."""
        return judged_gain(verdict)

    def score(self, trajectory: Trajectory, verdict: Verdict, case: str = "") -> Scored:
        """Between 0.0 and 1.0; None where there is no decision."""
        usable = super().score(trajectory, verdict, case)
        if not usable.score:
            return usable
        gain = self.gain(trajectory, usable.verdict)
        if gain is None:
            said = f"How much harder it is {UNREADABLE_VERDICT} from what the judge said."
            verdict = unscored(usable.verdict.detector, said)
            return Scored(None, verdict, feedback(trajectory, verdict, case))
        told = f"{usable.feedback} Gain {gain:g} of {MAX_GAIN}."
        return Scored(gain / MAX_GAIN, usable.verdict, told)


class GainProxy(Gain):
    """As `Gain`, by a count of content words instead of a judge (`harder.proxy_gain`)."""

    name = "gain-proxy"
    label = "gain (proxy)"
    unit = "mean of a text proxy of gain / 3 over the scored rows, 0 for those that are not usable"
    needs_judge = False

    def gain(self, trajectory: Trajectory, verdict: Verdict) -> float | None:
        """By the words."""
        return proxy_gain(trajectory)


class Learner(Protocol):
    """Says what a student learns from one pair (`students.learner.PairLearner` is one).

    Attributes:
        natural: What it learns from a natural pair, > 0.
    """

    natural: float

    def gain(self, instruction: str, response: str) -> float | None:
        """In the unit of `natural`, below 0 for harm; None for a pair that it cannot take. Deterministic."""
        ...


class Learnability(UsableYield):
    """What a usable rewrite and its response teach a student. *Experimental*.

    The gain of the learner as a share of twice what a natural pair teaches, kept to 0..1: 0.5 teaches as
    much as a natural pair. A row that is not usable is 0; one that the student cannot take is not scored.

    Args:
        learner: The student. The command line makes it of `--learn-for`; without one nothing can be scored.
    """

    name = "learnability"
    label = "learnability"
    unit = "mean share of twice what a natural pair teaches the student, 0 for rows that are not usable"
    computes = True

    def __init__(self, learner: Learner | None = None) -> None:
        super().__init__()
        self.learner = learner

    def score(self, trajectory: Trajectory, verdict: Verdict, case: str = "") -> Scored:
        """Between 0.0 and 1.0; None where the student cannot take the pair.

        Raises:
            InputError: If there is no learner.
        """
        if self.learner is None:
            raise InputError("the objective learnability needs a student: give --learn-for FILE")
        usable = super().score(trajectory, verdict, case)
        if not usable.score:
            return usable
        gain = self.learner.gain(trajectory.evolved or "", trajectory.response or "")
        if gain is None:
            verdict = unscored(usable.verdict.detector, "The pair is too long for the student, or blank.")
            return Scored(None, verdict, feedback(trajectory, verdict, case))
        share = gain / self.learner.natural
        told = f"{usable.feedback} It teaches the student {share:.2f} times as much as a natural pair."
        return Scored(min(1.0, max(0.0, share / 2)), usable.verdict, told)


OBJECTIVES: dict[str, type[FailureRateObjective] | type[UsableYield]] = {
    objective.name: objective
    for objective in (FailureRateObjective, UsableYield, Gain, GainProxy, Learnability)
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
