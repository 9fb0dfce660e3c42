"""Finished rows in numbered files, and the manifest that says which of them are whole.

parts/part-000000.jsonl   lines in the order in which they were added
parts/manifest.jsonl      what was being made, then one line for each sealed part; the last line of
                          a part counts, so a part can be replaced

A part is written under another name, synced and renamed before its line is written, so a crash
at any moment costs the part that was open and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson

from autoevol.core.errors import InputError, StoreError
from autoevol.store.files import JsonLog, LineWriter

SCHEMA = 1


@dataclass(frozen=True)
class Part:
    """One line of the manifest.

    Attributes:
        number: 0, 1, ...
        rows: Lines of the part.
        dead: How many of them are to be retried.
        record: Number of the record that its last row was read from.
        open: Some of its rows are missing: it is made again when the run resumes.
        ids: The rows' ids, 16 hex digits each, one after another.
    """

    number: int
    rows: int
    dead: int
    record: int
    open: bool = False
    ids: str = ""


class Parts:
    """The parts of one run. One process at a time: the run folder's lock is the caller's to hold.

    Args:
        folder: Where they are, created if missing.
        made: What decides the rows; a folder with whole parts made otherwise is refused. None
            takes what is there.

    Raises:
        InputError: If the parts were made otherwise.
        StoreError: If the manifest is damaged, or the folder cannot be used.
    """

    def __init__(self, folder: Path, made: Mapping[str, Any] | None) -> None:
        self.folder = folder
        self._manifest = JsonLog(folder / "manifest.jsonl")
        self._ids: dict[int, bytes] = {}
        self._parts: dict[int, Part] = {}
        try:
            folder.mkdir(exist_ok=True)
            known = self._replay()
            if made is not None and not self._parts and known != _as_json(made):
                self._manifest.path.unlink(missing_ok=True)  # nothing was finished, so nothing is mixed
                known = None
            self.made: dict[str, Any] = _as_json(made or {}) if known is None else known
            if known is None:
                self._manifest.append({"schema": SCHEMA, "made": self.made})
        except OSError as error:
            raise StoreError(f"cannot use {folder}: {error}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{self._manifest.path} is damaged: {error!r}") from error
        if made is not None and self.made != _as_json(made):
            raise InputError(f"{folder} holds rows that were made otherwise. Give another --out")

    def __len__(self) -> int:
        return len(self._parts)

    def __iter__(self) -> Iterator[Part]:
        """The parts in order, without their ids."""
        return iter(list(self._parts.values()))

    @property
    def rows(self) -> int:
        """Rows in parts that are whole."""
        return sum(part.rows for part in self if not part.open)

    @property
    def record(self) -> int:
        """Record of the last row of the last whole part; -1 if there is none."""
        return max((part.record for part in self if not part.open), default=-1)

    def take_ids(self) -> Iterator[int]:
        """Ids of the rows in whole parts, once: afterwards they are not kept here."""
        while self._ids:
            _, packed = self._ids.popitem()
            for start in range(0, len(packed), 8):
                yield int.from_bytes(packed[start : start + 8], "big")

    def drop_open(self) -> None:
        """Forget a part that was sealed with rows missing; its number is used again."""
        self._parts = {number: part for number, part in self._parts.items() if not part.open}

    def lines(self) -> Iterator[dict[str, Any]]:
        """All lines of all parts, in order.

        Raises:
            StoreError: If a part is missing or damaged.
        """
        for part in self:
            yield from self.lines_of(part)

    def lines_of(self, part: Part) -> Iterator[dict[str, Any]]:
        """The lines of one part. Raises as `lines`."""
        path, count = self.path(part.number), 0
        try:
            with path.open("rb") as file:
                for line in file:
                    yield orjson.loads(line)
                    count += 1
        except (OSError, ValueError) as error:
            raise StoreError(f"{path} is damaged: {error}") from error
        if count != part.rows:
            raise StoreError(f"{path} is damaged: it has {count} rows, not {part.rows}")

    def writer(self, number: int) -> PartWriter:
        """A writer for the part `number`; sealing it replaces a part of the same number."""
        return PartWriter(self, number)

    def path(self, number: int) -> Path:
        """The file of one part."""
        return self.folder / f"part-{number:06d}.jsonl"

    def note(self, part: Part) -> None:
        """Say in the manifest that the file of a part is whole.

        Raises:
            StoreLost: If the disk refuses.
        """
        self._manifest.append(asdict(part))
        self._parts[part.number] = replace(part, ids="")

    def _replay(self) -> dict[str, Any] | None:
        """Read the manifest line by line; returns what was being made, None for an empty one."""
        made = None
        for record in self._manifest.replay():
            if made is None:
                made = _made(record)
            else:
                self._take(Part(**record))
        return made

    def _take(self, part: Part) -> None:
        self._ids.pop(part.number, None)
        if not part.open:
            self._ids[part.number] = bytes.fromhex(part.ids)
        self._parts[part.number] = replace(part, ids="")


class PartWriter:
    """One part while it is written; its file is made with its first row.

    Nothing of it is there until it is sealed, and leaving the block discards what is not.
    """

    def __init__(self, parts: Parts, number: int) -> None:
        self.number = number
        self._parts = parts
        self._file: LineWriter | None = None
        self._ids: list[str] = []
        self._dead = 0
        self._record = -1

    @property
    def rows(self) -> int:
        """Rows so far."""
        return len(self._ids)

    def add(self, line: Mapping[str, Any], row_id: str, *, record: int, dead: bool = False) -> None:
        """Add one row: its line, and what the manifest says of it (see `Part`)."""
        if self._file is None:
            self._file = LineWriter(self._parts.path(self.number))
        self._file.add(line)
        self._ids.append(row_id)
        self._dead += dead
        self._record = record

    def seal(self, *, open_part: bool = False) -> None:
        """Make it durable: the file, then its line in the manifest.

        Raises:
            StoreLost: If the disk refuses.
        """
        assert self._file is not None, "only a part with rows is sealed"
        self._file.seal()
        self._file = None
        ids = "".join(self._ids)
        self._parts.note(Part(self.number, self.rows, self._dead, self._record, open_part, ids))

    def discard(self) -> None:
        """Forget it, unless it is sealed."""
        if self._file is not None:
            self._file.discard()
            self._file = None

    def __enter__(self) -> PartWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()


def _made(line: dict[str, Any]) -> dict[str, Any]:
    if line["schema"] != SCHEMA:
        raise ValueError(f"schema {line['schema']}, this version reads {SCHEMA}")
    return line["made"]


def _as_json(data: Mapping[str, Any]) -> dict[str, Any]:
    return orjson.loads(orjson.dumps(dict(data)))
