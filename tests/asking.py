"""Requests to a recorder, made short, and what answers them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import nullcontext
from itertools import count
from typing import Any

from dspy import lm15
from dspy.lm15 import Config, Message, Request

from autoevol.core import aio
from autoevol.core.context import Role, in_scope
from autoevol.lm.budget import Price
from autoevol.lm.flow import Limits
from autoevol.lm.recorder import Recorder
from autoevol.lm.retry import RetryPolicy
from autoevol.lm.transport import Transport
from autoevol.store.calls import CallRecord, CallStore
from autoevol.testing import ScriptedTransport

LATER = lm15.ServerError("later")


def request(text: str = "Hello", temperature: float | None = 0.0, **config: Any) -> Request:
    return Request("m", (Message.user(text),), config=Config(temperature=temperature, **config))


def ask(
    recorder: Recorder,
    transport: Transport,
    asked: Request | None = None,
    *,
    role: Role = "evol",
    price: Price | None = None,
    scope: str | None = None,
) -> CallRecord:
    """One call, waited for."""
    with nullcontext() if scope is None else in_scope(scope):
        return aio.run_and_wait(recorder.complete(asked or request(), transport, role, price))


def ask_all(
    recorder: Recorder,
    transport: Transport,
    asked: Iterable[Request],
    *,
    role: Role = "evol",
    price: Price | None = None,
) -> list[CallRecord | BaseException]:
    """All at once; what each came to, in order."""

    async def one(each: Request) -> CallRecord | BaseException:
        try:
            return await recorder.complete(each, transport, role, price)
        except BaseException as error:
            return error

    async def every() -> list[CallRecord | BaseException]:
        return await aio.gather(one(each) for each in asked)

    return aio.run_and_wait(every())


def texts(results: Iterable[CallRecord | BaseException]) -> list[str]:
    """The replies; an error among them is raised."""
    found: list[str] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        found.append(result.text)
    return found


def numbered(latency: float = 0.0, identity: str = "scripted") -> ScriptedTransport:
    """Replies r0, r1, r2, ... in the order of requests."""
    numbers = count()
    return ScriptedTransport(lambda _: f"r{next(numbers)}", latency=latency, identity=identity)


def limited(seconds: float | None = None) -> lm15.RateLimitError:
    return lm15.RateLimitError("slow down", status=429, retry_after=seconds)


class Time:
    """Sleeps without waiting, and knows how long it would have been."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        end = self.now + seconds
        await asyncio.sleep(0)
        self.now = max(self.now, end)


def timed(
    store: CallStore,
    retry: RetryPolicy | None = None,
    concurrency: int = 16,
    limits: Limits | None = None,
) -> tuple[Recorder, Time]:
    """A recorder whose time passes only by waiting, so that the machine's speed does not count."""
    time = Time()
    recorder = Recorder(store, None, retry, concurrency, limits=limits, sleep=time.sleep, clock=time.clock)
    return recorder, time
