"""JSON files that know whether they are as they were written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from autoevol.core.errors import StoreError
from autoevol.core.records import digest
from autoevol.store.files import read_object, write_json

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


def _checksum(data: Mapping[str, Any]) -> str:
    # Sorted, and as it will be read: a reader knows neither tuples nor the order that was meant.
    return digest(orjson.dumps(dict(data), option=orjson.OPT_SORT_KEYS).decode())
