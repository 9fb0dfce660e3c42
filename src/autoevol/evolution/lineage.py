"""The records of the bulk stage: every round of every row, and its origin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from autoevol.core.errors import StoreError
from autoevol.core.records import Evolution, FailureKind, Message, Outcome, Row, Trajectory, digest
from autoevol.lm.answers import FILTERED


class Fate(StrEnum):
    """How a round ended; each cause is counted separately."""

    PASSED = "passed"
    FAILED = "failed"
    GATED = "gated"
    UNPARSED = "unparsed"
    LENGTH = "length"
    FILTERED = "filtered"
    LOST = "lost"

    @property
    def outcome(self) -> Outcome:
        """The corresponding one of the three outcomes; only lost rounds are unscored."""
        outcomes = {Fate.PASSED: Outcome.PASSED, Fate.LOST: Outcome.UNSCORED}
        return outcomes.get(self, Outcome.FAILED)


class End(StrEnum):
    """Which file a row ends in."""

    KEPT = "kept"
    REJECTED = "rejected"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Judged:
    """The judge's figures for a rewrite besides the verdict; None each if not given.

    Attributes:
        gain: How much harder it is than what it was judged against, 0..3.
        before: Complexity of what it was judged against, 1..10: the seed, or a breadth rewrite in between.
        after: Complexity of the rewrite, 1..10, from the same reply.
    """

    gain: float | None = None
    before: float | None = None
    after: float | None = None


SEED = "seed"
"""Operation of round 0: the seed itself, either refused by a gate or answered unchanged."""


@dataclass(frozen=True, slots=True)
class Round:
    """One attempt at one round of one row.

    Attributes:
        id: Hash of the seed's id, round, attempt and text; unique within a data set.
        parent_id: Id of the round whose instruction was rewritten; the seed's id in the first round.
        round: 1, 2, ...; 0 for the seed itself.
        attempt: 0, 1, ... within the round, lost ones included.
        operation: Name of the method, or `rewritten` for one that an optimizer wrote.
        model: The answering model; `reference` if the answer is from the seed file.
        evolution: The rewrite. None in round 0, and if the call for it failed for good.
        response: The answer to the rewrite, or to the seed in round 0; None if there is none.
        response_finish_reason: As for `Evolution`.
        thinking: The model's thinking before the response, if it is shown. It is not judged.
        judged: The judge's figures; None if there is no judge.
        tokens: Input and output tokens of the rewrite and the response, paid now or earlier.
        fate: See `Fate`. LOST until the round has ended otherwise.
        kinds: Failure kinds, worst first.
        reason: In one sentence, what was observed, or the identifier of an error and its message.
    """

    id: str
    parent_id: str
    seed_id: str
    round: int
    attempt: int
    operation: str
    method_id: str
    model: str
    evolution: Evolution | None = None
    response: str | None = None
    response_finish_reason: str | None = None
    tokens: tuple[int, int] = (0, 0)
    fate: Fate = Fate.LOST
    kinds: tuple[FailureKind, ...] = ()
    reason: str = ""
    thinking: str | None = None
    judged: Judged | None = None

    @property
    def evolved(self) -> str | None:
        """The instruction parsed from the reply, if there is one."""
        return self.evolution.evolved if self.evolution else None

    @property
    def reply(self) -> str | None:
        """The whole reply with the rewrite, if there is one and it was kept."""
        return self.evolution.reply if self.evolution else None

    @property
    def finish_reasons(self) -> tuple[str | None, str | None]:
        """Why the rewrite and the response ended; None for one that is missing."""
        return (self.evolution.finish_reason if self.evolution else None), self.response_finish_reason

    @property
    def unanswered(self) -> bool:
        """Whether the call for a response failed for good: refused by a filter, or lost."""
        # A filter that ends a reply sets its finish reason; one that refuses the request leaves none.
        refused = self.fate is Fate.FILTERED and FILTERED not in self.finish_reasons
        stopped = refused or self.fate is Fate.LOST
        return stopped and self.response is None and (self.evolved is not None or not self.round)


@dataclass(frozen=True, slots=True)
class Lineage:
    """One row with all its rounds, in the order in which they were made.

    Attributes:
        scores: Complexity by round id, if rounds were compared (`--keep best`).
    """

    row: Row
    rounds: tuple[Round, ...] = ()
    scores: dict[str, float] | None = None

    @property
    def passed(self) -> tuple[Round, ...]:
        """The rounds whose pairs may be kept, without the answered seed."""
        return tuple(step for step in self.rounds if step.fate is Fate.PASSED and step.round)

    @property
    def end(self) -> End:
        """The file in which the row belongs now. A row whose last round was lost is dead."""
        if self.rounds and self.rounds[-1].fate is Fate.LOST:
            return End.DEAD
        return End.KEPT if self.passed else End.REJECTED

    @property
    def outcome(self) -> Outcome:
        """The end as one of the three outcomes."""
        return {End.KEPT: Outcome.PASSED, End.REJECTED: Outcome.FAILED, End.DEAD: Outcome.UNSCORED}[self.end]

    @property
    def decisive(self) -> Round:
        """The round that decides `outcome`: for a kept row the last that passed, else the last."""
        return self.passed[-1] if self.end is End.KEPT else self.rounds[-1]

    @property
    def parent(self) -> tuple[str, str]:
        """Id and instruction of what the next round rewrites."""
        last = self.passed[-1] if self.passed else None
        return (last.id, last.evolved or "") if last else (self.row.id, self.row.instruction)

    def plus(self, step: Round) -> Lineage:
        """A copy with one more round."""
        return replace(self, rounds=(*self.rounds, step))

    def path(self, step: Round) -> tuple[Round, ...]:
        """The rounds from the seed to `step`, each the parent of the next; none for round 0."""
        by_id = {known.id: known for known in self.rounds}
        path: list[Round] = []
        at: Round | None = step
        while at is not None and at.round:
            path.append(at)
            at = by_id.get(at.parent_id)
        return tuple(reversed(path))

    def stages(self, step: Round) -> tuple[str, ...]:
        """The instructions from the seed's to that of `step`."""
        return (self.row.instruction, *(known.evolved or "" for known in self.path(step)))

    def trajectory(self, step: Round, after: Round | None = None) -> Trajectory | None:
        """The path to `step` as a trajectory for detectors and the optimizer.

        Args:
            step: The last round.
            after: The round after which to begin; None for the seed.

        Returns:
            None if a call to evolve or to respond failed for good, and in round 0.
        """
        path = self.path(step)
        begin = path.index(after) + 1 if after is not None else 0
        evolutions = tuple(known.evolution for known in path[begin:] if known.evolution)
        if step.evolution is None or step.unanswered:
            return None
        return Trajectory(evolutions, step.response, step.response_finish_reason)


def round_id(seed_id: str, round: int, attempt: int, text: str | None) -> str:
    """See `Round.id`."""
    return digest(seed_id, str(round), str(attempt), text or "")


def encode_lineage(lineage: Lineage) -> dict[str, Any]:
    """A line of a part. The text that a round rewrote is not repeated: it is that of its parent."""
    row = lineage.row
    return {
        "seed_id": row.id,
        "seed": row.instruction,
        "reference": row.reference,
        "context": [asdict(message) for message in row.context],
        "end": lineage.end,
        "scores": lineage.scores,
        "rounds": [_encode_round(step, row) for step in lineage.rounds],
    }


def decode_lineage(data: Mapping[str, Any]) -> Lineage:
    """The inverse of `encode_lineage`, for every version: the shape has not changed since 0.1.0.

    Raises:
        StoreError: If the line is malformed.
    """
    try:
        context = tuple(Message(**message) for message in data["context"])
        row = Row(data["seed_id"], data["seed"], data["reference"], context)
        # All texts first: in a renewed row, a lost parent comes after its children.
        texts = {row.id: row.instruction} | {step["id"]: step["instruction"] for step in data["rounds"]}
        return Lineage(row, tuple(_decode_round(step, row, texts) for step in data["rounds"]), data["scores"])
    except (KeyError, TypeError, ValueError) as error:
        name = data.get("seed_id", "?") if isinstance(data, Mapping) else "?"
        raise StoreError(f"the line of row {name} in the parts of the run is damaged: {error!r}") from error


def _encode_round(step: Round, row: Row) -> dict[str, Any]:
    return {
        "id": step.id,
        "parent_id": step.parent_id,
        "round": step.round,
        "attempt": step.attempt,
        "operation": step.operation,
        "method_id": step.method_id,
        "model": step.model,
        "instruction": step.evolved if step.round else row.instruction,
        "response": step.response,
        "reply": step.reply,
        "tokens": step.tokens,
        "finish_reasons": step.finish_reasons,
        "fate": step.fate,
        "kinds": step.kinds,
        "reason": step.reason,
        **({"thinking": step.thinking} if step.thinking else {}),
        **({"judged": asdict(step.judged)} if step.judged else {}),
    }


def _decode_round(data: Mapping[str, Any], row: Row, texts: Mapping[str, str]) -> Round:
    (finish_reason, response_finish_reason), spent = data["finish_reasons"], data["tokens"]
    evolved, reply = data["instruction"], data["reply"]
    evolution = None
    if data["round"] and (evolved is not None or reply is not None):
        evolution = Evolution(texts[data["parent_id"]], evolved, reply, finish_reason)
    return Round(
        id=data["id"],
        parent_id=data["parent_id"],
        seed_id=row.id,
        round=data["round"],
        attempt=data["attempt"],
        operation=data["operation"],
        method_id=data["method_id"],
        model=data["model"],
        evolution=evolution,
        response=data["response"],
        response_finish_reason=response_finish_reason,
        tokens=(spent[0], spent[1]),
        fate=Fate(data["fate"]),
        kinds=tuple(FailureKind(kind) for kind in data["kinds"]),
        reason=data["reason"],
        thinking=data.get("thinking"),
        judged=Judged(**data["judged"]) if data.get("judged") else None,
    )
