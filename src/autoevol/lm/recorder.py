"""The one place that every LM call goes through: look up, reserve, send, retry, store."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import orjson
from dspy import lm15
from dspy.lm15 import Request

from autoevol.core.context import Role, Scope, current_scope
from autoevol.core.errors import BudgetReached, StopRun, StoreLost
from autoevol.lm.budget import Budget, Caps
from autoevol.lm.flow import Flow, Limits, Turn
from autoevol.lm.retry import Breaker, RetryPolicy, access_denied, is_pointless, is_transient
from autoevol.lm.transport import Reply, Transport
from autoevol.lm.wire import chat_body
from autoevol.store.calls import CallRecord, CallStore, Spent

_HALF = re.compile("[\ud800-\udfff]")
# A refused call goes before those that have not been sent yet, unless it is refused time after time.
_FIRST_AGAIN = 3


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens."""

    input: float
    output: float

    def of(self, input_tokens: int, output_tokens: int) -> float:
        """Dollars for one call."""
        return (self.input * input_tokens + self.output * output_tokens) / 1e6


Watcher = Callable[[CallRecord, Role, Price | None], None]
"""Told of a reply: its record, and the role and price of the caller. Runs on the shared loop."""


@dataclass(frozen=True)
class LedgerLine:
    """What one role has cost this run, resumes included, and what the store spared it.

    `reused` counts answers from the store in this process only.
    """

    role: str
    paid: Spent
    reused: int


class Recorder:
    """Answers requests from the store, or pays for them once. Lives on the shared loop.

    - Temperature 0: an identical request is answered from the store, and identical requests
      under way share one call.
    - Otherwise: the n-th identical request within a scope (see `in_scope`) is the n-th sample.
      A run that starts again asks in the same order and is given the same samples.
    - A reply is durable before the caller sees it.
    - Once an endpoint has denied access or the store is lost, nothing more is sent.

    Args:
        store: Where calls are kept.
        caps: Hard limits.
        retry: How stubborn to be.
        concurrency: Most requests under way at once.
        sleep: Waits, for tests that cannot.
        clock: Seconds, in step with `sleep`.
        limits: Requests and tokens per minute for each endpoint.

    Attributes:
        watchers: Told of every reply that a caller is given, paid now or found in the store.
        refused: Requests refused because the budget was reached.
    """

    def __init__(
        self,
        store: CallStore,
        caps: Caps | None = None,
        retry: RetryPolicy | None = None,
        concurrency: int = 16,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        limits: Limits | None = None,
    ) -> None:
        self.store = store
        self.retry = retry or RetryPolicy()
        self.watchers: list[Watcher] = []
        self.refused = 0
        paid = store.spent()
        self._paid = dict(paid)
        self._reused: Counter[str] = Counter()
        self._budget = Budget(caps or Caps(), sum(paid.values(), Spent()))
        self._flow = Flow(concurrency, limits, self.retry, clock, sleep)
        self._sleep = sleep
        self._clock = clock
        # Counters die with their scopes: a run enters one per row, and rows may be millions.
        self._drawn: WeakKeyDictionary[Scope, Counter[str]] = WeakKeyDictionary()
        self._under_way: dict[tuple[str, int], asyncio.Task[CallRecord]] = {}
        self._sending: set[asyncio.Task[Any] | None] = set()
        self._breakers: dict[str, Breaker] = {}
        self._over: dict[Transport | CallStore, StopRun] = {}

    async def complete(
        self, request: Request, transport: Transport, role: Role, price: Price | None = None
    ) -> CallRecord:
        """The reply to `request`: stored, shared with a call under way, or paid for.

        Raises:
            StopRun: If the run must end (budget, access, endpoint, disk).
            lm15.LM15Error: If this one call has failed for good.
        """
        try:
            record = await self._reply(request, transport, role, price)
        except BudgetReached:
            self.refused += 1
            raise
        for watcher in self.watchers:
            watcher(record, role, price)
        return record

    async def aclose(self, grace: float = 10.0) -> None:
        """Let calls that are being sent be paid and stored, and drop those still waiting.

        Args:
            grace: Seconds before what is being sent is dropped as well.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + grace
        while tasks := list(self._under_way.values()):
            for task in tasks:
                if task not in self._sending or loop.time() >= end:
                    task.cancel()
            await asyncio.wait(tasks, timeout=0.1)

    def ledger(self) -> list[LedgerLine]:
        """Costs by role, sorted by role."""
        roles = sorted(set(self._paid) | set(self._reused))
        return [LedgerLine(role, self._paid.get(role, Spent()), self._reused[role]) for role in roles]

    async def _reply(
        self, request: Request, transport: Transport, role: Role, price: Price | None
    ) -> CallRecord:
        body = _body(request)
        scope = current_scope()
        key, sample = self._identify(body, request, transport, scope)
        slot = (key, sample)
        task = self._under_way.get(slot)
        if task is None:
            if (known := self.store.get(key, sample)) is not None:
                self._reused[role] += 1
                return known
            task = asyncio.ensure_future(self._pay(slot, body, request, transport, role, price, scope.tag))
            self._under_way[slot] = task
            task.add_done_callback(lambda done: self._forget(slot, done))
        else:
            self._reused[role] += 1
        # A caller that is cancelled must not throw away a call that is already being paid for.
        return await asyncio.shield(task)

    def _identify(self, body: str, request: Request, transport: Transport, scope: Scope) -> tuple[str, int]:
        sampled = request.config.temperature != 0
        name = scope.name if sampled else ""
        key = hashlib.sha256("\x1f".join((transport.identity, name, body)).encode()).hexdigest()[:32]
        if not sampled:
            return key, 0
        drawn = self._drawn.setdefault(scope, Counter())
        drawn[key] += 1
        return key, drawn[key] - 1

    def _forget(self, slot: tuple[str, int], task: asyncio.Task[CallRecord]) -> None:
        del self._under_way[slot]
        if not task.cancelled():
            task.exception()  # read, so that asyncio does not report it where every caller has gone

    async def _pay(
        self,
        slot: tuple[str, int],
        body: str,
        request: Request,
        transport: Transport,
        role: Role,
        price: Price | None,
        tag: str,
    ) -> CallRecord:
        if transport.seeded and request.config.temperature != 0 and request.config.seed is None:
            seed = int(hashlib.sha256(f"{slot[0]}:{slot[1]}".encode()).hexdigest()[:7], 16)
            request = replace(request, config=replace(request.config, seed=seed))
        estimate = _estimate(body, request, price)
        await self._budget.reserve(estimate)
        paid = Spent()
        try:
            reply, attempts, started = await self._send(request, transport, estimate.tokens)
            usd = price.of(reply.input_tokens, reply.output_tokens) if price else None
            record = CallRecord(
                key=slot[0],
                sample=slot[1],
                role=role,
                model=request.model,
                request=body,
                text=_whole(reply.text),
                finish_reason=reply.finish_reason,
                input_tokens=reply.input_tokens,
                output_tokens=reply.output_tokens,
                usd=usd,
                attempts=attempts,
                seconds=self._clock() - started,
                tag=tag,
            )
            paid = Spent(1, reply.input_tokens, reply.output_tokens, usd or 0.0)
            self._paid[role] = self._paid.get(role, Spent()) + paid
            await self.store.aput(record)
            return record
        except StoreLost as lost:
            self._over[self.store] = lost
            raise
        finally:
            self._sending.discard(asyncio.current_task())
            await self._budget.settle(estimate, paid)

    async def _send(self, request: Request, transport: Transport, tokens: int) -> tuple[Reply, int, float]:
        """The reply, how often it was asked for, and when for the first time."""
        policy, endpoint = self.retry, transport.identity
        breaker = self._breakers.get(endpoint)
        if breaker is None:
            breaker = self._breakers[endpoint] = Breaker(policy.breaker, policy.breaker_share)
        sends, faults, limits, give_up, started = 0, 0, 0, None, None
        while True:
            try:
                async with self._turn(transport, tokens, first=0 < limits <= _FIRST_AGAIN) as turn:
                    self._stop_if_over(transport)
                    sends += 1
                    started = self._clock() if started is None else started
                    reply = await self._attempt(request, transport)
                    if turn is not None:
                        turn.replied(reply)
                breaker.succeeded()
                return reply, sends, started
            except lm15.RateLimitError as error:
                limits += 1
                now, wait = self._clock(), error.retry_after or policy.wait(limits)
                give_up = now + policy.patience if give_up is None else give_up
                if now + wait > give_up:
                    breaker.failed(error, request.model)
                    raise
                if not error.retry_after:  # else the endpoint is closed for that long, for everybody
                    await self._sleep(wait)
            except lm15.LM15Error as error:
                if is_pointless(error):
                    self._over[transport] = denied = access_denied(error, request.model)
                    raise denied from error
                faults += 1
                attempts = 1 if breaker.open else policy.attempts
                if not is_transient(error) or faults >= attempts:
                    breaker.failed(error, request.model)
                    raise
                await self._sleep(policy.wait(faults, error.retry_after))

    def _turn(
        self, transport: Transport, tokens: int, *, first: bool
    ) -> AbstractAsyncContextManager[Turn | None]:
        """A place at the endpoint; none is needed where requests are queued at the provider."""
        if getattr(transport, "queued", False):
            return nullcontext()
        return self._flow.turn(transport.identity, tokens, first=first)

    def _stop_if_over(self, transport: Transport) -> None:
        for gone in (transport, self.store):
            if (stop := self._over.get(gone)) is not None:
                raise type(stop)(*stop.args)

    async def _attempt(self, request: Request, transport: Transport) -> Reply:
        # A call counts as being sent until it is stored, so that closing does not lose it.
        task = asyncio.current_task()
        self._sending.add(task)
        try:
            return await transport.send(request)
        except BaseException as error:
            self._sending.discard(task)
            if isinstance(error, Exception) and not isinstance(error, lm15.LM15Error):
                # A mistake in the transport fails every call: the breaker must see it.
                raise lm15.LM15Error(f"{type(error).__name__}: {error}") from error
            raise


def _body(request: Request) -> str:
    try:
        return orjson.dumps(chat_body(request), option=orjson.OPT_SORT_KEYS).decode()
    except TypeError as error:
        raise lm15.InvalidRequestError(f"the request cannot be written as JSON: {error}") from error


def _whole(text: str) -> str:
    """`text` without half characters, which a JSON reply can carry and no file can."""
    return _HALF.sub("\ufffd", text)


def _estimate(body: str, request: Request, price: Price | None) -> Spent:
    """What a call may cost at most, as far as that is known beforehand."""
    # A token is at least one byte of text, and about four in English; three is cautious.
    tokens_in, tokens_out = len(body.encode()) // 3, request.config.max_tokens or 0
    return Spent(1, tokens_in, tokens_out, price.of(tokens_in, tokens_out) if price else 0.0)
