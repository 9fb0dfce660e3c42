"""One pass over a source before a run: what it holds, without keeping the rows."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from autoevol.config import DataConfig
from autoevol.data.entries import Reject
from autoevol.data.files import shown
from autoevol.data.load import Loaded, iter_rows
from autoevol.records import digest


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a source holds; see `Loaded` for the attributes, of which `rows` and `rejected` are counts."""

    rows: int
    rejected: int
    duplicates: int
    shape: str
    source: str
    data_hash: str

    @classmethod
    def of(cls, loaded: Loaded) -> Scanned:
        """The counts of rows in memory."""
        counts = (len(loaded.rows), len(loaded.rejects), loaded.duplicates)
        return cls(*counts, loaded.shape, loaded.source, loaded.data_hash)


def scan(source: str, data: DataConfig, on_reject: Callable[[Reject], None]) -> Scanned:
    """Read all rows of `source` once. Raises InputError as `load_rows` does, before anything is paid."""
    stream = iter_rows(
        source,
        field=data.field,
        skip_bad=data.skip_bad,
        limit=data.limit,
        split=data.split,
        turns=data.turns,
        on_reject=on_reject,
    )
    with stream:
        rows = sum(1 for _ in stream)
    return Scanned(rows, stream.rejected, stream.duplicates, stream.shape, stream.source, stream.data_hash)


def fingerprint(source: str, data: DataConfig) -> str | None:
    """What a scan depends on: the bytes of the file and how it is read; None for a hub data set."""
    path = Path(os.path.expanduser(source))
    if not os.path.isfile(path):
        return None
    try:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None  # reading it will say what is wrong
    settings = (data.field, data.limit, data.split, data.skip_bad, data.turns)
    return digest(shown(path), content, repr(settings))
