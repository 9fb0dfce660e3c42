"""benchmarks.json: what a model scored, what papers report, and what training data share with the items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autoevol.core.schema import Document
from autoevol.harnesses.catalog import BENCHMARKS, Benchmark
from autoevol.harnesses.contamination import Contamination
from autoevol.harnesses.measured import BenchmarkFigure
from autoevol.harnesses.papers import PAPER_ROWS
from autoevol.reports.rates import Ledger
from autoevol.reports.text import TableRows

FILE = "benchmarks.json"
TABLE = "benchmarks.md"


@dataclass(frozen=True)
class BenchmarksReport(Document, schema="autoevol.benchmarks/1"):
    """Figures of one model on the papers' benchmarks.

    Attributes:
        model: Its name or folder.
        asked: Benchmarks that were asked for.
        measured: Those that have a result, in the order of the catalog.
        open: Why the others have none, by benchmark.
        training: The training data that were held against the items; blank where none were named.
        contamination: By benchmark; where its items are not known there is none.
        ledger: Empty: harnesses pay on their own account, and nobody here sees it.
    """

    model: str
    asked: tuple[str, ...]
    measured: tuple[BenchmarkFigure, ...]
    open: Mapping[str, str]
    training: str
    contamination: Mapping[str, Contamination]
    ledger: Ledger

    def table_rows(self) -> TableRows:
        """A benchmark a line: the figure, the interval, the papers' figures, what the data share with it."""
        known = {one.benchmark: one for one in self.measured}
        rows = [("model", self.model)]
        if self.training:
            rows.append(("training data", self.training))
        for name in self.asked:
            benchmark = BENCHMARKS[name]
            rows.append((benchmark.label, told(known[name]) if name in known else self.open.get(name, "")))
            if name in known:
                rows.append(("  measured", _how(benchmark, known[name])))
            if papers := [
                f"{row.named(name)} {row.figures[name]:g}" for row in PAPER_ROWS if name in row.figures
            ]:
                rows.append(("  papers", ", ".join(papers)))
            if self.training:
                shared = self.contamination.get(name)
                unknown_items = f"not known: give --items {name}=FILE"
                rows.append(("  in training data", unknown_items if shared is None else str(shared)))
        return rows

    def markdown(self) -> str:
        """One table: this model first, then the papers' rows with their sources."""
        names = [name for name in BENCHMARKS if name in self.asked]
        head = ["model", *(BENCHMARKS[name].label for name in names), "source"]
        known = {one.benchmark: one for one in self.measured}
        own = [told(known[name]) if name in known else "" for name in names]
        lines = [head, ["---"] * len(head), [f"**{self.model}**", *own, "here"]]
        if self.training:
            shared = [str(self.contamination.get(name, "not known")) for name in names]
            lines.append([f"rows of {self.training} that share words with it", *shared, "here"])
        for row in PAPER_ROWS:
            figures = [f"{row.figures[name]:g}" if name in row.figures else "" for name in names]
            if any(figures):
                lines.append([f"{row.name} ({row.model})" if row.model else row.name, *figures, row.source])
        table = "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)
        notes = [f"- {BENCHMARKS[name].label}: {_how(BENCHMARKS[name], one)}" for name, one in known.items()]
        return f"{table}\n\n" + "\n".join(notes) + ("\n" if notes else "")


def told(one: BenchmarkFigure) -> str:
    """`70.7 [68.2, 73.2]`: the figure with its 95 % interval, if there is one."""
    digits = 2 if BENCHMARKS[one.benchmark].most == 10 else 1
    span = "" if one.low is None or one.high is None else f" [{one.low:.{digits}f}, {one.high:.{digits}f}]"
    return f"{one.value:.{digits}f}{span}"


def _how(benchmark: Benchmark, one: BenchmarkFigure) -> str:
    items = f", {one.items:,} items" if one.items else ""
    doubt = f"; not as in the papers: {one.note}" if one.note else ""
    return f"{benchmark.counted}{items}, by {one.harness}; interval: {one.interval}{doubt}"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
