"""The cleaner as a gate: near duplicates and benchmark items never become parents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from autoevol.dataset.cleaner import Cleaner, Finding


class CleanGate:
    """Asks a `Cleaner` about every seed and every evolved instruction.

    Memory grows by about 2 kB for every text that is let through.
    """

    name = "clean"

    def __init__(self, cleaner: Cleaner) -> None:
        self._cleaner = cleaner

    def check(self, text: str, *, seed_id: str, round: int) -> str | None:
        """See `Gate`."""
        ask = self._cleaner.admit if round else self._cleaner.admit_seed
        finding = ask(seed_id, text)
        return None if finding is None else _sentence(finding)

    def remember(self, text: str, *, seed_id: str, round: int) -> None:
        """See `Gate`."""
        self._cleaner.remember(seed_id, text, seed=not round)

    def report(self) -> Mapping[str, Any]:
        """The thresholds, and how many texts of benchmarks there are."""
        return {**asdict(self._cleaner.settings), "benchmark_texts": len(self._cleaner.benchmarks)}


def _sentence(finding: Finding) -> str:
    words = finding.reason.value.replace("_", " ")
    near = f" (similarity {finding.similarity:.2f})" if finding.similarity is not None else ""
    shared = f' ("{finding.shared}")' if finding.shared else ""
    return f"{words}: {finding.matched}{near}{shared}"
