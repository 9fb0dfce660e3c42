"""Decides which instructions are kept, and gives a reason for each one that is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from autoevol.config import CleanConfig
from autoevol.dataset.benchmarks import Benchmarks, Kind
from autoevol.dataset.duplicates import Duplicates, Sketch, Twin


class Reason(StrEnum):
    """Why a row is removed."""

    SEED = "same_as_a_seed"
    NEAR_SEED = "near_a_seed"
    REPEATED = "repeated"
    NEAR_REPEATED = "nearly_repeated"
    BENCHMARK = "in_a_benchmark"
    BENCHMARK_13 = "shares_13_words_with_a_benchmark"
    BENCHMARK_8 = "shares_8_words_with_a_benchmark"


_REASONS = {Kind.WHOLE: Reason.BENCHMARK, Kind.LONG: Reason.BENCHMARK_13, Kind.SHORT: Reason.BENCHMARK_8}


@dataclass(frozen=True, slots=True)
class Finding:
    """Why an instruction is removed.

    Attributes:
        matched: The key of the earlier text, or the place in the benchmark.
        similarity: Jaccard similarity to the earlier text, 1.0 if equal; None for benchmarks.
        shared: The run of words shared with a benchmark, otherwise empty.
    """

    reason: Reason
    matched: str
    similarity: float | None = None
    shared: str = ""


class Cleaner:
    """Admits instructions one by one; the first of several that repeat each other is kept.

    Contaminated texts are not remembered, so nothing is removed for repeating a text that was itself
    removed. Whether a text is contaminated or repeats a seed does not depend on the order; which of
    several near duplicates is kept does.

    Args:
        settings: Thresholds.
        benchmarks: What the data must not contain; loaded from `settings` if not given.

    Attributes:
        removed: Rows removed, by reason.
        overlaps: Checked texts that overlap with a benchmark, by kind, removed or not (the counts of Auto
            Evol-Instruct, table 10).
    """

    def __init__(self, settings: CleanConfig | None = None, *, benchmarks: Benchmarks | None = None) -> None:
        self.settings = settings or CleanConfig()
        self.benchmarks = benchmarks or Benchmarks.load(self.settings.decontaminate)
        self.removed: Counter[Reason] = Counter()
        self.overlaps: Counter[Kind] = Counter()
        self._seeds = Duplicates(self.settings.near)
        self._kept = Duplicates(self.settings.near)

    def remember_seeds(self, seeds: Iterable[tuple[str, str]]) -> int:
        """Take keys and texts that no instruction may repeat; returns how many there were."""
        count = 0
        for key, text in seeds:
            self._seeds.add(key, text)
            count += 1
        return count

    def admit_seed(self, key: str, instruction: str, context: str = "") -> Finding | None:
        """Remember a seed to be evolved and return None; or count and return why it is refused.

        A seed is refused for a benchmark or for an earlier seed of the same context, as its evolutions
        would be.
        """
        finding = self.contamination(instruction, context)
        if finding is None:
            sketch = Sketch(instruction).within(context)
            finding = _repeats(self._seeds.find(sketch, but=key), Reason.REPEATED, Reason.NEAR_REPEATED)
            if finding is None:
                self._seeds.remember(key, sketch)
        return self._counted(finding)

    def admit(self, key: str, instruction: str, response: str = "", context: str = "") -> Finding | None:
        """Remember `instruction` under `key` and return None; or count and return why not.

        A text may resemble others of its own key, since a round only adds some words to the text before.
        Seeds must be remembered first. A response is checked against the benchmarks only, because two
        questions may have the same good answer. A question (`And why?`) may repeat in another
        conversation: with a context, only texts of the same context count as repeats.
        """
        finding = self.contamination(instruction, response, context)
        if finding is None:
            sketch = Sketch(instruction)
            placed = sketch.within(context)
            # Seeds of a file stand without a context, those that are evolved stand in theirs.
            seed = self._seeds.find(sketch, but=key) or (
                self._seeds.find(placed, but=key) if context else None
            )
            finding = _repeats(seed, Reason.SEED, Reason.NEAR_SEED) or _repeats(
                self._kept.find(placed, but=key), Reason.REPEATED, Reason.NEAR_REPEATED
            )
            if finding is None:
                self._kept.remember(key, placed)
        return self._counted(finding)

    def remember(self, key: str, instruction: str, *, seed: bool = False, context: str = "") -> None:
        """Remember a text that was admitted earlier, by `admit_seed` or `admit`, without counting it."""
        (self._seeds if seed else self._kept).remember(key, Sketch(instruction).within(context))

    def contamination(self, *texts: str) -> Finding | None:
        """The worst overlap of `texts` with the benchmarks, if it is too large; counts all overlaps."""
        overlaps = [overlap for text in texts if text for overlap in self.benchmarks.overlaps(text)]
        self.overlaps.update({overlap.kind for overlap in overlaps})
        counted = {Kind.WHOLE, Kind.LONG} | ({Kind.SHORT} if self.settings.overlap == 8 else set())
        order = list(Kind)
        worst = min(overlaps, key=lambda overlap: order.index(overlap.kind), default=None)
        if worst is None or worst.kind not in counted:
            return None
        return Finding(_REASONS[worst.kind], worst.place, shared=worst.text)

    def _counted(self, finding: Finding | None) -> Finding | None:
        if finding is not None:
            self.removed[finding.reason] += 1
        return finding


def _repeats(twin: Twin | None, exactly: Reason, nearly: Reason) -> Finding | None:
    if twin is None:
        return None
    return Finding(exactly if twin.exact else nearly, twin.key, twin.similarity)
