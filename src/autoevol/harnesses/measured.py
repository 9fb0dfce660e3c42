"""A figure of a benchmark, with its interval, and the rules by which one is made of items."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autoevol.core.schema import Record
from autoevol.harnesses.catalog import Benchmark
from autoevol.metrics.intervals import clopper_pearson
from autoevol.metrics.paired import bootstrap_mean

_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class BenchmarkFigure(Record):
    """What a model scored on a benchmark.

    Attributes:
        benchmark: Its name.
        value: In percent; of MT-Bench 1..10.
        low: Lower end of the 95 % interval; None where the files hold neither items nor an error.
        high: Upper end.
        items: Items that were scored; 0 where the files do not say.
        interval: How the ends were found.
        harness: Who measured, with its version where the files have it.
        file: Where the figure was read.
        note: What makes it another figure than the papers'; blank where nothing does.
    """

    benchmark: str
    value: float
    low: float | None
    high: float | None
    items: int
    interval: str
    harness: str
    file: str
    note: str = ""


@dataclass(frozen=True)
class Reading:
    """What one harness has left for a benchmark.

    Attributes:
        measured: The figure.
        texts: (place, text) of the benchmark's own items, as far as the files hold them.
    """

    measured: BenchmarkFigure
    texts: Sequence[tuple[str, str]] = field(default_factory=tuple)


@dataclass(frozen=True)
class Origin:
    """Where figures come from, as `BenchmarkFigure` tells it."""

    harness: str
    file: Path
    note: str = ""


def from_items(benchmark: Benchmark, points: Iterable[float], origin: Origin) -> BenchmarkFigure:
    """The mean of items with its interval: Clopper-Pearson where all are 0 or `most`, else a bootstrap.

    Args:
        benchmark: Whose items they are.
        points: One an item, in the unit of `benchmark`; at least one.
        origin: Where they were read.
    """
    values = list(points)
    if all(value in (0.0, benchmark.most) for value in values):
        hits = sum(value == benchmark.most for value in values)
        low, high = clopper_pearson(hits, len(values))
        ends, how = (low * benchmark.most, high * benchmark.most), "Clopper-Pearson"
    else:
        mean = bootstrap_mean(values)
        ends, how = (mean.low, mean.high), "bootstrap over items"
    value = sum(values) / len(values)
    return BenchmarkFigure(
        benchmark.name, value, *ends, len(values), how, origin.harness, str(origin.file), origin.note
    )


def from_error(
    benchmark: Benchmark, value: float, error: float | None, items: int, origin: Origin
) -> BenchmarkFigure:
    """A figure without its items: value ± 1.96 standard errors, within what is possible."""
    ends: tuple[float | None, float | None] = (None, None)
    if error is not None:
        ends = (max(0.0, value - _Z * error), min(benchmark.most, value + _Z * error))
    how = "none: no items" if error is None else "the harness's standard error"
    return BenchmarkFigure(
        benchmark.name, value, *ends, items, how, origin.harness, str(origin.file), origin.note
    )
