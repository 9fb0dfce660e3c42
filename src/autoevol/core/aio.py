"""One event loop in one background thread, shared by everything that talks to a network.

DSPy's optimizers call engines from many threads; our own loops are coroutines. Both end up on this
loop, so the LM layer needs no locks, and one connection pool serves all callers.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, aclosing
from itertools import islice
from typing import Any, TypeVar

S = TypeVar("S")
T = TypeVar("T")

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


def background_loop() -> asyncio.AbstractEventLoop:
    """The shared loop, started on first use in a daemon thread."""
    global _loop
    with _lock:
        if _loop is None or _loop.is_closed():
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="autoevol-loop", daemon=True).start()
        return _loop


def on_background_loop() -> bool:
    """Whether the caller is a coroutine on the shared loop."""
    try:
        return asyncio.get_running_loop() is _loop
    except RuntimeError:
        return False


def submit(work: Coroutine[Any, Any, T]) -> Future[T]:
    """Start `work` on the shared loop, in a copy of the caller's context variables."""
    return asyncio.run_coroutine_threadsafe(work, background_loop())


def run_and_wait(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` on the shared loop and wait for it; an interrupt cancels it and is re-raised.

    Raises:
        RuntimeError: If called from the shared loop itself, which would wait forever.
    """
    if on_background_loop():
        work.close()
        raise RuntimeError("aio.run_and_wait called from its own event loop; await the coroutine instead")
    future = submit(work)
    try:
        return future.result()
    except KeyboardInterrupt:
        future.cancel()
        raise


async def join(work: Coroutine[Any, Any, T]) -> T:
    """Await `work` on the shared loop from whatever loop the caller runs on."""
    if on_background_loop():
        return await work
    return await asyncio.wrap_future(submit(work))


async def gather(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All results in order; if one fails, the others are cancelled before its error is raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def ordered(
    function: Callable[[S], Coroutine[Any, Any, T]], items: Iterable[S], width: int
) -> AbstractAsyncContextManager[AsyncIterator[T]]:
    """Results of `function` in the order of `items`, at most `width` of them pending at a time.

    Memory is bounded by `width`, whatever the number of items. If one item fails, its error is raised at
    once, whichever result is being waited for. However the block is left, pending work is cancelled first:
    `async with ordered(...) as results: async for result in results`.
    """
    # An async generator that is abandoned is closed some time later, and its tasks go on until then.
    return aclosing(_ordered(function, items, width))


async def _ordered(
    function: Callable[[S], Coroutine[Any, Any, T]], items: Iterable[S], width: int
) -> AsyncGenerator[T, None]:
    window: deque[asyncio.Task[T]] = deque()
    failed: asyncio.Future[asyncio.Task[T]] = asyncio.get_running_loop().create_future()

    def watch(task: asyncio.Task[T]) -> None:
        if not task.cancelled() and task.exception() is not None and not failed.done():
            failed.set_result(task)

    source = iter(items)
    try:
        while True:
            for item in islice(source, width - len(window)):
                task = asyncio.ensure_future(function(item))
                task.add_done_callback(watch)
                window.append(task)
            if not window:
                return
            await asyncio.wait({window[0], failed}, return_when=asyncio.FIRST_COMPLETED)
            if failed.done():
                failed.result().result()  # raises
            yield window[0].result()
            window.popleft()
    finally:
        for task in window:
            task.cancel()
        await asyncio.gather(*window, return_exceptions=True)
