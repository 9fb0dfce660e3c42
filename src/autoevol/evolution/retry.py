"""Dead letters: rows lost to the infrastructure are taken up again where they were lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

import dspy

from autoevol.core import aio
from autoevol.core.context import in_scope
from autoevol.core.errors import BudgetReached
from autoevol.evolution.lineage import End, Lineage, decode, encode
from autoevol.evolution.outputs import Tally, assemble
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
    """Try the dead rows again, in fresh attempts, and put the results where the rows stand.

    Rounds that passed before are kept. A part is replaced as soon as its dead rows have been
    tried; if the budget ends before, the rest stay dead. Rows of a part that is open are left
    to the run that will make it again.

    Raises:
        StopRun: If access, endpoint or disk fail; the parts replaced so far stay.
    """
    remind(work.gates, parts)
    complete = aio.run(_Retry(work, parts, concurrency, on_case).run())
    tally = assemble(parts, folder, keep)
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
        """Retry all dead rows; returns whether the budget let it."""
        done: dict[str, Lineage] = {}
        current: Part | None = None
        waiting = takewhile(lambda _: self._complete, self._dead())
        with dspy.context(trace=None, disable_history=True):
            async for (part, _), result in aio.ordered(self._one, waiting, self._width):
                if current is not None and part.number != current.number:
                    await asyncio.to_thread(self._replace, current, done)
                    done = {}
                current = part
                if result is None:
                    self._complete = False
                    continue
                done[result.row.id] = result
                if self._on_case:
                    self._on_case(case_of(result))
        if current is not None and done:
            await asyncio.to_thread(self._replace, current, done)
        return self._complete

    def _dead(self) -> Iterator[_Dead]:
        for part in self._parts:
            if part.dead and not part.open:
                for line in self._parts.lines_of(part):
                    if line["end"] == End.DEAD:
                        yield _Dead(part, decode(line))

    async def _one(self, dead: _Dead) -> tuple[_Dead, Lineage | None]:
        async with self._slots:
            try:
                with in_scope("bulk"):
                    return dead, await self._work.retry(dead.lineage)
            except BudgetReached:
                return dead, None

    def _replace(self, part: Part, done: dict[str, Lineage]) -> None:
        writer = self._parts.writer(part.number)
        ids: list[str] = []
        dead = 0
        try:
            for old in self._parts.lines_of(part):
                line: dict[str, Any] = old
                if old["seed_id"] in done:
                    line = {**old, **encode(done[old["seed_id"]])}
                writer.add(line)
                ids.append(line["seed_id"])
                dead += line["end"] == End.DEAD
            self._parts.seal(writer, Part(part.number, part.rows, dead, part.record, ids="".join(ids)))
        except BaseException:
            writer.discard()
            raise
