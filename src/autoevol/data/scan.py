"""One pass over a source before a run: what it holds, without keeping the rows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from autoevol.config import DataConfig
from autoevol.core.errors import InputError
from autoevol.core.records import digest
from autoevol.data.entries import Reject
from autoevol.data.files import shown
from autoevol.data.load import Loaded, iter_rows
from autoevol.data.shard import Shard
from autoevol.data.sources import source_files


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a source holds; see `Loaded` for the attributes, of which `rows` and `rejected` are counts.

    Attributes:
        owned: Rows of the shard that was asked about; None where it was none.
    """

    rows: int
    rejected: int
    duplicates: int
    shape: str
    source: str
    data_hash: str
    owned: int | None = None

    @classmethod
    def of(cls, loaded: Loaded) -> Scanned:
        """The counts of rows in memory."""
        counts = (len(loaded.rows), len(loaded.rejects), loaded.duplicates)
        return cls(*counts, loaded.shape, loaded.source, loaded.data_hash)

    @property
    def here(self) -> int:
        """Rows to be worked on: those of the shard, or all."""
        return self.rows if self.owned is None else self.owned


def scan(
    source: str, data: DataConfig, on_reject: Callable[[Reject], None], shard: Shard | None = None
) -> Scanned:
    """Read all rows of `source` once. Raises InputError as `load_rows` does, before anything is paid."""
    stream = iter_rows(
        source,
        data,
        on_reject=on_reject,
    )
    with stream:
        rows = owned = 0
        for row in stream:
            rows += 1
            owned += shard is not None and shard.owns(row.id)
    told = (stream.rejected, stream.duplicates, stream.shape, stream.source, stream.data_hash)
    return Scanned(rows, *told, owned if shard else None)


def fingerprint(source: str, data: DataConfig) -> str | None:
    """What a scan depends on: names and bytes of the files and how they are read; None for a hub data set."""
    parts: list[str] = []
    try:
        for path in source_files(source, data.split) or ():
            with path.open("rb") as file:
                parts += (shown(path), hashlib.file_digest(file, "sha256").hexdigest())
    except (OSError, InputError):
        return None  # reading it will say what is wrong
    if not parts:
        return None
    settings = (data.field, data.limit, data.split, data.skip_bad, data.turns)
    return digest(*parts, repr(settings if data.encoding is None else (*settings, data.encoding)))


def stamps(source: str, data: DataConfig) -> tuple[tuple[int, int, int], ...]:
    """Inode, size and time of change of the files: as they are while nobody touches them."""
    try:
        stats = [path.stat() for path in source_files(source, data.split) or ()]
    except (OSError, InputError):
        return ()
    return tuple((stat.st_ino, stat.st_size, stat.st_mtime_ns) for stat in stats)
