"""The report of a comparison: entries at an equal budget, and where their methods stand on one holdout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from autoevol.core.layout import WIDTH, Column, grid_table, wrapped
from autoevol.core.records import Method
from autoevol.core.schema import SPARSE, Document, Record
from autoevol.metrics.intervals import Interval
from autoevol.metrics.paired import PairedTest
from autoevol.metrics.simultaneous import Behind
from autoevol.reports.costs import RowCost
from autoevol.reports.rates import FAILURE_RATE, USABLE_YIELD, figure_of
from autoevol.reports.text import TableRows
from autoevol.reports.verdicts import counted_by, difference

FILE = "comparison.json"

Group = Literal["autoevol", "rivals", "demos", "fixed"]
Ending = Literal["done", "budget", "failed"]


@dataclass(frozen=True, slots=True)
class Point(Record):
    """From `calls` paid calls on, `method` is what the optimizer would give back."""

    calls: int
    method: Method


@dataclass(frozen=True)
class Finished(Document, schema="autoevol.entry/2"):
    """One entry: what one contestant made of its budget with one seed.

    Attributes:
        contestant: Its name.
        group: Its group.
        seed: The entry's seed.
        method: What it gave back, or its best so far where it was stopped.
        curve: Its method in force over the calls paid; begins at 0 calls with the start and
            ends with `method` at `calls`.
        calls: Calls paid, task, judge and optimizer together; never above the budget. As in every
            ledger, a call is paid when it is answered: refused sends are not counted, and
            answers from the entry's own store are free.
        tokens: Tokens of these calls, input and output.
        by_role: Calls by role.
        ending: How its last turn ended: `done` by itself, `budget` at the cap, or `failed` with an
            error of its own.
        turns: How often it was started; more than once where it ended before the cap.
        notes: Known traps that this entry ran into, and errors, in words.
        sizes: The optimizer's settings at its first turn, derived from the budget.
        seconds: Wall-clock time of this process for the entry.
    """

    contestant: str
    group: Group
    seed: int
    method: Method
    curve: tuple[Point, ...]
    calls: int
    tokens: int
    by_role: Mapping[str, int]
    ending: Ending
    turns: int = 1
    notes: tuple[str, ...] = ()
    sizes: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


class MeanRank(NamedTuple):
    """The mean rank of one contestant over the seeds.

    Attributes:
        mean: 1 is best; equal rates share the mean of their places.
        low: Lower end of the 95 % bootstrap interval over seeds.
        high: Upper end.
        shared: Seeds in which it shares its rank with another contestant.
        behind: Mean rank minus that of the best contestant, >= 0.
        tied: Whether the 95 % interval of `behind` reaches 0. It is not corrected for the number of
            contestants: `Standing.tied` is.
    """

    mean: float
    low: float
    high: float
    shared: int
    behind: float
    tied: bool

    def __str__(self) -> str:
        """`1.25 [1.0, 1.5] (1 shared)`."""
        shared = f" ({self.shared} shared)" if self.shared else ""
        return f"{self.mean:.2f} [{self.low:.1f}, {self.high:.1f}]{shared}"


@dataclass(frozen=True)
class Standing(Record):
    """One contestant over all seeds.

    Attributes:
        rates: Loss on the holdout by seed, 0..1: the failure rate, or 1 less the yield or gain.
        rate: Their mean.
        interval: 95 % Wilson interval of `rate` as if it were one run over the holdout: seeds share
            their rows, so they do not add up.
        behind: `rate` against that of the best contestant, over the rows scored for both (the mean
            over seeds is one value per row). None for the best itself, or where no row is scored
            for both. The best was picked by the same rows, which flatters it a little.
        rank: Rank over seeds; None for contestants that are reported apart.
        calls: Calls paid by seed.
        endings: Endings by seed.
        notes: Traps that its entries ran into, each once.
        curve: Mean over seeds of the holdout rate of the method in force, over the calls paid.
        usable: Share of the scored holdout rows that are usable, mean over seeds; None in older files.
        corrected: `rate` less that of the best contestant, over the rows scored for all that are ranked,
            with an interval that holds for all pairs of them at once, whoever is the best; None for
            contestants that are reported apart, and in older files.
        tied: Whether that interval holds 0: the rows do not tell it from the best.
        row_cost: What a usable row of the holdout costs, mean over seeds; None where there is none, and
            in older files.
    """

    contestant: str
    group: Group
    rates: Mapping[int, float]
    rate: float
    interval: Interval
    behind: PairedTest | None
    rank: MeanRank | None
    calls: Mapping[int, int]
    endings: Mapping[int, str]
    notes: tuple[str, ...]
    curve: tuple[tuple[int, float], ...]
    usable: float | None = field(default=None, metadata=SPARSE)
    corrected: Behind | None = field(default=None, metadata=SPARSE)
    tied: bool | None = field(default=None, metadata=SPARSE)
    row_cost: RowCost | None = field(default=None, metadata=SPARSE)

    def told(self, objective: str) -> str:
        """`50.0% [15.0%, 85.0%]`: the failure rate, or what else `objective` counts, with its interval."""
        low, high = self.interval.low, self.interval.high
        if objective == FAILURE_RATE:
            return f"{self.rate:.1%} [{low:.1%}, {high:.1%}]"
        return f"{1 - self.rate:.1%} [{1 - high:.1%}, {1 - low:.1%}]"


@dataclass(frozen=True, slots=True)
class Traps(Record):
    """Known traps of a contestant with how they are handled, and those that its entries met."""

    known: tuple[str, ...]
    met: tuple[str, ...]


@dataclass(frozen=True)
class ComparisonReport(Document, schema="autoevol.comparison/2"):
    """What a comparison found: `comparison.json`.

    Attributes:
        label: Said with every figure, such as `simulated`; '' for none.
        measure: What decided on failures and how good it is, in one sentence; '' if not given.
        budget: Calls that each entry could pay.
        holdout: Number of rows that the referee scored on.
        referee_calls: Calls that the referee paid, outside every budget.
        standings: Best first; contestants that are reported apart last.
        traps: By contestant.
        rates: The referee's losses by method id, 0..1; see `Standing.rates`.
        entries: All entries.
        versions: Of autoevol, DSPy and Python; not in files of 0.1.0.
        objective: What was optimised.
    """

    label: str
    measure: str
    budget: int
    holdout: int
    referee_calls: int
    standings: tuple[Standing, ...]
    traps: Mapping[str, Traps]
    rates: Mapping[str, float]
    entries: tuple[Finished, ...]
    versions: Mapping[str, str] = field(default_factory=dict, metadata=SPARSE)
    objective: str = field(default=FAILURE_RATE, metadata=SPARSE)

    def table_rows(self) -> TableRows:
        """The figures on the holdout, best first, as (label, value) rows."""
        rows = [("contestant", f"holdout {self.figure}, {self.budget} calls per entry{self._mark}")]
        told = (
            (one, f"{one.told(self.objective)}{self._usable(one)}; {self.behind(one)}")
            for one in self.standings
        )
        return rows + [(one.contestant, f"{figure}{self._mark}") for one, figure in told]

    def table(self, width: int = WIDTH) -> str:
        """The comparison as text, a line per contestant; whatever is labelled says so in every line."""
        seeds = len(self.standings[0].rates)
        head = (
            f"{self.budget:,} calls per entry, {seeds} seeds, {self.holdout} holdout rows, "
            f"{self.referee_calls:,} calls of the referee outside the budgets{self._mark}"
        )
        columns = (
            Column("contestant"),
            Column("mean rank", right=True, spare=1),
            Column(f"holdout {self.figure}", right=True),
            Column("most calls", right=True, spare=2),
            *((Column("usable", right=True, spare=1),) if self._has_usable else ()),
            *((Column("", spare=0),) if self.label else ()),
        )
        cells = [self._cells(one) for one in self.standings]
        beside = [
            f"{one.contestant} beside the best: {self.behind(one)}{self._mark}"
            for one in self.standings
            if one.behind
        ]
        beside += [
            f"{one.contestant} takes {one.row_cost}{self._mark}" for one in self.standings if one.row_cost
        ]
        measured = [f"measured by {self.measure}"] if self.measure else []
        met = [f"{one.contestant}: {note}" for one in self.standings for note in one.notes]
        told = [*beside, *measured, *(["traps met:"] if met else []), *met]
        below = [line for text in told for line in wrapped(text, width)]
        return "\n".join([*wrapped(head, width), *grid_table(columns, cells, width), *below])

    @property
    def figure(self) -> str:
        """What the standings tell, by name: failure rate, gain or usable."""
        return figure_of(self.objective)

    def behind(self, one: Standing) -> str:
        """A contestant beside the best one, in words; by the corrected interval, where there is one."""
        if one.behind is None:
            return "best"
        counted = counted_by(self.objective)
        if one.corrected is None:
            return difference(replace(one.behind, counted=counted), self.objective, "tied")
        gap, low, high = one.corrected
        return difference(PairedTest(gap, low, high, counted=counted), self.objective, "tied")

    def _usable(self, one: Standing) -> str:
        """The share of usable rows, where the objective counts something else."""
        if one.usable is None or self.objective in (FAILURE_RATE, USABLE_YIELD):
            return ""
        return f", usable {one.usable:.1%}"

    @property
    def _mark(self) -> str:
        return f"  {self.label}" if self.label else ""

    @property
    def _has_usable(self) -> bool:
        return any(self._usable(one) for one in self.standings)

    def _cells(self, one: Standing) -> list[str]:
        rank = str(one.rank) if one.rank else "apart: tunes demos"
        usable = "" if one.usable is None else f"{one.usable:.1%}"
        cells = [one.contestant, rank, one.told(self.objective), f"{max(one.calls.values()):,}"]
        return [*cells, *([usable] if self._has_usable else []), *([self.label] if self.label else [])]
