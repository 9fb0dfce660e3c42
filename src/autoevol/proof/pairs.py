"""Pairs of instruction and response: read from a run folder or a file, matched in length, shuffled."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autoevol.core.errors import InputError
from autoevol.core.records import Row, digest
from autoevol.core.schema import Record
from autoevol.core.seeds import derived_random
from autoevol.data.load import iter_entries
from autoevol.evolution.lineage import End, Fate, Lineage, decode_lineage
from autoevol.evolution.outputs import kept
from autoevol.store.parts import Parts
from autoevol.store.sealed import check_source


@dataclass(frozen=True, slots=True)
class Pair(Record):
    """One example to learn from, or to be measured on.

    Attributes:
        id: Unique in its arm.
        seed_id: Hash of the text of the seed that it evolved from; pairs of one seed are set aside together.
        instruction: The prompt.
        response: The text that is learned, or measured.
    """

    id: str
    seed_id: str
    instruction: str
    response: str


def lineages_of(folder: Path) -> Iterator[Lineage]:
    """The finished rows of a run folder, or of an arm made like one.

    Raises:
        InputError: If it has none.
    """
    if not (folder / "parts" / "manifest.jsonl").exists():
        raise InputError(f"{folder} has no finished rows; give the folder of a run that has ended, or a file")
    yield from (decode_lineage(line) for line in Parts(folder / "parts", None).lines())


def evolved_pairs(folder: Path, keep: str = "last") -> list[Pair]:
    """The rounds that a run kept, without seeds."""
    return [
        Pair(step.id, digest(lineage.row.instruction), step.evolved or "", step.response or "")
        for lineage in lineages_of(folder)
        if lineage.end is End.KEPT
        for step in kept(lineage, keep)
        if step.round
    ]


def answered_seeds(folder: Path) -> list[Pair]:
    """Seeds that a model answered in a run (`--with-seeds`), without those answered in the file."""
    return [
        Pair(step.id, digest(lineage.row.instruction), lineage.row.instruction, step.response or "")
        for lineage in lineages_of(folder)
        for step in lineage.rounds
        if step.round == 0 and step.fate is Fate.PASSED and step.model != "reference"
    ]


def seed_rows(folder: Path) -> list[Row]:
    """All seeds of a run, whatever happened to them."""
    return list({lineage.row.id: lineage.row for lineage in lineages_of(folder)}.values())


def pairs_of_file(path: str | Path) -> list[Pair]:
    """Pairs from a file of any shape with answers; a field `seed` names the seed that they evolved from.

    Raises:
        InputError: If the file cannot be read, or a record has no response.
    """
    check_source(path)
    pairs: dict[str, Pair] = {}
    for entry in iter_entries(path):
        instruction, response = entry.seed.instruction, entry.seed.reference
        if not (response or "").strip():
            raise InputError(f"{path}, {entry.place}: there is no response to learn from")
        record = entry.value if isinstance(entry.value, dict) else {}
        seed = record.get("seed")
        made_of = seed if isinstance(seed, str) else instruction
        pair = Pair(digest(instruction, response or ""), digest(made_of), instruction, response or "")
        pairs.setdefault(pair.id, pair)
    return list(pairs.values())


def matched_in_length(seeds: Sequence[Pair], evolved: Sequence[Pair]) -> list[Pair]:
    """For each evolved pair, the seed whose response is nearest in length (in characters).

    A seed may be used several times. If all seeds are shorter, so is the arm: the plan reports the means
    of both.

    Raises:
        InputError: If there are no seeds.
    """
    if not seeds:
        raise InputError("there are no seeds to match in length")
    ordered = sorted(seeds, key=lambda pair: (len(pair.response), pair.id))
    lengths = [len(pair.response) for pair in ordered]
    matched = []
    for wanted in evolved:
        place = bisect_left(lengths, len(wanted.response))
        near = [at for at in (place - 1, place) if 0 <= at < len(ordered)]
        best = min(near, key=lambda at: abs(lengths[at] - len(wanted.response)))
        matched.append(replace(ordered[best], id=f"{ordered[best].id}:{wanted.id}"))
    return matched


def shuffled_responses(pairs: Sequence[Pair], seed: int = 0) -> list[Pair]:
    """The same instructions, each with another pair's response: same style, wrong content.

    Raises:
        InputError: If there are fewer than two pairs.
    """
    if len(pairs) < 2:
        raise InputError("responses can be shuffled only among two pairs or more")
    order = list(range(len(pairs)))
    derived_random(seed, "shuffled").shuffle(order)
    # Shifting a random order by one leaves no pair with its own response.
    after = dict(zip(order, [*order[1:], order[0]], strict=True))
    return [replace(pair, response=pairs[after[place]].response) for place, pair in enumerate(pairs)]
