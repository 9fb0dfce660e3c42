"""progress.json: where a run stands, for other processes. A run never waits for it, and none is needed."""

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
# Seconds without a word after which a process that cannot be looked at counts as silent.
_SILENT = 60.0

Life = Literal["ended", "alive", "silent", "lost"]
"""Whether the process behind a status has come to its end, lives, is on another machine and has said nothing
for a minute, or is gone without a word."""


class StatusFile:
    """The file in a run folder whose lock the caller holds.

    It is replaced as a whole and never synced: a reader sees the last status or the one before, and a
    crash of the machine may cost both. A disk that refuses is no reason to end a paid run here; what
    has to be kept tells it.

    Args:
        folder: The run folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / FILE

    def write(self, status: RunStatus) -> None:
        """Put `status` in the place of the last one."""
        with suppress(OSError):
            part = fresh_part(self._path)
            text = json.dumps(status.to_json(), ensure_ascii=False, indent=2)
            with part.open("xb") as file:
                # A name that is not UTF-8 comes with halves of characters, which no file holds.
                file.write(text.encode("utf-8", "replace") + b"\n")
            part.replace(self._path)


def read_status(folder: Path) -> RunStatus | None:
    """What `progress.json` in a folder says. None without one, and for one that cannot be read: a folder
    may be an older one, or a copy that was made while it was written.
    """
    try:
        return RunStatus.from_json(orjson.loads((folder / FILE).read_bytes()))
    except (OSError, ValueError, Malformed, NewerSchema):
        return None


def read_statuses(folder: Path) -> dict[str, RunStatus]:
    """The statuses of a folder by name: '' for its own, those of its workers and shards by their folders."""
    every = {"": read_status(folder)}
    with suppress(OSError):
        parts = [path for path in folder.iterdir() if path.name.startswith(("worker-", "shard-"))]
        every |= {path.name: read_status(path) for path in sorted(parts)}
    return {name: status for name, status in every.items() if status is not None}


def life_of(status: RunStatus, now: float) -> Life:
    """Whether the process behind `status` lives; `now` in seconds of `time.time()`. Disturbs nothing."""
    if status.outcome is not None:
        return "ended"
    here = this_process()
    can_look = (status.host, _namespace(status.born)) == (here[1], _namespace(here[2]))
    if can_look:
        return "alive" if _lives(status.pid, status.born) else "lost"
    return "silent" if now - status.wrote > _SILENT else "alive"


def this_process() -> tuple[int, str, str]:
    """Its number, its machine, and what tells it from a later process with this number ('' if nothing)."""
    return os.getpid(), socket.gethostname(), _birth(os.getpid())


def _birth(pid: int) -> str:
    """`namespace/ticks`: numbers of processes mean something in their namespace only."""
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
