"""Reading what a command left in its folder: any folder into one record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from autoevol.core.errors import InputError, StoreError
from autoevol.core.schema import SPARSE, Document, Malformed, NewerSchema
from autoevol.reports import answers, benchmarks, comparison, estimate, headroom, proof, run, search, transfer
from autoevol.reports.answers import AnswersReport
from autoevol.reports.benchmarks import BenchmarksReport
from autoevol.reports.comparison import ComparisonReport
from autoevol.reports.estimate import EstimateReport
from autoevol.reports.following import Followed, followed
from autoevol.reports.headroom import HeadroomReport
from autoevol.reports.proof import ProofReport
from autoevol.reports.rates import FAILURE_RATE, StepReport
from autoevol.reports.run import RunReport
from autoevol.reports.search import SearchReport
from autoevol.reports.text import TableRows, reached
from autoevol.reports.transfer import TransferReport
from autoevol.store.files import read_object
from autoevol.store.journal import FileJournal
from autoevol.store.method_files import load_method
from autoevol.store.sealed import read_sealed

_D = TypeVar("_D", bound=Document)


class Report(Protocol):
    """What every command gives back, and every folder holds."""

    def to_json(self) -> dict[str, Any]:
        """As it is written and as `--json` prints it."""
        ...

    def table_rows(self) -> TableRows:
        """As it is printed."""
        ...


@dataclass(frozen=True)
class FolderReport(Document, schema="autoevol.folder/2"):
    """All that a folder given to --out holds for readers; None or empty where it has nothing.

    Attributes:
        summary: Of a run, an optimisation or an evolution.
        search: Of a search.
        transfer: Of a transfer.
        comparison: Of a comparison.
        headroom: Of a look at headroom.
        progress: Where a command in it stands, or how it has ended; of a search one for each worker.
        proof: Of a proof.
        answers: Of answers that were judged.
        benchmarks: Of a model that was handed to harnesses.
        steps: Of an optimisation, also of one that has not ended.
        method: The content of `method.json`.
        estimate: What a run was to cost, before it or beside it.
    """

    summary: RunReport | None = None
    search: SearchReport | None = None
    transfer: TransferReport | None = None
    comparison: ComparisonReport | None = None
    proof: ProofReport | None = None
    answers: AnswersReport | None = None
    steps: tuple[StepReport, ...] = ()
    method: Mapping[str, Any] | None = None
    headroom: HeadroomReport | None = field(default=None, metadata=SPARSE)
    estimate: EstimateReport | None = field(default=None, metadata=SPARSE)
    progress: tuple[Followed, ...] = field(default=(), metadata=SPARSE)
    benchmarks: BenchmarksReport | None = field(default=None, metadata=SPARSE)

    @property
    def report(self) -> Report | None:
        """The one report that the folder was made for; None if its command has not ended."""
        return (
            self.search
            or self.transfer
            or self.comparison
            or self.proof
            or self.answers
            or self.headroom
            or self.benchmarks
            or self.summary
            or self.estimate
        )

    def lines(self) -> list[str]:
        """What `show` prints below the table: steps, and the method in force."""
        if self.report is not None and self.report is not self.summary:
            return []
        objective = self.summary.metric.objective if self.summary else FAILURE_RATE
        told = ((step.step, reached(step.dev, objective), step.note) for step in self.steps)
        steps = [f"step {number}: {figure} on dev; {note}" for number, figure, note in told]
        return [*steps, f"\n{self.method['text']}"] if self.method else steps


def read_folder(folder: Path) -> FolderReport:
    """What is in `folder`, written by this version or an older one.

    Raises:
        InputError: If it is no run folder.
        StoreError: If a file is damaged, or was written by a later version.
    """
    if not any((folder / name).exists() for name in ("run.json", estimate.FILE)):
        raise InputError(f"{folder} is not a run folder: it has no run.json")
    return FolderReport(
        summary=read_report(folder / run.FILE, RunReport),
        search=read_report(folder / search.FILE, SearchReport),
        transfer=read_report(folder / transfer.FILE, TransferReport),
        comparison=read_report(folder / comparison.FILE, ComparisonReport),
        proof=read_report(folder / proof.FILE, ProofReport),
        answers=read_report(folder / answers.FILE, AnswersReport),
        steps=tuple(StepReport.of(step) for step in FileJournal(folder / "journal.jsonl").steps()),
        method=_method(folder),
        headroom=read_report(folder / headroom.FILE, HeadroomReport),
        estimate=read_report(folder / estimate.FILE, EstimateReport),
        progress=tuple(followed(folder)),
        benchmarks=read_report(folder / benchmarks.FILE, BenchmarksReport),
    )


def _method(folder: Path) -> Mapping[str, Any] | None:
    """What `method.json` says, if its method is the one that was written there."""
    path = folder / "method.json"
    if not path.exists():
        return None
    load_method(folder)
    return read_object(path)


def read_report(path: Path, kind: type[_D]) -> _D | None:
    """The report in the file `path`; None if there is no such file.

    Raises:
        StoreError: If it is damaged, of another kind, or was written by a later version.
    """
    data = read_sealed(path)
    if data is None:
        return None
    try:
        return kind.from_json(data)
    except NewerSchema as error:
        raise StoreError(f"{path} {error}") from error
    except Malformed as error:
        raise StoreError(f"{path} cannot be read: {error}") from error
