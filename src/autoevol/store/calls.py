"""The call store: every finished LM call, on disk before anyone sees its reply.

It is the cache (a repeated call is answered from here), the ledger (what was paid, per
role) and the resume (a run that starts again finds its calls here). One SQLite file in
WAL mode; one writer thread commits whatever has piled up in one transaction.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path

from autoevol.errors import StoreError, StoreLost

_BATCH = 512


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One paid call and its reply.

    Attributes:
        key: Hash of endpoint, model, messages and sampling (and the scope, if sampled).
        sample: 0 at temperature 0; else the request was the n-th of its kind, from 0.
        role: What the call was for: evol, respond, optimizer, judge or other.
        request: The request as JSON, for whoever wants to read what was asked.
        usd: Price of the call, None where no price is known.
        attempts: Requests sent for it, refused and failed ones included; >= 1.
        seconds: From the first attempt to the reply.
    """

    key: str
    sample: int
    role: str
    model: str
    request: str
    text: str
    finish_reason: str
    input_tokens: int
    output_tokens: int
    usd: float | None
    attempts: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Spent:
    """Sums over paid calls. `usd` counts the calls that have a price."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0

    @property
    def tokens(self) -> int:
        """Input and output tokens together."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Spent) -> Spent:
        return Spent(
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.usd + other.usd,
        )

    def __sub__(self, other: Spent) -> Spent:
        return Spent(
            self.calls - other.calls,
            self.input_tokens - other.input_tokens,
            self.output_tokens - other.output_tokens,
            self.usd - other.usd,
        )


_COLUMNS = tuple(f.name for f in fields(CallRecord))
_values = attrgetter(*_COLUMNS)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
  key TEXT NOT NULL, sample INTEGER NOT NULL, role TEXT NOT NULL, model TEXT NOT NULL,
  request TEXT NOT NULL, text TEXT NOT NULL, finish_reason TEXT NOT NULL,
  input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, usd REAL,
  attempts INTEGER NOT NULL, seconds REAL NOT NULL,
  run TEXT NOT NULL, created REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS replies ON calls (key, sample);
CREATE INDEX IF NOT EXISTS paid ON calls (run, role, input_tokens, output_tokens, usd);
"""


class CallStore:
    """Durable calls of one or many runs in one file.

    Args:
        path: The SQLite file, created with its folder if missing. Not on a network share.
        run: Whose ledger new calls go to. Replies of all runs in the file are shared.
        power_safe: Survive power loss as well as a killed process (SQLite FULL); costs an
            fsync per batch of commits.

    Raises:
        StoreError: If the file cannot be opened or is not a call store.
    """

    def __init__(self, path: str | Path, run: str = "main", *, power_safe: bool = True) -> None:
        self.path = Path(path)
        self.run = run
        self._jobs: queue.SimpleQueue[tuple[CallRecord, Future[None]] | None] = queue.SimpleQueue()
        self._reader_lock = threading.Lock()
        self._door = threading.Lock()
        self._closed = False
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = self._connect(power_safe)
            self._create()
            self._reader = self._connect(power_safe)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"cannot open the call store {self.path}: {error}") from error
        self._thread = threading.Thread(target=self._write, name="autoevol-store", daemon=True)
        self._thread.start()

    def _connect(self, power_safe: bool) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, check_same_thread=False, timeout=60, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={'FULL' if power_safe else 'NORMAL'}")
        return connection

    def _create(self) -> None:
        tables = {
            name for (name,) in self._writer.execute("SELECT name FROM sqlite_master WHERE type='table'")
        }
        if tables and "calls" not in tables:
            raise StoreError(f"{self.path} is another program's database, not a call store")
        self._writer.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")

    def get(self, key: str, sample: int) -> CallRecord | None:
        """The stored reply to the `sample`-th request `key`, whichever run paid for it.

        Raises:
            StoreLost: If the file cannot be read any more, or the store is closed.
        """
        query = f"SELECT {','.join(_COLUMNS)} FROM calls WHERE key=? AND sample=? ORDER BY created LIMIT 1"
        try:
            with self._reader_lock:
                found = self._reader.execute(query, (key, sample)).fetchone()
        except sqlite3.Error as error:
            raise StoreLost(f"cannot read the call store {self.path}: {error}") from error
        return CallRecord(*found) if found else None

    def put(self, record: CallRecord) -> Future[None]:
        """Store `record`; the future resolves once it is durable, or fails with StoreLost."""
        done: Future[None] = Future()
        with self._door:
            if self._closed:
                done.set_exception(StoreLost(f"the call store {self.path} is closed"))
            else:
                self._jobs.put((record, done))
        return done

    def spent(self) -> dict[str, Spent]:
        """What this run has paid so far, by role.

        Raises:
            StoreLost: If the file cannot be read any more, or the store is closed.
        """
        query = (
            "SELECT role, count(*), sum(input_tokens), sum(output_tokens), coalesce(sum(usd), 0.0)"
            " FROM calls WHERE run=? GROUP BY role"
        )
        try:
            with self._reader_lock:
                return {role: Spent(*sums) for role, *sums in self._reader.execute(query, (self.run,))}
        except sqlite3.Error as error:
            raise StoreLost(f"cannot read the call store {self.path}: {error}") from error

    def close(self) -> None:
        """Write what is pending and close the file; closing twice is harmless."""
        with self._door:
            if self._closed:
                return
            self._closed = True
            self._jobs.put(None)
        self._thread.join()
        with self._reader_lock:
            self._reader.close()
        self._writer.close()

    def _write(self) -> None:
        while (first := self._jobs.get()) is not None:
            batch, last = [first], False
            while len(batch) < _BATCH and not self._jobs.empty():
                job = self._jobs.get()
                if job is None:
                    last = True
                    break
                batch.append(job)
            self._commit(batch)
            if last:
                return

    def _commit(self, batch: list[tuple[CallRecord, Future[None]]]) -> None:
        marks = ",".join(["?"] * (len(_COLUMNS) + 2))
        insert = f"INSERT INTO calls ({','.join(_COLUMNS)},run,created) VALUES ({marks})"
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            self._writer.executemany(
                insert, [(*_values(record), self.run, time.time()) for record, _ in batch]
            )
            self._writer.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 (whatever it is, every caller waits for this thread)
            with suppress(sqlite3.Error):
                self._writer.execute("ROLLBACK")
            lost = StoreLost(f"cannot write to the call store {self.path}: {error}")
            for _, done in batch:
                done.set_exception(lost)
            return
        for _, done in batch:
            done.set_result(None)
