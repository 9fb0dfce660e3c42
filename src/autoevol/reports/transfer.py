"""The report of a transfer: methods scored on the same rows of other data, or with another evol LM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autoevol.core.records import Method, Score
from autoevol.core.schema import SPARSE, Document, Record
from autoevol.metrics.paired import PairedTest
from autoevol.metrics.simultaneous import against_first
from autoevol.reports import legacy
from autoevol.reports.costs import RowCost
from autoevol.reports.rates import Ledger, MethodRef, MetricReport, RateReport, figure_of
from autoevol.reports.text import TableRows, reached
from autoevol.reports.verdicts import against, counted_by, is_tied

FILE = "transfer.json"


@dataclass(frozen=True, slots=True)
class SampleReport(Record):
    """The rows that all methods were scored on.

    Attributes:
        source: The data, as messages call it.
        data_hash: Of all its rows.
        rows: Rows drawn.
        rows_hash: Of the rows drawn.
        left_out: Rows of the data that the choice of some method depends on.
        seed: Seed of the draw.
    """

    source: str
    data_hash: str
    rows: int
    rows_hash: str
    left_out: int
    seed: int


@dataclass(frozen=True, slots=True)
class EvolModel(Record):
    """The LM that evolved and responded, and its sampling temperature."""

    evol: str
    temperature: float | None


@dataclass(frozen=True, slots=True)
class TransferScore(Record):
    """One method of a transfer.

    Attributes:
        id: Of the method.
        name: Of the method.
        demos: How many it has.
        source: How the user named it.
        score: None where the budget did not reach that far.
        difference: Its failure rate against that of the reference; None for the reference itself,
            and where no row was scored for both. Not corrected for the number of methods.
        row_cost: What a usable row costs; None where there is none, and in older files.
        corrected: The difference over the rows scored for all methods, corrected for all pairs of them;
            None where `difference` is, where no row was scored for all, and in older files.
        tied: Whether that does not tell it from the reference.
    """

    id: str
    name: str
    demos: int
    source: str
    score: RateReport | None
    difference: PairedTest | None = None
    row_cost: RowCost | None = field(default=None, metadata=SPARSE)
    corrected: PairedTest | None = field(default=None, metadata=SPARSE)
    tied: bool | None = field(default=None, metadata=SPARSE)

    @classmethod
    def of_all(
        cls,
        methods: Sequence[Method],
        sources: Sequence[str],
        scores: Sequence[Score | None],
        costs: Sequence[RowCost | None],
        objective: str,
    ) -> tuple[TransferScore, ...]:
        """The lines of all methods; the first is the reference, and a score that was not reached is None."""
        counted = counted_by(objective)
        tests = against_first([[score] for score in scores if score is not None], counted)
        tests += [None] * (len(methods) - len(tests))  # a budget ends them in order
        refs = [MethodRef.of(method) for method in methods]
        aparts = [None, *(PairedTest.of_scores(scores[0], score, counted) for score in scores[1:])]
        rates = map(RateReport.maybe, scores)
        parts = zip(refs, sources, rates, aparts, costs, tests, strict=True)
        return tuple(
            cls(ref.id, ref.name, ref.demos, source, rate, apart, cost, test, is_tied(test))
            for ref, source, rate, apart, cost, test in parts
        )


@dataclass(frozen=True)
class TransferReport(Document, schema="autoevol.transfer/2"):
    """What a transfer found: `transfer.json`.

    Attributes:
        run_id: Of its run folder.
        seeds: The rows.
        models: The LM.
        rounds: Rounds of evolution per row.
        metric: What decided on failure.
        reference: The first method, with which the others are compared.
        methods: All methods, in the order in which they were given.
        ledger: Costs by role, resumes included.
        versions: Of autoevol, DSPy and Python.
        seconds: Wall-clock time of this process.
    """

    run_id: str
    seeds: SampleReport
    models: EvolModel
    rounds: int
    metric: MetricReport
    reference: MethodRef
    methods: tuple[TransferScore, ...]
    ledger: Ledger
    versions: Mapping[str, str]
    seconds: float

    @classmethod
    def upgraded(cls, data: Mapping[str, Any], version: int) -> Mapping[str, Any]:
        """See `Document`."""
        return legacy.transfer_of_1(data)

    def score_of(self, method_id: str) -> TransferScore | None:
        """The line of a method; None if it is not among them, or was not reached."""
        scored = (one for one in self.methods if one.id == method_id and one.score is not None)
        return next(scored, None)

    def table_rows(self) -> TableRows:
        """(label, value) rows, in the order in which they are printed."""
        unused = f", {self.seeds.left_out} left out that a method was chosen on"
        data = f"{self.seeds.rows} rows of {self.seeds.source}{unused if self.seeds.left_out else ''}"
        return [
            ("data", data),
            ("evol LM", self.models.evol),
            *((figure_of(self.metric.objective), self._line(one)) for one in self.methods),
            ("measured by", self.metric.told),
            ("LM calls paid", str(self.ledger)),
        ]

    def _line(self, one: TransferScore) -> str:
        cost = f"; {one.row_cost}" if one.row_cost else ""
        return f"{reached(one.score, self.metric.objective)}  {one.source}: {self.against(one)}{cost}"

    def against(self, one: TransferScore) -> str:
        """A method of the transfer beside the reference, in words."""
        if one.id == self.reference.id:
            return "the reference"
        return against(one.difference, one.corrected, self.metric.objective)
