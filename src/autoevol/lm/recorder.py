"""The one path of every LM call: look up, reserve, send, retry, store."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import orjson
from dspy import lm15
from dspy.lm15 import Request

from autoevol.core.context import Role, Scope, current_scope
from autoevol.core.errors import BudgetReached, StoreLost
from autoevol.core.status import CallStatus, Pause
from autoevol.core.text import storable
from autoevol.lm.budget import Budget, Caps, Price, StageCaps
from autoevol.lm.flow import Flow, Limits
from autoevol.lm.outgoing import Call, Sent
from autoevol.lm.retry import RetryPolicy, error_of, is_answer, refusal_of
from autoevol.lm.sending import Sender
from autoevol.lm.transport import Transport
from autoevol.lm.wire import chat_body
from autoevol.store.call_tables import SHARED
from autoevol.store.calls import CallRecord, CallStore, Flight, Spent

Watcher = Callable[[CallRecord, Role, Price | None], None]
"""Called with the record of a reply and the caller's role and price. Runs on the shared loop."""

Detour = Callable[[Transport, Price | None], tuple[Transport, Price | None]]
"""Replaces a transport by another way to the same endpoint, under the same identity but its own price."""


@dataclass(frozen=True)
class LedgerLine:
    """The cost of one role in this run, resumes included, and how often the store saved a call.

    `reused` counts answers from the store in this process only.
    """

    role: str
    paid: Spent
    reused: int


class Recorder:
    """Answers requests from the store, or pays for them once. Lives on the shared loop.

    - Temperature 0: an identical request is answered from the store, and identical requests in flight
      share one call.
    - Otherwise: the n-th identical request within a scope (see `in_scope`) is the n-th sample. A restarted
      run asks in the same order and gets the same samples.
    - A reply is durable before the caller sees it. So is a refusal (400, a content filter), which is not
      asked again in this run unless the scope says so.
    - Requests in flight when a process is killed are charged by the next one, at their expected cost.
    - Once an endpoint has denied access, or the store is lost, nothing more is sent.

    Args:
        store: Where calls are stored.
        caps: Hard limits.
        retry: How persistent to be with a faulty endpoint.
        concurrency: Maximum number of concurrent requests.
        sleep: Waits; tests pass one that does not.
        clock: Seconds, in step with `sleep`.
        limits: Requests and tokens per minute for each endpoint.

    Attributes:
        watchers: Called with every reply that a caller gets, whether paid now or found in the store.
        detour: If set, replaces the transport of every call.
        refused: Number of requests refused because a cap was reached.
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
        self.detour: Detour | None = None
        self.refused = 0
        store.book_flights()
        paid = store.spent()
        self._paid = dict(paid)
        self._reused: Counter[str] = Counter()
        self.caps = caps or Caps()
        budget = Budget(self.caps, sum(paid.values(), Spent()))
        self._flow = Flow(concurrency, limits, self.retry, clock, sleep)
        self._budget = budget
        self._sender = Sender(budget, self._flow, self.retry, sleep, clock, self)
        # Counters are freed with their scopes: a run enters one per row, and there may be millions.
        self._drawn: WeakKeyDictionary[Scope, Counter[str]] = WeakKeyDictionary()
        self._under_way: dict[tuple[str, int], asyncio.Task[CallRecord]] = {}

    async def complete(
        self,
        request: Request,
        transport: Transport,
        role: Role,
        price: Price | None = None,
        attempts: int | None = None,
    ) -> CallRecord:
        """The reply to `request`: stored, shared with a call in flight, or paid for.

        Args:
            request: What to ask.
            transport: The endpoint to ask.
            role: The ledger line to charge.
            price: None if unknown.
            attempts: Maximum number of attempts; None for the policy's.

        Raises:
            StopRun: If the run must end (budget, access, endpoint, disk).
            lm15.LM15Error: If this one call has failed for good.
        """
        if self.detour is not None:
            transport, price = self.detour(transport, price)
        try:
            record = await self._reply(Call(request, _body(request), transport, role, price, attempts))
        except BudgetReached:
            self.refused += 1
            raise
        for watcher in self.watchers:
            watcher(record, role, price)
        return record

    @contextmanager
    def limited(self, part: StageCaps | None) -> Iterator[None]:
        """Inside, a call is paid only if it also fits into `part`; None sets no further limit.

        For one stage at a time: calls of other threads are limited as well.
        """
        self._budget.part = part
        try:
            yield
        finally:
            self._budget.part = None

    async def aclose(self, grace: float = 10.0) -> None:
        """Let calls in flight finish and be stored, and drop those still waiting.

        Args:
            grace: Seconds after which calls in flight are dropped as well.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + grace
        while tasks := list(self._under_way.values()):
            for task in tasks:
                if task not in self._sender.sending or loop.time() >= end:
                    task.cancel()
            await asyncio.wait(tasks, timeout=0.1)

    def waits(self) -> list[Pause]:
        """The endpoints that calls currently wait for after a 429."""
        return self._sender.back_off.waits()

    @property
    def wait_listeners(self) -> list[Callable[[Pause], None]]:
        """Called on the shared loop whenever calls start to wait on a 429."""
        return self._sender.back_off.listeners

    def status(self) -> CallStatus:
        """The state of all calls. Call on the shared loop, where it changes."""
        paid, caps = sum(self._paid.values(), Spent()), self.caps
        in_flight = self._flow.in_flight
        return CallStatus(
            calls=paid.calls,
            tokens=paid.tokens,
            usd=paid.usd,
            max_calls=caps.calls,
            max_tokens=caps.tokens,
            max_usd=caps.usd,
            in_flight=in_flight,
            queued=max(0, self.under_way - in_flight),
            window=self._flow.window,
            retries=dict(self._sender.events.retries),
            pauses=tuple(self.waits()),
        )

    @property
    def under_way(self) -> int:
        """Calls in flight or waiting to be sent."""
        return len(self._under_way)

    def ledger(self) -> list[LedgerLine]:
        """Costs by role, sorted by role."""
        roles = sorted(set(self._paid) | set(self._reused))
        return [LedgerLine(role, self._paid.get(role, Spent()), self._reused[role]) for role in roles]

    async def _reply(self, call: Call) -> CallRecord:
        scope = current_scope()
        slot = self._identify(call, scope)
        # Nothing is awaited between this look-up and the registration of a new task below, so two identical
        # requests can never both be paid.
        task = self._under_way.get(slot)
        if task is None:
            stored = self.store.get(*slot)
            # Earlier versions also stored replies that a gateway had broken off.
            if stored is not None and stored.finish_reason != "error":
                self._reused[call.role] += 1
                return stored
            if not scope.again and (refusal := self.store.refusal(*slot)) is not None:
                raise error_of(refusal)
            task = asyncio.ensure_future(self._pay(slot, replace(call, slot=slot), self._tag(call, scope)))
            self._under_way[slot] = task
            task.add_done_callback(lambda done: self._forget(slot, done))
        else:
            self._reused[call.role] += 1
        # Shielded: a cancelled caller must not cancel a call that is already being paid for.
        return await asyncio.shield(task)

    def _identify(self, call: Call, scope: Scope) -> tuple[str, int]:
        sampled = call.request.config.temperature != 0
        name = scope.name if sampled else ""
        key = hashlib.sha256("\x1f".join((call.transport.identity, name, call.body)).encode()).hexdigest()[
            :32
        ]
        if not sampled:
            return key, 0
        drawn = self._drawn.setdefault(scope, Counter())
        drawn[key] += 1
        return key, drawn[key] - 1

    def _tag(self, call: Call, scope: Scope) -> str:
        # At temperature 0 other rows may make the same request, so the reply outlives its part.
        shared = scope.tag and call.request.config.temperature == 0
        return SHARED + scope.tag if shared else scope.tag

    def _forget(self, slot: tuple[str, int], task: asyncio.Task[CallRecord]) -> None:
        del self._under_way[slot]
        if not task.cancelled():
            task.exception()  # marks it as retrieved, or asyncio would log it if every caller was cancelled

    async def _pay(self, slot: tuple[str, int], call: Call, tag: str) -> CallRecord:
        request = call.request
        if call.transport.seeded and request.config.temperature != 0 and request.config.seed is None:
            seed = int(hashlib.sha256(f"{slot[0]}:{slot[1]}".encode()).hexdigest()[:7], 16)
            call = replace(call, request=replace(request, config=replace(request.config, seed=seed)))
        try:
            try:
                sent = await self._sender.send(call, self.store)
            except lm15.LM15Error as error:
                if is_answer(error):
                    await self.store.refuse(refusal_of(slot, error))
                raise
            record = _record(slot, call, sent, tag)
            self._add(call.role, call.spent(sent.reply))
            await self.store.aput(record)
            return record
        except StoreLost as lost:
            self._sender.over[self.store] = lost
            raise
        finally:
            self._sender.sending.discard(asyncio.current_task())

    def departs(self, call: Call, expected: Spent) -> None:
        """See `Books`. Batches are not tracked, because a resumed run finds them again."""
        if not getattr(call.transport, "queued", False):
            self.store.track(Flight(*call.slot, call.role, expected))

    def fails(self, call: Call) -> None:
        """See `Books`."""
        self.store.track(Flight(*call.slot, call.role, None))

    def wasted(self, call: Call, spent: Spent) -> None:
        """See `Books`."""
        self.fails(call)
        self._add(call.role, spent)
        self.store.book(call.role, spent)

    def _add(self, role: Role, spent: Spent) -> None:
        self._paid[role] = self._paid.get(role, Spent()) + spent


def _body(request: Request) -> str:
    try:
        return orjson.dumps(chat_body(request), option=orjson.OPT_SORT_KEYS).decode()
    except TypeError as error:
        raise lm15.InvalidRequestError(f"the request cannot be written as JSON: {error}") from error


def _record(slot: tuple[str, int], call: Call, sent: Sent, tag: str) -> CallRecord:
    reply = sent.reply
    return CallRecord(
        key=slot[0],
        sample=slot[1],
        role=call.role,
        model=call.request.model,
        request=call.body,
        text=storable(reply.text),
        finish_reason=reply.finish_reason,
        input_tokens=reply.input_tokens,
        output_tokens=reply.output_tokens,
        usd=call.price.of(reply.input_tokens, reply.output_tokens) if call.price else None,
        attempts=sent.attempts,
        seconds=sent.seconds,
        tag=tag,
        thinking=storable(reply.thinking),
        reasoning_tokens=reply.reasoning_tokens,
        estimated=reply.estimated,
    )
