"""The call store: every finished LM call, on disk before anyone sees its reply.

It is the cache (a repeated call is answered from here), the ledger (what was paid, per
role) and the resume (a run that starts again finds its calls here). One SQLite file in
WAL mode; one writer thread commits whatever has piled up in one transaction.

A run over millions of rows need not keep every text for ever: calls are filed under a tag,
and `CallStore.forget` drops those of a tag whose results are safe elsewhere. What they cost
stays in the ledger.

A file beside it, `.NAME.paid`, says that something was paid for: a store that is lost, or empty, is told
instead of paid for again.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import astuple, fields
from pathlib import Path

from autoevol.core.errors import StoreError, StoreLost
from autoevol.store import call_tables
from autoevol.store.call_tables import CallRecord, Flight, RefusedCall, Spent
from autoevol.store.call_writing import Change, apply_changes, tell
from autoevol.store.files import refused

__all__ = ["CallRecord", "CallStore", "Flight", "RefusedCall", "Spent"]

_BATCH = 512
SAMPLE_RUN = "estimate"
"""The run to whose ledger the calls of a sample go that was tried before the run itself."""


_Job = tuple[Change, "Future[None] | asyncio.Future[None]"]


class CallStore:
    """Durable calls of one or many runs in one file.

    Args:
        path: The SQLite file, created with its folder if missing. Not on a network share.
        run: Whose ledger new calls go to. Replies of all runs in the file are shared.
        power_safe: Survive power loss as well as a killed process (SQLite FULL); costs an
            fsync per batch of commits.

    Raises:
        StoreError: If the file cannot be opened, is not a call store, or has lost what was paid for.
        StoreLost: If the disk is full.
    """

    def __init__(self, path: str | Path, run: str = "main", *, power_safe: bool = True) -> None:
        self.path = Path(path)
        self.run = run
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._reader_lock = threading.Lock()
        self._door = threading.Lock()
        self._closed = False
        self._note = self.path.with_name(f".{self.path.name}.paid")
        self._paid = self._note.exists()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self._paid and not self.path.exists():
                raise self._emptied()
            self._writer = self._connect(power_safe)
            self._create()
            if self._paid and not self._writer.execute(call_tables.ANYTHING).fetchone()[0]:
                self._writer.close()
                raise self._emptied()
            self._reader = self._connect(power_safe)
            self._reader.text_factory = _text
        except (sqlite3.Error, OSError) as error:
            raise refused(error, f"cannot open the call store {self.path}") from error
        self._thread = threading.Thread(target=self._write, name="autoevol-store", daemon=True)
        self._thread.start()

    def _connect(self, power_safe: bool) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, check_same_thread=False, timeout=60, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={'FULL' if power_safe else 'NORMAL'}")
        return connection

    def _emptied(self) -> StoreError:
        return StoreError(
            f"{self.path} has lost the calls that were paid for. Restore it from a copy, or remove "
            f"{self._note} to pay for them again"
        )

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

        One that is damaged is none: what was really said is not known any more.

        Raises:
            StoreLost: If the file cannot be read any more, or the store is closed.
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
        """The same from a coroutine: returns once `record` is durable.

        Raises:
            StoreLost: If it cannot be written.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._submit(record, done)
        await done

    async def refuse(self, refusal: RefusedCall) -> None:
        """Store that a request was refused, as `aput` does a reply."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._submit(refusal, done)
        await done

    def refusal(self, key: str, sample: int) -> RefusedCall | None:
        """What this run was told when it last asked, if it was refused for good. Raises as `get`."""
        try:
            with self._reader_lock:
                row = self._reader.execute(call_tables.REFUSED, (self.run, key, sample)).fetchone()
        except sqlite3.Error as error:
            raise StoreLost(f"cannot read the call store {self.path}: {error}") from error
        return RefusedCall(*row) if row else None

    def forget_refusals(self) -> None:
        """Let this run ask again what was refused: it begins anew. Raises StoreLost if the disk refuses."""
        try:
            with self._reader_lock, self._reader:
                self._reader.execute(call_tables.FORGET_REFUSALS, (self.run,))
        except sqlite3.Error as error:
            raise StoreLost(f"cannot write to the call store {self.path}: {error}") from error

    def track(self, flight: Flight) -> None:
        """Note that a request departs, or has failed; its reply ends it too. Nobody waits for the disk."""
        self._submit(flight, Future())

    def book_flights(self) -> None:
        """Book what was on its way when the last process of this run ended, at what it was expected to cost.

        Only for the process that goes on with the run: another's requests would be booked while they fly.

        Raises:
            StoreLost: If it cannot be written.
        """
        try:
            with self._reader_lock, self._reader:
                self._reader.execute("BEGIN IMMEDIATE")
                self._reader.execute(call_tables.BOOK_FLIGHTS, {"run": self.run})
                self._reader.execute(call_tables.END_FLIGHTS, {"run": self.run})
        except sqlite3.Error as error:
            raise StoreLost(f"cannot write to the call store {self.path}: {error}") from error

    def forget(self, tag: str) -> Future[None]:
        """Drop the requests and replies that this run has filed under `tag`.

        Of calls filed as shared (`SHARED` before the tag), which rows of other tags may make as well, the
        replies are kept.

        Their calls, tokens and money stay in `spent`, to the last one. Afterwards the same
        requests would be paid for again, so forget only what will not be asked for again: the
        calls of rows whose results are durable. The two happen in one transaction.

        Raises:
            ValueError: For '', which would be everything that has no tag.
        """
        if not tag:
            raise ValueError("only calls with a tag can be forgotten")
        done: Future[None] = Future()
        self._submit(tag, done)
        return done

    def book(self, role: str, spent: Spent) -> Future[None]:
        """Add to what `role` has paid, where there is no reply to keep: it was broken."""
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
        """What this run, or another one in the file, has paid so far, by role, forgotten calls included.

        Raises:
            StoreLost: If the file cannot be read any more, or the store is closed.
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
        """Record what was paid elsewhere for this run, by role. Repeating it changes nothing.

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

    def _commit(self, batch: list[_Job]) -> None:
        lost = None
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            apply_changes(self._writer, self.run, [what for what, _ in batch])
            self._writer.execute("COMMIT")
            if not self._paid and any(isinstance(what, CallRecord | tuple) for what, _ in batch):
                self._note.touch()  # afterwards: a note without a call would keep a run from its start
                self._paid = True
        except Exception as error:  # noqa: BLE001 (whatever it is, every caller waits for this thread)
            with suppress(sqlite3.Error):
                self._writer.execute("ROLLBACK")
            lost = StoreLost(f"cannot write to the call store {self.path}: {error}")
        tell([done for _, done in batch], lost)


def _text(stored: bytes) -> str:
    return stored.decode("utf-8", "replace")  # damage is told by the proof, not by an error
