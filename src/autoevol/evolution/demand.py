"""How many more rows to start, if a run should end with a given number of kept rows."""

from __future__ import annotations

import asyncio


class Demand:
    """Lets rows start, in order, as long as those in progress may not be enough.

    A row starts only if fewer than `wanted` would be kept even if all rows in progress were. So no row is
    paid for in vain, and the last row is the one that completes `wanted`, in whatever order replies arrive.

    Args:
        wanted: Rows to keep, >= 1; None lets all rows start.
        kept: Rows that earlier processes kept.
    """

    def __init__(self, wanted: int | None, kept: int = 0) -> None:
        self._wanted = wanted
        self._kept = kept
        self._under_way = 0
        self._turn = asyncio.Lock()
        self._ended = asyncio.Event()

    async def begin(self) -> bool:
        """Wait until a row may start; False if there are enough without it. First come, first served."""
        # The lock is held while waiting, so that rows start in the order in which they asked.
        async with self._turn:
            while self._wanted is not None and self._kept + self._under_way >= self._wanted:
                if self._kept >= self._wanted:
                    return False
                self._ended.clear()
                await self._ended.wait()
            self._under_way += 1
            return True

    def end(self, *, kept: bool) -> None:
        """A row that started has ended, or was stopped."""
        self._under_way -= 1
        self._kept += kept
        self._ended.set()
