"""What the writer thread of the call store does with what has piled up, and how it tells those who wait."""

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

# A record or a refusal to keep, a request that departs or has failed, a tag to forget, or costs to book to
# a role.
Change = CallRecord | RefusedCall | Flight | str | tuple[str, Spent]


def apply_changes(connection: sqlite3.Connection, run: str, changes: Iterable[Change]) -> None:
    """Make the changes, in their order, within the transaction of the caller. Raises sqlite3.Error."""
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
    """Wake threads directly, and coroutines with one wake-up of their loop."""
    loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for done in waiting:
        if isinstance(done, Future):
            _end(done, lost)
        else:
            loops.setdefault(done.get_loop(), []).append(done)
    for loop, futures in loops.items():
        with suppress(RuntimeError):  # a loop that is closed has nobody waiting
            loop.call_soon_threadsafe(_end_all, futures, lost)


def _end_all(waiting: list[asyncio.Future[None]], lost: StoreLost | None) -> None:
    for done in waiting:
        if not done.done():  # a caller may have gone away
            _end(done, lost)


def _end(done: Future[None] | asyncio.Future[None], lost: StoreLost | None) -> None:
    if lost is None:
        done.set_result(None)
    else:
        done.set_exception(lost)
