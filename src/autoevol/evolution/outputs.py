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
    """Fresh samples drawn after a failure in the same round; not those after a loss to the network.

    Attributes:
        rows: Rows with fresh samples.
        samples: Fresh samples.
        passed: Fresh samples that passed.
        kept: Kept rows with a round that passed only on a fresh sample.
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
    """The figures of the bulk stage.

    Attributes:
        rows: Finished rows.
        outcomes: Rows by outcome: kept, rejected, dead.
        kinds: Rejected rows by the worst failure kind of their last round.
        losses: Dead rows by the identifier of their error.
        reasons: By identifier, the first reason in full.
        rejected: Rejected rows by the fate of their last round.
        refused: Texts that a gate refused, by (gate, reason).
        fates: Rounds by fate, every attempt counted.
        operations: Rounds by method.
        retries: See `Retries`.
        target: Rows to keep; None for all.
        written: Lines of `dataset.jsonl`.
        seeds: How many of these are seeds.
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
        """The error to raise if rows were lost and none passed; else None."""
        if not self.losses or self.outcomes[Outcome.PASSED]:
            return None
        word, _ = self.losses.most_common(1)[0]
        return NothingKept(self.losses.total(), self.reasons[word])


def write_outputs(parts: Parts, folder: Path, keep: str) -> Tally:
    """Write `dataset.jsonl`, `rejected.jsonl` and `dead.jsonl` from the parts, in their order.

    Each file is written atomically; `outputs.json` records their line counts and checksums. Kept seeds come
    right before the pairs made from them, as round 0.

    Args:
        parts: All finished rows.
        folder: Where the files go.
        keep: Which passed rounds to keep: the `last`, `all`, the one with a number, or the `best`, which is
            the most complex one (the last if rounds were not compared).
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
    """The rounds of a row that go into the dataset; none for a dead row, which is not finished."""
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
    """One line of the dataset, with `messages` if the row has a conversation before it."""
    stages = lineage.stages(step)  # for an answered seed just the seed
    context = [{"role": turn.role, "content": turn.text} for turn in lineage.row.context]
    messages = [
        *context,
        {"role": "user", "content": stages[-1]},
        {"role": "assistant", "content": step.response},
    ]
    return {
        **_origin(step),
        "instruction": stages[-1],
        "response": step.response,
        **({"thinking": step.thinking} if step.thinking else {}),
        **({"messages": messages} if context else {}),
        "seed": lineage.row.instruction,
        "stages": list(stages),
        "rounds": len(stages) - 1,
        **_judged(lineage, step),
    }


def _judged(lineage: Lineage, step: Round) -> dict[str, Any]:
    """The figures that the run has paid for: the judge's, or the complexity from comparing rounds."""
    judged = step.judged or Judged(after=(lineage.scores or {}).get(step.id))
    figures = {"complexity": judged.after, "complexity_before": judged.before, "gain": judged.gain}
    return {name: figure for name, figure in figures.items() if figure is not None}


def reject(lineage: Lineage) -> dict[str, Any]:
    """One line of the rejected or dead rows: the last round, with the reason."""
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
