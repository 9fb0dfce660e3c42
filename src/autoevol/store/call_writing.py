"""How the call store's writer thread applies queued changes, and how it wakes those who wait for them."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import astuple
from itertools import groupby
from typing import Any

from autoevol.core.errors import StoreLost
from autoevol.store import call_tables
from autoevol.store.call_tables import CallRecord, Flight, RefusedCall, Spent

# A record or refusal to store, a request that departs or failed, a tag to forget, or (role, costs) to book.
Change = CallRecord | RefusedCall | Flight | str | tuple[str, Spent]


def apply_changes(connection: sqlite3.Connection, run: str, changes: Iterable[Change]) -> None:
    """Apply the changes in order, within the caller's transaction. Raises sqlite3.Error."""
    # Runs of one kind, so that each takes one `executemany`. The order between kinds matters: a call departs
    # before it lands, and is stored before its tag is forgotten.
    for kind, group in groupby(changes, key=type):
        same: list[Any] = list(group)
        if kind is CallRecord:
            now = time.time()
            connection.executemany(
                call_tables.INSERT, [(*call_tables.line(record), run, now) for record in same]
            )
            _land(connection, run, same)
        elif kind is RefusedCall:
            connection.executemany(call_tables.REFUSE, [(run, *astuple(refusal)) for refusal in same])
        elif kind is Flight:
            for flight in same:
                if flight.spent is None:
                    _land(connection, run, [flight])
                else:
                    line = (run, flight.key, flight.sample, flight.role, *astuple(flight.spent))
                    connection.execute(call_tables.DEPART, line)
        elif kind is tuple:
            connection.executemany(call_tables.WASTE, [(run, role, *astuple(spent)) for role, spent in same])
        else:
            for tag in same:
                filed = {"run": run, "tag": tag, "shared": call_tables.SHARED + tag}
                connection.execute(call_tables.FOLD, filed)
                connection.execute(f"DELETE {call_tables.FILED}", filed)
                connection.execute(call_tables.THIN, filed)


def _land(connection: sqlite3.Connection, run: str, ended: Iterable[CallRecord | Flight]) -> None:
    connection.executemany(call_tables.LAND, [(run, call.key, call.sample) for call in ended])


def tell(waiting: list[Future[None] | asyncio.Future[None]], lost: StoreLost | None) -> None:
    """Resolve futures: those of threads directly, those of coroutines with one wake-up per event loop."""
    loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for done in waiting:
        if isinstance(done, Future):
            _end(done, lost)
        else:
            loops.setdefault(done.get_loop(), []).append(done)
    for loop, futures in loops.items():
        with suppress(RuntimeError):  # the loop is closed, so nobody is waiting
            loop.call_soon_threadsafe(_end_all, futures, lost)


def _end_all(waiting: list[asyncio.Future[None]], lost: StoreLost | None) -> None:
    for done in waiting:
        if not done.done():  # its caller may have been cancelled
            _end(done, lost)


def _end(done: Future[None] | asyncio.Future[None], lost: StoreLost | None) -> None:
    if lost is None:
        done.set_result(None)
    else:
        done.set_exception(lost)
