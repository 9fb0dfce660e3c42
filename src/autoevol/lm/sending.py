"""Sending one call: its slot, its reservation in the budget, its retries, and when to give up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import replace

from dspy import lm15

from autoevol.core.errors import BudgetReached, EndpointDown, StopRun
from autoevol.core.masking import Mask
from autoevol.lm.backoff import BackOff
from autoevol.lm.breaker import Breaker
from autoevol.lm.budget import Budget
from autoevol.lm.events import CallAttempt, CallEvents
from autoevol.lm.flow import CallTurn, Flow
from autoevol.lm.forecast import TokenForecast
from autoevol.lm.outgoing import Books, Call, Sent
from autoevol.lm.retry import (
    RetryPolicy,
    access_denied,
    is_answer,
    is_pointless,
    is_transient,
    may_be_billed,
    reason_of,
)
from autoevol.lm.transport import BrokenReply, Reply, Transport, is_queued
from autoevol.lm.usage import with_usage
from autoevol.store.calls import Spent

# A call refused up to this many times goes ahead of calls that were not sent yet. Not more often: calls that
# are refused again and again must not keep all others waiting.
_FIRST_AGAIN = 3
# Seconds by which the first call to an endpoint precedes all others.
_HEAD_START = 0.25
PROBE = "Say in one word that you are there."
_PROBE_TOKENS = 64


class Sender:
    """Sends calls, each as often as necessary. Lives on the shared loop.

    Each attempt gets its own slot in the flow and its own reservation in the budget, of the most it may cost.
    The first call to an endpoint goes alone: a wrong key, model or setting then costs one call, and the
    cost of a reply is known for the others.

    Args:
        budget: What may be spent.
        flow: Assigns slots.
        policy: How persistent to be.
        sleep: Waits.
        clock: Seconds, in step with `sleep`.
        books: Keeps account of requests in flight.

    Attributes:
        sending: Tasks whose call is in flight or about to be stored.
        over: By transport or store, the error after which nothing more is sent there.
        back_off: Waits out 429s.
        events: Logs what happens to calls.
    """

    def __init__(
        self,
        budget: Budget,
        flow: Flow,
        policy: RetryPolicy,
        sleep: Callable[[float], Awaitable[None]],
        clock: Callable[[], float],
        books: Books,
    ) -> None:
        self.sending: set[asyncio.Task[object] | None] = set()
        self.over: dict[object, StopRun] = {}
        self.back_off = BackOff(flow, sleep, clock)
        self.events = CallEvents()
        self._budget = budget
        self._flow = flow
        self._policy = policy
        self._sleep = sleep
        self._clock = clock
        self._books = books
        self._answered_before = budget.spent.calls > 0
        self._breakers: dict[str, Breaker] = {}
        self._forecasts: dict[str, TokenForecast] = {}
        self._asking = asyncio.Lock()

    async def send(self, call: Call, store: object) -> Sent:
        """The reply to `call`.

        Args:
            call: What to send.
            store: Where the reply will be stored; nothing is sent once that is lost.

        Raises:
            StopRun: If the run must end.
            lm15.LM15Error: If this one call has failed for good.
        """
        endpoint, request = call.transport.identity, call.request
        breaker = self._breakers.setdefault(endpoint, self._breaker())
        forecast = self._forecasts.setdefault(endpoint, TokenForecast())
        faults, limits, sends, give_up, began, started, sent_at = 0, 0, 0, None, None, 0.0, 0.0
        while True:
            expected = sum(forecast.expect(call.body, request.config.max_tokens))
            try:
                first = 0 < limits <= _FIRST_AGAIN
                async with self._place(call.transport, forecast, expected, first=first) as turn:
                    self.stop_if_over(call.transport, store)
                    sent_at = self._clock()
                    if began is None:
                        began, started = breaker.begin(), sent_at
                    sends += 1
                    reply = await self._paid(call, forecast)
                    if turn is not None:
                        turn.replied(reply)
                breaker.succeeded()
                return Sent(reply, sends, self._clock() - started)
            except lm15.RateLimitError as error:
                limits += 1
                now, wait = self._clock(), error.retry_after or self._policy.wait(limits)
                give_up = now + self._policy.patience if give_up is None else give_up
                sent = CallAttempt(sends, now - sent_at)
                if now + wait > give_up:
                    self.events.failed(call, error, sent)
                    await self._give_up(call, breaker, began, error)
                    raise
                self.events.again(call, error, sent, wait)
                # A batch has no place in the flow to wait for, so it waits here however long that is.
                closed = bool(error.retry_after) and not is_queued(call.transport)
                await self.back_off.wait(endpoint, wait, closed=closed)
            except lm15.LM15Error as error:
                if is_pointless(error):
                    self.over[call.transport] = denied = access_denied(error, request.model)
                    self.events.ended(call, "denied", denied, reason_of(error))
                    raise denied from error
                faults += 1
                sent = CallAttempt(sends, self._clock() - sent_at)
                if not is_transient(error) or faults >= self._attempts(call, error, breaker):
                    self.events.failed(call, error, sent)
                    await self._give_up(call, breaker, began, error)
                    raise
                wait = self._policy.wait(faults, error.retry_after)
                self.events.again(call, error, sent, wait)
                await self._sleep(wait)

    def stop_if_over(self, *needed: object) -> None:
        """Raise the error that ended the use of a transport or store in `needed`, if there was one."""
        for gone in needed:
            if (stop := self.over.get(gone)) is not None:
                raise type(stop)(*stop.args)

    def _breaker(self) -> Breaker:
        return Breaker(self._policy, answered_before=self._answered_before)

    async def _give_up(
        self, call: Call, breaker: Breaker, began: tuple[int, int] | None, error: lm15.LM15Error
    ) -> None:
        """Count a call that failed for good. If the endpoint does nothing but refuse, it was the last one."""
        # Batch answers arrive together and in any order, so the first three say nothing about the others.
        if is_queued(call.transport):
            return
        try:
            breaker.failed(began or breaker.begin(), error, call.request.model)
        except EndpointDown as down:
            if is_answer(error):
                self.over[call.transport] = down
            if is_answer(error) or not await self._is_there(call, breaker):
                self.events.ended(call, "down", down, reason_of(error))
                raise

    async def _is_there(self, call: Call, breaker: Breaker) -> bool:
        """Whether the endpoint answers a short question: then the rows are at fault, and the run goes on.

        At the end of a run, and in a resume or `retry`, only rows that always fail may be left.
        """
        async with self._asking:
            if not breaker.open or not breaker.doubtful:
                return not breaker.open
            probe = _probe(call)
            try:
                reply = await self._paid(probe, self._forecasts[call.transport.identity])
                self._books.wasted(probe, call.spent(reply))
            except lm15.LM15Error as error:
                # An endpoint that refuses the question is alive.
                if not is_answer(error):
                    breaker.silent = True
                    self.events.probed(call, answered=False)
                    return False
            self.events.probed(call, answered=True)
            breaker.still_there()
            return True

    def _attempts(self, call: Call, error: lm15.LM15Error, breaker: Breaker) -> int:
        if breaker.open:
            return 1
        return self._policy.attempts_for(error, proven=breaker.proven, most=call.attempts)

    @asynccontextmanager
    async def _place(
        self, transport: Transport, forecast: TokenForecast, tokens: int, *, first: bool
    ) -> AsyncIterator[CallTurn | None]:
        """A slot at the endpoint; None where requests are queued at the provider."""
        if is_queued(transport):
            yield None
            return
        async with self._alone(forecast), self._flow.turn(transport.identity, tokens, first=first) as turn:
            yield turn

    def _alone(self, forecast: TokenForecast) -> AbstractAsyncContextManager[None]:
        if forecast.known:
            return nullcontext()
        # If tokens or money are capped, the cost of a reply must be known before more calls are sent.
        return forecast.alone(None if self._budget.counts_tokens else _HEAD_START)

    async def _paid(self, call: Call, forecast: TokenForecast) -> Reply:
        """One attempt, within the budget."""
        limit = call.request.config.max_tokens
        asked, said = forecast.expect(call.body, limit)
        estimate = Spent(1, asked, said, call.price.of(asked, said) if call.price else 0.0)
        try:
            await self._budget.reserve(estimate)
        except BudgetReached as stop:
            self.events.ended(call, "budget", stop, "budget_reached")
            raise
        paid = Spent()
        try:
            self._books.departs(call, replace(estimate, estimated=1))
            reply = with_usage(await self._attempt(call), call.body)
            forecast.learn(call.body, limit, reply)
            paid = call.spent(reply)
            return reply
        except BrokenReply as broken:
            reply = with_usage(broken.reply, call.body)
            forecast.learn(call.body, limit, reply)
            paid = call.spent(reply)
            self._books.wasted(call, paid)
            raise
        except (lm15.LM15Error, StopRun) as error:
            # What became of a batch is found out before its requests fail: one that was taken is waited for.
            if may_be_billed(error) and not is_queued(call.transport):
                paid = replace(estimate, estimated=1)
                self._books.wasted(call, paid)
            else:
                self._books.fails(call)
            raise
        finally:
            await self._budget.settle(estimate, paid)

    async def _attempt(self, call: Call) -> Reply:
        # The recorder removes the task once the reply is stored, so that closing does not cancel it before.
        task = asyncio.current_task()
        self.sending.add(task)
        try:
            return await call.transport.send(call.request)
        except BaseException as error:
            self.sending.discard(task)
            if isinstance(error, Exception) and not isinstance(error, lm15.LM15Error):
                # A bug in a transport fails every call: as an LM15Error, the breaker sees it.
                mask = getattr(call.transport, "mask", None) or Mask()
                raise lm15.LM15Error(mask(f"{type(error).__name__}: {error}")) from error
            raise


def _probe(call: Call) -> Call:
    """A short question to the endpoint of `call`, with the same settings but a small, known cost."""
    most = min(call.request.config.max_tokens or _PROBE_TOKENS, _PROBE_TOKENS)
    config = replace(call.request.config, max_tokens=most)
    request = replace(call.request, messages=(lm15.Message.user(PROBE),), system=None, config=config)
    return replace(call, request=request, body=PROBE)
