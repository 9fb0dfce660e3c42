"""Cleaning inside a run: what repeats or comes from a benchmark never becomes a parent."""

from __future__ import annotations

from collections import Counter
from typing import Any

from autoevol.clean.benchmarks import Benchmarks, Kind
from autoevol.clean.cleaner import Cleaner
from autoevol.clean.duplicates import Duplicates, Sketch
from autoevol.config import CleanConfig


class BenchmarkGate:
    """Refuses texts that overlap with a benchmark; what it says depends on the text alone.

    A `pipeline.gates.Gate`.
    """

    name = "benchmark"

    def __init__(self, settings: CleanConfig, benchmarks: Benchmarks | None = None) -> None:
        self._cleaner = Cleaner(settings, benchmarks=benchmarks)
        self._refused: Counter[str] = Counter()

    def check(self, text: str, *, seed_id: str, round: int) -> str | None:
        """See `pipeline.gates.Gate`."""
        finding = self._cleaner.contamination(text)
        if finding is None:
            return None
        self._refused[finding.reason] += 1
        return f"{finding.reason.replace('_', ' ')}: {finding.shared!r} ({finding.matched})"

    def accept(self, text: str, *, seed_id: str, round: int) -> None:
        """See `pipeline.gates.Gate`. There is nothing to remember."""

    def report(self) -> dict[str, Any]:
        """Refused texts by reason, and texts that overlap at all by kind."""
        seen = self._cleaner.overlaps
        return {
            "refused": dict(self._refused.most_common()),
            "overlaps": {kind.value: seen[kind] for kind in Kind if seen[kind]},
            "benchmark_texts": len(self._cleaner.benchmarks),
        }


class DuplicateGate:
    """Refuses texts that repeat, or nearly repeat, one of another seed.

    A `pipeline.gates.Gate`. Texts of one seed resemble each other by design, so they are never held
    against one another. Which of two twins stays is the order of arrival; `autoevol clean` on
    the finished file keeps the first in the order of the file. About 2 kB per text remembered.
    """

    name = "duplicate"

    def __init__(self, settings: CleanConfig) -> None:
        self._known = Duplicates(settings.near)
        self._refused: Counter[str] = Counter()
        # `accept` comes right after the `check` of the same text, which has sketched it.
        self._last: tuple[str, Sketch] = ("", Sketch(""))

    def check(self, text: str, *, seed_id: str, round: int) -> str | None:
        """See `pipeline.gates.Gate`."""
        twin = self._known.find(self._sketch(text), but=seed_id)
        if twin is None:
            return None
        self._refused["repeated" if twin.exact else "nearly repeated"] += 1
        if twin.exact:
            return f"the same text came from seed {twin.key}"
        return f"nearly the same text (Jaccard {twin.similarity:.2f}) came from seed {twin.key}"

    def accept(self, text: str, *, seed_id: str, round: int) -> None:
        """See `pipeline.gates.Gate`."""
        self._known.remember(seed_id, self._sketch(text))

    def report(self) -> dict[str, Any]:
        """Refused texts by reason."""
        return {"refused": dict(self._refused.most_common()), "remembered": len(self._known)}

    def _sketch(self, text: str) -> Sketch:
        if self._last[0] != text:
            self._last = (text, Sketch(text))
        return self._last[1]


def clean_gates(settings: CleanConfig) -> list[BenchmarkGate | DuplicateGate]:
    """The gates that the settings ask for; reads the benchmarks.

    Raises:
        InputError: If a benchmark cannot be read.
    """
    first = [BenchmarkGate(settings)] if settings.decontaminate else []
    return [*first, DuplicateGate(settings)]
