"""How files are written: whole or not at all, and durable."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson

from autoevol.core.errors import StoreError, StoreLost
from autoevol.store.journal import sync_folder


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


def write_json(path: Path, data: Any) -> None:  # noqa: ANN401 (JSON)
    """Write `data` so that a crash leaves the old file or the new one, never a part."""
    with replacing(path) as lines:
        lines.write(orjson.dumps(data, option=orjson.OPT_INDENT_2) + b"\n")


def replace_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with replacing(path) as lines:
        lines.write(text.encode("utf-8", "surrogatepass"))


class LineWriter:
    """Writes bytes or JSON lines to a file that does not have its name yet.

    Every method raises StoreLost if the disk refuses.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._part = path.with_name(f".{path.name}.part")
        with self._lost():
            self._file = self._part.open("wb")

    def write(self, data: bytes) -> None:
        """Write raw bytes."""
        with self._lost():
            self._file.write(data)

    def add(self, record: Mapping[str, Any]) -> None:
        """Write one JSON line."""
        try:
            line = orjson.dumps(record)
        except TypeError:  # a file name that is not UTF-8 comes as lone surrogates
            line = json.dumps(record).encode()
        self.write(line + b"\n")
        self.count += 1

    def seal(self) -> None:
        """Make everything written durable, and give the file its name."""
        with self._lost():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._part.replace(self.path)
            sync_folder(self.path.parent)

    def discard(self) -> None:
        """Forget everything written, whatever state the disk is in."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._part.unlink()

    @contextmanager
    def _lost(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreLost(f"cannot write {self.path}: {error}") from error


@contextmanager
def replacing(path: Path) -> Iterator[LineWriter]:
    """A writer whose file takes the place of `path` when the block ends without an error.

    Raises:
        StoreLost: If the disk refuses. An error of the block itself stays what it is.
    """
    writer = LineWriter(path)
    try:
        yield writer
        writer.seal()
    except BaseException:
        writer.discard()
        raise
