"""The report of a look at headroom: what an optimisation could gain at most, and what it would cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from autoevol.core.schema import SPARSE, Document, Record
from autoevol.metrics.paired import PairedTest
from autoevol.metrics.variance import Variances
from autoevol.optimization.first_look import FirstLook
from autoevol.reports.rates import Ledger, MethodRef, MetricReport, RateReport
from autoevol.reports.text import TableRows
from autoevol.reports.verdicts import against

FILE = "headroom.json"


@dataclass(frozen=True, slots=True)
class HeadroomMethod(Record):
    """A starting method on the rows.

    Attributes:
        method: Which.
        rate: Its failure rate over its first sample of every row.
        difference: Against the first method, row by row; None for that, and where no row was
            scored for both. Not corrected for the number of methods.
        corrected: The same over the rows scored for all methods, corrected for all pairs of them; None
            where `difference` is, where no row was scored for all, and in older files.
        tied: Whether that does not tell it from the first method.
    """

    method: MethodRef
    rate: RateReport
    difference: PairedTest | None = None
    corrected: PairedTest | None = field(default=None, metadata=SPARSE)
    tied: bool | None = field(default=None, metadata=SPARSE)


@dataclass(frozen=True, slots=True)
class OptimizationCost(Record):
    """What an optimisation takes at most, as `run` would make it on these seeds.

    Attributes:
        calls: LM calls by role.
        usd: Dollars of its evolutions and responses, at what they cost here; None without prices. The
            optimizer's own calls, some hundred, are not in it.
    """

    calls: Mapping[str, int]
    usd: float | None = None


@dataclass(frozen=True)
class HeadroomReport(Document, schema="autoevol.headroom/1"):
    """What `headroom` found: `headroom.json`.

    Attributes:
        source: The seeds as messages call them.
        data_hash: Of all of them.
        rows: Rows that every method was sampled on.
        samples: Evolutions per method and row.
        look: What `run --optimize auto` would say of these rows.
        methods: All starting methods, the first one first.
        variances: Of single outcomes; None where lost calls left fewer than two rows.
        always_failed: Rows that failed under every method in every sample: too hard for any method, judged
            wrongly, or in want of what no method says yet.
        cost: Of an optimisation.
        metric: What decided on failure.
        ledger: Costs by role, resumes included.
        versions: Of autoevol, DSPy and Python.
        seconds: Wall-clock time of this process.
    """

    source: str
    data_hash: str
    rows: int
    samples: int
    look: FirstLook
    methods: tuple[HeadroomMethod, ...]
    variances: Variances | None
    always_failed: int
    cost: OptimizationCost
    metric: MetricReport
    ledger: Ledger
    versions: Mapping[str, str]
    seconds: float

    def table_rows(self) -> TableRows:
        """(label, value) rows, in the order in which they are printed."""
        money = "" if self.cost.usd is None else f", ${self.cost.usd:,.2f} and the optimizer's own"
        rows = [
            ("seeds", f"{self.rows} rows of {self.source}, {self.samples} samples each"),
            *((f"failure rate, {one.method.name}", _line(one)) for one in self.methods),
            ("gain at most", f"{self.look.at_most:.1%} of rows (95 %): all that the first method fails"),
            ("verdict", self.verdict),
            ("always failed", f"{self.always_failed} rows, by every method in every sample"),
        ]
        if self.variances is not None:
            parts = self.variances.to_json().items()
            rows.append(("variance", ", ".join(f"{name} {value:.3f}" for name, value in parts)))
        rows.append(("an optimisation", f"at most {sum(self.cost.calls.values()):,} calls{money}"))
        return [*rows, ("measured by", self.metric.told), ("LM calls paid", str(self.ledger))]

    @property
    def verdict(self) -> str:
        """What `run` makes of it, in one sentence."""
        then = "run optimises" if self.look.worth else "run evolves with it at once"
        return f"{str(self.look).capitalize()}; {then}"


def _line(one: HeadroomMethod) -> str:
    beside = f": {against(one.difference, one.corrected)}" if one.difference else ""
    return f"{one.rate}{beside}"
