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

    The first group is seen in the evolved instruction, the second in the response to it.
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
    """Three outcomes, never two: a call that the network lost says nothing about a method."""

    PASSED = "passed"
    FAILED = "failed"
    UNSCORED = "unscored"


def digest(*parts: str) -> str:
    """16 hex digits that identify `parts`; stable over machines and releases."""
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
        id: Content hash of the instruction (and the context), so that it is the same in every run
            and file order.
        instruction: What a user would ask, with any separate input text already joined to it.
        reference: The answer that the seed file carries, if it has one; never shown to a model.
        context: What was said before, oldest first; shown when the instruction is answered.
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

    Two methods with the same text and demos are the same method whatever they are called.
    The text is kept as DSPy keeps signature instructions (`inspect.cleandoc`), so that
    `method -> program -> method` is the identity.
    """

    text: str
    demos: tuple[Demo, ...] = ()
    name: str = field(default="", compare=False)
    id: str = field(init=False)

    def __post_init__(self) -> None:
        # Stripped first: a first line that is blank makes `cleandoc` give what it would clean further.
        object.__setattr__(self, "text", inspect.cleandoc(self.text.strip()).strip())
        shown = [part for demo in self.demos for part in (demo.instruction, demo.evolved_instruction)]
        object.__setattr__(self, "id", digest(self.text, *shown))


@dataclass(frozen=True, slots=True)
class Evolution:
    """One round: `instruction` went in, `reply` came back, `evolved` was read out of it.

    Attributes:
        evolved: The final instruction that the reply marks as such; None if it marks none.
        reply: The whole reply, chain of thought included; None where it was not kept, which is
            only where `evolved` was read out of it.
        finish_reason: The provider's word for why the reply ended (`stop`, `length`,
            `content_filter`, ...); None where it gave none.
    """

    instruction: str
    evolved: str | None
    reply: str | None = None
    finish_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Trajectory:
    """What one row went through: its rounds in order, then the response to the last one.

    `evolutions` has 1..rounds entries: a round that yields no instruction is the last.
    `response` is None where the last round yielded nothing to respond to. `shown` are the worked
    examples of the method: small models copy from them.
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
        """The seed, then each round's instruction, as far as there is one."""
        return (self.seed, *(step.evolved for step in self.evolutions if step.evolved is not None))


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a judge says of an evolution beyond passed or failed.

    Attributes:
        severity: 0 usable as a harder instruction; 1 answerable, but not usable as one, or a
            lesser fault; 2 nobody can answer it well, or it teaches something wrong.
        gain: How much harder it is: 0 not, 1 slightly, 2 clearly, 3 much; None if not said.
        response_right: Whether the response is right; None if there is none, or it was not said.
        votes: The severity that each sample gave, where more than one was asked for.
        before: Complexity of the instruction that was rewritten, 1..10; None if not said.
        after: Complexity of the rewrite, 1..10, read beside the other; None if not said.
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
        reason: One short sentence: what was seen. Goes into feedback and reports.
        detector: Name of the detector that decided.
        assessment: What a judge said in detail; None where no judge decided.
        points: What the objective gives for it, 0..1; None where the outcome says it all.
    """

    outcome: Outcome
    kinds: tuple[FailureKind, ...] = ()
    reason: str = ""
    detector: str = ""
    assessment: Assessment | None = None
    points: float | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One row in either stage: what happened and how it was judged.

    `trajectory` is None if and only if there is none: a call to evolve or to respond failed for
    good, or a gate refused the row before its first call. A judge whose call failed leaves the
    trajectory, unscored.
    """

    row_id: str
    verdict: Verdict
    trajectory: Trajectory | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A method proposed at one step, with where it came from.

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
    """What a score keeps of one case: enough to compare methods row by row.

    Attributes:
        kind: The worst failure kind, None unless failed.
        evolved_chars: Characters of the evolved instruction, 0 if there is none.
        response_chars: Characters of the response, 0 if there is none.
        points: What the objective gives for it, 0..1; None where the outcome says it all.
    """

    outcome: Outcome
    kind: FailureKind | None = None
    evolved_chars: int = 0
    response_chars: int = 0
    points: float | None = None

    @property
    def loss(self) -> float:
        """What the row lacks of full points, 0..1: 1 for a failure, 0 for a success without points."""
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
        """Whether all of these rows were looked at, scored or not."""
        return all(row_id in self.marks for row_id in row_ids)

    @property
    def rate(self) -> float:
        """Failure rate among the scored rows, 0..1; 1.0 where nothing could be scored."""
        failed, passed = self.count(Outcome.FAILED), self.count(Outcome.PASSED)
        return failed / (failed + passed) if failed + passed else 1.0

    @property
    def loss(self) -> float:
        """Mean loss of the scored rows under the objective, 0..1: the failure rate where the objective
        is the failure rate; 1.0 where nothing could be scored.
        """
        losses = [mark.loss for mark in self.marks.values() if mark.outcome is not Outcome.UNSCORED]
        # Exact, so that methods with the same points on different rows are equal and not an ulp apart.
        return math.fsum(losses) / len(losses) if losses else 1.0

    @property
    def named(self) -> str:
        """What `loss` is called: a failure rate, unless an objective gave points."""
        scored = any(mark.points is not None for mark in self.marks.values())
        return "points lost" if scored else "failure rate"

    @property
    def growth(self) -> float:
        """Mean response over mean evolved-instruction characters, the second factor of the
        released code's rule; 0.0 where nothing was evolved.
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
        note: What the selection rule has to say, in one sentence.
        calls: LM calls that the run had paid by then, resumes included; None where nobody counted. No part
            of what the step decided, so that a resumed one is the same step.
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
        """The score of the method in force; None where the step did not score it."""
        return next((score for score in self.scores if score.method_id == self.chosen_id), None)
