"""JSON files that know whether they are as they were written."""

from __future__ import annotations

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
    for name, written in (read_sealed(folder / COUNTS) or {}).items():
        path = folder / name
        try:
            if checksum_of(path) == written["checksum"]:
                continue
            with path.open("rb") as file:
                why = f"it has {sum(1 for _ in file)} lines; {written['lines']} were written"
        except OSError as error:
            why = str(error)
        raise StoreError(
            f"{path} is not as the run left it: {why}. The command of the run writes it again; to use it as "
            "it is, copy it elsewhere"
        )


def _checksum(data: Mapping[str, Any]) -> str:
    # Sorted, and as it will be read: a reader knows neither tuples nor the order that was meant.
    return digest(orjson.dumps(dict(data), option=orjson.OPT_SORT_KEYS).decode())
