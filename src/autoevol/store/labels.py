"""The folder of a labelling task: one durable log per rater, and the files derived from them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import Timeout

from autoevol.core.errors import InputError, InUse
from autoevol.store.files import file_lock, refused, replacing
from autoevol.store.log import JsonLog
from autoevol.store.sealed import read_sealed, write_counts, write_sealed

TASK = "task.json"
RATER = re.compile(r"[\w][\w.-]{0,39}")
"""Allowed rater names; they become file names."""


class LabelFolder:
    """Opens and locks a folder of labels: `task.json`, `rater-NAME.jsonl`, and the files derived from them.

    A log is append-only; withdrawing a label appends a line too. The last line about an item counts.

    Args:
        path: Created if missing.

    Raises:
        InUse: If another process holds it.
        StoreError: If it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = file_lock(path / ".lock")
            self._lock.acquire(blocking=False)
        except Timeout as error:
            raise InUse(f"{path} is in use by another autoevol process: one rater at a time") from error
        except OSError as error:
            raise refused(error, f"cannot write to {path}") from error
        self._logs: dict[str, JsonLog] = {}

    def task(self) -> dict[str, Any] | None:
        """The labelling task; None in a new folder. Raises StoreError if it is damaged."""
        return read_task(self.path)

    def describe(self, task: Mapping[str, Any]) -> None:
        """Write the labelling task, before the first label."""
        write_sealed(self.path / TASK, task)

    def append(self, rater: str, record: Mapping[str, Any]) -> None:
        """Append a line to a rater's log; it is on disk when this returns. Raises StoreLost."""
        log = self._logs.setdefault(rater, JsonLog(log_path(self.path, rater)))
        log.append(record)

    def write(self, name: str, records: Iterable[Mapping[str, Any]]) -> Path:
        """Write a JSON Lines file derived from the logs, atomically. Raises StoreLost."""
        path = self.path / name
        with replacing(path) as lines:
            for record in records:
                lines.add(record)
        write_counts(self.path, [lines])
        return path

    def close(self) -> None:
        """Release the lock."""
        self._lock.release()

    def __enter__(self) -> LabelFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def log_path(folder: Path, rater: str) -> Path:
    """The path of a rater's log. Raises InputError for a name that is not allowed."""
    if not RATER.fullmatch(rater):
        raise InputError(f"--rater {rater!r}: 1 to 40 letters, digits, `_`, `.` and `-`, no point first")
    return folder / f"rater-{rater}.jsonl"


def read_task(folder: Path) -> dict[str, Any] | None:
    """The labelling task of a folder; None if there is none. Raises StoreError if it is damaged."""
    return read_sealed(folder / TASK)


def read_logs(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """All lines by rater, in order. Raises StoreError if a log is damaged."""
    # A log that was deleted is noticed by the copy of its last line, which is still there.
    names = sorted({path.stem for kind in ("jsonl", "last") for path in folder.glob(f"rater-*.{kind}")})
    logs = {name: JsonLog(folder / f"{name}.jsonl") for name in names}
    return {name.removeprefix("rater-"): list(log.replay()) for name, log in logs.items()}
