"""Columnar sources: Parquet files, and data sets of the Hugging Face hub.

Both libraries are heavy and are imported where they are used. Their records have numbers,
not lines.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoevol.core.errors import InputError
from autoevol.data.files import Raw
from autoevol.data.shapes import needed_columns

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH = 1024


def parquet_records(
    path: Path, name: str, field: str | None, every_column: bool = False
) -> Generator[Raw, None, None]:
    """The rows of a Parquet file, one record batch in memory at a time.

    Raises:
        InputError: The file is empty, or it is not a readable Parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if path.stat().st_size == 0:
            raise InputError(f"{name} is empty")
        number = 0
        with pq.ParquetFile(path) as file:
            columns = None if every_column else needed_columns(file.schema_arrow.names, field)
            for batch in file.iter_batches(batch_size=_BATCH, columns=columns):
                yield from _batch_records(batch, number)
                number += batch.num_rows
    except (OSError, pa.ArrowException) as exc:
        raise InputError(f"{name} is not a readable Parquet file: {exc}") from exc


def _batch_records(batch: pa.RecordBatch, before: int) -> Generator[Raw, None, None]:
    """The rows of one batch; `before` rows came earlier."""
    try:
        records = batch.to_pylist()
    except UnicodeDecodeError:
        # Arrow does not check its strings. Find the row by reading one at a time.
        for index in range(batch.num_rows):
            try:
                yield Raw(before + index + 1, batch.slice(index, 1).to_pylist()[0])
            except UnicodeDecodeError:
                yield Raw(before + index + 1, None, "not UTF-8. Write the column as UTF-8 text")
        return
    for number, record in enumerate(records, before + 1):
        yield Raw(number, record)


def hub_records(
    name: str, split: str, field: str | None, every_column: bool = False
) -> Generator[Raw, None, None]:
    """The rows of a hub data set, `owner/name` or `owner/name:config`.

    The `datasets` library types the columns itself: where it took date strings for
    timestamps, they arrive so. Download such a file and read it as JSONL instead.

    Raises:
        InputError: It cannot be had; the message gives the library's own reason.
    """
    table = _loaded(name, split)
    if not every_column:
        table = table.select_columns(needed_columns(table.column_names, field))
    number = 0
    for batch in table.iter(batch_size=_BATCH):
        columns = list(batch)
        for values in zip(*batch.values(), strict=True):
            number += 1
            yield Raw(number, dict(zip(columns, values, strict=True)))


def _loaded(name: str, split: str) -> Any:  # noqa: ANN401 - `datasets` is only imported inside
    repository, _, config = name.partition(":")
    try:
        import datasets

        return datasets.load_dataset(repository, config or None, split=split)
    except Exception as exc:
        # The library lets errors of its own, of the network and of a dozen parsers through.
        config_hint = f" Configurations are written {repository}:config." if "onfig" in str(exc) else ""
        raise InputError(
            f"{name!r} is not a file here, and as a Hugging Face data set (split {split!r}) it cannot "
            f"be loaded: {' '.join(str(exc).split())[:300]}.{config_hint} "
            "Check the name and the network, or give the path of a file"
        ) from exc
