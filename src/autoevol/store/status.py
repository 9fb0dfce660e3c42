"""progress.json: a run's status for other processes. The run neither needs it nor waits for it."""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Literal

import orjson

from autoevol.core.schema import Malformed, NewerSchema
from autoevol.core.status import RunStatus
from autoevol.store.files import fresh_part

FILE = "progress.json"
# Seconds after the last status before a process on another machine counts as silent.
_SILENT = 60.0

Life = Literal["ended", "alive", "silent", "lost"]
"""The state of the process behind a status: it ended, is alive, has been silent for a minute (on another
machine), or was lost without a final status."""


class StatusFile:
    """The status file in a run folder whose lock the caller holds.

    It is replaced as a whole and never synced: a reader sees the last status or the one before, and a
    crash of the machine may lose both. A failed write does not end a paid run here; the files that matter
    will raise.

    Args:
        folder: The run folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / FILE

    def write(self, status: RunStatus) -> None:
        """Replace the last status."""
        with suppress(OSError):
            part = fresh_part(self._path)
            text = json.dumps(status.to_json(), ensure_ascii=False, indent=2)
            with part.open("xb") as file:
                # A file name that is not UTF-8 contains lone surrogates, which cannot be encoded.
                file.write(text.encode("utf-8", "replace") + b"\n")
            part.replace(self._path)


def read_status(folder: Path) -> RunStatus | None:
    """The status in a folder's `progress.json`; None if there is none or it cannot be read.

    The folder may be of an earlier version, or a copy made in the middle of a write.
    """
    try:
        return RunStatus.from_json(orjson.loads((folder / FILE).read_bytes()))
    except (OSError, ValueError, Malformed, NewerSchema):
        return None


def read_statuses(folder: Path) -> dict[str, RunStatus]:
    """The statuses in a folder: its own under '', those of workers and shards under their folders' names."""
    every = {"": read_status(folder)}
    with suppress(OSError):
        parts = [path for path in folder.iterdir() if path.name.startswith(("worker-", "shard-"))]
        every |= {path.name: read_status(path) for path in sorted(parts)}
    return {name: status for name, status in every.items() if status is not None}


def life_of(status: RunStatus, now: float) -> Life:
    """The state of the process behind `status`; `now` in seconds of `time.time()`. Read-only."""
    if status.outcome is not None:
        return "ended"
    here = this_process()
    can_look = (status.host, _namespace(status.born)) == (here[1], _namespace(here[2]))
    if can_look:
        return "alive" if _lives(status.pid, status.born) else "lost"
    return "silent" if now - status.wrote > _SILENT else "alive"


def this_process() -> tuple[int, str, str]:
    """(pid, host, what tells it from a later process with the same pid, '' if the system cannot)."""
    return os.getpid(), socket.gethostname(), _birth(os.getpid())


def _birth(pid: int) -> str:
    """`namespace/ticks`: pid namespace and start time. Pids are only comparable within a namespace."""
    try:
        namespace = os.readlink("/proc/self/ns/pid")
        ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
    return f"{namespace}/{ticks}"


def _namespace(born: str) -> str:
    return born.partition("/")[0]


def _lives(pid: int, born: str) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)  # sends nothing
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return not born or _birth(pid) in ("", born)
