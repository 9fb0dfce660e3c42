"""The passport of a method: what it is, how it was found, and how far its figures reach.

A passport is one JSON object. The method stands at its top (`id`, `name`, `text`, `demos`), so
that a passport is a method file as well. `passports` makes, reads and writes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from autoevol.core.errors import InputError
from autoevol.core.records import Method
from autoevol.core.schema import SPARSE, Document, Record
from autoevol.data.scan import Scanned
from autoevol.metrics.paired import PairedTest
from autoevol.reports import legacy
from autoevol.reports.rates import Ledger, MethodRef, MetricReport, RateReport, StepReport
from autoevol.reports.run import ModelNames
from autoevol.reports.transfer import EvolModel, SampleReport, TransferReport


@dataclass(frozen=True, slots=True)
class SplitData(Scanned):
    """What the seeds held, and how many rows went to train, dev, reserve and holdout."""

    split: Mapping[str, int] | None = field(default=None, metadata=SPARSE)

    @classmethod
    def from_scan(cls, seeds: Scanned, split: Mapping[str, int] | None) -> SplitData:
        """`seeds` with their split, None where nothing was optimised."""
        return cls(**asdict(seeds), split=split)


@dataclass(frozen=True, slots=True)
class Rewrite(Record):
    """One rewrite on the way to the method: at which step, of which parent, on what analysis."""

    step: int
    id: str
    parent_id: str
    feedback: str


@dataclass(frozen=True)
class MethodSelection(Record):
    """How the method was chosen.

    Attributes:
        rule: Name of the selection rule.
        stopped: Why the loop ended.
        start: The first starting method.
        lineage: The rewrites that led to the method, the oldest first.
    """

    rule: str | None
    stopped: str
    start: MethodRef
    lineage: tuple[Rewrite, ...]


@dataclass(frozen=True)
class HoldoutReport(Record):
    """The first and the chosen method by one evaluator on rows that no choice depends on.

    Attributes:
        before: The first method; None where the budget did not reach that far.
        after: The chosen one.
        verdict: What follows, in one sentence.
        change: The second rate against the first; None if not reached, and in passports of 0.1.0.
    """

    before: RateReport | None
    after: RateReport | None
    verdict: str
    change: PairedTest | None = None


@dataclass(frozen=True)
class TransferEntry(Record):
    """What a transfer found about the method; see `TransferReport` and `TransferScore`."""

    run_id: str
    seeds: SampleReport
    models: EvolModel
    rounds: int
    metric: MetricReport
    reference: MethodRef
    score: RateReport
    difference: PairedTest | None = None


@dataclass(frozen=True)
class Passport(Document, schema="autoevol.passport/2"):
    """All that is known about a method. What a run has not reached is None.

    Attributes:
        method: The method itself; in JSON it stands at the top.
        run: Run id and settings (`run.json`); None for a method that came without a run.
        models: The LMs of the run.
        data: The seeds.
        measure: What decided on failure; in JSON with its sentence.
        rounds: Rounds of evolution per row.
        seeds: Random seeds by what they seed.
        versions: Of autoevol, DSPy and Python.
        cost: Costs by role.
        selection: How the method was chosen.
        dev_curve: A line per step.
        holdout: The comparison at the end.
        rows_seen: Ids of the rows that the choice of the method depends on.
        transfer: Scores on other data or with another evol LM.
    """

    method: Method
    run: Mapping[str, Any] | None = None
    models: ModelNames | None = None
    data: SplitData | None = None
    measure: MetricReport | None = None
    rounds: int | None = None
    seeds: Mapping[str, int | None] | None = None
    versions: Mapping[str, str] | None = None
    cost: Ledger | None = None
    selection: MethodSelection | None = None
    dev_curve: tuple[StepReport, ...] = ()
    holdout: HoldoutReport | None = None
    rows_seen: tuple[str, ...] = ()
    transfer: tuple[TransferEntry, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """See `Document`."""
        written = super().to_json()
        method = written.pop("method")
        if self.measure:
            written["measure"]["sentence"] = str(self.measure)
        return {"schema": written.pop("schema"), **method, **written}

    @classmethod
    def from_json(cls, data: Any) -> Self:  # noqa: ANN401 (JSON)
        """See `Document`."""
        return super().from_json({**data, "method": data} if isinstance(data, Mapping) else data)

    @classmethod
    def upgraded(cls, data: Mapping[str, Any], version: int) -> Mapping[str, Any]:
        """See `Document`."""
        return legacy.passport_of_1(data)

    def with_transfer(self, report: TransferReport) -> Passport:
        """The passport with what a transfer found about its method, in place of an older state of it.

        Raises:
            InputError: If the report holds no score of this method.
        """
        line = report.score_of(self.method.id)
        if line is None or line.score is None:
            raise InputError(f"the transfer holds no score of the method {self.method.id}")
        entry = TransferEntry(
            run_id=report.run_id,
            seeds=report.seeds,
            models=report.models,
            rounds=report.rounds,
            metric=report.metric,
            reference=report.reference,
            score=line.score,
            difference=line.corrected or line.difference,
        )
        others = (one for one in self.transfer if one.run_id != entry.run_id)
        return replace(self, transfer=(*others, entry))
