"""How long a folder was worked on, over all starts: `worked.json`.

A process that is killed leaves the time that it had noted last, so at most `EVERY` seconds of it are lost.
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
"""Seconds between two notes."""


@dataclass(frozen=True, slots=True)
class Worked(Record):
    """Time at work.

    Attributes:
        starts: Processes that worked here, >= 0.
        seconds: Of all of them together.
    """

    starts: int = 0
    seconds: float = 0.0


class WorkClock:
    """The time of this process and of those before it.

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
        """Up to now."""
        return Worked(self._before.starts, self._before.seconds + self._clock() - self._began)

    def tick(self) -> None:
        """Note the time where it was not noted for a while."""
        if self._clock() - self._noted >= EVERY:
            self.note()

    def note(self) -> None:
        """Write the time down."""
        self._noted = self._clock()
        write_sealed(self._path, self.worked.to_json())


def worked_before(folder: Path) -> Worked:
    """What the file says; nothing where it is missing or damaged, since no result hangs on it."""
    try:
        return Worked.from_json(read_sealed(folder / FILE) or {})
    except (Malformed, StoreError):
        return Worked()
