"""Entries in, distinct rows out, with nothing dropped uncounted."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator

from autoevol.data.entries import EntryStream, Reject
from autoevol.data.sources import Source
from autoevol.records import Row, digest

# About 50,000 tokens, which every row would pay for at least twice.
LONGEST_SEED = 200_000


class RowStream(Iterator[Row]):
    """Rows as they are read; the counts are those of what has been read so far.

    Memory grows by a few bytes per row (to find duplicates) and by the rejects, not by the
    rows. Use it as a context manager, or exhaust it, to close the file at once.

    Attributes:
        source: The source as messages call it.
        duplicates: Records left out because their instruction had been there before.
    """

    def __init__(self, found: Source, *, field: str | None, skip_bad: bool, limit: int | None) -> None:
        self.source = found.name
        self.duplicates = 0
        self._entries = EntryStream(found, field=field, skip_bad=skip_bad, longest=LONGEST_SEED)
        self._hash = hashlib.sha256()
        self._rows = self._read(limit)

    def __next__(self) -> Row:
        return next(self._rows)

    def __enter__(self) -> RowStream:
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.close()

    @property
    def shape(self) -> str:
        """The shape recognised, in words; empty before the first row."""
        return self._entries.shape

    @property
    def rejects(self) -> list[Reject]:
        """Records skipped."""
        return self._entries.rejects

    @property
    def data_hash(self) -> str:
        """16 hex digits over the instructions and references read so far, in order."""
        return self._hash.hexdigest()[:16]

    def _read(self, limit: int | None) -> Generator[Row, None, None]:
        # Integers take half the memory of the hex digits, and there may be millions.
        seen: set[int] = set()
        with self._entries as entries:
            for entry in entries:
                row = Row(digest(entry.seed.instruction), *entry.seed)
                if int(row.id, 16) in seen:
                    self.duplicates += 1
                    continue
                seen.add(int(row.id, 16))
                self._hash.update(_row_hash(row))
                yield row
                if limit is not None and len(seen) >= limit:
                    return


def _row_hash(row: Row) -> bytes:
    # The sign tells an empty reference from none.
    return digest(row.id, "" if row.reference is None else f"={row.reference}").encode()
