"""Entries in, distinct rows out, with nothing dropped uncounted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator

from autoevol.core.errors import InputError
from autoevol.core.records import Row, digest
from autoevol.data.entries import EntryStream, Reject, SeedRecord
from autoevol.data.files import snippet_of
from autoevol.data.seen import SeenIds
from autoevol.data.sources import Source

# About 50,000 tokens, which every row would pay for at least twice.
LONGEST_SEED = 200_000


class RowStream(Iterator[Row]):
    """Rows as they are read; the counts are those of what has been read so far.

    Memory grows by 11 to 16 bytes per row (to find duplicates) and by the rejects, not by the
    rows. Use it as a context manager, or exhaust it, to close the file at once.

    Args:
        found: Where from.
        field: Column that holds the instruction.
        skip_bad: Set unusable records aside instead of raising.
        limit: Stop when there have been this many rows, those of `seen` included.
        turns: `first` or `every`: which user turns of a conversation are rows.
        start: Records to skip.
        seen: Ids of rows that were read before; they do not come again.
        on_reject: Told of every unusable record, which is then not kept here.

    Attributes:
        source: The source as messages call it.
        duplicates: Rows left out because the same had been there before.
    """

    def __init__(
        self,
        found: Source,
        *,
        field: str | None,
        skip_bad: bool,
        limit: int | None,
        turns: str = "first",
        start: int = 0,
        seen: SeenIds | None = None,
        on_reject: Callable[[Reject], None] | None = None,
    ) -> None:
        self.source = found.name
        self.duplicates = 0
        self._every = turns == "every"
        self._seen = SeenIds() if seen is None else seen
        self._entries = EntryStream(
            found, field=field, skip_bad=skip_bad, longest=LONGEST_SEED, start=start, on_reject=on_reject
        )
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
        """Records skipped, unless there is an `on_reject`."""
        return self._entries.rejects

    @property
    def rejected(self) -> int:
        """How many records were skipped because they could not be used."""
        return self._entries.rejected

    @property
    def record(self) -> int:
        """0-based number of the record that the last row came from; -1 before the first."""
        return self._entries.record

    @property
    def data_hash(self) -> str:
        """16 hex digits over the instructions and references read so far, in order."""
        return self._hash.hexdigest()[:16]

    def _read(self, limit: int | None) -> Generator[Row, None, None]:
        seen = self._seen
        if limit is not None and len(seen) >= limit:
            return  # a run that resumes may have them all
        with self._entries as entries:
            for entry in entries:
                for row in self._rows_of(entry):
                    if not seen.add(int(row.id, 16)):
                        self.duplicates += 1
                        continue
                    self._hash.update(_row_hash(row))
                    yield row
                    if limit is not None and len(seen) >= limit:
                        return

    def _rows_of(self, entry: SeedRecord) -> Iterator[Row]:
        try:
            asked = entry.conversation.exchanges() if self._every else (entry.first,)
            for instruction, answer, context in asked:
                said = (f"{message.role}: {message.text}" for message in context)
                yield Row(digest(instruction, *said), instruction, answer, context)
        except InputError as error:
            self._entries.reject(str(error), snippet_of(entry.value))


def _row_hash(row: Row) -> bytes:
    # The sign tells an empty reference from none.
    return digest(row.id, "" if row.reference is None else f"={row.reference}").encode()
