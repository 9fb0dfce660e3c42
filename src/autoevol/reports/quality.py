"""The report of `autoevol quality`: `dataset.quality.json` beside the data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autoevol.core.schema import Document
from autoevol.dataset.quality import StageQuality, render
from autoevol.reports.rates import Ledger
from autoevol.reports.text import TableRows, cost_rows


@dataclass(frozen=True)
class QualityReport(Document, schema="autoevol.quality/1"):
    """What evolving did to a data set.

    Attributes:
        rows: Lines of the data set.
        seeds: Seeds that something was made of.
        looked_at: Seeds among them that were measured.
        stages: Seeds, rounds and final instructions.
        judges: Models that said complexity and tags of what was looked at, `the run's judge` among them.
        ledger: What the judges' calls have cost, resumes included; empty where nobody was asked.
        versions: Of autoevol, DSPy and Python.
    """

    rows: int
    seeds: int
    looked_at: int
    stages: tuple[StageQuality, ...]
    judges: tuple[str, ...]
    ledger: Ledger
    versions: Mapping[str, str]

    def table(self) -> str:
        """The stages side by side, and who judged them."""
        said = f"\njudged by {', '.join(self.judges)}" if self.judges else ""
        return f"{render(self.stages, self.seeds)}{said}"

    def table_rows(self) -> TableRows:
        """What was looked at and paid, as (label, value) rows."""
        counted = f"{self.rows} lines, {self.seeds} seeds evolved, {self.looked_at} looked at"
        return [("data set", counted), *(cost_rows(self.ledger) if self.ledger.roles else ())]
