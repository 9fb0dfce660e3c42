"""The frozen records that flow through autoevol, from left to right.

Row -> (Method) -> Evolution* -> Trajectory -> Verdict -> Case -> Candidate -> Step
"""

from __future__ import annotations

import hashlib
import inspect
import math
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum


class FailureKind(StrEnum):
    """Why an evolution is unusable. One list for records, metrics, feedback and reports.

    The first group shows in the evolved instruction, the second in the response to it.
    """

    EMPTY = "empty"
    UNPARSED = "unparsed"
    TRUNCATED = "truncated"
    UNCHANGED = "unchanged"
    LEAKED = "leaked"
    LANGUAGE_CHANGED = "language_changed"
    ANSWERED = "answered"
    LOST_INFORMATION = "lost_information"
    OFF_TASK = "off_task"
    STAGNANT = "stagnant"
    CONTRADICTORY = "contradictory"
    UNSOLVABLE = "unsolvable"

    REFUSED = "refused"
    ASKS_FOR_MORE = "asks_for_more"
    HEDGED = "hedged"


class Outcome(StrEnum):
    """Three outcomes, never two: a call lost to the network says nothing about a method."""

    PASSED = "passed"
    FAILED = "failed"
    UNSCORED = "unscored"


def digest(*parts: str) -> str:
    """16 hex digits that identify `parts`; stable across machines and releases."""
    joined = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(joined).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation; `role` is system, user or assistant."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """One seed instruction.

    Attributes:
        id: Content hash of the instruction (and the context): the same in every run and file order.
        instruction: What a user would ask, with any separate input text already appended.
        reference: The answer in the seed file, if it has one; never shown to a model.
        context: The conversation so far, oldest turn first; shown when the instruction is answered.
    """

    id: str
    instruction: str
    reference: str | None = None
    context: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Demo:
    """One worked example of a method: an instruction and its evolution."""

    instruction: str
    evolved_instruction: str


@dataclass(frozen=True)
class Method:
    """An evolving method: the text that tells an LM how to rewrite an instruction.

    Two methods with the same text and demos are equal, whatever their names. The text is normalised
    as DSPy normalises signature instructions (`inspect.cleandoc`), so that converting a method to a
    program and back is the identity.
    """

    text: str
    demos: tuple[Demo, ...] = ()
    name: str = field(default="", compare=False)
    id: str = field(init=False)

    def __post_init__(self) -> None:
        # Stripped first, because `cleandoc` is not idempotent on a text whose first line is blank.
        object.__setattr__(self, "text", inspect.cleandoc(self.text.strip()).strip())
        shown = [part for demo in self.demos for part in (demo.instruction, demo.evolved_instruction)]
        object.__setattr__(self, "id", digest(self.text, *shown))


@dataclass(frozen=True, slots=True)
class Evolution:
    """One round: `instruction` went in, `reply` came back, and `evolved` was parsed from it.

    Attributes:
        evolved: The final instruction that the reply marks as such; None if it marks none.
        reply: The whole reply, chain of thought included; None where it was dropped, which happens
            only if `evolved` was parsed from it.
        finish_reason: Why the reply ended, in the provider's words (`stop`, `length`,
            `content_filter`, ...); None if it gave no reason.
    """

    instruction: str
    evolved: str | None
    reply: str | None = None
    finish_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Trajectory:
    """The path of one row: its rounds in order, then the response to the last one.

    `evolutions` has 1..rounds entries: a round that yields no instruction is the last. `response` is
    None if the last round yielded nothing to respond to. `shown` holds the worked examples of the
    method, from which small models copy.
    """

    evolutions: tuple[Evolution, ...]
    response: str | None = None
    response_finish_reason: str | None = None
    shown: tuple[Demo, ...] = ()

    @property
    def seed(self) -> str:
        """The instruction before the first round."""
        return self.evolutions[0].instruction

    @property
    def evolved(self) -> str | None:
        """The instruction after the last round, or None."""
        return self.evolutions[-1].evolved

    @property
    def stages(self) -> tuple[str, ...]:
        """The seed, then each round's instruction where there is one."""
        return (self.seed, *(step.evolved for step in self.evolutions if step.evolved is not None))


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a judge says of an evolution beyond passed or failed.

    Attributes:
        severity: 0 usable as a harder instruction; 1 answerable but not usable as one, or a lesser
            fault; 2 nobody can answer it well, or it teaches something wrong.
        gain: How much harder it is: 0 not, 1 slightly, 2 clearly, 3 much; None if not given.
        response_right: Whether the response is right; None if there is none, or no answer was given.
        votes: The severity of each sample, where more than one was requested.
        before: Complexity of the instruction that was rewritten, 1..10; None if not given.
        after: Complexity of the rewrite, 1..10, judged next to the other; None if not given.
    """

    severity: int
    gain: float | None = None
    response_right: bool | None = None
    votes: tuple[int, ...] = ()
    before: float | None = None
    after: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A detector's decision on one trajectory.

    Attributes:
        outcome: passed, failed or unscored.
        kinds: Failure kinds, worst first; empty unless failed.
        reason: What was observed, in one short sentence; goes into feedback and reports.
        detector: Name of the detector that decided.
        assessment: The judge's details; None if no judge decided.
        points: The objective's score, 0..1; None if the outcome implies it.
    """

    outcome: Outcome
    kinds: tuple[FailureKind, ...] = ()
    reason: str = ""
    detector: str = ""
    assessment: Assessment | None = None
    points: float | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One row in either stage: what happened to it and how it was judged.

    `trajectory` is None if and only if there is none: a call to evolve or to respond failed for good,
    or a gate refused the row before its first call. If only the judge's call failed, the trajectory is
    there and unscored.
    """

    row_id: str
    verdict: Verdict
    trajectory: Trajectory | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A method proposed at one step, and its origin.

    Attributes:
        method: The proposal, or None if it was unusable (`problem` says why).
        parent_id: Id of the method that was rewritten.
        feedback: The trajectory analysis that the rewrite answers.
    """

    method: Method | None
    parent_id: str
    feedback: str = ""
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """The part of a case that a score keeps: enough to compare methods row by row.

    Attributes:
        kind: The worst failure kind, None unless failed.
        evolved_chars: Characters of the evolved instruction, 0 if there is none.
        response_chars: Characters of the response, 0 if there is none.
        points: The objective's score, 0..1; None if the outcome implies it.
    """

    outcome: Outcome
    kind: FailureKind | None = None
    evolved_chars: int = 0
    response_chars: int = 0
    points: float | None = None

    @property
    def loss(self) -> float:
        """1 - points, 0..1; without points, 1 for a failure and 0 for a success."""
        return float(self.outcome is Outcome.FAILED) if self.points is None else 1.0 - self.points


@dataclass(frozen=True, slots=True)
class Score:
    """How one method did on the rows it was scored on. `marks` is keyed by row id."""

    method_id: str
    marks: dict[str, Mark]

    def count(self, outcome: Outcome) -> int:
        """Number of rows with this outcome."""
        return sum(1 for mark in self.marks.values() if mark.outcome is outcome)

    def scored(self, row_id: str) -> bool:
        """Whether there is a decision on this row."""
        return row_id in self.marks and self.marks[row_id].outcome is not Outcome.UNSCORED

    def covers(self, row_ids: Collection[str]) -> bool:
        """Whether all of these rows were run, scored or not."""
        return all(row_id in self.marks for row_id in row_ids)

    @property
    def rate(self) -> float:
        """Failure rate among the scored rows, 0..1; 1.0 if nothing could be scored."""
        failed, passed = self.count(Outcome.FAILED), self.count(Outcome.PASSED)
        return failed / (failed + passed) if failed + passed else 1.0

    @property
    def loss(self) -> float:
        """Mean loss of the scored rows under the objective, 0..1; 1.0 if nothing could be scored.

        Under the failure-rate objective this is the failure rate.
        """
        losses = [mark.loss for mark in self.marks.values() if mark.outcome is not Outcome.UNSCORED]
        # Exact, so that methods with the same points on different rows are equal and not an ulp apart.
        return math.fsum(losses) / len(losses) if losses else 1.0

    @property
    def named(self) -> str:
        """The name of `loss` in texts: a failure rate, unless an objective gave points."""
        scored = any(mark.points is not None for mark in self.marks.values())
        return "points lost" if scored else "failure rate"

    @property
    def growth(self) -> float:
        """Response characters per evolved-instruction character; 0.0 if nothing was evolved.

        The second factor of the selection rule in the authors' released code.
        """
        evolved = sum(mark.evolved_chars for mark in self.marks.values())
        return sum(mark.response_chars for mark in self.marks.values()) / evolved if evolved else 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """One finished step of the optimisation. Step 0 scores the starting methods.

    Attributes:
        number: 0 for the starting methods, then 1, 2, ...
        batch_ids: Rows of the mini-batch (empty at step 0).
        candidates: Proposals in order, unusable ones included.
        scores: One entry for every method scored at this step, the incumbent's included.
        chosen_id: The method in force after the step.
        improved: Whether the method in force changed.
        note: The selection rule's explanation, in one sentence.
        calls: LM calls that the run had paid by then, resumes included; None if not counted. Not part of
            the step's identity, so a resumed step equals the original.
    """

    number: int
    batch_ids: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    scores: tuple[Score, ...]
    chosen_id: str
    improved: bool
    note: str = ""
    calls: int | None = field(default=None, compare=False)

    @property
    def chosen_score(self) -> Score | None:
        """The score of the method in force; None if the step did not score it."""
        return next((score for score in self.scores if score.method_id == self.chosen_id), None)
