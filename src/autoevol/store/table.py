"""A Parquet file that appears whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoevol.core.errors import StoreLost
from autoevol.store.files import fresh_part, sync_folder

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH = 1024


class TableWriter:
    """Writes records with the columns of `schema`; types are never guessed from the values."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        import pyarrow.parquet as pq

        self.count = 0
        self._schema = schema
        self._waiting: list[Mapping[str, Any]] = []
        self._writer = pq.ParquetWriter(path, schema, compression="zstd")

    def add(self, record: Mapping[str, Any]) -> None:
        """Write one record; batches of 1,024 go to the file."""
        self._waiting.append(record)
        self.count += 1
        if len(self._waiting) == _BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting."""
        import pyarrow as pa

        if self._waiting:
            self._writer.write_table(pa.Table.from_pylist(self._waiting, schema=self._schema))
            self._waiting.clear()

    def close(self) -> None:
        """Write the footer and close the file."""
        self._writer.close()


@contextmanager
def replacing_table(path: Path, schema: pa.Schema) -> Iterator[TableWriter]:
    """A writer whose file takes the place of `path` when the block ends without an error.

    Raises:
        StoreLost: If the disk refuses. An error of the block itself stays what it is.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        fresh_part(path)
        writer = TableWriter(part, schema)
        try:
            yield writer
            writer.flush()
        finally:
            writer.close()
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise StoreLost(f"cannot write {path}: {error}") from error
    finally:
        with suppress(OSError):
            part.unlink()
