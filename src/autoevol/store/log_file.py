"""The file of `--log-file`: JSON lines for people and tools; no run depends on it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autoevol.core.errors import InputError
from autoevol.core.text import printable_json


class LogFile:
    """Appends whole JSON lines. Thread-safe.

    Characters that would control a terminal are written as JSON escapes. After the first failed write
    nothing more is written, but the run, which is being paid for, goes on.

    Args:
        path: Created if missing, readable by its owner only: errors may quote private prompts.

    Raises:
        InputError: If it cannot be opened.

    Attributes:
        lost: The error of the failed write; None while writing works.
    """

    def __init__(self, path: Path) -> None:
        self.lost: OSError | None = None
        self._lock = threading.Lock()
        try:
            self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")
        except OSError as error:
            raise InputError(f"--log-file {path} cannot be written: {error.strerror}") from error

    def add(self, record: Mapping[str, Any]) -> None:
        """Write one line."""
        line = printable_json(json.dumps(record, ensure_ascii=False)).encode()
        with self._lock:
            if self.lost is not None or self._file.closed:
                return
            try:
                self._file.write(line + b"\n")
                self._file.flush()
            except OSError as error:
                self.lost = error

    def close(self) -> None:
        """Close the file; later lines are ignored."""
        with self._lock:
            try:
                self._file.close()
            except OSError as error:
                self.lost = self.lost or error
