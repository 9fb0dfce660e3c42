"""Which requests are in which batch at a provider, so that a killed run can pick its batches up again."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from autoevol.core.errors import StoreError, StoreLost

_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS waves (
      id TEXT PRIMARY KEY, endpoint TEXT NOT NULL, input_file TEXT, batch TEXT, created REAL NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS wave_requests (
      custom_id TEXT PRIMARY KEY, wave TEXT NOT NULL REFERENCES waves (id)) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS requests_of_wave ON wave_requests (wave)",
)


@dataclass(frozen=True, slots=True)
class Wave:
    """Requests that go to a batch API together.

    Attributes:
        id: Ours; part of the batch's metadata and of the file's name.
        endpoint: Identity of the transport that sent it.
        input_file: Id of the uploaded file; None until the upload is known to be complete.
        batch: Id of the batch; None until the provider is known to have accepted it.
    """

    id: str
    endpoint: str
    input_file: str | None = None
    batch: str | None = None


class BatchStore:
    """Waves and their requests, in the file of the call store.

    Nothing is kept in memory: every look-up is a query, so a run over millions of rows costs only disk.

    A wave is recorded before any of it is sent. A wave without a batch id may therefore have been accepted
    by the provider or not, and a resumed run must ask.

    Args:
        path: The SQLite file, created with its folder if missing.

    Raises:
        StoreError: If the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, check_same_thread=False, timeout=60)
            self._connection.execute("PRAGMA journal_mode=WAL")
            # A batch is hours of paid work, so its record must survive a power failure too.
            self._connection.execute("PRAGMA synchronous=FULL")
            with self._connection:
                for statement in _SCHEMA:
                    self._connection.execute(statement)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"cannot open the batch store {path}: {error}") from error

    def begin(self, wave: Wave, custom_ids: Iterable[str]) -> None:
        """Record a wave that is about to be sent."""
        with self._writing() as connection:
            connection.execute(
                "INSERT INTO waves VALUES (?,?,?,?,?)",
                (wave.id, wave.endpoint, wave.input_file, wave.batch, time.time()),
            )
            connection.executemany(
                "INSERT INTO wave_requests VALUES (?,?)", ((custom_id, wave.id) for custom_id in custom_ids)
            )

    def update(self, wave: Wave) -> None:
        """Record the id of a wave's file or batch."""
        with self._writing() as connection:
            connection.execute(
                "UPDATE waves SET input_file=?, batch=? WHERE id=?", (wave.input_file, wave.batch, wave.id)
            )

    def forget(self, wave: Wave) -> None:
        """Drop a wave that the provider never accepted, so that its requests are sent again."""
        with self._writing() as connection:
            connection.execute("DELETE FROM wave_requests WHERE wave=?", (wave.id,))
            connection.execute("DELETE FROM waves WHERE id=?", (wave.id,))

    def unsent(self, endpoint: str) -> list[Wave]:
        """An endpoint's waves whose batch id is unknown."""
        return self._waves("endpoint=? AND batch IS NULL", endpoint)

    def wave_of(self, custom_id: str) -> Wave | None:
        """The wave that contains a request; None if there is none."""
        waves = self._waves("id=(SELECT wave FROM wave_requests WHERE custom_id=?)", custom_id)
        return waves[0] if waves else None

    def custom_ids(self, wave: Wave) -> list[str]:
        """The ids of a wave's requests."""
        with self._reading() as connection:
            rows = connection.execute("SELECT custom_id FROM wave_requests WHERE wave=?", (wave.id,))
            return [custom_id for (custom_id,) in rows]

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        with self._lock:
            self._connection.close()

    def _waves(self, condition: str, value: str) -> list[Wave]:
        with self._reading() as connection:
            rows = connection.execute(
                f"SELECT id, endpoint, input_file, batch FROM waves WHERE {condition} ORDER BY created",
                (value,),
            )
            return [Wave(*row) for row in rows]

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as connection, connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock:
                yield self._connection
        except sqlite3.Error as error:
            raise StoreLost(f"cannot use the batch store {self.path}: {error}") from error
