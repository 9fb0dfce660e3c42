"""Where a run's rows come from, and how a resumed run skips the finished ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol, runtime_checkable

from autoevol.config import DataConfig
from autoevol.core.errors import InputError
from autoevol.core.records import Row
from autoevol.data.load import iter_rows
from autoevol.data.scan import fingerprint, stamps
from autoevol.data.seen import SeenIds
from autoevol.data.shard import Shard


class PlacedRow(NamedTuple):
    """A row, and the 0-based number of the source record it was read from."""

    row: Row
    record: int


class RowSource(Protocol):
    """The rows of a run: the same rows in the same order on every iteration."""

    def rows(self, after: int, done: Iterator[int]) -> Iterator[PlacedRow]:
        """The rows that are not done yet.

        Args:
            after: Record of the last finished row, -1 for none. More rows of the same record may follow.
            done: Ids of the finished rows, as numbers, in any order.
        """
        ...


@runtime_checkable
class Promised(Protocol):
    """A source that can tell whether it has changed."""

    def confirm(self, rows: int | None = None) -> None:
        """Check that the source is still what it was when it was scanned.

        Args:
            rows: How many rows it yielded, once it is exhausted; None before that, for every part.

        Raises:
            InputError: If it has changed.
        """
        ...


def confirm_source(source: RowSource, rows: int | None = None) -> None:
    """`Promised.confirm`, if the source has it."""
    if isinstance(source, Promised):
        source.confirm(rows)


class FileRows:
    """The rows of a file or data set, or of one shard of it, streamed.

    Unusable records are skipped; they were reported when the source was scanned.

    Args:
        source: The file or data set.
        data: How to read it.
        shard: Yield only its rows.
        promised: Expected number of rows; None if unknown.
        mark: Fingerprint of the files when they were scanned; None if they have none (see `fingerprint`).
    """

    def __init__(
        self,
        source: str,
        data: DataConfig,
        shard: Shard | None = None,
        *,
        promised: int | None = None,
        mark: str | None = None,
    ) -> None:
        self._source = source
        self._data = data
        self._shard = shard
        self._promised = promised
        self._mark = mark
        self._stamped: tuple[tuple[int, int, int], ...] = ()

    def confirm(self, rows: int | None = None) -> None:
        """See `Promised`. Files are hashed at the start and the end, and in between if they were touched."""
        problem = f"{self._source} has changed since this run read it first"
        advice = "What was made of it before is kept: put back what it held, or give another --out"
        stamped = stamps(self._source, self._data)
        if self._mark is not None and (rows is not None or stamped != self._stamped):
            if fingerprint(self._source, self._data) != self._mark:
                raise InputError(f"{problem}. {advice}")
            self._stamped = stamped
        if rows is not None and self._promised is not None and rows != self._promised:
            raise InputError(f"{problem}: it gave {rows} rows, not {self._promised}. {advice}")

    def rows(self, after: int, done: Iterator[int]) -> Iterator[PlacedRow]:
        """See `RowSource`."""
        shard = self._shard
        if shard is None:
            yield from self._read(after, SeenIds(done))
        elif self._data.limit is None:
            # Equal rows have equal ids and so the same shard: knowing this shard's rows is enough to skip
            # duplicates.
            yield from (placed for placed in self._read(after, SeenIds(done)) if shard.owns(placed.row.id))
        else:
            # The limit counts the rows of all shards, so all are read again from the start.
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
