"""The policies behind `flow`, free of asyncio: what a clock, replies and refusals say."""

from __future__ import annotations

import math

_OPENING = 0.3
_BLINK = 0.01
_PROBE = 20
_SLACK = 0.1


class Window:
    """How many requests may be in flight at once: additive increase, multiplicative decrease.

    - It opens over the first 0.3 seconds, from `start` to `ceiling`, slowly at first: a refusal
      comes back sooner than a reply, so few are refused if the ceiling is too high.
    - A refusal cuts it to three quarters, once per round trip: what was sent before the cut
      does not count again. But every refusal cuts it to what is still in flight, so that the
      slot of a refused request is not filled at once.
    - While it is full, each reply widens it by 1/limit, that is by one per round trip, and by
      1/20 where it is small, so that a refusal that this provokes is one in twenty at most.
      Below three quarters of where it has been, by one.

    Args:
        ceiling: Never more than this, >= 1.
        start: What is sent before the first reply.
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
        """Requests that may be in flight at once, as of the last look; looking changes nothing."""
        return int(self._limit)

    def limit(self, now: float) -> float:
        """The width, >= 1; its whole part counts."""
        if self._opening and self._looked_at is not None:
            # A process that was busy with other things has seen no refusals meanwhile.
            self._open_for += min(_BLINK, now - self._looked_at)
            self._looked_at = now
            share = min(1.0, self._open_for / _OPENING)
            self._limit = self._start + (self.ceiling - self._start) * share**2
            self._opening = share < 1
        return self._limit

    def free_at(self, under_way: int, now: float) -> float:
        """When to ask again if nothing comes back before: `now` if one more may be sent at once,
        infinity if only a reply can make room.
        """
        if under_way + 1 <= self.limit(now):
            return now
        if not self._opening or self._looked_at is None or under_way + 1 > self.ceiling:
            return math.inf
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
        """After a pause nothing is in flight: start with a quarter, not with everything at once."""
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
        """Count units that are sent, or (negative) that were reserved and not used."""
        # A little credit, or every late wake-up would be lost.
        self.ready_at = max(self.ready_at, now - _SLACK) + units * self._seconds
