"""Where the rows of a run come from, and how a run that resumes skips those that are done."""

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


@runtime_checkable
class Promised(Protocol):
    """A source that knows what it must hold."""

    def confirm(self, rows: int | None = None) -> None:
        """Compare what is there now with what was promised.

        Args:
            rows: How many there have been, once there are no more; None before, which is asked for
                every part.

        Raises:
            InputError: If it is not the same.
        """
        ...


def confirm_source(source: RowSource, rows: int | None = None) -> None:
    """Ask a source that has promised something. See `Promised.confirm`."""
    if isinstance(source, Promised):
        source.confirm(rows)


class FileRows:
    """The rows of a file or data set, or of one shard of it, streamed.

    Unusable records are passed over: they have been reported when the source was scanned.

    Args:
        source: Where they are.
        data: How they are read.
        shard: Only its rows.
        promised: How many there are, None if that is not known.
        mark: Fingerprint of the files when they were scanned; None where there was none (see `fingerprint`).
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
        """See `Promised`. Files are read at first and at the end, and else if they have been touched."""
        told = f"{self._source} has changed since this run read it first"
        tail = "What was made of it before is kept: put back what it held, or give another --out"
        stamped = stamps(self._source, self._data)
        if self._mark is not None and (rows is not None or stamped != self._stamped):
            if fingerprint(self._source, self._data) != self._mark:
                raise InputError(f"{told}. {tail}")
            self._stamped = stamped
        if rows is not None and self._promised is not None and rows != self._promised:
            raise InputError(f"{told}: it gave {rows} rows, not {self._promised}. {tail}")

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
