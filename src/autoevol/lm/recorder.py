"""The one place that every LM call goes through: look up, reserve, send, retry, store."""

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
"""Notified of a reply: its record, and the role and price of the caller. Runs on the shared loop."""

Detour = Callable[[Transport, Price | None], tuple[Transport, Price | None]]
"""Another way to the same endpoint, under the same identity, and what a call costs on it."""


@dataclass(frozen=True)
class LedgerLine:
    """What one role has cost this run, resumes included, and what the store saved it.

    `reused` counts answers from the store in this process only.
    """

    role: str
    paid: Spent
    reused: int


class Recorder:
    """Answers requests from the store, or pays for them once. Lives on the shared loop.

    - Temperature 0: an identical request is answered from the store, and identical requests
      in flight share one call.
    - Otherwise: the n-th identical request within a scope (see `in_scope`) is the n-th sample.
      A run that starts again asks in the same order and is given the same samples.
    - A reply is durable before the caller sees it. So is the answer that a request is refused (400, a
      content filter): it is not asked again in this run, except in a scope that says so.
    - What was on its way when a process was killed is booked by the next, at what it was expected to cost.
    - Once an endpoint has denied access or the store is lost, nothing more is sent.

    Args:
        store: Where calls are kept.
        caps: Hard limits.
        retry: How persistent to be with a faulty endpoint.
        concurrency: Maximum number of concurrent requests.
        sleep: Waits, for tests that cannot.
        clock: Seconds, in step with `sleep`.
        limits: Requests and tokens per minute for each endpoint.

    Attributes:
        watchers: Told of every reply that a caller is given, paid now or found in the store.
        detour: Where it is set, calls go this way.
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
        # Counters die with their scopes: a run enters one per row, and rows may be millions.
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
            request: What is asked.
            transport: Whom.
            role: Whose ledger line it goes to.
            price: For money; None where it is not known.
            attempts: Most sends of this call, None for the policy's.

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
        """Inside, a call is paid only if it fits into `part` too; None sets no further limit.

        For one stage at a time: whatever another thread asks meanwhile is limited as well.
        """
        self._budget.part = part
        try:
            yield
        finally:
            self._budget.part = None

    async def aclose(self, grace: float = 10.0) -> None:
        """Let calls in flight be paid for and stored, and drop those still waiting.

        Args:
            grace: Seconds before what is being sent is dropped as well.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + grace
        while tasks := list(self._under_way.values()):
            for task in tasks:
                if task not in self._sender.sending or loop.time() >= end:
                    task.cancel()
            await asyncio.wait(tasks, timeout=0.1)

    def waits(self) -> list[Pause]:
        """What waits on a 429 now, by endpoint."""
        return self._sender.back_off.waits()

    @property
    def wait_listeners(self) -> list[Callable[[Pause], None]]:
        """Told whenever calls begin to wait on a 429; on the shared loop."""
        return self._sender.back_off.listeners

    def status(self) -> CallStatus:
        """How all calls stand. Ask on the shared loop, where they change."""
        paid, caps = sum(self._paid.values(), Spent()), self.caps
        flying = self._flow.in_flight
        return CallStatus(
            calls=paid.calls,
            tokens=paid.tokens,
            usd=paid.usd,
            max_calls=caps.calls,
            max_tokens=caps.tokens,
            max_usd=caps.usd,
            in_flight=flying,
            queued=max(0, self.under_way - flying),
            window=self._flow.window,
            retries=dict(self._sender.events.retries),
            pauses=tuple(self.waits()),
        )

    @property
    def under_way(self) -> int:
        """Calls that are being sent, or wait to be."""
        return len(self._under_way)

    def ledger(self) -> list[LedgerLine]:
        """Costs by role, sorted by role."""
        roles = sorted(set(self._paid) | set(self._reused))
        return [LedgerLine(role, self._paid.get(role, Spent()), self._reused[role]) for role in roles]

    async def _reply(self, call: Call) -> CallRecord:
        scope = current_scope()
        slot = self._identify(call, scope)
        task = self._under_way.get(slot)
        if task is None:
            known = self.store.get(*slot)
            # Earlier versions kept replies that a gateway had broken off.
            if known is not None and known.finish_reason != "error":
                self._reused[call.role] += 1
                return known
            if not scope.again and (refusal := self.store.refusal(*slot)) is not None:
                raise error_of(refusal)
            task = asyncio.ensure_future(self._pay(slot, replace(call, slot=slot), self._tag(call, scope)))
            self._under_way[slot] = task
            task.add_done_callback(lambda done: self._forget(slot, done))
        else:
            self._reused[call.role] += 1
        # A caller that is cancelled must not throw away a call that is already being paid for.
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
        # At temperature 0 another row may make the same request: its reply outlives its part.
        shared = scope.tag and call.request.config.temperature == 0
        return SHARED + scope.tag if shared else scope.tag

    def _forget(self, slot: tuple[str, int], task: asyncio.Task[CallRecord]) -> None:
        del self._under_way[slot]
        if not task.cancelled():
            task.exception()  # read, so that asyncio does not report it where every caller has gone

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
        """See `Books`. A batch is found again, whoever sent it."""
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
