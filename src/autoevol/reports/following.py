"""A run under way in another process, as its folder tells of it; reading disturbs nobody."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autoevol.core.errors import InputError
from autoevol.core.schema import Record
from autoevol.core.status import RunOutcome, RunStatus, time_of_day
from autoevol.store.status import Life, life_of, read_statuses

Ending = RunOutcome | Literal["lost"]

# The worst first.
_ENDINGS: tuple[Ending, ...] = ("refused", "stopped", "lost", "interrupted", "budget", "done")
_GOES_ON = "the same command goes on"


@dataclass(frozen=True)
class Followed(Record):
    """Where a process stands.

    Attributes:
        name: Of its part of the folder, `worker-2` or `shard-1-of-8`; '' for the whole.
        life: Whether it lives.
        status: What it has said last.
    """

    name: str
    life: Life
    status: RunStatus

    @property
    def under_way(self) -> bool:
        """Whether more may come of it."""
        return self.life in ("alive", "silent")

    @property
    def ending(self) -> Ending:
        """How it has ended; `lost` where it is gone without a word."""
        return self.status.outcome or "lost"

    def sentences(self) -> list[str]:
        """All that there is to say of it; of what is over, what stays true."""
        told, status = [f"{self.name}:"] if self.name else [], self.status
        if self.under_way:
            return [*told, *status.sentences(), *([status.note] if status.note else []), self._life()]
        phase, calls = status.phase, status.calls
        rows = [f"{phase.name}: {phase.counted}, {phase.outcomes}"] if phase and phase.done else []
        return [*told, self.closing, *rows, *([calls.paid] if calls and calls.calls else [])]

    def _life(self) -> str:
        status = self.status
        if self.life == "silent":
            return (
                f"nothing was heard of it since {time_of_day(status.wrote)} (process {status.pid} on "
                f"{status.host})"
            )
        return f"under way since {time_of_day(status.began)} (process {status.pid} on {status.host})"

    @property
    def closing(self) -> str:
        """When and why it has ended, and what goes on with it."""
        at, why = time_of_day(self.status.wrote), f": {self.status.why}" if self.status.why else ""
        return {
            "done": f"done at {at}{why}",
            "budget": f"{self.status.why} at {at}; {_GOES_ON} with a larger budget",
            "stopped": f"stopped at {at}{why}; {_GOES_ON}",
            "refused": f"ended at {at}{why}",
            "interrupted": f"interrupted at {at}; {_GOES_ON}",
            "lost": f"killed or lost at {at}; {_GOES_ON}",
        }[self.ending]


def followed(folder: Path) -> list[Followed]:
    """Every process that says in `folder` where it stands; none in a folder of an earlier version."""
    now = time.time()
    return [Followed(name, life_of(status, now), status) for name, status in read_statuses(folder).items()]


def follow(
    folder: Path, on_look: Callable[[list[Followed]], None], wait: Callable[[float], None] = time.sleep
) -> Ending:
    """Look at a folder every second until all that is under way there has ended.

    Args:
        folder: A run folder; nothing is written there.
        on_look: Is told what is to be seen.
        wait: Waits so many seconds.

    Returns:
        How it has ended; of several, the worst.

    Raises:
        InputError: If nothing says there where it stands.
    """
    while True:
        seen = followed(folder)
        if not seen:
            raise InputError(
                f"{folder} says nothing of a run under way: none was begun there, or by an earlier version"
            )
        on_look(seen)
        if not any(one.under_way for one in seen):
            endings = {one.ending for one in seen}
            return next(ending for ending in _ENDINGS if ending in endings)
        wait(1.0)
