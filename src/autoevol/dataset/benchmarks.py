"""Benchmarks that training data must not contain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from autoevol.core.errors import InputError
from autoevol.data.sources import find_source
from autoevol.dataset.words import runs, words

# Below this a text of a benchmark is a label (`Math`, `add`), not a task.
_LEAST_WORDS = 3


class Kind(StrEnum):
    """How a text and a benchmark overlap, worst first."""

    WHOLE = "whole"
    LONG = "13-gram"
    SHORT = "8-gram"


# Auto Evol-Instruct, table 10, counts matches of both lengths.
_SIZES = {Kind.LONG: 13, Kind.SHORT: 8}


@dataclass(frozen=True, slots=True)
class Overlap:
    """What a text shares with a benchmark.

    Attributes:
        place: The benchmark's file, line and column.
        text: The shared run of words.
    """

    kind: Kind
    place: str
    text: str


class Benchmarks:
    """Every text of the benchmarks that a user names.

    All text of a record counts, not only its question: HumanEval's `canonical_solution` and GSM8K's
    `answer` are contamination too. Words are compared without letter case, punctuation and signs.
    "Whole" means that the two texts are equal (and have 3 words or more), or that a benchmark text of 8
    to 12 words, too short for a 13-gram, occurs in the other. Runs that are mostly numbers do not count:
    worked sums share them by chance.

    Memory: about 0.2 kB per word of the benchmarks, whatever the size of the data set.

    Args:
        texts: Places and texts.
    """

    def __init__(self, texts: Iterable[tuple[str, str]] = ()) -> None:
        self._places: list[str] = []
        self._wholes: dict[int, dict[str, int]] = {}
        self._runs: dict[Kind, dict[str, int]] = {kind: {} for kind in _SIZES}
        for place, text in texts:
            self._add(place, words(text))

    @classmethod
    def load(cls, files: Iterable[str | Path], split: str = "test") -> Benchmarks:
        """Every text of `files`: of any format that seeds may have, or a Hugging Face dataset.

        Raises:
            InputError: If a file cannot be read to its end, or holds no text: a benchmark that is
                checked in part would be a false promise.
        """
        return cls(pair for file in files for pair in benchmark_texts(file, split))

    def __len__(self) -> int:
        return len(self._places)

    def overlaps(self, text: str) -> list[Overlap]:
        """What `text` shares with the benchmarks: one overlap of each kind at most, worst first."""
        if not self._places:
            return []
        said = words(text)
        found = [self._whole(said)]
        found += [self._first(kind, said, size, self._runs[kind]) for kind, size in _SIZES.items()]
        return [overlap for overlap in found if overlap is not None]

    def _whole(self, said: Sequence[str]) -> Overlap | None:
        sizes = {len(said), *range(_SIZES[Kind.SHORT], _SIZES[Kind.LONG])}
        for size in sorted(sizes & self._wholes.keys(), reverse=True):
            if overlap := self._first(Kind.WHOLE, said, size, self._wholes[size]):
                return overlap
        return None

    def _first(self, kind: Kind, said: Sequence[str], size: int, known: dict[str, int]) -> Overlap | None:
        shared = next((run for run in runs(said, size) if run in known), None)
        return None if shared is None else Overlap(kind, self._places[known[shared]], shared)

    def _add(self, place: str, said: Sequence[str]) -> None:
        if len(said) < _LEAST_WORDS:
            return
        item = len(self._places)
        self._places.append(place)
        self._wholes.setdefault(len(said), {}).setdefault(" ".join(said), item)
        for kind, size in _SIZES.items():
            for run in filter(_is_prose, runs(said, size)):
                self._runs[kind].setdefault(run, item)


def _is_prose(run: str) -> bool:
    """Whether at least half of the words are not numbers: a match on `20 x 3 20 3 60` means nothing."""
    said = run.split()
    return 2 * sum(not word.isdecimal() for word in said) >= len(said)


def benchmark_texts(file: str | Path, split: str = "test") -> Iterator[tuple[str, str]]:
    """The texts of a benchmark's file with their places. Raises InputError as `Benchmarks.load`."""
    found = find_source(file, None, split, every_column=True)
    usable = False
    with closing(found.records) as records:
        for raw in records:
            if raw.problem is not None:
                raise InputError(f"{found.name}, {found.unit} {raw.line}: {raw.problem}")
            for column, text in record_texts(raw.value):
                usable = True
                yield f"{found.name}, {found.unit} {raw.line}{column}", text
    if not usable:
        raise InputError(f"{found.name} holds no text to decontaminate against")


def record_texts(value: object, column: str = "") -> Iterator[tuple[str, str]]:
    """All strings in a record, with their places: `, column 'prompt'`."""
    if isinstance(value, str):
        yield column, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from record_texts(inner, column or f", column {str(name)!r}")
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from record_texts(inner, column)
