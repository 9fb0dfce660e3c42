"""An append-only log, durable line by line, that notices when a line is damaged or missing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from autoevol.core.errors import StoreError, StoreLost
from autoevol.store.files import read_object, sync_folder, write_json

_MARK = b',"check":"'
_TAIL = len(_MARK) + 16 + len(b'"}\n')


class JsonLog:
    """An append-only JSONL file; each line is durable before `append` returns.

    The last field of a line, `check`, is a checksum over the line and all lines before it, so a line that is
    damaged, lost, duplicated or moved is noticed. The chain cannot notice that its end is missing, so a
    copy of the last line is kept next to the log (`NAME.last`); a lost or torn last line is restored from
    there. Logs of earlier versions have no checksums; lines appended to them do.

    Reading writes nothing. A last line torn by a crash is skipped, since what it records was not finished,
    and is cut off by the next `append`.

    Attributes:
        checked: Whether the lines that were read have checksums.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checked = False
        self._last = path.with_suffix(".last")
        self._check = b""
        self._lines = 0
        self._size: int | None = None  # bytes of complete lines; None until the log has been read to its end
        self._lost = b""  # a last line that is only in the copy, to be written with the next one

    def replay(self) -> Iterator[Any]:
        """The records in order, one at a time in memory.

        Raises:
            StoreError: If a line is damaged or missing; the message names it.
            OSError: If the file cannot be read.
        """
        self._check, self._lines, self._size, self._lost, self.checked = b"", 0, None, b"", False
        size = 0
        if self.path.exists():
            with self.path.open("rb") as file:
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    yield self._read(line)
                    size += len(line)
        if copy := self._missing():
            yield self._read(copy)
            self._lost = copy
        self._size = size

    def append(self, record: Mapping[str, Any]) -> None:
        """Append a record.

        Raises:
            StoreLost: If it cannot be written.
            StoreError: As `replay`, which runs first if it has not been called.
        """
        if self._size is None:
            for _ in self.replay():
                pass
        body = orjson.dumps(record)
        check = _chained(self._check, body)
        line = body[:-1] + _MARK + check + b'"}\n'
        try:
            new = not self.path.exists()
            with self.path.open("ab") as file:
                if file.tell() > (self._size or 0) and file.seekable():
                    file.truncate(self._size)  # torn by a crash
                file.write(self._lost + line)
                file.flush()
                os.fsync(file.fileno())
            if new:
                sync_folder(self.path.parent)
        except OSError as error:
            raise StoreLost(f"cannot write {self.path}: {error}") from error
        self._size = (self._size or 0) + len(self._lost) + len(line)
        self._check, self._lost, self.checked = check, b"", True
        self._lines += 1
        write_json(self._last, {"lines": self._lines, "line": line.decode("utf-8")})

    def clear(self) -> None:
        """Start over with an empty log."""
        self._last.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)
        self._size = None

    def damaged(self, line: int, why: object) -> StoreError:
        """The error for a damaged line, counted from 1."""
        return StoreError(f"{self.path} is damaged in line {line}: {why}. Restore it from a copy")

    def _read(self, line: bytes) -> Any:  # noqa: ANN401 (JSON)
        number, body, check = self._lines + 1, line[:-1], b""
        if line[-_TAIL : len(line) - _TAIL + len(_MARK)] == _MARK:
            body, check = line[:-_TAIL] + b"}", line[-19:-3]
        try:
            record = orjson.loads(body)
        except ValueError as error:
            raise self.damaged(number, error) from error
        expected = _chained(self._check, body)
        # Lines without a checksum may only come first: they are from an earlier version.
        if check != expected and (check or self.checked):
            raise self.damaged(number, "it is not as it was written, or lines before it are missing")
        self._check, self._lines, self.checked = expected, number, bool(check)
        return record

    def _missing(self) -> bytes:
        """The last line from its copy, if the log lacks just that line; else b''."""
        copy = read_object(self._last) or {"lines": 0}
        lines, line = copy.get("lines"), copy.get("line", "")
        if not isinstance(lines, int) or not isinstance(line, str):
            raise StoreError(f"{self._last} is damaged. Remove it if {self.path} is whole")
        if lines > self._lines + 1:
            raise StoreError(
                f"{self.path} is damaged: of its {lines} lines only {self._lines} are left. "
                "Restore it from a copy"
            )
        return line.encode() if lines == self._lines + 1 else b""


def cut_torn_line(path: Path) -> None:
    """Cut off a last line torn by a crash, without looking at the others."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        size = 0
        for line in file:
            if not line.endswith(b"\n"):
                os.ftruncate(file.fileno(), size)
                os.fsync(file.fileno())
                return
            size += len(line)


def _chained(check: bytes, body: bytes) -> bytes:
    return hashlib.sha256(check + body).hexdigest()[:16].encode()
