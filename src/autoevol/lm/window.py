"""The policies behind `flow`, free of asyncio: functions of a clock, replies and refusals."""

from __future__ import annotations

import math

_OPENING = 0.3  # seconds over which a window opens
_BLINK = 0.01  # longest step of that, in seconds
_PROBE = 20  # replies that it takes at least to widen a full window by one
_SLACK = 0.1  # seconds of unused pace that may be made up for


class Window:
    """How many requests may be in flight at once: additive increase, multiplicative decrease, as in TCP.

    - It opens over the first 0.3 seconds, from `start` to `ceiling`, slowly at first: refusals come
      sooner than replies, so if the ceiling is too high only a few requests are refused.
    - A refusal cuts it to three quarters, but once per round trip: refusals of requests sent before the
      cut do not cut again. Every refusal limits it to what is still in flight, so that the slot of a
      refused request is not refilled at once.
    - While it is full, each reply widens it by 1/limit, that is by one per round trip; a small window by
      1/20, so that at most one request in twenty is refused for it. Below three quarters of its former
      width, which is known to work, each reply widens it by one.

    Args:
        ceiling: Maximum width, >= 1.
        start: Requests sent before the first reply.
    """

    def __init__(self, ceiling: int, start: int = 16) -> None:
        self.ceiling = ceiling
        self._limit = float(min(start, ceiling))
        self._start = self._limit
        self._opening = self._limit < ceiling
        self._open_for = 0.0
        self._looked_at: float | None = None
        self._known = 0.0
        self._sent = 0
        self._cut_at = 0
        self.cuts = 0
        """Cuts since the last reply."""

    @property
    def width(self) -> int:
        """Requests that may be in flight at once, as of the last call of `limit`; read-only."""
        return int(self._limit)

    def limit(self, now: float) -> float:
        """The width, >= 1; its whole part counts."""
        if self._opening and self._looked_at is not None:
            # Time in which this process was busy with other things does not count: it saw no refusals then.
            self._open_for += min(_BLINK, now - self._looked_at)
            self._looked_at = now
            share = min(1.0, self._open_for / _OPENING)
            self._limit = self._start + (self.ceiling - self._start) * share**2
            self._opening = share < 1
        return self._limit

    def free_at(self, under_way: int, now: float) -> float:
        """When one more may be sent: `now`, a later time, or infinity if only a reply can make room."""
        if under_way + 1 <= self.limit(now):
            return now
        if not self._opening or self._looked_at is None or under_way + 1 > self.ceiling:
            return math.inf
        # The inverse of `limit`: the share of the opening at which one more fits.
        share = (under_way + 1 - self._start) / (self.ceiling - self._start)
        return now + min(_BLINK, max(0.001, _OPENING * math.sqrt(share) - self._open_for))

    def sent(self, now: float) -> int:
        """Count a request; returns its number."""
        if self._looked_at is None:
            self._looked_at = now
        self._sent += 1
        return self._sent

    def answered(self, under_way: int, now: float) -> None:
        """Count a reply; `under_way` includes it."""
        self.cuts = 0
        limit = self.limit(now)
        if under_way + 1 > limit and not self._opening:
            wider = min(limit + 1, self._known) if limit < self._known else limit + 1 / max(limit, _PROBE)
            self._limit = min(self.ceiling, wider)

    def refused(self, number: int, under_way: int, now: float) -> bool:
        """Count the refusal of request `number`; `under_way` excludes it. Returns whether it cut."""
        limit, cut = self.limit(now), number > self._cut_at
        self._opening = False
        if cut:
            self.cuts += 1
            self._cut_at = self._sent
            self._known = 0.75 * max(limit, self._known)
            limit *= 0.75
        self._limit = max(1.0, min(limit, under_way))
        return cut

    def reopen(self) -> None:
        """After a pause, start with a quarter: nothing is in flight, so all calls would go at once."""
        self._known = max(self._known, self._limit)
        self._limit = max(1.0, self._limit / 4)


class Pace:
    """At most `per_minute` units a minute, spread evenly."""

    def __init__(self, per_minute: float) -> None:
        self.per_minute = per_minute
        self._seconds = 60.0 / per_minute
        self.ready_at = -math.inf
        """When the next may be sent."""

    def take(self, units: float, now: float) -> None:
        """Count units that are sent, or (negative) that were reserved but not used."""
        # Some unused time may be made up for, or every late wake-up would lower the pace.
        self.ready_at = max(self.ready_at, now - _SLACK) + units * self._seconds
