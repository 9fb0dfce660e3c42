"""A session that says what every call was worth, whether it was paid now or found in the store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from dspy.lm15 import Request

from autoevol.context import Role
from autoevol.lm.budget import Caps
from autoevol.lm.flow import Limits
from autoevol.lm.recorder import Price, Recorder
from autoevol.lm.session import Session
from autoevol.lm.transport import Transport
from autoevol.store.calls import CallRecord, CallStore

_unit: ContextVar[str] = ContextVar("autoevol_unit", default="")


@contextmanager
def metered_as(unit: str) -> Iterator[None]:
    """Book the calls made inside under `unit`."""
    token = _unit.set(unit)
    try:
        yield
    finally:
        _unit.reset(token)


@dataclass(frozen=True, slots=True)
class Use:
    """One call: what it belongs to, and what it takes when it is paid.

    Attributes:
        unit: As given to `metered_as`.
        usd: At today's price, None where no price is known.
        seconds: From the first attempt to the reply, when it was paid.
    """

    unit: str
    role: Role
    input_tokens: int
    output_tokens: int
    usd: float | None
    seconds: float


class _MeteredRecorder(Recorder):
    def __init__(self, store: CallStore, caps: Caps | None, concurrency: int, limits: Limits | None) -> None:
        super().__init__(store, caps, concurrency=concurrency, limits=limits)
        self.uses: list[Use] = []

    async def complete(
        self, request: Request, transport: Transport, role: Role, price: Price | None = None
    ) -> CallRecord:
        record = await super().complete(request, transport, role, price)
        tokens = (record.input_tokens, record.output_tokens)
        usd = price.of(*tokens) if price else None
        self.uses.append(Use(_unit.get(), role, *tokens, usd, record.seconds))
        return record


class MeteredSession(Session):
    """A `Session` that keeps a `Use` of every call; for samples, as it keeps them all in memory."""

    def __init__(
        self,
        store: CallStore,
        *,
        caps: Caps | None = None,
        concurrency: int = 16,
        prices: Mapping[str, Price] | None = None,
        client: str = "aiohttp",
        limits: Limits | None = None,
    ) -> None:
        super().__init__(
            store, caps=caps, concurrency=concurrency, prices=prices, client=client, limits=limits
        )
        self.recorder = self._meter = _MeteredRecorder(self.store, caps, concurrency, limits)

    def __enter__(self) -> MeteredSession:
        return self

    @property
    def uses(self) -> list[Use]:
        """All calls so far."""
        return self._meter.uses
