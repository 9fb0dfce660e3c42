"""From the parts to the three files of a run, each row in exactly one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from autoevol.core.errors import NothingKept
from autoevol.core.records import Outcome
from autoevol.evolution.lineage import End, Fate, Judged, Lineage, Round, decode_lineage
from autoevol.store.files import replacing
from autoevol.store.parts import Parts
from autoevol.store.sealed import write_counts

FILES = {End.KEPT: "dataset.jsonl", End.REJECTED: "rejected.jsonl", End.DEAD: "dead.jsonl"}


@dataclass
class Retries:
    """Fresh samples that followed a failure in their round; what was lost to the network is not among them.

    Attributes:
        rows: Rows that were tried again.
        samples: Fresh samples.
        passed: Fresh samples that passed.
        kept: Rows that are kept and have a round that passed only when it was tried again.
    """

    rows: int = 0
    samples: int = 0
    passed: int = 0
    kept: int = 0

    def count(self, lineage: Lineage) -> None:
        """Count one row."""
        failed: set[int] = set()
        fates: list[Fate] = []
        for step in lineage.rounds:
            if step.round in failed:
                fates.append(step.fate)
            if step.fate is not Fate.LOST:
                failed.add(step.round)
        passed = fates.count(Fate.PASSED)
        self.rows += bool(fates)
        self.samples += len(fates)
        self.passed += passed
        self.kept += passed > 0 and lineage.end is End.KEPT


@dataclass
class Tally:
    """What the bulk stage has done.

    Attributes:
        rows: Rows that were read, as far as they are finished.
        outcomes: Rows by outcome: kept, rejected, dead.
        kinds: Rejected rows by the worst failure kind of their last round.
        losses: Dead rows by the word for their error.
        reasons: The first reason in full for each of these words.
        rejected: Rejected rows by how their last round ended.
        refused: Texts that a gate refused, by gate and reason.
        fates: Rounds by how they ended, every attempt counted.
        operations: Rounds by method.
        retries: What became of failed rounds that were tried again: see `Retries`.
        target: Rows that were to be kept; None for all.
        written: Lines of `dataset.jsonl`.
        seeds: Lines among them that are seeds.
        complete: False if the budget ended before the rows did, or before there were enough.
    """

    rows: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    losses: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, str] = field(default_factory=dict)
    rejected: Counter[Fate] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    fates: Counter[Fate] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    retries: Retries = field(default_factory=Retries)
    target: int | None = None
    written: int = 0
    seeds: int = 0
    complete: bool = True

    def count(self, lineage: Lineage) -> None:
        """Count one row."""
        self.rows += 1
        self.outcomes[lineage.outcome] += 1
        self.retries.count(lineage)
        self.fates.update(step.fate for step in lineage.rounds)
        self.operations.update(step.operation for step in lineage.rounds if step.round)
        gated = (step.reason for step in lineage.rounds if step.fate is Fate.GATED)
        self.refused.update((gate, why) for gate, why, *_ in (reason.split(": ", 2) for reason in gated))
        if lineage.end is End.REJECTED:
            self.rejected[lineage.rounds[-1].fate] += 1
            self.kinds.update(kind.value for kind in lineage.rounds[-1].kinds[:1])
        elif lineage.end is End.DEAD:
            reason = lineage.rounds[-1].reason
            word = reason.partition(":")[0]
            self.losses[word] += 1
            self.reasons.setdefault(word, reason)

    @property
    def nothing_kept(self) -> NothingKept | None:
        """Why the rows were lost, where some were and none has passed."""
        if not self.losses or self.outcomes[Outcome.PASSED]:
            return None
        word, _ = self.losses.most_common(1)[0]
        return NothingKept(self.losses.total(), self.reasons[word])


def write_outputs(parts: Parts, folder: Path, keep: str) -> Tally:
    """Write `dataset.jsonl`, `rejected.jsonl` and `dead.jsonl` from the parts, in their order.

    Each file appears whole or not at all; `outputs.json` says what they hold. Seeds that were drawn stand
    in the dataset before what was made of them, as round 0.

    Args:
        parts: All finished rows.
        folder: Where the files go.
        keep: Which rounds that passed are kept: the `last`, `all`, the one of a number, or the
            `best`, which is the most complex one (the last where rounds were not compared).
    """
    tally = Tally()
    with (
        replacing(folder / FILES[End.KEPT]) as dataset,
        replacing(folder / FILES[End.REJECTED]) as rejected,
        replacing(folder / FILES[End.DEAD]) as dead,
    ):
        for line in parts.lines():
            lineage = decode_lineage(line)
            tally.count(lineage)
            pairs = [*kept(lineage, keep)]
            for step in pairs:
                dataset.add(pair(lineage, step))
                tally.seeds += step.round == 0
            if lineage.end is not End.KEPT:
                (dead if lineage.end is End.DEAD else rejected).add(reject(lineage))
            elif not pairs:
                rejected.add({**reject(lineage), "reason": f"No pair of round {keep} has passed."})
        tally.written = dataset.count
    write_counts(folder, (dataset, rejected, dead))
    return tally


def kept(lineage: Lineage, keep: str) -> Iterator[Round]:
    """The rounds of a row that go into the dataset; none of a dead row, which is not finished."""
    if lineage.end is End.DEAD:
        return
    yield from (step for step in lineage.rounds if step.round == 0 and step.fate is Fate.PASSED)
    passed = lineage.passed
    if keep == "all":
        yield from passed
    elif keep.isdecimal():
        yield from (step for step in passed if step.round == int(keep))
    elif passed:
        scores = lineage.scores or {}
        yield passed[-1] if keep == "last" else max(reversed(passed), key=lambda step: scores.get(step.id, 0))


def pair(lineage: Lineage, step: Round) -> dict[str, Any]:
    """One line of the dataset; with `messages` where a conversation went before."""
    stages = lineage.stages(step)  # of the answered seed, the seed alone
    said = [{"role": turn.role, "content": turn.text} for turn in lineage.row.context]
    messages = [
        *said,
        {"role": "user", "content": stages[-1]},
        {"role": "assistant", "content": step.response},
    ]
    return {
        **_origin(step),
        "instruction": stages[-1],
        "response": step.response,
        **({"thinking": step.thinking} if step.thinking else {}),
        **({"messages": messages} if said else {}),
        "seed": lineage.row.instruction,
        "stages": list(stages),
        "rounds": len(stages) - 1,
        **_judged(lineage, step),
    }


def _judged(lineage: Lineage, step: Round) -> dict[str, Any]:
    """What the run has paid to know of a rewrite: the judge's figures, or how its rounds compared."""
    judged = step.judged or Judged(after=(lineage.scores or {}).get(step.id))
    known = {"complexity": judged.after, "complexity_before": judged.before, "gain": judged.gain}
    return {name: figure for name, figure in known.items() if figure is not None}


def reject(lineage: Lineage) -> dict[str, Any]:
    """One line of the rejected or the dead: the last round, with the reason."""
    step = lineage.rounds[-1]
    return {
        **_origin(step),
        "seed": lineage.row.instruction,
        "context": [asdict(message) for message in lineage.row.context],
        "outcome": lineage.outcome,
        "fate": step.fate,
        "kinds": list(step.kinds),
        "reason": step.reason,
        "instruction": step.evolved,
        "response": step.response,
        "reply": step.reply,
        "attempts": len(lineage.rounds),
    }


def _origin(step: Round) -> dict[str, Any]:
    return {
        "id": step.id,
        "seed_id": step.seed_id,
        "parent_id": step.parent_id if step.round else None,
        "round": step.round,
        "operation": step.operation,
        "method_id": step.method_id,
        "model": step.model,
        "tokens": list(step.tokens),
        "finish_reasons": list(step.finish_reasons),
    }
