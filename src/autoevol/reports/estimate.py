"""The report of an estimate that was given a run folder: `estimate.json`, before the run and beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autoevol.core.schema import Document, Record
from autoevol.reports.text import TableRows

FILE = "estimate.json"


@dataclass(frozen=True, slots=True)
class EstimatedFigure(Record):
    """An estimate with the bounds of a 95 % bootstrap interval."""

    low: float
    mid: float
    high: float


@dataclass(frozen=True)
class EstimateReport(Document, schema="autoevol.estimate/1"):
    """What an estimate said of a whole run.

    Attributes:
        source: The seeds as messages call them.
        rows: All of them.
        sampled: Rows that were really run.
        most_calls: LM calls that the run cannot exceed.
        calls: By stage, and of all stages as `total`.
        printed: (label, value) rows as they were printed.
    """

    source: str
    rows: int
    sampled: int
    most_calls: int
    calls: Mapping[str, EstimatedFigure]
    printed: tuple[tuple[str, str], ...]

    def table_rows(self) -> TableRows:
        """(label, value) rows."""
        return list(self.printed)
