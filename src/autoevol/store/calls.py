"""The call store: every finished LM call, on disk before anyone sees its reply.

It is the cache (repeated calls are answered from here), the ledger (what was paid, by role) and the
basis of resuming (a restarted run finds its calls here). One SQLite file in WAL mode; one writer thread
commits everything that is queued in one transaction.

A run over millions of rows need not keep every text forever: calls are stored under a tag, and
`CallStore.forget` drops those of a tag once their results are safe elsewhere. Their cost stays in the
ledger.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import ExitStack, closing, suppress
from dataclasses import astuple, fields
from pathlib import Path

from autoevol.core.errors import StoreError, StoreLost
from autoevol.store import call_tables
from autoevol.store.call_tables import CallRecord, Flight, RefusedCall, Spent
from autoevol.store.call_writing import Change, apply_changes, tell
from autoevol.store.files import refused

__all__ = ["CallRecord", "CallStore", "Flight", "RefusedCall", "Spent"]

_BATCH = 512  # changes per transaction: one fsync for many calls, and no long wait for the first of them
SAMPLE_RUN = "estimate"
"""The run whose ledger is charged for calls of a sample that was tried before the run itself."""


_Job = tuple[Change, "Future[None] | asyncio.Future[None]"]


class CallStore:
    """Durable calls of one or many runs in one file.

    Args:
        path: The SQLite file, created with its folder if missing. Not on a network share.
        run: Whose ledger is charged for new calls. Replies are shared by all runs in the file.
        power_safe: Survive a power failure as well as a killed process (SQLite FULL); costs an
            fsync per transaction.

    Raises:
        StoreError: If the file cannot be opened or is not a call store.
        StoreLost: If the disk is full.
    """

    def __init__(self, path: str | Path, run: str = "main", *, power_safe: bool = True) -> None:
        self.path = Path(path)
        self.run = run
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._reader_lock = threading.Lock()
        self._door = threading.Lock()
        self._closed = False
        with ExitStack() as opened:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._writer = opened.enter_context(closing(self._connect(power_safe)))
                self._create()
                self._reader = opened.enter_context(closing(self._connect(power_safe)))
                self._reader.text_factory = _text
            except (sqlite3.Error, OSError) as error:
                raise refused(error, f"cannot open the call store {self.path}") from error
            opened.pop_all()  # both stay open; a store that was refused leaves no file in use
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
        self._writer.execute("BEGIN IMMEDIATE")
        for table, name, kind in call_tables.LATER:
            columns = [column for _, column, *_ in self._writer.execute(f"PRAGMA table_info({table})")]
            if columns and name not in columns:
                self._writer.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")
        for statement in call_tables.SCHEMA:
            self._writer.execute(statement)
        self._writer.execute("COMMIT")

    def get(self, key: str, sample: int) -> CallRecord | None:
        """The stored reply to the `sample`-th request `key`, whichever run paid for it.

        A damaged record counts as missing, since the actual reply is no longer known.

        Raises:
            StoreLost: If the file can no longer be read, or the store is closed.
        """
        try:
            with self._reader_lock:
                rows = self._reader.execute(call_tables.FIND, (key, sample))
                return next(filter(None, map(call_tables.proven, rows)), None)
        except sqlite3.Error as error:
            raise StoreLost(f"cannot read the call store {self.path}: {error}") from error

    def put(self, record: CallRecord) -> Future[None]:
        """Store `record`; the future resolves once it is durable, or fails with StoreLost."""
        done: Future[None] = Future()
        self._submit(record, done)
        return done

    async def aput(self, record: CallRecord) -> None:
        """As `put`, from a coroutine: returns once `record` is durable.

        Raises:
            StoreLost: If it cannot be written.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._submit(record, done)
        await done

    async def refuse(self, refusal: RefusedCall) -> None:
        """Store a refusal; returns once it is durable. Raises as `aput`."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._submit(refusal, done)
        await done

    def refusal(self, key: str, sample: int) -> RefusedCall | None:
        """The stored refusal of this run's request, None if there is none. Raises as `get`."""
        try:
            with self._reader_lock:
                row = self._reader.execute(call_tables.REFUSED, (self.run, key, sample)).fetchone()
        except sqlite3.Error as error:
            raise StoreLost(f"cannot read the call store {self.path}: {error}") from error
        return RefusedCall(*row) if row else None

    def forget_refusals(self) -> None:
        """Forget this run's refusals, so that it asks again. Raises StoreLost if they cannot be deleted."""
        try:
            with self._reader_lock, self._reader:
                self._reader.execute(call_tables.FORGET_REFUSALS, (self.run,))
        except sqlite3.Error as error:
            raise StoreLost(f"cannot write to the call store {self.path}: {error}") from error

    def track(self, flight: Flight) -> None:
        """Record that a request departs or has failed, without waiting for the disk; storing its reply ends
        the flight as well.
        """
        self._submit(flight, Future())

    def book_flights(self) -> None:
        """Charge the run for requests that were in flight when its last process died, at their expected cost.

        Only the process that continues the run may call this: it would charge for the requests of a live one.

        Raises:
            StoreLost: If it cannot be written.
        """
        try:
            # On the reading connection: the writer's belongs to its thread, and nothing is queued there yet.
            with self._reader_lock, self._reader:
                self._reader.execute("BEGIN IMMEDIATE")
                self._reader.execute(call_tables.BOOK_FLIGHTS, {"run": self.run})
                self._reader.execute(call_tables.END_FLIGHTS, {"run": self.run})
        except sqlite3.Error as error:
            raise StoreLost(f"cannot write to the call store {self.path}: {error}") from error

    def forget(self, tag: str) -> Future[None]:
        """Drop the requests and replies that this run stored under `tag`.

        Shared calls (`SHARED` before the tag), which rows with other tags may repeat, keep their replies.

        Calls, tokens and money stay in `spent`, exactly, because both happen in one transaction. The same
        requests would be paid for again afterwards, so forget only calls of rows whose results are durable.

        Raises:
            ValueError: For '', which would mean everything without a tag.
        """
        if not tag:
            raise ValueError("only calls with a tag can be forgotten")
        done: Future[None] = Future()
        self._submit(tag, done)
        return done

    def book(self, role: str, spent: Spent) -> Future[None]:
        """Charge `role` for a call without a usable reply."""
        done: Future[None] = Future()
        self._submit((role, spent), done)
        return done

    def _submit(self, what: Change, done: Future[None] | asyncio.Future[None]) -> None:
        with self._door:
            if self._closed:
                done.set_exception(StoreLost(f"the call store {self.path} is closed"))
            else:
                self._jobs.put((what, done))

    def spent(self, run: str | None = None) -> dict[str, Spent]:
        """What this run, or another run in the file, has paid so far, by role, forgotten calls included.

        Raises:
            StoreLost: If the file can no longer be read, or the store is closed.
        """
        try:
            with self._reader_lock:
                return {
                    role: Spent(*sums)
                    for role, *sums in self._reader.execute(call_tables.SPENT, {"run": run or self.run})
                }
        except sqlite3.Error as error:
            raise StoreLost(f"cannot read the call store {self.path}: {error}") from error

    def carry(self, paid: Mapping[str, Spent]) -> None:
        """Record what was paid elsewhere for this run, by role. Idempotent.

        Raises:
            StoreLost: If it cannot be written.
        """
        lines = [(self.run, role, *astuple(spent)) for role, spent in paid.items()]
        marks = ",".join("?" * (2 + len(fields(Spent))))
        try:
            with self._reader_lock:
                self._reader.executemany(
                    f"INSERT OR REPLACE INTO forgotten (run,role,{call_tables.LINE}) VALUES ({marks})", lines
                )
        except sqlite3.Error as error:
            raise StoreLost(f"cannot write to the call store {self.path}: {error}") from error

    def close(self) -> None:
        """Write everything that is queued and close the file; closing twice is harmless."""
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

    def _commit(self, batch: list[_Job]) -> None:
        lost = None
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            apply_changes(self._writer, self.run, [what for what, _ in batch])
            self._writer.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 (callers wait for this thread, so it must never die)
            with suppress(sqlite3.Error):
                self._writer.execute("ROLLBACK")
            lost = StoreLost(f"cannot write to the call store {self.path}: {error}")
        tell([done for _, done in batch], lost)


def _text(stored: bytes) -> str:
    return stored.decode("utf-8", "replace")  # damage is found by the checksum, not by a decoding error
