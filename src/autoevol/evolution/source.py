"""Where the rows of a run come from, and how a run that resumes skips those that are done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from autoevol.config import DataConfig
from autoevol.core.records import Row
from autoevol.data.load import iter_rows
from autoevol.data.seen import SeenIds
from autoevol.data.shard import Shard


class PlacedRow(NamedTuple):
    """A row, and the 0-based number of the record that it was read from."""

    row: Row
    record: int


class RowSource(Protocol):
    """The rows of a run, the same in the same order every time they are asked for."""

    def rows(self, after: int, done: Iterator[int]) -> Iterator[PlacedRow]:
        """The rows that follow those already done.

        Args:
            after: Record of the last row that is done, -1 for none. More rows of the same record
                may follow it.
            done: Ids of the rows that are done, as numbers, in any order.
        """
        ...


class FileRows:
    """The rows of a file or data set, or of one shard of it, streamed.

    Unusable records are passed over: they have been reported when the source was scanned.
    """

    def __init__(self, source: str, data: DataConfig, shard: Shard | None = None) -> None:
        self._source = source
        self._data = data
        self._shard = shard

    def rows(self, after: int, done: Iterator[int]) -> Iterator[PlacedRow]:
        """See `RowSource`."""
        shard = self._shard
        if shard is None:
            yield from self._read(after, SeenIds(done))
        elif self._data.limit is None:
            # Rows of other shards may repeat; equal rows of this one are all here.
            yield from (placed for placed in self._read(after, SeenIds(done)) if shard.owns(placed.row.id))
        else:
            # The limit counts rows of all shards, so all are counted again.
            known = SeenIds(done)
            for placed in self._read(-1, SeenIds()):
                if shard.owns(placed.row.id) and int(placed.row.id, 16) not in known:
                    yield placed

    def _read(self, after: int, seen: SeenIds) -> Iterator[PlacedRow]:
        stream = iter_rows(
            self._source,
            self._data,
            start=max(0, after),
            seen=seen,
            on_reject=lambda reject: None,
        )
        with stream:
            for row in stream:
                yield PlacedRow(row, stream.record)
