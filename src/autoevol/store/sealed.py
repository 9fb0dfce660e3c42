"""JSON files that know whether they are as they were written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from autoevol.core.errors import StoreError
from autoevol.core.records import digest
from autoevol.store.files import LineWriter, checksum_of, read_object, write_json

COUNTS = "outputs.json"
_CHECK = "check"


def write_sealed(path: Path, data: Mapping[str, Any]) -> None:
    """Write `data`, whole or not at all, with a checksum as its last field. Raises as `write_json`."""
    write_json(path, {**data, _CHECK: _checksum(data)})


def read_sealed(path: Path) -> dict[str, Any] | None:
    """What `write_sealed` wrote, None without a file. One of an earlier version has no checksum.

    Raises:
        StoreError: If it is damaged.
    """
    data = read_object(path)
    if data is None:
        return None
    check = data.pop(_CHECK, None)
    if check not in (None, _checksum(data)):
        raise StoreError(f"{path} is damaged: it is not as it was written. Restore it from a copy")
    return data


def write_counts(folder: Path, files: Iterable[LineWriter]) -> None:
    """Say in a folder what the files hold that were sealed in it."""
    write_sealed(
        folder / COUNTS, {file.path.name: {"lines": file.count, "checksum": file.checksum} for file in files}
    )


def check_counts(folder: Path) -> None:
    """Compare the files that `write_counts` was told of with what they held. Older folders say nothing.

    Raises:
        StoreError: If one is missing or is not as it was written.
    """
    for name in _counted(folder):
        check_file(folder / name)


def check_source(source: str | Path) -> None:
    """`check_file` for data as users name it: a file, a run folder, or what is no path at all."""
    path = Path(os.path.expanduser(source))
    if (path / "run.json").is_file():
        check_file(path / "dataset.jsonl")
    elif path.is_file():
        check_file(path)


def check_file(path: Path) -> None:
    """Compare one file with what it held when the folder that it lies in was told of it.

    Raises:
        StoreError: If it is missing or is not as it was written. Files that nobody told of are as they are.
    """
    written = _counted(path.parent).get(path.name)
    if written is None:
        return
    try:
        if checksum_of(path) == written["checksum"]:
            return
        with path.open("rb") as file:
            why = f"it has {sum(1 for _ in file)} lines; {written['lines']} were written"
    except OSError as error:
        why = str(error)
    raise StoreError(
        f"{path} is not as the run left it: {why}. The command of the run writes it again; to use it as "
        "it is, copy it elsewhere"
    )


def _counted(folder: Path) -> dict[str, Any]:
    path = folder / COUNTS
    known = read_sealed(path) or {}
    if not all(isinstance(one, dict) and {"checksum", "lines"} <= one.keys() for one in known.values()):
        raise StoreError(f"{path} is damaged: it does not say what files hold. Remove it")
    return known


def _checksum(data: Mapping[str, Any]) -> str:
    # Sorted, and as it will be read: a reader knows neither tuples nor the order that was meant.
    return digest(orjson.dumps(dict(data), option=orjson.OPT_SORT_KEYS).decode())
