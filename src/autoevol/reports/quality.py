"""The report of `autoevol quality`: `dataset.quality.json` beside the data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from autoevol.core.schema import SPARSE, Document
from autoevol.dataset.quality import StageQuality, render
from autoevol.metrics.difficulty import DifficultyTable
from autoevol.metrics.topics import TopicMap
from autoevol.reports.rates import Ledger
from autoevol.reports.text import TableRows, cost_rows

MAPPED = 300
"""Seeds on a map: more would hide each other."""


@dataclass(frozen=True)
class QualityReport(Document, schema="autoevol.quality/1"):
    """What evolving did to a data set.

    Attributes:
        rows: Lines of the data set.
        seeds: Seeds that something was made of.
        looked_at: Seeds among them that were measured.
        stages: Seeds, rounds and final instructions.
        judges: Models that said complexity and tags of what was looked at, `the run's judge` among them.
        difficulty: What a local model finds of the pairs; None where none was asked.
        predictors: Models that were asked for that.
        topics: The map of up to `MAPPED` of these seeds and of what came out of them.
        ledger: What the calls have cost, resumes included; empty where nobody was asked.
        versions: Of autoevol, DSPy and Python.
    """

    rows: int
    seeds: int
    looked_at: int
    stages: tuple[StageQuality, ...]
    judges: tuple[str, ...]
    ledger: Ledger
    versions: Mapping[str, str]
    difficulty: DifficultyTable | None = field(default=None, metadata=SPARSE)
    predictors: tuple[str, ...] = field(default=(), metadata=SPARSE)
    topics: TopicMap | None = field(default=None, metadata=SPARSE)

    def table(self) -> str:
        """The stages side by side, and who judged them."""
        said = f"\njudged by {', '.join(self.judges)}" if self.judges else ""
        return f"{render(self.stages, self.seeds)}{said}"

    def table_rows(self) -> TableRows:
        """What was looked at and paid, as (label, value) rows."""
        counted = f"{self.rows} lines, {self.seeds} seeds evolved, {self.looked_at} looked at"
        paid = cost_rows(self.ledger) if self.ledger.roles else ()
        return [("data set", counted), *self.difficulty_rows(), *paid]

    def difficulty_rows(self) -> TableRows:
        """What a local model finds of the pairs, length beside it, as (label, value) rows."""
        found = self.difficulty
        if found is None:
            return []
        cut = f", {found.cut} responses read in part" if found.cut else ""
        counted = f"{found.pairs} pairs by {', '.join(self.predictors)}, {found.unscored} not scored{cut}"
        return [
            ("difficulty", counted),
            ("IFD", f"{_quartiles(found.ifd)}; {found.above_1:.0%} above 1; {_length(found.with_length)}"),
            ("IC-IFD", f"{_quartiles(found.ic_ifd)}; {_length(found.ic_with_length)}"),
            ("NLL of a token", f"{_quartiles(found.nll)}; without the instruction {found.nll_alone[1]:.2f}"),
        ]


def _quartiles(values: tuple[float, float, float]) -> str:
    first, median, third = values
    return f"{median:.2f} [{first:.2f} to {third:.2f}]"


def _length(rho: float | None) -> str:
    return "length does not vary" if rho is None else f"rank correlation with length {rho:+.2f}"
