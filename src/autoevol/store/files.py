"""How files are written and locked: whole or not at all, durable, by one process at a time."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
from filelock import FileLock

from autoevol.core.errors import StoreError, StoreLost


def read_json(path: Path) -> Any | None:  # noqa: ANN401 (JSON)
    """The content of a JSON file, or None if it does not exist.

    Raises:
        StoreError: If it is not JSON.
    """
    try:
        return orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StoreError(f"cannot read {path}: {error}") from error


def read_object(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file, or None if there is no file.

    Raises:
        StoreError: If it is damaged.
    """
    data = read_json(path)
    if data is None or isinstance(data, dict):
        return data
    raise StoreError(f"{path} is damaged: it holds a {type(data).__name__}, not an object")


def write_json(path: Path, data: Any) -> None:  # noqa: ANN401 (JSON)
    """Write `data` atomically: a crash leaves either the old file or the new one."""
    with replacing(path) as lines:
        lines.write(orjson.dumps(data, option=orjson.OPT_INDENT_2) + b"\n")


def refused(error: Exception, what: str) -> StoreError | StoreLost:
    """The error for a file that cannot be opened: a full disk ends the run, anything else is for the user."""
    full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "is full" in str(error)
    return (StoreLost if full else StoreError)(f"{what}: {error}")


def replace_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with replacing(path) as lines:
        lines.write(text.encode("utf-8", "surrogatepass"))


def replace_bytes(path: Path, data: bytes) -> None:
    """Write `data`, atomically."""
    with replacing(path) as lines:
        lines.write(data)


def file_lock(path: Path) -> FileLock:
    """An exclusive lock between processes, which the operating system releases when its process ends.

    `acquire()` waits, `acquire(blocking=False)` raises `filelock.Timeout`. A symlink in its place is not
    followed. The empty file is left behind: removing it would let two processes hold "the" lock at once.
    """
    # fallback_to_soft: without flock, filelock would use a marker file, which outlives a killed process.
    # thread_local: any thread may release the lock, since a run is closed by whichever thread ends it.
    return FileLock(path, thread_local=False, fallback_to_soft=False)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable; syncing a file does not sync its directory entry."""
    if os.name == "nt":
        return  # Windows cannot open a folder, and NTFS journals its metadata anyway
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fresh_part(path: Path) -> Path:
    """The path at which a file is written before it gets its name.

    Leftovers of a crash are removed first; so is a symbolic link, which would be followed.
    """
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    return part


def checksum_of(path: Path) -> str:
    """The checksum of a file, equal to `LineWriter.checksum` if it is unchanged. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


class LineWriter:
    """Writes bytes or JSON lines to a file that gets its name only when it is sealed.

    Every method raises StoreLost if the disk refuses.

    Attributes:
        count: JSON lines so far.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._sum = hashlib.sha256()
        with writing(self.path):
            self._part = fresh_part(path)
            self._file = self._part.open("xb")

    @property
    def checksum(self) -> str:
        """32 hex digits of SHA-256 over all bytes written so far; see `checksum_of`."""
        return self._sum.hexdigest()[:32]

    def write(self, data: bytes) -> None:
        """Write raw bytes."""
        self._sum.update(data)
        with writing(self.path):
            self._file.write(data)

    def add(self, record: Mapping[str, Any]) -> None:
        """Write one JSON line."""
        try:
            line = orjson.dumps(record)
        except TypeError:  # a file name that is not UTF-8 contains lone surrogates, which orjson refuses
            line = json.dumps(record).encode()
        self.write(line + b"\n")
        self.count += 1

    def seal(self) -> None:
        """Make everything durable, and give the file its name."""
        with writing(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._part.replace(self.path)
            sync_folder(self.path.parent)

    def discard(self) -> None:
        """Drop everything written; never raises, whatever state the disk is in."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._part.unlink()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """A block in which the system's errors mean that `path` cannot be written: they become StoreLost."""
    try:
        yield
    except OSError as error:
        raise StoreLost(f"cannot write {path}: {error}") from error


@contextmanager
def replacing(path: Path) -> Iterator[LineWriter]:
    """A writer whose file replaces `path` when the block ends without an error.

    Raises:
        StoreLost: If the file cannot be written. Errors of the block itself pass through.
    """
    writer = LineWriter(path)
    try:
        yield writer
        writer.seal()
    except BaseException:
        writer.discard()
        raise
