"""Finished rows in numbered files, and the manifest that lists the complete ones.

parts/part-000000.jsonl   rows in the order in which they were added
parts/manifest.jsonl      what was being made, then one line per sealed part; a part's last line
                          counts, so a part can be replaced

A part is written under a temporary name, synced and renamed before its manifest line is written, so a
crash at any moment costs only the open part. The manifest holds the checksum of each part, and each of
its lines a checksum over all lines before it (see `JsonLog`): no loss goes unnoticed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson

from autoevol.core.errors import InputError, StoreError
from autoevol.store.files import LineWriter, checksum_of, refused
from autoevol.store.log import JsonLog

SCHEMA = 2
"""Version of the manifest. Version 1 has no checksums."""


@dataclass(frozen=True)
class Part:
    """One line of the manifest.

    Attributes:
        number: 0, 1, ...
        rows: Number of rows.
        dead: How many of them are dead and can be retried.
        record: Number of the source record of its last row.
        open: Whether rows are missing, so that a resumed run makes it again.
        ids: The rows' ids, 16 hex digits each, concatenated.
        checksum: Of its file (see `checksum_of`); '' in manifests of earlier versions.
        stored: Whether the call store still has its rows' calls, so that it can be made again for free.
    """

    number: int
    rows: int
    dead: int
    record: int
    open: bool = False
    ids: str = ""
    checksum: str = ""
    stored: bool = False


class Parts:
    """The parts of one run. The caller must hold the run folder's lock.

    Args:
        folder: Where they are, created if missing.
        made: The settings that determine the rows; a folder with parts made with others is refused. None
            accepts whatever is there, and writes nothing until a part is sealed.

    Raises:
        InputError: If the parts were made with other settings.
        StoreError: If the manifest is damaged, or the folder cannot be used.
        StoreLost: If the disk is full.
    """

    def __init__(self, folder: Path, made: Mapping[str, Any] | None) -> None:
        self.folder = folder
        self._manifest = JsonLog(folder / "manifest.jsonl")
        self._ids: dict[int, bytes] = {}
        self._parts: dict[int, Part] = {}
        try:
            if made is not None:
                folder.mkdir(exist_ok=True)
            known = self._replay()
            if made is not None and not self._parts and known != _as_json(made):
                self._manifest.clear()  # nothing was finished, so nothing would be mixed
                known = None
            self.made: dict[str, Any] = _as_json(made or {}) if known is None else known
            self._refuse_unknown()
            if made is not None and known is None:
                self._manifest.append({"schema": SCHEMA, "made": self.made})
        except OSError as error:
            raise refused(error, f"cannot use {folder}") from error
        if made is not None and self.made != _as_json(made):
            raise InputError(f"{folder} holds rows that were made otherwise. Give another --out")

    def __len__(self) -> int:
        return len(self._parts)

    def __iter__(self) -> Iterator[Part]:
        """The parts in order, without their ids."""
        return iter(list(self._parts.values()))

    @property
    def rows(self) -> int:
        """Rows in complete parts."""
        return sum(part.rows for part in self if not part.open)

    @property
    def record(self) -> int:
        """Source record of the last row in a complete part; -1 if there is none."""
        return max((part.record for part in self if not part.open), default=-1)

    def take_ids(self) -> Iterator[int]:
        """Ids of the rows in complete parts. Can be called once: it frees the memory they take."""
        while self._ids:
            _, packed = self._ids.popitem()
            for start in range(0, len(packed), 8):
                yield int.from_bytes(packed[start : start + 8], "big")

    def drop_open(self) -> None:
        """Forget a part that was sealed with rows missing; its number is reused."""
        self._parts = {number: part for number, part in self._parts.items() if not part.open}

    def drop_damaged(self) -> None:
        """Forget the first damaged or missing part and all later ones, so that they are made again.

        Later ones too, because rows are assigned to parts in the order of their source.

        Raises:
            StoreError: If the calls of their rows are no longer stored.
        """
        for part in self:
            if (damage := self._damage_of(part)) is not None:
                later = [other for other in self if other.number >= part.number]
                if not all(other.stored for other in later):
                    raise damage
                for other in later:
                    del self._parts[other.number]
                    self._ids.pop(other.number, None)
                return

    def verify(self) -> None:
        """Check every part, before anything is paid. Raises StoreError as `lines`."""
        for part in self:
            if (damage := self._damage_of(part)) is not None:
                raise damage

    def lines(self) -> Iterator[dict[str, Any]]:
        """All lines of all parts, in order.

        Raises:
            StoreError: If a part is missing or damaged.
        """
        for part in self:
            yield from self.lines_of(part)

    def lines_of(self, part: Part) -> Iterator[dict[str, Any]]:
        """The lines of one part. Raises as `lines`; missing lines are only noticed at the end."""
        path, count, read = self.path(part.number), 0, hashlib.sha256()
        try:
            with path.open("rb") as file:
                for line in file:
                    yield orjson.loads(line)
                    read.update(line)
                    count += 1
        except (OSError, ValueError) as error:
            raise self._damaged(f"{path} is damaged in line {count + 1}: {error}") from error
        if count != part.rows:
            raise self._damaged(f"{path} is damaged: it has {count} rows, not {part.rows}")
        if part.checksum and part.checksum != read.hexdigest()[:32]:
            raise self._damaged(f"{path} is damaged: its lines are not those that were written")

    def writer(self, number: int, *, stored: bool = False) -> PartWriter:
        """A writer for part `number`; sealing it replaces an existing part of that number.

        `stored` says that its rows' calls stay in the call store.
        """
        return PartWriter(self, number, stored)

    def path(self, number: int) -> Path:
        """The file of a part."""
        return self.folder / f"part-{number:06d}.jsonl"

    def note(self, part: Part) -> None:
        """Record in the manifest that the file of a part is complete.

        Raises:
            StoreLost: If it cannot be written.
        """
        self._manifest.append(asdict(part))
        self._parts[part.number] = replace(part, ids="")

    def _damage_of(self, part: Part) -> StoreError | None:
        """What is wrong with the file of a part; None if nothing is."""
        # The checksum is the quick way; only if it is wrong are lines parsed, to name the damaged one.
        with suppress(OSError):
            if part.checksum and part.checksum == checksum_of(self.path(part.number)):
                return None
        try:
            for _ in self.lines_of(part):
                pass
        except StoreError as error:
            return error
        return None

    def _damaged(self, damage: str) -> StoreError:
        return StoreError(
            f"{damage}. Restore it from a copy, or move {self.folder} away: then the same command makes the "
            "rows again, from stored calls where they were kept"
        )

    def _replay(self) -> dict[str, Any] | None:
        """Read the manifest; returns what was being made, None if it is empty."""
        made, line = None, 0
        for line, record in enumerate(self._manifest.replay(), 1):
            try:
                if made is None:
                    made = _made(record, checked=self._manifest.checked)
                else:
                    self._take(Part(**record))
            except (ValueError, KeyError, TypeError) as error:
                raise self._manifest.damaged(line, repr(error)) from error
        return made

    def _take(self, part: Part) -> None:
        self._ids.pop(part.number, None)
        if not part.open:
            self._ids[part.number] = bytes.fromhex(part.ids)
            if len(self._ids[part.number]) != 8 * part.rows:
                raise ValueError(f"part {part.number} has {part.rows} rows and other ids")
        self._parts[part.number] = replace(part, ids="")

    def _refuse_unknown(self) -> None:
        """Raise for part files that the manifest should know.

        One file beyond the last known part is fine: a crash between renaming it and writing its line.
        """
        numbers = {
            int(stem[5:]) for file in self.folder.glob("part-*.jsonl") if (stem := file.stem)[5:].isdecimal()
        }
        beyond = min((n for n in numbers | self._parts.keys() if n > len(self._parts)), default=None)
        if beyond is not None or self._parts.keys() - range(len(self._parts)):
            after_gap = self.path(len(self._parts) if beyond is None else beyond)
            raise StoreError(
                f"{self._manifest.path} is damaged: lines are missing, for it does not say what came before "
                f"{after_gap.name}. Restore it from a copy"
            )


class PartWriter:
    """One part while it is written; its file is created with its first row.

    Nothing is visible until it is sealed; leaving the block without sealing discards it.
    """

    def __init__(self, parts: Parts, number: int, stored: bool) -> None:
        self.number = number
        self._stored = stored
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
        """Add one row: its line, and its entry for the manifest (see `Part`)."""
        if self._file is None:
            self._file = LineWriter(self._parts.path(self.number))
        self._file.add(line)
        self._ids.append(row_id)
        self._dead += dead
        self._record = record

    def seal(self, *, open_part: bool = False) -> None:
        """Make the part durable: the file, then its line in the manifest.

        Raises:
            StoreLost: If it cannot be written.
        """
        assert self._file is not None, "only a part with rows is sealed"
        self._file.seal()
        checksum, self._file = self._file.checksum, None
        ids = "".join(self._ids)
        self._parts.note(
            Part(self.number, self.rows, self._dead, self._record, open_part, ids, checksum, self._stored)
        )

    def discard(self) -> None:
        """Drop the part, unless it is sealed."""
        if self._file is not None:
            self._file.discard()
            self._file = None

    def __enter__(self) -> PartWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()


def _made(line: dict[str, Any], *, checked: bool) -> dict[str, Any]:
    if line["schema"] not in (1, SCHEMA):
        raise ValueError(f"schema {line['schema']}, this version reads {SCHEMA}")
    if line["schema"] == SCHEMA and not checked:
        raise ValueError("its check is missing")
    return line["made"]


def _as_json(data: Mapping[str, Any]) -> dict[str, Any]:
    return orjson.loads(orjson.dumps(dict(data)))
