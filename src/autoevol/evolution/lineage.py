"""The records of the bulk stage: every round of every row, with where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import Any

from autoevol.core.records import Evolution, FailureKind, Message, Outcome, Row, Trajectory, digest


class Fate(StrEnum):
    """How a round ended: different causes, each counted by itself."""

    PASSED = "passed"
    FAILED = "failed"
    GATED = "gated"
    UNPARSED = "unparsed"
    LENGTH = "length"
    FILTERED = "filtered"
    LOST = "lost"

    @property
    def outcome(self) -> Outcome:
        """The same as one of the three outcomes; only infrastructure leaves a round unscored."""
        known = {Fate.PASSED: Outcome.PASSED, Fate.LOST: Outcome.UNSCORED}
        return known.get(self, Outcome.FAILED)


class End(StrEnum):
    """Which file a row ends in."""

    KEPT = "kept"
    REJECTED = "rejected"
    DEAD = "dead"


SEED = "seed"
"""Operation of round 0: the seed itself, refused by a gate or answered as it is."""


@dataclass(frozen=True, slots=True)
class Round:
    """One attempt at one round of one row.

    Attributes:
        id: Hash of the seed's id, round, attempt and text; distinct over a data set.
        parent_id: Id of the round whose instruction was rewritten; the seed's id in the first.
        round: 1, 2, ...; 0 for the seed itself.
        attempt: 0, 1, ... within the round, lost ones included.
        operation: Name of the method, or `rewritten` for one that an optimizer wrote.
        instruction: What was read out of the reply; None if nothing was.
        reply: The whole reply, for a round that did not pass.
        model: Who answered; `reference` where the answer is that of the seed file.
        tokens: Input and output tokens of the rewrite and the response, paid now or before.
        finish_reasons: Why the rewrite and the response ended, None where there was none.
        fate: See `Fate`.
        kinds: Failure kinds, worst first.
        reason: One sentence: what was seen, or a stable word for the error and what it said.
    """

    id: str
    parent_id: str
    seed_id: str
    round: int
    attempt: int
    operation: str
    method_id: str
    model: str
    instruction: str | None = None
    response: str | None = None
    reply: str | None = None
    tokens: tuple[int, int] = (0, 0)
    finish_reasons: tuple[str | None, str | None] = (None, None)
    fate: Fate = Fate.LOST
    kinds: tuple[FailureKind, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Lineage:
    """One row with all its rounds in the order in which they were made.

    Attributes:
        scores: Complexity by round id, where rounds were compared (`--keep best`).
    """

    row: Row
    rounds: tuple[Round, ...] = ()
    scores: dict[str, float] | None = None

    @property
    def passed(self) -> tuple[Round, ...]:
        """The rounds whose pairs may be kept, the answered seed apart."""
        return tuple(step for step in self.rounds if step.fate is Fate.PASSED and step.round)

    @property
    def end(self) -> End:
        """Where the row belongs as it stands. What infrastructure cut short is dead, to be retried."""
        if self.rounds and self.rounds[-1].fate is Fate.LOST:
            return End.DEAD
        return End.KEPT if self.passed else End.REJECTED

    @property
    def outcome(self) -> Outcome:
        """The end as one of the three outcomes."""
        return {End.KEPT: Outcome.PASSED, End.REJECTED: Outcome.FAILED, End.DEAD: Outcome.UNSCORED}[self.end]

    @property
    def parent(self) -> tuple[str, str]:
        """Id and instruction of what the next round rewrites."""
        last = self.passed[-1] if self.passed else None
        return (last.id, last.instruction or "") if last else (self.row.id, self.row.instruction)

    def plus(self, step: Round) -> Lineage:
        """The same with one more round."""
        return replace(self, rounds=(*self.rounds, step))

    def stages(self, step: Round) -> tuple[str, ...]:
        """The instructions from the seed to that of `step`."""
        by_id = {known.id: known for known in self.rounds}
        texts: list[str] = []
        at: Round | None = step
        while at is not None and at.round:
            texts.append(at.instruction or "")
            at = by_id.get(at.parent_id)
        return (self.row.instruction, *reversed(texts))


def round_id(seed_id: str, round: int, attempt: int, text: str | None) -> str:
    """See `Round.id`."""
    return digest(seed_id, str(round), str(attempt), text or "")


def trajectory(stages: Sequence[str], reply: str, found: str | None, finish: str | None) -> Trajectory:
    """The rounds that led through `stages`, and one more that has just been made."""
    before = (Evolution(one, two, two, "stop") for one, two in pairwise(stages))
    return Trajectory((*before, Evolution(stages[-1], found, reply, finish)))


def encode(lineage: Lineage) -> dict[str, Any]:
    """A line of a part."""
    row = lineage.row
    return {
        "seed_id": row.id,
        "seed": row.instruction,
        "reference": row.reference,
        "context": [asdict(message) for message in row.context],
        "end": lineage.end,
        "scores": lineage.scores,
        "rounds": [_short(step) for step in lineage.rounds],
    }


def decode(data: dict[str, Any]) -> Lineage:
    """The inverse of `encode`.

    Raises:
        KeyError, TypeError, ValueError: If the line is not one.
    """
    context = tuple(Message(**message) for message in data["context"])
    row = Row(data["seed_id"], data["seed"], data["reference"], context)
    return Lineage(row, tuple(_round(step, row.id) for step in data["rounds"]), data["scores"])


def _short(step: Round) -> dict[str, Any]:
    return {name: getattr(step, name) for name in Round.__dataclass_fields__ if name != "seed_id"}


def _round(data: dict[str, Any], seed_id: str) -> Round:
    given = {
        **data,
        "seed_id": seed_id,
        "fate": Fate(data["fate"]),
        "kinds": tuple(FailureKind(kind) for kind in data["kinds"]),
        "tokens": tuple(data["tokens"]),
        "finish_reasons": tuple(data["finish_reasons"]),
    }
    return Round(**given)
