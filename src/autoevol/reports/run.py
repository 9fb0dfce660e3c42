"""The report of a run: what `summary.json` holds, made from what its stages found."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from autoevol.core.schema import SPARSE, Document, Record
from autoevol.core.status import duration
from autoevol.data.scan import Scanned
from autoevol.reports import legacy
from autoevol.reports.evolution import EvolutionReport
from autoevol.reports.known_models import limits_of
from autoevol.reports.optimization import OptimizationReport
from autoevol.reports.rates import Ledger, MetricReport, RoleCost
from autoevol.reports.text import TableRows, cost_rows
from autoevol.store.worked import Worked

FILE = "summary.json"


@dataclass(frozen=True, slots=True)
class ModelNames(Record):
    """The LMs of a run by role; the evol LM also responds, unless another one does."""

    evol: str
    optimizer: str
    respond: str | None = field(default=None, metadata=SPARSE)


@dataclass(frozen=True)
class RunReport(Document, schema="autoevol.run/2"):
    """What a run, an optimisation or an evolution found and cost: `summary.json`.

    Attributes:
        seeds: What the source held.
        models: The LMs.
        metric: What decided on failure.
        ledger: Costs by role, resumes included.
        versions: Of autoevol, DSPy and Python.
        seconds: Wall-clock time of this process; over shards, their sum.
        worked: Time over all starts; None in older files.
        sampled: What `estimate` has paid for a sample in this folder, beside the ledger; None for nothing.
        paths: Files by what they are.
        shards: Folders that were merged; None for a run in one piece.
        optimization: None if there was none.
        evolution: None if there was none.
        gates: How the gates were set, by name.
        learned: What endpoints turned out not to take, and what was done about each.
    """

    seeds: Scanned
    models: ModelNames
    metric: MetricReport
    ledger: Ledger
    versions: Mapping[str, str]
    seconds: float
    paths: Mapping[str, str]
    shards: int | None = field(default=None, metadata=SPARSE)
    optimization: OptimizationReport | None = field(default=None, metadata=SPARSE)
    evolution: EvolutionReport | None = field(default=None, metadata=SPARSE)
    gates: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, metadata=SPARSE)
    learned: tuple[str, ...] = field(default=(), metadata=SPARSE)
    worked: Worked | None = field(default=None, metadata=SPARSE)
    sampled: RoleCost | None = field(default=None, metadata=SPARSE)

    @classmethod
    def upgraded(cls, data: Mapping[str, Any], version: int) -> Mapping[str, Any]:
        """See `Document`."""
        # Versions were not written from the beginning.
        return {"versions": {}, **legacy.run_of_1(data)}

    def table_rows(self) -> TableRows:
        """(label, value) rows, in the order in which they are printed."""
        rows: TableRows = []
        if self.optimization:
            rows += self.optimization.table_rows(self.metric.told)
        if self.evolution:
            rows += self.evolution.table_rows(self.gates, self.paths)
            if not self.optimization:
                rows.append(("measured by", self.metric.told))
        rows += [("learned", sentence) for sentence in self.learned]
        if limits := limits_of(self.models.evol):
            rows.append(("what to expect", limits))
        kept = self.evolution.passed if self.evolution else None
        rows += [*cost_rows(self.ledger, kept), *self._sample_rows(), ("time", self._time)]
        return rows + [(label, path) for label, path in self.paths.items() if label != "dataset"]

    def _sample_rows(self) -> TableRows:
        if self.sampled is None:
            return []
        return [
            ("sample of estimate", f"{self.sampled.calls:,} more calls{Ledger({'': self.sampled}).money}")
        ]

    @property
    def _time(self) -> str:
        if self.shards:
            return f"{duration(self.seconds)} over {self.shards} shards"
        if self.worked is None or self.worked.starts < 2:
            return duration(self.seconds)
        return f"{duration(self.worked.seconds)} over {self.worked.starts} starts"


def versions() -> dict[str, str]:
    """What the figures were computed with."""
    return {"autoevol": version("autoevol"), "dspy": version("dspy"), "python": platform.python_version()}


def result_paths(folder: Path) -> dict[str, str]:
    """The files of a run that exist, by what they are."""
    names = {"dataset": "dataset.jsonl", "rejected rows": "rejected.jsonl", "chosen method": "method.json"}
    paths = {label: str(folder / name) for label, name in _there(folder, names.items())}
    dead = folder / "dead.jsonl"
    return {**paths, "lost rows": str(dead)} if dead.exists() and dead.stat().st_size else paths


def _there(folder: Path, names: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    return ((label, name) for label, name in names if (folder / name).exists())
