"""Columnar sources: Parquet and Arrow files, and data sets of the Hugging Face hub.

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
from autoevol.data.text import listed

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


def arrow_records(
    path: Path, name: str, field: str | None, every_column: bool = False
) -> Generator[Raw, None, None]:
    """The rows of an Arrow file of the `datasets` library, mapped and not loaded. Raises InputError."""
    import datasets

    try:
        if path.stat().st_size == 0:
            raise InputError(f"{name} is empty")
        table = datasets.Dataset.from_file(str(path))
    except (OSError, ValueError) as exc:
        raise InputError(f"{name} is not a readable Arrow file: {exc}") from exc
    yield from _dataset_records(table, field, every_column)


def saved_records(
    folder: Path, name: str, split: str, field: str | None, every_column: bool = False
) -> Generator[Raw, None, None]:
    """The rows of a folder that `save_to_disk` wrote: of a data set, or of one split of several.

    Raises:
        InputError: It cannot be read, or it has splits and not this one.
    """
    import datasets

    try:
        saved = datasets.load_from_disk(str(folder))
    except Exception as exc:
        # As with the hub: the library lets errors of a dozen kinds through.
        raise InputError(f"{name} is not a readable folder of `datasets`: {_one_line(exc)}") from exc
    if isinstance(saved, datasets.DatasetDict):
        if split not in saved:
            splits = listed(map(str, saved))
            raise InputError(f"{name} has no split {split!r}, but {splits}. Give one with --split")
        saved = saved[split]
    yield from _dataset_records(saved, field, every_column)


def hub_records(
    name: str, split: str, field: str | None, every_column: bool = False
) -> Generator[Raw, None, None]:
    """The rows of a hub data set, `owner/name` or `owner/name:config`.

    The `datasets` library types the columns itself: where it took date strings for
    timestamps, they arrive so. Download such a file and read it as JSONL instead.

    Raises:
        InputError: It cannot be had; the message gives the library's own reason, and the
            configurations or splits that there are.
    """
    yield from _dataset_records(_loaded(name, split), field, every_column)


def _dataset_records(
    table: Any,  # noqa: ANN401 - `datasets` is only imported inside
    field: str | None,
    every_column: bool,
) -> Generator[Raw, None, None]:
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
        reason = _one_line(exc)
        raise InputError(
            f"{name!r} is not a file here, and as a Hugging Face data set (split {split!r}) it cannot "
            f"be loaded: {reason}. {_choices(repository, config, reason)}"
        ) from exc


def _choices(repository: str, config: str, reason: str) -> str:
    """What could be asked for instead, where the reason is a name that does not exist."""
    import datasets

    try:
        if "onfig" in reason:
            names = datasets.get_dataset_config_names(repository)
            return f"Its configurations are {listed(names, 60)}: write {repository}:{names[0]}"
        if "split" in reason.lower():
            names = datasets.get_dataset_split_names(repository, config or None)
            return f"Its splits are {listed(names, 60)}: give one with --split"
    except Exception:  # noqa: BLE001 - the first error is the one to tell, the names are a help
        return f"Configurations are written {repository}:config, splits are given with --split"
    return "Check the name and the network, or give the path of a file"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300].rstrip(".")
