"""JSON files with a checksum, and the checksums of a folder's data files."""

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
    """Write `data` atomically, with a checksum as its last field. Raises as `write_json`."""
    write_json(path, {**data, _CHECK: _checksum(data)})


def read_sealed(path: Path) -> dict[str, Any] | None:
    """Read what `write_sealed` wrote; None if there is no file. Earlier versions wrote no checksum.

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
    """Record the line counts and checksums of files that were sealed in a folder."""
    write_sealed(
        folder / COUNTS, {file.path.name: {"lines": file.count, "checksum": file.checksum} for file in files}
    )


def check_counts(folder: Path) -> None:
    """Check the files that `write_counts` recorded. Folders of earlier versions have no record.

    Raises:
        StoreError: If one is missing or has changed.
    """
    for name in _counted(folder):
        check_file(folder / name)


def check_source(source: str | Path) -> None:
    """`check_file` for a source as users name it: a file, a run folder, or something that is not a path."""
    path = Path(os.path.expanduser(source))
    if (path / "run.json").is_file():
        check_file(path / "dataset.jsonl")
    elif path.is_file():
        check_file(path)


def check_file(path: Path) -> None:
    """Check one file against the record of its folder; a file without a record passes.

    Raises:
        StoreError: If it is missing or has changed.
    """
    recorded = _counted(path.parent).get(path.name)
    if recorded is None:
        return
    try:
        if checksum_of(path) == recorded["checksum"]:
            return
        with path.open("rb") as file:
            why = f"it has {sum(1 for _ in file)} lines; {recorded['lines']} were written"
    except OSError as error:
        why = str(error)
    raise StoreError(
        f"{path} is not as the run left it: {why}. The command of the run writes it again; to use it as "
        "it is, copy it elsewhere"
    )


def _counted(folder: Path) -> dict[str, Any]:
    path = folder / COUNTS
    files = read_sealed(path) or {}
    if not all(isinstance(file, dict) and {"checksum", "lines"} <= file.keys() for file in files.values()):
        raise StoreError(f"{path} is damaged: it does not say what files hold. Remove it")
    return files


def _checksum(data: Mapping[str, Any]) -> str:
    # Over the JSON with sorted keys, since a reader gets lists for tuples and must not depend on the order.
    return digest(orjson.dumps(dict(data), option=orjson.OPT_SORT_KEYS).decode())
