"""How many requests an endpoint is sent at once, and how fast: as much as it accepts, and no more.

Retries alone are no answer to a server that refuses: they send again what was just refused.
Here a refusal (429, or 503 and 529) makes the window smaller for everybody, replies make it
larger, and a request that has no slot in it waits without being sent.
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

_LONGEST_RESET = 60.0


@dataclass(frozen=True)
class Limits:
    """What one endpoint and model may be sent per minute; None means no limit."""

    rpm: float | None = None
    tpm: float | None = None


@dataclass
class _Lane:
    """One endpoint: its window, its limits, and who waits for it, with a number by arrival."""

    window: Window
    requests: Pace | None
    tokens: Pace | None
    under_way: int = 0
    closed_until: float = -math.inf
    waiting: deque[tuple[int, asyncio.Future[None], CallTurn]] = field(default_factory=deque)

    def free_at(self, now: float) -> float:
        """When the next request may be sent, as far as that is known."""
        times = [self.window.free_at(self.under_way, now), self.closed_until]
        times += [pace.ready_at for pace in (self.requests, self.tokens) if pace]
        return max(times)


class Flow:
    """Admits requests, endpoint by endpoint, in order of arrival.

    Args:
        ceiling: Maximum number of concurrent requests, over all endpoints.
        limits: For each endpoint; where one is None, the provider's own holds (`Reply.rpm` and `tpm`),
            and a limit that it says is used up (`Reply.reset`) holds in any case.
        retry: How long to pause when a server keeps refusing without saying for how long.
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
            first: Ahead of all that wait; for a request that has waited already.
        """
        return CallTurn(self, self._lane(endpoint), tokens, first)

    def queue(self, endpoint: str) -> tuple[int, float]:
        """How many wait for a place at `endpoint`, and until when it is closed (on `clock`)."""
        lane = self._lane(endpoint)
        return len(lane.waiting), lane.closed_until

    @property
    def in_flight(self) -> int:
        """Requests that were sent and have no answer yet."""
        return self._under_way

    @property
    def window(self) -> int:
        """Requests that may be in flight at once as things are; 0 before the first."""
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
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (next(self._arrivals), place, turn)
        join = lane.waiting.appendleft if turn.first else lane.waiting.append
        join(entry)
        self._let_in()
        try:
            await place
        except asyncio.CancelledError:
            if place.cancelled():
                with suppress(ValueError):
                    lane.waiting.remove(entry)
                self._let_in()
            else:
                self._leave(lane)  # let in and cancelled at the same moment
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
        """Wake all that may be sent now, and schedule the next."""
        now, due = self.clock(), math.inf
        while self._under_way < self._ceiling:
            waiting = [lane for lane in self._lanes.values() if lane.waiting]
            ready = [lane for lane in waiting if lane.free_at(now) <= now]
            if not ready:
                due = min((lane.free_at(now) for lane in waiting), default=math.inf)
                break
            lane = min(ready, key=lambda each: each.waiting[0][0])
            _, place, turn = lane.waiting.popleft()
            if not place.done():  # else its caller has gone away
                self._admit(turn, now)
                place.set_result(None)
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
        if not wait and cut and lane.window.cuts > 1:
            wait = self._retry.wait(lane.window.cuts - 1)
        if wait and wait <= self._retry.patience:
            # It holds for the endpoint, so everybody waits, not only this call.
            lane.closed_until = max(lane.closed_until, now + wait)
            if cut:
                lane.window.reopen()

    def _answered(self, turn: CallTurn) -> None:
        lane, now = turn.lane, self.clock()
        lane.window.answered(lane.under_way, now)
        reply = turn.reply
        if reply is None:
            return
        if lane.tokens:
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
    """One request's slot. How the block is left reports what became of the request."""

    __slots__ = ("_flow", "first", "lane", "number", "reply", "tokens")

    def __init__(self, flow: Flow, lane: _Lane, tokens: int, first: bool) -> None:
        self._flow = flow
        self.lane = lane
        self.tokens = tokens
        self.first = first
        self.number = 0
        self.reply: Reply | None = None

    def replied(self, reply: Reply) -> None:
        """What came back: the tokens that it took, and what it says of the provider's limits."""
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
            limited = isinstance(error, lm15.RateLimitError)
            self._flow._refused(self, getattr(error, "retry_after", None) if limited else None)
        self._flow._leave(self.lane)
