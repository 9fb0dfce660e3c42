"""How many rows are still to be begun, where a run is to end with so many kept ones."""

from __future__ import annotations

import asyncio


class Demand:
    """Lets rows begin, in order, while those under way might not be enough.

    A row begins only if fewer than `wanted` would be kept even if all under way were. So none is paid for
    in vain, and the last row is the one that makes `wanted`, whatever the order in which replies arrive.

    Args:
        wanted: Rows to keep, >= 1; None lets all rows begin.
        kept: Rows that earlier processes have kept.
    """

    def __init__(self, wanted: int | None, kept: int = 0) -> None:
        self._wanted = wanted
        self._kept = kept
        self._under_way = 0
        self._turn = asyncio.Lock()
        self._ended = asyncio.Event()

    async def begin(self) -> bool:
        """Wait until a row may begin; False if there are enough without it. Rows begin as they ask."""
        async with self._turn:
            while self._wanted is not None and self._kept + self._under_way >= self._wanted:
                if self._kept >= self._wanted:
                    return False
                self._ended.clear()
                await self._ended.wait()
            self._under_way += 1
            return True

    def end(self, *, kept: bool) -> None:
        """A row that began has come to its end, or was stopped."""
        self._under_way -= 1
        self._kept += kept
        self._ended.set()
