"""Gates: refuse texts that must not become parents, whatever the metric says. `CleanGate` is one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, NamedTuple, Protocol, runtime_checkable

from autoevol.core.records import Row
from autoevol.dataset.cleaner import Cleaner, Finding


@runtime_checkable
class Gate(Protocol):
    """Refuses single texts: near duplicates, overlap with a benchmark, whatever a user wants out.

    A gate sees every seed (round 0) before it is evolved, and every evolved instruction (round >= 1)
    before it is answered. It may remember texts that it admits, to compare later ones with them. Calls
    come one at a time from one thread, in the order in which replies arrive; with a gate that remembers,
    which of two similar texts survives therefore depends on chance. `check` runs on the event loop, so it
    must be quick.

    Attributes:
        name: Short and unique; recorded next to the reason.
    """

    name: str

    def check(self, text: str, *, seed_id: str, round: int, context: str = "") -> str | None:
        """Why `text` must go, in one short sentence, or None.

        Refusals are counted by the part before the first colon. A text must not be refused for resembling one
        of the same `seed_id`, since a round only adds some words to its parent. `context` is the conversation
        before it, '' for none: the same question in another context is a different one.
        """
        ...

    def remember(self, text: str, *, seed_id: str, round: int, context: str = "") -> None:
        """An earlier process admitted `text`; called for all finished rows when a run resumes."""
        ...

    def report(self) -> Mapping[str, Any]:
        """The gate's settings as JSON for the summary; its refusals are counted from the parts."""
        ...


class Refusal(NamedTuple):
    """Which gate refused a text, and why."""

    gate: str
    reason: str


def context_of(row: Row) -> str:
    """The conversation before a row's instruction, in the form that gates get it."""
    return "\n\n".join(message.text for message in row.context)


def refusal(gates: Iterable[Gate], text: str, row: Row, *, round: int) -> Refusal | None:
    """The first refusal of `text`, which stems from `row`; None if all gates admit it."""
    for gate in gates:
        reason = gate.check(text, seed_id=row.id, round=round, context=context_of(row))
        if reason is not None:
            return Refusal(gate.name, reason)
    return None


class CleanGate:
    """Keeps near duplicates and benchmark items from becoming parents, with a `Cleaner`.

    Memory grows by about 2 kB for every admitted text.
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
        """The thresholds, and the number of benchmark texts."""
        return {**asdict(self._cleaner.settings), "benchmark_texts": len(self._cleaner.benchmarks)}


def _sentence(finding: Finding) -> str:
    words = finding.reason.value.replace("_", " ")
    near = f" (similarity {finding.similarity:.2f})" if finding.similarity is not None else ""
    shared = f' ("{finding.shared}")' if finding.shared else ""
    return f"{words}: {finding.matched}{near}{shared}"
