"""Dead letters: rows lost to the infrastructure are resumed where they were lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import dspy

from autoevol.core import aio
from autoevol.core.context import in_scope
from autoevol.core.errors import BudgetReached
from autoevol.evolution.lineage import End, Lineage, decode_lineage, encode_lineage
from autoevol.evolution.outputs import Tally, write_outputs
from autoevol.evolution.rounds import RowPipeline
from autoevol.evolution.stage import WINDOW, OnCase, case_of, remind
from autoevol.store.parts import Part, Parts


class _Dead(NamedTuple):
    part: Part
    lineage: Lineage


def retry_rows(
    work: RowPipeline,
    parts: Parts,
    folder: Path,
    *,
    keep: str = "last",
    concurrency: int = 16,
    on_case: OnCase | None = None,
) -> Tally:
    """Retry the dead rows with fresh attempts, and put the results in their places.

    Requests that were refused are asked again. Rounds that passed before are kept. A part is replaced as
    soon as all its dead rows have been tried; if the budget ends first, the remaining rows stay dead. Rows
    of an open part are left to the run, which will make the part again.

    Raises:
        StoreError: If a part is damaged, before anything is paid.
        StopRun: If access, endpoint or disk fail; the parts replaced so far stay.
    """
    parts.verify()
    remind(work.gates, parts)
    complete = aio.run_and_wait(_Retry(work, parts, concurrency, on_case).run())
    tally = write_outputs(parts, folder, keep)
    tally.complete = complete
    return tally


class _Retry:
    def __init__(self, work: RowPipeline, parts: Parts, concurrency: int, on_case: OnCase | None) -> None:
        self._work = work
        self._parts = parts
        self._slots = asyncio.Semaphore(concurrency)
        self._width = WINDOW * concurrency
        self._on_case = on_case
        self._complete = True

    async def run(self) -> bool:
        """Retry all dead rows; returns False if the budget ended first."""
        done: dict[str, Lineage] = {}
        current: Part | None = None
        waiting = takewhile(lambda _: self._complete, self._dead())
        with dspy.context(trace=None, disable_history=True):
            async with aio.ordered(self._one, waiting, self._width) as results:
                async for (part, _), lineage in results:
                    if current is not None and part.number != current.number:
                        await asyncio.to_thread(self._replace, current, done)
                        done = {}
                    current = part
                    if lineage is None:
                        self._complete = False
                        continue
                    done[lineage.row.id] = lineage
                    if self._on_case:
                        self._on_case(case_of(lineage))
        if current is not None and done:
            await asyncio.to_thread(self._replace, current, done)
        return self._complete

    def _dead(self) -> Iterator[_Dead]:
        for part in self._parts:
            if part.dead and not part.open:
                for line in self._parts.lines_of(part):
                    if line["end"] == End.DEAD:
                        yield _Dead(part, decode_lineage(line))

    async def _one(self, dead: _Dead) -> tuple[_Dead, Lineage | None]:
        async with self._slots:
            try:
                with in_scope("bulk", again=True):
                    return dead, await self._work.retry(dead.lineage)
            except BudgetReached:
                return dead, None

    def _replace(self, part: Part, done: dict[str, Lineage]) -> None:
        with self._parts.writer(part.number) as writer:
            for line in self._parts.lines_of(part):
                row_id = line["seed_id"]
                if row_id in done:
                    line |= encode_lineage(done[row_id])
                writer.add(line, row_id, record=part.record, dead=line["end"] == End.DEAD)
            writer.seal()
