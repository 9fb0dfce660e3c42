"""Which requests wait in which batch at a provider, so that a killed run picks its batches up again."""

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
    """Requests that were sent to a batch API together.

    Attributes:
        id: Our name for it; goes into the batch's metadata and the name of its file.
        endpoint: Identity of the transport that sent it.
        input_file: Id of the uploaded file, None before the upload is known to have ended.
        batch: Id of the batch, None before the provider is known to have taken it.
    """

    id: str
    endpoint: str
    input_file: str | None = None
    batch: str | None = None


class BatchStore:
    """Waves and their requests, in the file of the call store. Nothing here is memory: a request is looked
    up when it is asked for, so a run over millions of rows costs disk only.

    A wave is written down before anything of it is sent. One without a batch id may therefore have
    been taken by the provider or not: whoever resumes must ask.

    Args:
        path: The SQLite file, made with its folder if missing.

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
            # A batch is money for hours: what is known of it survives power loss too.
            self._connection.execute("PRAGMA synchronous=FULL")
            with self._connection:
                for statement in _SCHEMA:
                    self._connection.execute(statement)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"cannot open the batch store {path}: {error}") from error

    def begin(self, wave: Wave, custom_ids: Iterable[str]) -> None:
        """Write down a wave that is about to be sent."""
        with self._writing() as connection:
            connection.execute(
                "INSERT INTO waves VALUES (?,?,?,?,?)",
                (wave.id, wave.endpoint, wave.input_file, wave.batch, time.time()),
            )
            connection.executemany(
                "INSERT INTO wave_requests VALUES (?,?)", ((custom_id, wave.id) for custom_id in custom_ids)
            )

    def update(self, wave: Wave) -> None:
        """Write down what has become known of a wave: the id of its file or of its batch."""
        with self._writing() as connection:
            connection.execute(
                "UPDATE waves SET input_file=?, batch=? WHERE id=?", (wave.input_file, wave.batch, wave.id)
            )

    def forget(self, wave: Wave) -> None:
        """Drop a wave that the provider has never taken, so that its requests are sent anew."""
        with self._writing() as connection:
            connection.execute("DELETE FROM wave_requests WHERE wave=?", (wave.id,))
            connection.execute("DELETE FROM waves WHERE id=?", (wave.id,))

    def unsent(self, endpoint: str) -> list[Wave]:
        """Waves of an endpoint whose batch is not known."""
        return self._waves("endpoint=? AND batch IS NULL", endpoint)

    def wave_of(self, custom_id: str) -> Wave | None:
        """The wave that holds a request, if one does."""
        found = self._waves("id=(SELECT wave FROM wave_requests WHERE custom_id=?)", custom_id)
        return found[0] if found else None

    def custom_ids(self, wave: Wave) -> list[str]:
        """The requests of a wave."""
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
