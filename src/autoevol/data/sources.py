"""From what the user wrote to the raw records of files, a hub data set or the sample."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, Iterable, Sequence
from difflib import get_close_matches
from functools import partial
from importlib import resources
from pathlib import Path
from typing import IO, NamedTuple

from autoevol.core.errors import InputError
from autoevol.data.files import Raw, shown
from autoevol.data.folders import check_one_kind, is_pattern, is_saved, matches, shards, suffix_of
from autoevol.data.jsonlist import json_records
from autoevol.data.lines import csv_records, jsonl_records, text_records
from autoevol.data.opening import Opener, opened
from autoevol.data.tables import arrow_records, hub_records, parquet_records, saved_records

SAMPLES = {"sample": "seeds.jsonl", "sample:short": "short.jsonl"}
"""The seeds that are shipped, by what a user calls them."""

_Records = Generator[Raw, None, None]
_TextReader = Callable[[IO[bytes], str], _Records]
_TableReader = Callable[[Path, str, str | None, bool], _Records]
_TEXT_READERS: dict[str, _TextReader] = {
    ".jsonl": jsonl_records,
    ".ndjson": jsonl_records,
    ".json": json_records,
    ".csv": partial(csv_records, delimiter=","),
    ".tsv": partial(csv_records, delimiter="\t"),
    ".txt": text_records,
}
_TABLE_READERS: dict[str, _TableReader] = {".parquet": parquet_records, ".arrow": arrow_records}
_KNOWN = {**_TEXT_READERS, **_TABLE_READERS}
_FORMATS = f"{', '.join(_TEXT_READERS)} (also with .gz, .zst, .bz2, .xz), {' and '.join(_TABLE_READERS)}"
_HUB_NAME = re.compile(r"[\w][\w.-]*(/[\w.-]+)?(:[\w.-]+)?", re.ASCII)


class Source(NamedTuple):
    """A source that was found.

    Attributes:
        name: What messages call it.
        unit: What a position in it is: `line` or `record`, of its file where there are several.
        records: Its records in order, read as they are asked for.
    """

    name: str
    unit: str
    records: _Records


def name_of(source: object) -> str:
    """A source as the text that names it.

    Raises:
        InputError: It is no name of anything, such as a list of instructions or a table in memory.
    """
    if not isinstance(source, str | os.PathLike):
        raise InputError(
            f"seeds and data sets are read from files, not from a {type(source).__name__}: give a path, the "
            'name of a Hugging Face data set, or `sample`. A JSONL file has {"instruction": "..."} a line'
        )
    return os.fspath(source)


def find_source(
    source: str | Path,
    field: str | None,
    split: str,
    *,
    every_column: bool = False,
    encoding: str | None = None,
) -> Source:
    """Decide what `source` means. An existing path wins over a data set of the same name.

    A `Path` is always a path; the strings of `SAMPLES` are always what is shipped. A folder is its run's
    data set, what `datasets` saved in it, or all its files in the order of their names, as the
    files of a pattern (`part-*.jsonl`) are. Of a table, only the columns that hold text for a seed
    are read, unless `every_column` is asked for.

    Raises:
        InputError: It is no readable file of a known format and cannot be a data set's name.
    """
    if not name_of(source):
        raise InputError("the source is empty: give a file, a Hugging Face data set, or `sample`")
    if isinstance(source, str) and source in SAMPLES:
        return _sample(source)
    path = Path(dataset_of(os.path.expanduser(source)))
    if os.path.isdir(path) and is_saved(path):
        name = shown(path)
        return Source(name, "record", saved_records(path, name, split, field, every_column))
    files = source_files(path, split)
    if files is not None:
        read = partial(_reader, field=field, every=every_column, encoding=encoding)
        return _together(files, shown(path), read)
    name = shown(path)
    if isinstance(source, Path) or _looks_like_path(source):
        folder = path.parent
        missing = "file" if os.path.isdir(folder) else "file, nor its folder"
        raise InputError(f"{name}: there is no such {missing}. It looks like a path; check its spelling")
    if problem := _meant_otherwise(source):
        raise InputError(problem)
    return Source(source, "record", hub_records(source, split, field, every_column))


def _meant_otherwise(source: str) -> str | None:
    """What a name that no file has must be instead of a data set: without a network the hub takes long."""
    owner, slash, _ = source.partition("/")
    if slash and os.path.isdir(owner):
        names = [f"{owner}/{name}" for name in os.listdir(owner)]
        near = get_close_matches(source, names, n=1, cutoff=0.8)
        # A folder may be called like an owner at the hub, but not one that holds runs.
        if near or any(os.path.isfile(f"{name}/run.json") for name in names):
            return f"{source}: there is no such file or folder{f'; did you mean {near[0]}?' if near else ''}"
    if not slash and (near := get_close_matches(source, SAMPLES, n=1, cutoff=0.8)):
        return f"{source}: there is no such file; did you mean `{near[0]}`, the seeds that are shipped?"
    return None


def source_files(source: str | Path, split: str) -> tuple[Path, ...] | None:
    """The files that a source is read from, in order; None where it is none: a hub data set, the sample.

    Raises:
        InputError: A folder or a pattern that cannot be one source.
    """
    path = Path(dataset_of(os.path.expanduser(source)))
    if is_pattern(path):
        return matches(os.fspath(path))
    # os.path, not Path.exists: the latter raises on names that are too long.
    if not os.path.exists(path):
        return None
    if not os.path.isdir(path):
        return (path,)
    if is_saved(path):
        return tuple(sorted(file for file in path.rglob("*") if file.is_file()))
    return shards(path, split, _KNOWN)


def check_not_inputs(outputs: Iterable[Path], inputs: Iterable[str | Path], split: str) -> None:
    """Raise InputError if a file about to be written is one that a source is read from."""
    files = [file for source in inputs for file in source_files(source, split) or ()]
    for path in (path for path in outputs if path.exists()):
        if any(path.samefile(file) for file in files):
            raise InputError(f"{path} is an input as well; write to another file")


def dataset_of(source: str | Path) -> str | Path:
    """The data set in a run folder, where `source` is one; else `source` itself.

    Raises:
        InputError: `source` is a run that has not written its data set.
    """
    folder = Path(os.path.expanduser(source))
    if not os.path.isfile(folder / "run.json"):
        return source
    if not (folder / "dataset.jsonl").exists():
        raise InputError(f"{shown(folder)} holds no dataset.jsonl yet: finish the run first")
    return folder / "dataset.jsonl"


def _looks_like_path(source: str) -> bool:
    """Whether a missing source must have been meant as a path."""
    return suffix_of(Path(source)) in _KNOWN or not _HUB_NAME.fullmatch(source)


def _together(files: Sequence[Path], name: str, read: Callable[[Path], Source]) -> Source:
    """One source of all files; where there are several, each record knows its own."""
    check_one_kind(files, _KNOWN, name)
    sources = [read(path) for path in files]
    if len(sources) == 1:
        return sources[0]
    return Source(name, sources[0].unit, _chained(sources))


def _chained(sources: Sequence[Source]) -> _Records:
    for source in sources:
        for raw in source.records:
            yield Raw(raw.line, raw.value, raw.problem, raw.snippet, source.name)


def _reader(path: Path, *, field: str | None, every: bool, encoding: str | None) -> Source:
    """One file as a source. Raises InputError for a format that is not known."""
    name, suffix = shown(path), suffix_of(path)
    if suffix in _TABLE_READERS:
        return Source(name, "record", _TABLE_READERS[suffix](path, name, field, every))
    if suffix not in _TEXT_READERS:
        seen = f"format {suffix!r}" if suffix else "format: the name has no suffix"
        raise InputError(f"{name}: unknown {seen}. Formats that are read: {_FORMATS}")
    reader = _TEXT_READERS[suffix]
    return Source(name, "line", _text_records(partial(path.open, "rb"), name, reader, encoding))


def _sample(name: str) -> Source:
    file = resources.files("autoevol.samples").joinpath(SAMPLES[name])
    if not file.is_file():
        raise InputError("the packaged sample is missing from this installation. Reinstall autoevol")
    return Source(name, "line", _text_records(partial(file.open, "rb"), name, jsonl_records, None))


def _text_records(opener: Opener, name: str, reader: _TextReader, encoding: str | None) -> _Records:
    with opened(opener, name, encoding) as stream:
        yield from reader(stream, name)
