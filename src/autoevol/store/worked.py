"""Working time of a folder over all starts: `worked.json`.

A killed process leaves the time it noted last, so at most `EVERY` seconds are lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from autoevol.core.errors import StoreError
from autoevol.core.schema import Malformed, Record
from autoevol.store.sealed import read_sealed, write_sealed

FILE = "worked.json"
EVERY = 15.0
"""Seconds between two writes."""


@dataclass(frozen=True, slots=True)
class Worked(Record):
    """Working time.

    Attributes:
        starts: Number of processes that worked here, >= 0.
        seconds: Their total time.
    """

    starts: int = 0
    seconds: float = 0.0


class WorkClock:
    """Measures the working time of this process and adds that of earlier ones.

    Args:
        folder: Where the file is.
        clock: Seconds.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._clock = folder / FILE, clock
        before = worked_before(folder)
        self._before = Worked(before.starts + 1, before.seconds)
        self._began = self._noted = clock()

    @property
    def worked(self) -> Worked:
        """The working time up to now."""
        return Worked(self._before.starts, self._before.seconds + self._clock() - self._began)

    def tick(self) -> None:
        """Write the time if the last write is long enough ago."""
        if self._clock() - self._noted >= EVERY:
            self.note()

    def note(self) -> None:
        """Write the time."""
        self._noted = self._clock()
        write_sealed(self._path, self.worked.to_json())


def worked_before(folder: Path) -> Worked:
    """The time in the file; zero if it is missing or damaged, since no result depends on it."""
    try:
        return Worked.from_json(read_sealed(folder / FILE) or {})
    except (Malformed, StoreError):
        return Worked()
