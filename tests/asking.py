"""Requests to a recorder, made short."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any

from dspy.lm15 import Config, Message, Request

from autoevol import aio
from autoevol.context import Role, in_scope
from autoevol.lm.recorder import Price, Recorder
from autoevol.lm.transport import Transport
from autoevol.store.calls import CallRecord


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
        return aio.run(recorder.complete(asked or request(), transport, role, price))


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

    return aio.run(every())


def texts(results: Iterable[CallRecord | BaseException]) -> list[str]:
    """The replies; an error among them is raised."""
    found: list[str] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        found.append(result.text)
    return found
