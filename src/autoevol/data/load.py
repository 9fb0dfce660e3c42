"""Loading seed instructions: every row is kept, or counted, or the load fails with a place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from autoevol.config import DataConfig
from autoevol.config.choices import Turns
from autoevol.core.errors import InputError
from autoevol.core.records import Row
from autoevol.data.entries import EntryStream, Reject
from autoevol.data.opening import check_encoding
from autoevol.data.seen import SeenIds
from autoevol.data.sources import find_source
from autoevol.data.stream import RowStream


@dataclass(frozen=True, slots=True)
class Loaded:
    """All that a source holds.

    Attributes:
        rows: At least one row, in the order of the source; ids are distinct.
        rejects: Records skipped, in the order of the source; empty unless `skip_bad`.
        duplicates: Records left out because their instruction had been there before.
        shape: The shape recognised, in words.
        source: What was loaded.
        data_hash: 16 hex digits over the instructions and references of `rows` in order.
    """

    rows: tuple[Row, ...]
    rejects: tuple[Reject, ...]
    duplicates: int
    shape: str
    source: str
    data_hash: str


def iter_rows(
    source: str | Path,
    data: DataConfig | None = None,
    *,
    start: int = 0,
    seen: SeenIds | None = None,
    on_reject: Callable[[Reject], None] | None = None,
) -> RowStream:
    """Stream the rows of `source`, read as `data` says; see `load_rows` and `RowStream` for all else.

    A source that is missing or of an unknown format raises here, all else while reading.
    """
    data = data or DataConfig()
    if data.limit is not None and data.limit < 1:
        raise InputError(f"the limit of rows is {data.limit}; give 1 or more")
    _check(data.field, data.encoding)
    return RowStream(
        find_source(source, data.field, data.split, encoding=data.encoding),
        field=data.field,
        skip_bad=data.skip_bad,
        limit=data.limit,
        turns=data.turns,
        start=start,
        seen=seen,
        on_reject=on_reject,
    )


def iter_entries(
    source: str | Path,
    *,
    field: str | None = None,
    skip_bad: bool = False,
    split: str = "train",
    encoding: str | None = None,
) -> EntryStream:
    """Stream the usable records of `source` whole, repeated ones and all their columns included.

    Arguments and errors are those of `load_rows`. For work on a finished data set.
    """
    _check(field, encoding)
    found = find_source(source, field, split, every_column=True, encoding=encoding)
    return EntryStream(found, field=field, skip_bad=skip_bad)


def load_rows(
    source: str | Path,
    *,
    field: str | None = None,
    skip_bad: bool = False,
    limit: int | None = None,
    split: str = "train",
    turns: Turns = "first",
    encoding: str | None = None,
) -> Loaded:
    """Load seed instructions.

    Args:
        source: A file (JSONL, NDJSON, JSON, CSV, TSV, TXT, each also packed by gzip, Zstandard,
            bzip2 or xz; Parquet, Arrow), a folder of such files or a pattern for them, a folder of
            `datasets.save_to_disk`, a run folder, the name of a Hugging Face data set (`owner/name`,
            `owner/name:config`), or `sample`. An existing path wins over a data set; a `Path` is
            always a path.
        field: Column that holds the instruction, where no shape fits or another is wanted.
        skip_bad: Reject records that cannot be used instead of raising. A file that is
            damaged as a whole still raises: what is lost in it cannot be counted.
        limit: Stop after this many distinct rows.
        split: Split of a Hugging Face data set, of a folder that holds several; unused for files.
        turns: Which user turns of a conversation become rows: `first` or `every`, each with what
            was said before as its context.
        encoding: Of text files, where it is not UTF-8.

    Raises:
        InputError: The source cannot be read, holds no usable record, or (without
            `skip_bad`) holds a bad one; the message names the file, the line and a remedy.
    """
    data = DataConfig(field, split, limit, skip_bad, turns, encoding)
    with iter_rows(source, data) as stream:
        rows = tuple(stream)
    return Loaded(
        rows=rows,
        rejects=tuple(stream.rejects),
        duplicates=stream.duplicates,
        shape=stream.shape,
        source=stream.source,
        data_hash=stream.data_hash,
    )


def _check(field: str | None, encoding: str | None) -> None:
    if field is not None and not field.strip():
        raise InputError("the field is blank; name the column that holds the instruction")
    if encoding is not None:
        check_encoding(encoding)
