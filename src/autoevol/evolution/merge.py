"""Merges finished shards: the rows of all of them, in the order of their source."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from autoevol.core.errors import InputError, StoreError
from autoevol.data.seen import SeenIds
from autoevol.data.shard import Shard
from autoevol.evolution.lineage import End
from autoevol.store.parts import Parts


def merge_parts(shards: Mapping[Shard, Parts], into: Parts, part_rows: int) -> None:
    """Write the rows of all shards to the parts of `into`, which then look like those of a single run.

    Parts of the same number are replaced, so a killed merge is simply repeated. Memory grows by 11 to 16
    bytes per row; one file is open per shard.

    Args:
        shards: Complete parts.
        into: Where the rows go.
        part_rows: Rows per part.

    Raises:
        InputError: If `into` holds parts that are not from a merge of these shards.
        StoreError: If a row is in the wrong shard or occurs twice, or a part is damaged.
        StoreLost: If a part cannot be written.
    """
    rows = sum(parts.rows for parts in shards.values())
    if any(part.rows != min(part_rows, rows - part.number * part_rows) for part in into):
        raise InputError(f"{into.folder} holds rows of another run; move that folder away to merge")
    lines = _distinct(heapq.merge(*(_owned(*shard) for shard in shards.items()), key=_place_in_source))
    number = 0
    while batch := list(islice(lines, part_rows)):
        with into.writer(number) as writer:
            for line in batch:
                writer.add(line, line["seed_id"], record=line["record"], dead=line["end"] == End.DEAD)
            writer.seal()
        number += 1


def _owned(shard: Shard, parts: Parts) -> Iterator[dict[str, Any]]:
    for line in parts.lines():
        if "record" not in line:
            raise StoreError(f"{parts.folder} does not say where its rows stood; it is of an earlier version")
        if not shard.owns(line["seed_id"]):
            raise StoreError(f"{parts.folder} holds row {line['seed_id']}, which is not of shard {shard}")
        yield line


def _place_in_source(line: Mapping[str, Any]) -> tuple[int, int]:
    """A row's position in the source: its record, and within a conversation the number of earlier turns."""
    return line["record"], len(line["context"])


def _distinct(lines: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    seen = SeenIds()
    for line in lines:
        if not seen.add(int(line["seed_id"], 16)):
            raise StoreError(f"row {line['seed_id']} is there twice")
        yield line
