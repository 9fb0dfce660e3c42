"""An evolved data set grouped by seed: each seed once, with everything that evolved from it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoevol.core.errors import InputError
from autoevol.core.records import digest
from autoevol.store.sealed import check_counts, check_source

SAMPLE = 1_000
"""Seeds that are looked at by default: diversity depends on the size of a set, and its cost
grows with the cube of it."""

Stages = tuple[str, ...]
"""One version of a seed, as the path to it: the seed, then the instruction after each round up to its own."""


@dataclass(frozen=True, slots=True)
class EvolvedPair:
    """One line of a data set.

    Attributes:
        id: Of the line; None if it has none.
        stages: The path from the seed to its instruction; only the seed if that was answered.
        response: The answer to the last stage; "" if the line has none.
        gain: From the run's judge, 0..3; None without one.
        complexity: Of the instruction, likewise, 1..10.
        complexity_before: Of the instruction that it was judged against, likewise, 1..10.
    """

    id: str | None
    stages: Stages
    response: str = ""
    gain: float | None = None
    complexity: float | None = None
    complexity_before: float | None = None

    @property
    def key(self) -> str:
        """A hash of instruction and response."""
        return pair_key(self.stages[-1], self.response)


@dataclass(frozen=True, slots=True)
class SeedLineage:
    """A seed with every line of the data set that comes from it.

    Attributes:
        seed_id: Of the seed; a hash of its text if the lines have none.
        pairs: At least one, in the order of the file.
    """

    seed_id: str
    pairs: tuple[EvolvedPair, ...]

    @property
    def seed(self) -> str:
        """The instruction before the first round."""
        return self.pairs[0].stages[0]

    @property
    def versions(self) -> tuple[Stages, ...]:
        """The seed and each distinct instruction evolved from it, earlier rounds first."""
        ways = {pair.stages[:size]: None for pair in self.pairs for size in range(1, len(pair.stages) + 1)}
        return tuple(sorted(ways, key=len))

    @property
    def ends(self) -> tuple[Stages, ...]:
        """The versions that were not evolved further; one, unless the file has two paths from a seed."""
        parents = {way[:-1] for way in self.versions}
        return tuple(way for way in self.versions if way not in parents)

    @property
    def evolved(self) -> bool:
        """Whether the seed was evolved, rather than only answered."""
        return len(self.versions) > 1


def pair_key(instruction: str, response: str) -> str:
    """See `EvolvedPair.key`. It depends on the texts alone, so figures survive cutting or cleaning."""
    return digest(instruction, response)


def read_lineages(path: Path) -> list[SeedLineage]:
    """The seeds of a dataset, in the order in which they first appear: a run folder, or its `dataset.jsonl`.

    Raises:
        InputError: If it cannot be read, has no rows, or a line has no `stages` of at least two texts (one
            for an answered seed, `round` 0); the message names the line.
        StoreError: If the data set of a run folder is not as the run left it.
    """
    file = dataset_file(path)
    if path.is_dir():
        check_counts(path)
    else:
        check_source(path)
    if not file.exists():
        raise InputError(f"{path}: there is no such file or folder")
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: {error}") from error
    by_seed: dict[str, list[EvolvedPair]] = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            seed_id, pair = _pair(line, f"{file}, line {number}")
            by_seed.setdefault(seed_id, []).append(pair)
    if not by_seed:
        raise InputError(f"{file}: no rows")
    return [SeedLineage(seed_id, tuple(pairs)) for seed_id, pairs in by_seed.items()]


def dataset_file(path: Path) -> Path:
    """The data set at a path: the file itself, or that in a run folder. Raises InputError without one."""
    if not path.is_dir():
        return path
    if not (path / "dataset.jsonl").exists():
        raise InputError(f"{path} holds no dataset.jsonl yet: finish the run first")
    return path / "dataset.jsonl"


def sample(lineages: Sequence[SeedLineage], size: int = SAMPLE) -> list[SeedLineage]:
    """At most `size` of the lineages, always the same ones, in their order."""
    order = sorted(range(len(lineages)), key=lambda place: digest("quality", str(place)))
    return [lineages[place] for place in sorted(order[:size])]


def _pair(line: str, place: str) -> tuple[str, EvolvedPair]:
    try:
        record: Mapping[str, Any] = json.loads(line)
        stages = record["stages"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{place}: not a row of an evolved dataset: {error!r}") from error
    least = 1 if record.get("round") == 0 else 2
    texts = isinstance(stages, list) and all(isinstance(text, str) for text in stages)
    if not texts or len(stages) < least:
        raise InputError(f"{place}: stages must be a list of at least two texts")
    response, own = record.get("response"), record.get("id")
    pair = EvolvedPair(
        id=own if isinstance(own, str) else None,
        stages=tuple(stages),
        response=response if isinstance(response, str) else "",
        gain=_figure(record, "gain"),
        complexity=_figure(record, "complexity"),
        complexity_before=_figure(record, "complexity_before"),
    )
    seed_id = record.get("seed_id")
    return (seed_id if isinstance(seed_id, str) and seed_id else digest(stages[0])), pair


def _figure(record: Mapping[str, Any], name: str) -> float | None:
    value = record.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
