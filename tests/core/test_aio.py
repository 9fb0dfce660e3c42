"""One background loop for callers of every kind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoevol.core import aio
from autoevol.core.errors import BudgetReached

_mood: ContextVar[str] = ContextVar("mood", default="none")


async def where() -> str:
    await asyncio.sleep(0)
    return f"{threading.current_thread().name}, {_mood.get()}"


def test_everybody_runs_on_the_same_loop_with_their_own_context() -> None:
    def in_thread(mood: str) -> str:
        _mood.set(mood)
        return aio.run_and_wait(where())

    async def in_own_loop(mood: str) -> str:
        _mood.set(mood)
        return await aio.join(where())

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(in_thread, "ab")) == {"autoevol-loop, a", "autoevol-loop, b"}
    assert asyncio.run(in_own_loop("c")) == "autoevol-loop, c"
    assert aio.run_and_wait(in_own_loop("d")) == "autoevol-loop, d"
    assert aio.run_and_wait(where()) == "autoevol-loop, none"


def test_waiting_for_the_loop_on_the_loop_is_refused() -> None:
    async def wrong() -> None:
        aio.run_and_wait(where())

    with pytest.raises(RuntimeError, match="await the coroutine instead"):
        aio.run_and_wait(wrong())


@pytest.mark.parametrize("error", [ValueError("x"), BudgetReached("x")])
def test_errors_of_every_kind_come_back(error: BaseException) -> None:
    async def fails() -> None:
        raise error

    async def joins() -> None:
        await aio.join(fails())

    async def gathers() -> None:
        await aio.gather([fails(), asyncio.sleep(5)])

    for call in (
        lambda: aio.run_and_wait(fails()),
        lambda: asyncio.run(joins()),
        lambda: aio.run_and_wait(gathers()),
    ):
        with pytest.raises(type(error)):
            call()


_INTERRUPTED = """
import asyncio, os, signal, sys, threading
from autoevol.core import aio
ended = threading.Event()
async def work():
    try:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        await asyncio.sleep(30)
    finally:
        ended.set()
try:
    aio.run_and_wait(work())
except KeyboardInterrupt:
    print("interrupted", ended.wait(120))
"""


def test_an_interrupt_cancels_the_work_and_is_raised() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=600,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert ended.stdout == "interrupted True\n", ended.stderr


class Work:
    """Counts what is started, under way and cancelled."""

    def __init__(self) -> None:
        self.started = self.under_way = self.most = self.cancelled = 0

    async def __call__(self, delay: float) -> float:
        self.started += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            if delay < 0:
                raise ValueError("negative")
            await asyncio.sleep(delay)
            return delay
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.under_way -= 1


def test_gather_cancels_the_others_before_it_raises() -> None:
    work = Work()
    with pytest.raises(ValueError, match="negative"):
        aio.run_and_wait(aio.gather(work(delay) for delay in (5.0, 5.0, -1.0)))
    assert (work.cancelled, work.under_way) == (2, 0)


async def collect(
    work: Work, items: Iterator[float], width: int, stop_after: int | None = None
) -> list[float]:
    results: list[float] = []
    async with aio.ordered(work, items, width) as stream:
        async for result in stream:
            results.append(result)
            if len(results) == stop_after:
                break
    return results


@settings(max_examples=40, deadline=None)
@given(delays=st.lists(st.floats(0, 0.002), max_size=30), width=st.integers(1, 8))
def test_ordered_keeps_the_order_and_the_width(delays: list[float], width: int) -> None:
    work = Work()
    taken = 0

    def source() -> Iterator[float]:
        nonlocal taken
        for delay in delays:
            taken += 1
            assert taken - work.started <= width, "items are not read ahead"
            yield delay

    assert aio.run_and_wait(collect(work, source(), width)) == delays
    assert work.most <= width
    assert work.under_way == 0


def test_ordered_cancels_what_is_under_way_when_its_caller_stops() -> None:
    work = Work()
    endless = (0.0 if n < 3 else 5.0 for n in range(10**9))
    assert aio.run_and_wait(collect(work, endless, 4, stop_after=3)) == [0.0] * 3
    assert work.under_way == 0
    assert work.started <= 3 + 4


def test_ordered_has_ended_all_work_when_an_error_of_its_caller_arrives() -> None:
    work = Work()

    async def scene() -> None:
        try:
            async with aio.ordered(work, iter([0.0, 3600.0, 3600.0]), 3) as results:
                async for _ in results:
                    raise OSError("the disk is full")
        finally:
            assert work.under_way == 0

    with pytest.raises(OSError, match="the disk is full"):
        aio.run_and_wait(scene())


def test_ordered_fails_at_once_even_if_an_earlier_item_is_slow() -> None:
    """A denied key must not wait for the longest call under way."""
    work = Work()

    async def scene() -> None:
        async with asyncio.timeout(120):
            await collect(work, iter([3600.0, 0.0, -1.0, 3600.0]), 4)

    with pytest.raises(ValueError, match="negative"):
        aio.run_and_wait(scene())
    assert work.under_way == 0


def test_ordered_passes_on_an_error_of_its_source() -> None:
    work = Work()

    def source() -> Iterator[float]:
        yield 0.0
        yield 5.0
        raise OSError("the file is gone")

    with pytest.raises(OSError, match="the file is gone"):
        aio.run_and_wait(collect(work, source(), 2))
    assert work.under_way == 0
