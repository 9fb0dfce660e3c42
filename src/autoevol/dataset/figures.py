"""Figures of each version of a seed, kept beside the data set: `dataset.quality.jsonl`.

It has a line for each line of the data set, and one for each version that is not in it (the seed, a round
that is not kept). A figure that was paid for is kept until the same version is judged again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import orjson

from autoevol.core.errors import StoreError
from autoevol.core.records import digest
from autoevol.core.schema import SPARSE, Malformed, Record
from autoevol.dataset.lineages import EvolvedPair, SeedLineage, Stages, pair_key
from autoevol.metrics.difficulty import Difficulty
from autoevol.store.files import read_object, replacing

RUN = "the run's judge"
"""The `judge` of figures that came with the data set."""
COLUMNS = ("complexity", "gain", "tags", "ifd", "ic_ifd")
"""The figures that exports carry along."""


@dataclass(frozen=True, slots=True)
class Figures(Record):
    """One version of a seed, with the pair that ends in it if there is one.

    Attributes:
        seed_id: Of its seed.
        round: Rounds that led to it; 0 for the seed.
        version: A hash of all instructions from the seed to it.
        pair: `EvolvedPair.key` of its line; None if it has no line in the data set.
        id: Of its line.
        complexity: 1..10.
        gain: Of the pair, 0..3.
        tags: What its instruction asks for.
        judge: The model that scored the complexity, and the gain unless the run's judge had.
        tagger: The model that named the tags.
        difficulty: Difficulty of the pair for a local model.
    """

    seed_id: str
    round: int
    version: str
    pair: str | None = None
    id: str | None = field(default=None, metadata=SPARSE)
    complexity: float | None = field(default=None, metadata=SPARSE)
    gain: float | None = field(default=None, metadata=SPARSE)
    tags: tuple[str, ...] | None = field(default=None, metadata=SPARSE)
    judge: str | None = field(default=None, metadata=SPARSE)
    tagger: str | None = field(default=None, metadata=SPARSE)
    difficulty: Difficulty | None = field(default=None, metadata=SPARSE)

    @property
    def key(self) -> tuple[str, str | None]:
        """Identifies the version and response; a version with two responses has two."""
        return self.version, self.pair

    @property
    def columns(self) -> dict[str, Any]:
        """Values by the names in `COLUMNS`; None if unknown."""
        of = self.difficulty
        known = {name: getattr(self, name) for name in ("complexity", "gain")}
        tags = None if self.tags is None else list(self.tags)
        return {**known, "tags": tags, "ifd": of and of.ifd, "ic_ifd": of and of.ic_ifd}

    def over(self, older: Figures | None) -> Figures:
        """These figures, with missing ones filled in from `older`."""
        if older is None:
            return self
        missing = {
            one.name: getattr(older, one.name) for one in fields(self) if getattr(self, one.name) is None
        }
        return replace(self, **missing)


def version_key(way: Stages) -> str:
    """See `Figures.version`."""
    return digest(*way)


def figures_of(lineage: SeedLineage) -> list[Figures]:
    """All versions of a seed, with the figures from the run's own judge."""
    lines: dict[Stages, list[EvolvedPair]] = {}
    for pair in lineage.pairs:
        lines.setdefault(pair.stages, []).append(pair)
    # The judge compares the first round with the seed, so the seed's complexity is recorded there.
    of_seed = (pair.complexity_before for pair in lineage.pairs if len(pair.stages) == 2)
    seed_complexity = next((value for value in of_seed if value is not None), None)
    made: list[Figures] = []
    for way in lineage.versions:
        about = Figures(lineage.seed_id, len(way) - 1, version_key(way))
        if len(way) == 1:
            about = replace(about, complexity=seed_complexity)
        for pair in lines.get(way, ()):
            complexity = about.complexity if pair.complexity is None else pair.complexity
            of_pair = replace(about, pair=pair.key, id=pair.id, complexity=complexity, gain=pair.gain)
            made.append(_by_run(of_pair))
        if way not in lines:
            made.append(_by_run(about))
    return made


def _by_run(made: Figures) -> Figures:
    return made if made.complexity is None and made.gain is None else replace(made, judge=RUN)


def figures_file(dataset: Path) -> Path:
    """The path of a data set's figures."""
    return dataset.with_suffix(".quality.jsonl")


def report_file(dataset: Path) -> Path:
    """The path of a data set's report by stage (`reports.quality`)."""
    return dataset.with_suffix(".quality.json")


def write_figures(path: Path, figures: Iterable[Figures]) -> None:
    """Write figures, atomically. Raises StoreLost if the disk refuses."""
    with replacing(path) as lines:
        for one in figures:
            lines.add(one.to_json())


def read_figures(path: Path) -> Iterator[Figures]:
    """Read what `write_figures` wrote; nothing if there is no file.

    Raises:
        StoreError: If the file is damaged; the message names the line.
    """
    if not path.exists():
        return
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield Figures.from_json(orjson.loads(line))
            except (ValueError, Malformed) as error:
                raise StoreError(
                    f"{path} is damaged in line {number}: {error}. Remove it: the same `autoevol quality` "
                    "makes it again from the calls that are kept"
                ) from error


class KnownFigures:
    """The columns of pairs by their text, so that they are found again in a cleaned or shortened file.

    Args:
        dataset: A file with `STEM.quality.jsonl` beside it, or one that `autoevol clean` made of such a file.
    """

    def __init__(self, dataset: Path) -> None:
        known = (one for path in origins(dataset) for one in read_figures(figures_file(path)))
        self._by_pair = {one.pair: one for one in known if one.pair is not None}

    def __len__(self) -> int:
        return len(self._by_pair)

    def of(self, key: str, record: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """All columns of the pair with this key; unknown ones are taken from `record`, or None."""
        known = self._by_pair[key].columns if key in self._by_pair else dict.fromkeys(COLUMNS)
        held = record or {}
        return {name: held.get(name) if value is None else value for name, value in known.items()}


def record_key(record: object) -> str | None:
    """The key of the pair in a record of an evolved data set; None for any other record."""
    if not isinstance(record, Mapping):
        return None
    stages, response = record.get("stages"), record.get("response")
    if not isinstance(stages, list) or not stages or not isinstance(stages[-1], str):
        return None
    return pair_key(stages[-1], response if isinstance(response, str) else "")


def origins(dataset: Path) -> list[Path]:
    """A file and those that it was cleaned from, the oldest first; empty if it is not a file."""
    made = [dataset] if dataset.is_file() else []
    while made and (report := read_object(made[-1].with_suffix(".clean.json"))):
        source = Path(str(report.get("source")))
        if source in made or not source.is_file():
            break
        made.append(source)
    return made[::-1]
