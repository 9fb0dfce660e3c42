"""A Parquet file that is written atomically."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoevol.store.files import fresh_part, sync_folder, writing

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH = 1024


class TableWriter:
    """Writes records to a Parquet file that gets its name only when it is sealed.

    The columns are those of `schema`; types are never guessed from the values. Every method raises StoreLost
    if the file cannot be written.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        import pyarrow.parquet as pq

        self.path = path
        self.count = 0
        self._schema = schema
        self._waiting: list[Mapping[str, Any]] = []
        with writing(self.path):
            self._part = fresh_part(path)
            self._writer = pq.ParquetWriter(self._part, schema, compression="zstd")

    def add(self, record: Mapping[str, Any]) -> None:
        """Add one record; they are written in batches of 1,024."""
        self._waiting.append(record)
        self.count += 1
        if len(self._waiting) == _BATCH:
            self._flush()

    def seal(self) -> None:
        """Make everything durable, and give the file its name."""
        self._flush()
        with writing(self.path):
            self._writer.close()
            with self._part.open("rb") as file:
                os.fsync(file.fileno())
            self._part.replace(self.path)
            sync_folder(self.path.parent)

    def discard(self) -> None:
        """Drop everything written; never raises, whatever state the disk is in."""
        with suppress(OSError):
            self._writer.close()
        with suppress(OSError):
            self._part.unlink()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._waiting:
            with writing(self.path):
                self._writer.write_table(pa.Table.from_pylist(self._waiting, schema=self._schema))
            self._waiting.clear()


@contextmanager
def replacing_table(path: Path, schema: pa.Schema) -> Iterator[TableWriter]:
    """A writer whose file replaces `path` when the block ends without an error.

    Raises:
        StoreLost: If the file cannot be written. Errors of the block itself pass through.
    """
    writer = TableWriter(path, schema)
    try:
        yield writer
        writer.seal()
    except BaseException:
        writer.discard()
        raise
