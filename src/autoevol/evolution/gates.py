"""Gates: what may not become a parent, whatever the failure measure says of it. One cleans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, NamedTuple, Protocol, runtime_checkable

from autoevol.core.records import Row
from autoevol.dataset.cleaner import Cleaner, Finding


@runtime_checkable
class Gate(Protocol):
    """Refuses single texts: near-duplicates, overlap with a benchmark, what a user wants out.

    A gate sees every seed (round 0) before it is evolved, and every evolved instruction that was
    read out of a reply (round >= 1) before it is answered. A text that is let through may be
    remembered, to be compared with later ones. Calls come from one thread, one after another,
    in the order in which replies arrive; with a gate that remembers, which of two similar
    texts stays is therefore chance. `check` runs on the event loop, so it must be quick.

    Attributes:
        name: Short and unique; stands beside the reason in the record of the round.
    """

    name: str

    def check(self, text: str, *, seed_id: str, round: int, context: str = "") -> str | None:
        """Why `text` must go, in one short sentence, or None. Refusals are counted by what stands
        before its first colon.

        A text is never to be refused for being like one of the same `seed_id`: a round adds some
        words to its parent. `context` is what went before it in a conversation, '' for nothing: the
        same question after something else is another one.
        """
        ...

    def remember(self, text: str, *, seed_id: str, round: int, context: str = "") -> None:
        """A process before this one let `text` through; told for all finished rows on resuming."""
        ...

    def report(self) -> Mapping[str, Any]:
        """How the gate is set, as JSON for the summary; what it refused is counted from the parts."""
        ...


class Refusal(NamedTuple):
    """Which gate refused a text, and why."""

    gate: str
    reason: str


def context_of(row: Row) -> str:
    """What went before the instruction of a row, as gates are told of it."""
    return "\n\n".join(message.text for message in row.context)


def refusal(gates: Iterable[Gate], text: str, row: Row, *, round: int) -> Refusal | None:
    """The first refusal of `text`, which comes of `row`; None if all gates let it through."""
    for gate in gates:
        reason = gate.check(text, seed_id=row.id, round=round, context=context_of(row))
        if reason is not None:
            return Refusal(gate.name, reason)
    return None


class CleanGate:
    """Near duplicates and benchmark items never become parents: asks a `Cleaner` about every text.

    Memory grows by about 2 kB for every text that is let through.
    """

    name = "clean"

    def __init__(self, cleaner: Cleaner) -> None:
        self._cleaner = cleaner

    def check(self, text: str, *, seed_id: str, round: int, context: str = "") -> str | None:
        """See `Gate`."""
        ask = self._cleaner.admit if round else self._cleaner.admit_seed
        finding = ask(seed_id, text, context=context)
        return None if finding is None else _sentence(finding)

    def remember(self, text: str, *, seed_id: str, round: int, context: str = "") -> None:
        """See `Gate`."""
        self._cleaner.remember(seed_id, text, seed=not round, context=context)

    def report(self) -> Mapping[str, Any]:
        """The thresholds, and how many texts of benchmarks there are."""
        return {**asdict(self._cleaner.settings), "benchmark_texts": len(self._cleaner.benchmarks)}


def _sentence(finding: Finding) -> str:
    words = finding.reason.value.replace("_", " ")
    near = f" (similarity {finding.similarity:.2f})" if finding.similarity is not None else ""
    shared = f' ("{finding.shared}")' if finding.shared else ""
    return f"{words}: {finding.matched}{near}{shared}"
