"""Several files as one source: a folder of shards, a pattern, a folder that `datasets` saved."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from autoevol.core.errors import InputError
from autoevol.data.files import shown
from autoevol.data.opening import PACKED
from autoevol.data.text import listed

# What lies beside data and is none: descriptions, check sums, what libraries note for themselves.
_BESIDE = {".md", ".rst", ".yaml", ".yml", ".py", ".sh", ".lock", ".crc", ".sha256", ".md5", ".html", ".png"}
_NOTES = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "LICENSE", "NOTICE"}
# As the hub names its shards: train-00000-of-00003.parquet.
_SHARD = re.compile(r"(?P<split>.+)-(?P<number>\d{5})-of-(?P<total>\d{5})\..+")


def suffix_of(path: Path) -> str:
    """`.jsonl` of `Seeds.JSONL.gz`; empty where there is none."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] and suffixes[-1] in PACKED:
        del suffixes[-1]
    return suffixes[-1] if suffixes else ""


def is_pattern(source: str | Path) -> bool:
    """Whether `source` has wildcards, and is not the name of a file all the same."""
    return glob.has_magic(os.fspath(source)) and not os.path.exists(os.path.expanduser(source))


def is_saved(folder: Path) -> bool:
    """Whether `datasets` saved a data set, or several splits of one, in this folder."""
    return any((folder / note).is_file() for note in ("state.json", "dataset_dict.json"))


def matches(pattern: str) -> tuple[Path, ...]:
    """The files that a pattern means, in the order of their names. Raises InputError."""
    found = [Path(name) for name in sorted(glob.glob(os.path.expanduser(pattern), recursive=True))]
    files = tuple(path for path in found if path.is_file())
    if not files:
        what = f"matches folders alone. Write {pattern.rstrip('/')}/*" if found else "matches no file"
        raise InputError(f"{shown(pattern)} {what}")
    return files


def shards(folder: Path, split: str, known: Iterable[str]) -> tuple[Path, ...]:
    """The data files in a folder, in the order of their names.

    Args:
        folder: Its own files count; what lies deeper does not.
        split: Which files are meant, where their names say of which split they are.
        known: Suffixes of files that can be read.

    Raises:
        InputError: There are none, a file is of no known kind, or a shard is missing.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file() and not _is_beside(path))
    known = set(known)
    odd = [path.name for path in files if suffix_of(path) not in known]
    if odd and len(odd) < len(files):
        raise InputError(
            f"{shown(folder)} holds files that cannot be read as data: {listed(odd, 3)}. "
            f"Say which are meant with a pattern, such as {shown(folder)}/*{suffix_of(_first(files, known))}"
        )
    if odd or not files:
        deeper = sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name[0] not in "._")
        inside = f" itself; its folders are {listed(deeper, 3)}" if deeper else ""
        raise InputError(
            f"{shown(folder)} is a folder but not a run folder, and holds no data that can be read{inside}. "
            f"Files that are read: {', '.join(sorted(known))}"
        )
    return _of_split(folder, files, split)


def _is_beside(path: Path) -> bool:
    return path.name[0] in "._" or path.name in _NOTES or suffix_of(path) in _BESIDE


def _first(files: Sequence[Path], known: set[str]) -> Path:
    return next(path for path in files if suffix_of(path) in known)


def _of_split(folder: Path, files: Sequence[Path], split: str) -> tuple[Path, ...]:
    """The shards of one split, where the names of all files say to which one they belong."""
    named = [_SHARD.fullmatch(path.name) for path in files]
    if not all(named):
        return tuple(files)
    splits = sorted({name["split"] for name in named if name})
    if len(splits) > 1 and split not in splits:
        raise InputError(f"{shown(folder)} holds the splits {listed(splits)}. Give one with --split")
    wanted = splits[0] if len(splits) == 1 else split
    there = [name for name in named if name and name["split"] == wanted]
    total = max(int(name["total"]) for name in there)
    missing = total - len({int(name["number"]) for name in there})
    if missing > 0:
        raise InputError(
            f"{shown(folder)} is not complete: {missing} of the {total} shards of {wanted!r} are missing. "
            f"Fetch them, or say that these are meant with a pattern, such as {shown(folder)}/{wanted}-*"
        )
    return tuple(folder / name[0] for name in there)


def check_one_kind(files: Sequence[Path], kinds: Mapping[str, object], name: str) -> None:
    """Raise InputError unless all files are read in the same way."""
    first: dict[object, Path] = {}
    for path in files:
        first.setdefault(kinds.get(suffix_of(path)), path)
    if len(first) > 1:
        names = listed(path.name for path in first.values())
        raise InputError(
            f"{name} mixes kinds of files: {names}. Say which are meant with a pattern, such as *.jsonl"
        )
