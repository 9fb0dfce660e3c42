"""How many requests an endpoint gets at once, and how fast: as many as it accepts and no more.

Retries alone do not help against a server that refuses: they send the same load again. Here a refusal
(429, 503 or 529) shrinks the window for all calls, replies widen it, and a request without a slot waits
unsent.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType

from dspy import lm15

from autoevol.lm.retry import RetryPolicy, is_refusal
from autoevol.lm.transport import Reply
from autoevol.lm.window import Pace, Window

_LONGEST_RESET = 60.0  # seconds; limits are per minute, so a longer reset is of another kind (per day, say)


@dataclass(frozen=True)
class Limits:
    """Requests and tokens per minute for one endpoint and model; None means no limit."""

    rpm: float | None = None
    tpm: float | None = None


@dataclass
class _Lane:
    """One endpoint: its window, its rate limits, and the calls that wait for it, numbered by arrival."""

    window: Window
    requests: Pace | None
    tokens: Pace | None
    under_way: int = 0
    closed_until: float = -math.inf
    # (number of arrival, resolved on admission, the call's slot)
    waiting: deque[tuple[int, asyncio.Future[None], CallTurn]] = field(default_factory=deque)

    def free_at(self, now: float) -> float:
        """When the next request may be sent; infinity if that depends on a reply."""
        times = [self.window.free_at(self.under_way, now), self.closed_until]
        times += [pace.ready_at for pace in (self.requests, self.tokens) if pace]
        return max(times)


class Flow:
    """Admits requests, endpoint by endpoint, in order of arrival.

    Args:
        ceiling: Maximum number of concurrent requests, over all endpoints.
        limits: For each endpoint; where one is None, the provider's own limit applies (`Reply.rpm` and
            `tpm`). A limit that the provider reports as used up (`Reply.reset`) applies in any case.
        retry: How long to pause if a server keeps refusing without saying how long to wait.
        clock: Seconds.
        sleep: Waits, in step with `clock`.
    """

    def __init__(
        self,
        ceiling: int,
        limits: Limits | None = None,
        retry: RetryPolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.clock = clock
        self._ceiling = ceiling
        self._limits = limits or Limits()
        self._retry = retry or RetryPolicy()
        self._sleep = sleep
        self._lanes: dict[str, _Lane] = {}
        self._under_way = 0
        self._arrivals = count()
        self._timer: asyncio.Task[None] | None = None
        self._due = math.inf

    def turn(self, endpoint: str, tokens: int, *, first: bool = False) -> CallTurn:
        """A slot for one request, to be entered as a context manager.

        Args:
            endpoint: Its identity.
            tokens: What the request may cost.
            first: Go ahead of all waiting calls; for a request that has already waited.
        """
        return CallTurn(self, self._lane(endpoint), tokens, first)

    def queue(self, endpoint: str) -> tuple[int, float]:
        """(calls waiting for a slot at `endpoint`, when it reopens on `clock`)."""
        lane = self._lane(endpoint)
        return len(lane.waiting), lane.closed_until

    @property
    def in_flight(self) -> int:
        """Requests that were sent and have no answer yet."""
        return self._under_way

    @property
    def window(self) -> int:
        """Current limit on concurrent requests; 0 before the first."""
        return min(self._ceiling, sum(lane.window.width for lane in self._lanes.values()))

    def _lane(self, endpoint: str) -> _Lane:
        lane = self._lanes.get(endpoint)
        if lane is None:
            rpm, tpm = self._limits.rpm, self._limits.tpm
            lane = _Lane(Window(self._ceiling), Pace(rpm) if rpm else None, Pace(tpm) if tpm else None)
            self._lanes[endpoint] = lane
        return lane

    async def _enter(self, turn: CallTurn) -> None:
        lane, now = turn.lane, self.clock()
        if not lane.waiting and self._under_way < self._ceiling and lane.free_at(now) <= now:
            self._admit(turn, now)
            return
        admitted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (next(self._arrivals), admitted, turn)
        join = lane.waiting.appendleft if turn.first else lane.waiting.append
        join(entry)
        self._let_in()
        try:
            await admitted
        except asyncio.CancelledError:
            if admitted.cancelled():
                with suppress(ValueError):  # `_let_in` may have dropped it already
                    lane.waiting.remove(entry)
                self._let_in()
            else:
                # Admitted and cancelled before this coroutine ran again: the slot is already counted.
                self._leave(lane)
            raise

    def _admit(self, turn: CallTurn, now: float) -> None:
        lane = turn.lane
        lane.under_way += 1
        self._under_way += 1
        turn.number = lane.window.sent(now)
        if lane.requests:
            lane.requests.take(1, now)
        if lane.tokens:
            lane.tokens.take(turn.tokens, now)

    def _leave(self, lane: _Lane) -> None:
        lane.under_way -= 1
        self._under_way -= 1
        self._let_in()

    def _let_in(self) -> None:
        """Admit every call that may be sent now, in order of arrival, and schedule the next look."""
        now, due = self.clock(), math.inf
        while self._under_way < self._ceiling:
            waiting = [lane for lane in self._lanes.values() if lane.waiting]
            ready = [lane for lane in waiting if lane.free_at(now) <= now]
            if not ready:
                due = min((lane.free_at(now) for lane in waiting), default=math.inf)
                break
            lane = min(ready, key=lambda each: each.waiting[0][0])
            _, admitted, turn = lane.waiting.popleft()
            if not admitted.done():  # else its caller was cancelled
                self._admit(turn, now)
                admitted.set_result(None)
        self._wake_at(due, now)

    def _wake_at(self, due: float, now: float) -> None:
        if due == self._due:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        self._timer = asyncio.ensure_future(self._wake(due - now)) if due < math.inf else None

    async def _wake(self, seconds: float) -> None:
        await self._sleep(seconds)
        self._timer, self._due = None, math.inf
        self._let_in()

    def _refused(self, turn: CallTurn, wait: float | None) -> None:
        lane, now = turn.lane, self.clock()
        cut = lane.window.refused(turn.number, lane.under_way - 1, now)
        # The first cut may be enough. Further ones without a reply in between mean that the limit is not one
        # on concurrency: then a smaller window does not help, only time does.
        if not wait and cut and lane.window.cuts > 1:
            wait = self._retry.wait(lane.window.cuts - 1)
        if wait and wait <= self._retry.patience:
            # The limit is the endpoint's, so all calls wait, not only this one.
            lane.closed_until = max(lane.closed_until, now + wait)
            if cut:
                lane.window.reopen()

    def _answered(self, turn: CallTurn) -> None:
        lane, now = turn.lane, self.clock()
        lane.window.answered(lane.under_way, now)
        reply = turn.reply
        if reply is None:
            return
        if lane.tokens:  # correct the reservation of `_admit` by what the call really took
            lane.tokens.take(reply.input_tokens + reply.output_tokens - turn.tokens, now)
        if reply.reset:
            lane.closed_until = max(lane.closed_until, now + min(reply.reset, _LONGEST_RESET))
        if reply.rpm and self._limits.rpm is None:
            lane.requests = _at(reply.rpm, lane.requests)
        if reply.tpm and self._limits.tpm is None:
            lane.tokens = _at(reply.tpm, lane.tokens)


def _at(per_minute: float, known: Pace | None) -> Pace:
    return known if known is not None and known.per_minute == per_minute else Pace(per_minute)


class CallTurn:
    """One request's slot, a context manager: how the block is left tells what became of the request."""

    __slots__ = ("_flow", "first", "lane", "number", "reply", "tokens")

    def __init__(self, flow: Flow, lane: _Lane, tokens: int, first: bool) -> None:
        self._flow = flow
        self.lane = lane
        self.tokens = tokens
        self.first = first
        self.number = 0
        self.reply: Reply | None = None

    def replied(self, reply: Reply) -> None:
        """Note the reply: its tokens, and what it says about the provider's limits."""
        self.reply = reply

    async def __aenter__(self) -> CallTurn:
        await self._flow._enter(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._flow._answered(self)
        elif is_refusal(error):
            # An overloaded server's Retry-After holds for this call alone, which sleeps for that long. A rate
            # limit's holds for everybody: `BackOff` does not sleep, it relies on the lane being closed.
            limited = isinstance(error, lm15.RateLimitError)
            self._flow._refused(self, error.retry_after if limited else None)
        self._flow._leave(self.lane)
