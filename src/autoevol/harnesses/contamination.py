"""What the training data share with the items of each benchmark, as `clean --decontaminate` finds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autoevol.core.errors import InputError
from autoevol.core.schema import Record
from autoevol.data.load import iter_entries
from autoevol.dataset.benchmarks import Benchmarks, Kind
from autoevol.dataset.examples import exchanges_of
from autoevol.dataset.export import whole_dataset
from autoevol.harnesses.catalog import find_benchmark


@dataclass(frozen=True, slots=True)
class Contamination(Record):
    """Rows of the training data that share something with a benchmark.

    Attributes:
        rows: All rows of the training data.
        overlaps: Rows by kind of overlap: `whole`, `13-gram`, `8-gram`; a row counts under each of its kinds.
        texts: Texts of the benchmark that they were held against.
        items: Where the benchmark's texts were from.
    """

    rows: int
    overlaps: Mapping[str, int]
    texts: int
    items: str

    def __str__(self) -> str:
        """`13-gram 4, 8-gram 63 of 2,000`."""
        counts = ", ".join(f"{kind} {count}" for kind, count in self.overlaps.items() if count)
        return f"{counts or 'none'} of {self.rows:,}"


def parse_items(words: Sequence[str]) -> dict[str, str]:
    """`NAME=FILE` by benchmark. Raises InputError for another shape, or an unknown benchmark."""
    files: dict[str, str] = {}
    for word in words:
        name, sign, file = word.partition("=")
        if not (name and sign and file):
            raise InputError(f"--items {word!r}: write it as BENCHMARK=FILE")
        files[find_benchmark(name).name] = file
    return files


def contaminations(
    training: str | Path, items: Mapping[str, Iterable[tuple[str, str]]], sources: Mapping[str, str]
) -> dict[str, Contamination]:
    """What the rows of `training` share with each benchmark.

    Args:
        training: A run folder, a file or a dataset, as `clean` takes it.
        items: By benchmark, its places and texts.
        sources: By benchmark, where these are from.

    Raises:
        InputError: If the training data cannot be read.
    """
    known = {name: Benchmarks(texts) for name, texts in items.items()}
    counts: dict[str, Counter[Kind]] = {name: Counter() for name in known}
    rows = 0
    with iter_entries(whole_dataset(training)) as entries:
        for entry in entries:
            rows += 1
            said = [text for one in exchanges_of(entry) for text in (one.instruction, one.response) if text]
            for name, benchmark in known.items():
                kinds = {overlap.kind for text in said for overlap in benchmark.overlaps(text)}
                counts[name].update(kinds)
    return {
        name: Contamination(
            rows, {kind.value: counts[name][kind] for kind in Kind}, len(benchmark), sources[name]
        )
        for name, benchmark in known.items()
    }
