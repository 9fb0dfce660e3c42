"""From what the user wrote to the raw records of a file, a hub data set or the sample."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator
from functools import partial
from importlib import resources
from pathlib import Path
from typing import IO, NamedTuple

from autoevol.core.errors import InputError
from autoevol.data.files import Raw, opened, shown
from autoevol.data.jsonlist import json_records
from autoevol.data.lines import csv_records, jsonl_records
from autoevol.data.tables import hub_records, parquet_records

SAMPLE = "sample"

_Records = Generator[Raw, None, None]
_TextReader = Callable[[IO[bytes], str], _Records]
_TEXT_READERS: dict[str, _TextReader] = {
    ".jsonl": jsonl_records,
    ".ndjson": jsonl_records,
    ".json": json_records,
    ".csv": partial(csv_records, delimiter=","),
    ".tsv": partial(csv_records, delimiter="\t"),
}
_PARQUET = ".parquet"
_FORMATS = f"{', '.join(_TEXT_READERS)} (also with .gz) and {_PARQUET}"
_HUB_NAME = re.compile(r"[\w][\w.-]*(/[\w.-]+)?(:[\w.-]+)?", re.ASCII)


class Source(NamedTuple):
    """A source that was found.

    Attributes:
        name: What messages call it.
        unit: What a position in it is: `line` or `record`.
        records: Its records in order, read as they are asked for.
    """

    name: str
    unit: str
    records: _Records


def find_source(source: str | Path, field: str | None, split: str, *, every_column: bool = False) -> Source:
    """Decide what `source` means. An existing path wins over a data set of the same name.

    A `Path` is always a path; the string `sample` is always the packaged sample. Of a table,
    only the columns that hold text for a seed are read, unless `every_column` is asked for.

    Raises:
        InputError: It is no readable file of a known format and cannot be a data set's name.
    """
    if not str(source):
        raise InputError("the source is empty: give a file, a Hugging Face data set, or `sample`")
    if source == SAMPLE:
        return _sample()
    path = Path(os.path.expanduser(source))
    # os.path, not Path.exists: the latter raises on names that are too long.
    if os.path.exists(path):
        return _file(path, field, every_column)
    name = shown(path)
    if isinstance(source, Path) or _looks_like_path(source):
        folder = path.parent
        missing = "file" if os.path.isdir(folder) else "file, nor its folder"
        raise InputError(f"{name}: there is no such {missing}. It looks like a path; check its spelling")
    return Source(source, "record", hub_records(source, split, field, every_column))


def dataset_of(source: str | Path) -> str | Path:
    """The data set in a run folder, where `source` is one; else `source` itself.

    Raises:
        InputError: `source` is another folder, or a run that has not written its data set.
    """
    folder = Path(os.path.expanduser(source))
    if not os.path.isdir(folder):
        return source
    if not (folder / "run.json").exists():
        raise InputError(f"{shown(folder)} is a folder but not a run folder. Give one file in it")
    if not (folder / "dataset.jsonl").exists():
        raise InputError(f"{shown(folder)} holds no dataset.jsonl yet: finish the run first")
    return folder / "dataset.jsonl"


def _looks_like_path(source: str) -> bool:
    """Whether a missing source must have been meant as a path."""
    return _suffix(Path(source)) in (*_TEXT_READERS, _PARQUET) or not _HUB_NAME.fullmatch(source)


def _suffix(path: Path) -> str:
    """`.jsonl` of `Seeds.JSONL.gz`."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".gz"]:
        del suffixes[-1]
    return suffixes[-1] if suffixes else ""


def _file(path: Path, field: str | None, every_column: bool) -> Source:
    name = shown(path)
    if os.path.isdir(path):
        raise InputError(f"{name} is a folder. Give one file in it")
    suffix = _suffix(path)
    if suffix == _PARQUET:
        return Source(name, "record", parquet_records(path, name, field, every_column))
    if suffix not in _TEXT_READERS:
        seen = f"format {suffix!r}" if suffix else "format: the name has no suffix"
        raise InputError(f"{name}: unknown {seen}. Formats that are read: {_FORMATS}")
    return Source(name, "line", _text_records(partial(path.open, "rb"), name, _TEXT_READERS[suffix]))


def _sample() -> Source:
    file = resources.files("autoevol.samples").joinpath("seeds.jsonl")
    if not file.is_file():
        raise InputError("the packaged sample is missing from this installation. Reinstall autoevol")
    return Source(SAMPLE, "line", _text_records(partial(file.open, "rb"), SAMPLE, jsonl_records))


def _text_records(opener: Callable[[], IO[bytes]], name: str, reader: _TextReader) -> _Records:
    with opened(opener, name) as stream:
        yield from reader(stream, name)
