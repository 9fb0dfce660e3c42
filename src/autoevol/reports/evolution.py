"""What the report of a run says of its bulk stage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

from autoevol.core.records import Outcome
from autoevol.core.schema import SPARSE, Record
from autoevol.core.wording import many, reasons
from autoevol.evolution.lineage import Fate
from autoevol.evolution.outputs import Tally
from autoevol.reports.text import TableRows, counts


@dataclass(frozen=True, slots=True)
class DatasetLines(Record):
    """Lines of `dataset.jsonl`, and how many of them are seeds."""

    lines: int
    seeds: int


@dataclass(frozen=True, slots=True)
class RetryReport(Record):
    """What fresh samples after a failure brought; see `Retries`."""

    rows: int
    samples: int
    passed: int
    kept: int

    def __str__(self) -> str:
        """`82 seeds that had failed, with 124 fresh samples: 76 of them kept`."""
        return (
            f"{many(self.rows, 'seed')} that had failed, with {many(self.samples, 'fresh sample')}: "
            f"{self.kept:,} of them kept"
        )


@dataclass(frozen=True)
class EvolutionReport(Record):
    """What the bulk stage has done; see `Tally` for what is counted.

    Attributes:
        rows: Rows that are finished.
        passed: Rows that were kept.
        failed: Rows that were rejected.
        unscored: Rows that were lost to errors.
        kinds: Rejected rows by the worst failure kind of their last round.
        rejected: Rejected rows by how their last round ended.
        refused: Texts that gates refused, by gate and reason.
        losses: Lost rows by the word for their error.
        rounds: Rounds by how they ended, every attempt counted.
        operations: Rounds by method.
        dataset: What was written.
        complete: False if the budget ended before the rows did, or before there were enough.
        retries: What fresh samples after a failure brought; None where there were none.
        target: Rows that were to be kept; None for all.
    """

    rows: int
    passed: int
    failed: int
    unscored: int
    kinds: Mapping[str, int]
    rejected: Mapping[str, int]
    refused: Mapping[str, Mapping[str, int]]
    losses: Mapping[str, int]
    rounds: Mapping[str, int]
    operations: Mapping[str, int]
    dataset: DatasetLines
    complete: bool
    retries: RetryReport | None = field(default=None, metadata=SPARSE)
    target: int | None = field(default=None, metadata=SPARSE)

    @classmethod
    def of(cls, tally: Tally) -> EvolutionReport:
        """The report of what was tallied, the most frequent first."""
        refused: dict[str, dict[str, int]] = {}
        for (gate, reason), count in tally.refused.most_common():
            refused.setdefault(gate, {})[reason] = count
        return cls(
            rows=tally.rows,
            **{outcome.value: tally.outcomes[outcome] for outcome in Outcome},
            kinds=dict(tally.kinds.most_common()),
            rejected={fate.value: count for fate, count in tally.rejected.most_common()},
            refused=refused,
            losses=dict(tally.losses.most_common()),
            rounds={fate.value: count for fate, count in tally.fates.most_common()},
            operations=dict(tally.operations.most_common()),
            dataset=DatasetLines(tally.written, tally.seeds),
            complete=tally.complete,
            retries=RetryReport(**asdict(tally.retries)) if tally.retries.rows else None,
            target=tally.target,
        )

    def table_rows(self, gates: Iterable[str], paths: Mapping[str, str]) -> TableRows:
        """(label, value) rows.

        Args:
            gates: Those that were asked, of which it is told what they refused.
            paths: Files by what they are, as `RunReport.paths`.
        """
        where = f" in {paths['dataset']}" if "dataset" in paths else ""
        lines = f"{many(self.dataset.lines, 'line')}{where}, from {self.passed:,} of {self.rows:,} seeds"
        if self.dataset.seeds:
            lines += f"; {self.dataset.seeds:,} of the lines are seeds with their answers"
        if not self.complete:
            lines += " (stopped early: the other seeds were not reached)"
        elif self.target and self.passed < self.target:
            lines += f"; {self.target:,} were wanted, and there are no more seeds"
        rows = [("data set", lines)]
        if self.retries:
            rows.append(("tried again", str(self.retries)))
        if failed := self.failed - self.gated:
            tries = " under every try" if self.retries else ""
            rows.append(("failed", f"{many(failed, 'seed')}{tries}: {reasons(self.why_failed)}"))
        if self.unscored:
            rows.append(("lost", f"{many(self.unscored, 'seed')}, by errors: {reasons(self.losses)}"))
        rows += [(f"turned away by {gate}", self._turned_away(gate)) for gate in gates]
        if len(self.operations) > 1:
            rows.append(("rounds by method", counts(self.operations)))
        return rows

    @property
    def gated(self) -> int:
        """Seeds that ended with a text that a gate refused: no failure of the method."""
        return self.rejected.get(Fate.GATED.value, 0)

    @property
    def why_failed(self) -> dict[str, int]:
        """Seeds that failed, by the word for the worst that was found, or for how their last round ended."""
        others = (Fate.FAILED.value, Fate.UNPARSED.value, Fate.GATED.value)
        ends = {word: count for word, count in self.rejected.items() if word not in others}
        told = Counter(self.kinds) + Counter(ends)
        # A reply that ran into its limit has a kind as well where a detector saw it.
        over = told.total() - (self.failed - self.gated)
        if over > 0 and Fate.LENGTH.value in told:
            told[Fate.LENGTH.value] -= min(over, told[Fate.LENGTH.value])
        return dict(told.most_common())

    def _turned_away(self, gate: str) -> str:
        refused = self.refused.get(gate, {})
        if not refused:
            return "nothing"
        ended = many(self.gated, "seed")
        return f"{many(sum(refused.values()), 'text')} ({reasons(refused)}); {ended} gave nothing for it"
