"""Raw records in, distinct rows out, with nothing dropped uncounted."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from autoevol.data.files import Raw, snippet_of
from autoevol.data.shapes import Seed, Shape, recognise
from autoevol.data.sources import Source
from autoevol.errors import InputError
from autoevol.records import Row, digest


@dataclass(frozen=True, slots=True)
class Reject:
    """One record that was skipped.

    Attributes:
        file: The source as messages call it.
        line: 1-based line on which the record starts; its 1-based number in a table.
        reason: What is wrong with it.
        snippet: Its start, at most 200 characters.
    """

    file: str
    line: int
    reason: str
    snippet: str


class RowStream(Iterator[Row]):
    """Rows as they are read; the counts are those of what has been read so far.

    Memory grows by a few bytes per row (to find duplicates) and by the rejects, not by the
    rows. Use it as a context manager, or exhaust it, to close the file at once.

    Attributes:
        source: The source as messages call it.
        shape: The shape recognised, in words; empty before the first row.
        rejects: Records skipped.
        duplicates: Records left out because their instruction had been there before.
    """

    def __init__(self, found: Source, *, field: str | None, skip_bad: bool, limit: int | None) -> None:
        self.source = found.name
        self.shape = ""
        self.rejects: list[Reject] = []
        self.duplicates = 0
        self._found = found
        self._field = field
        self._skip_bad = skip_bad
        self._decided: Shape | None = None
        self._hash = hashlib.sha256()
        self._rows = self._read(limit)

    def __next__(self) -> Row:
        return next(self._rows)

    def __enter__(self) -> RowStream:
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.close()

    @property
    def data_hash(self) -> str:
        """16 hex digits over the instructions and references read so far, in order."""
        return self._hash.hexdigest()[:16]

    def _read(self, limit: int | None) -> Generator[Row, None, None]:
        # Integers take half the memory of the hex digits, and there may be millions.
        seen: set[int] = set()
        with contextlib.closing(self._found.records) as records:
            for raw in records:
                seed = self._seed(raw)
                if seed is None:
                    continue
                row = Row(digest(seed.instruction), seed.instruction, seed.reference)
                if int(row.id, 16) in seen:
                    self.duplicates += 1
                    continue
                seen.add(int(row.id, 16))
                self._hash.update(_row_hash(row))
                yield row
                if limit is not None and len(seen) >= limit:
                    return
        if not seen:
            raise InputError(self._nothing())

    def _seed(self, raw: Raw) -> Seed | None:
        """The record's seed; None if it was rejected."""
        if raw.problem is not None:
            return self._reject(raw.line, raw.problem, raw.snippet)
        try:
            shape = self._decided or recognise(raw.value, self._field)
            seed = shape.read(raw.value)
        except InputError as exc:
            return self._reject(raw.line, str(exc), snippet_of(raw.value))
        if self._decided is None:
            # From a record that could be read: a broken one must not decide for the file.
            self._decided, self.shape = shape, shape.name
        return seed

    def _reject(self, line: int, reason: str, snippet: str) -> None:
        if not self._skip_bad:
            shape = f" (this file was read as: {self.shape})" if self.shape else ""
            # A reason that asks for --field is about the whole file: skipping will not help.
            remedy = "" if "--field" in reason else ". Correct it, or leave out bad records with --skip-bad"
            raise InputError(f"{self.source}, {self._found.unit} {line}: {reason}{shape}{remedy}")
        self.rejects.append(Reject(self.source, line, reason, snippet))

    def _nothing(self) -> str:
        if not self.rejects:
            return f"{self.source} holds no records"
        first = self.rejects[0]
        return (
            f"{self.source}: none of its {len(self.rejects):,} records can be used. "
            f"The first, {self._found.unit} {first.line}: {first.reason}"
        )


def _row_hash(row: Row) -> bytes:
    # The sign tells an empty reference from none.
    return digest(row.id, "" if row.reference is None else f"={row.reference}").encode()
