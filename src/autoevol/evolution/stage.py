"""The loop of the bulk stage: a window of concurrent rows, written to parts in input order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from enum import Enum, auto
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import dspy

from autoevol.config import PipelineConfig
from autoevol.core import aio
from autoevol.core.context import in_scope
from autoevol.core.errors import BudgetReached, InputError
from autoevol.core.records import Case, Verdict
from autoevol.evolution.demand import Demand
from autoevol.evolution.gates import Gate, context_of
from autoevol.evolution.lineage import End, Fate, Lineage, Round, decode_lineage, encode_lineage
from autoevol.evolution.outputs import Tally, write_outputs
from autoevol.evolution.rounds import RowPipeline
from autoevol.evolution.source import PlacedRow, RowSource, confirm_source
from autoevol.lm.answers import FILTERED
from autoevol.store.parts import Parts, PartWriter

# Rows in memory per concurrent call: in progress, finished but waiting for an earlier one, or waiting to
# start. Enough that one slow row does not starve the others.
WINDOW = 8

OnCase = Callable[[Case], None]
Forget = Callable[[str], Future[None]]


class _Halt(Enum):
    """Why a row was not finished."""

    BUDGET = auto()
    ENOUGH = auto()


def evolve_rows(
    work: RowPipeline,
    source: RowSource,
    folder: Path,
    config: PipelineConfig,
    *,
    concurrency: int = 16,
    on_case: OnCase | None = None,
    forget: Forget | None = None,
) -> Tally:
    """Evolve the rows of `source`, in order, into the parts and files of `folder`.

    Rows in sealed parts are skipped. Rows of an open part, of a damaged part and of all parts after that are
    made again, with their calls answered by the call store. If the budget is reached, the files hold the rows
    finished so far; any other stop leaves the old files and the sealed parts. A row makes one call after
    another, so at most `concurrency` rows are unfinished at a time: the budget is spent on complete pairs,
    not on evolutions without a response.

    Args:
        work: Takes one row through its rounds; its gates are reminded of what earlier processes admitted.
        source: The rows, the same on every iteration.
        folder: The run folder; the caller must hold its lock.
        config: `part_rows`, `keep` and `target_rows` are used here.
        concurrency: Maximum number of rows started and not finished.
        on_case: Called with every row that this process finishes, in order.
        forget: Called with the tag of a part's calls as soon as the part is durable.

    Raises:
        InputError: If the folder holds rows made with other settings, or the source has changed.
        StoreError: If a part is damaged and its calls are no longer stored, before anything is paid.
        StopRun: If access, endpoint or disk fail.
    """
    parts = Parts(folder / "parts", work.policy.to_json())
    parts.drop_open()
    parts.drop_damaged()
    confirm_source(source)
    remind(work.gates, parts)
    finished = parts.lines() if config.target_rows else ()
    demand = Demand(config.target_rows, sum(line["end"] == End.KEPT for line in finished))
    stage = _Stage(work, parts, demand, concurrency, on_case, _Filing(config.part_rows, forget))
    try:
        complete = aio.run_and_wait(stage.run(source))
    except InputError:
        confirm_source(source)  # a file that changes while it is read looks malformed; say so instead
        raise
    confirm_source(source, parts.rows if complete and not stage.enough else None)
    tally = write_outputs(parts, folder, config.keep)
    tally.complete, tally.target = complete, config.target_rows
    return tally


def case_of(lineage: Lineage) -> Case:
    """A finished row as a case for listeners, with the trajectory of the decisive round."""
    step = lineage.decisive
    verdict = Verdict(lineage.outcome, step.kinds, step.reason)
    return Case(lineage.row.id, verdict, lineage.trajectory(step))


def remind(gates: Sequence[Gate], parts: Parts) -> None:
    """Remind gates of the texts that earlier processes admitted."""
    for line in parts.lines() if gates else ():
        lineage = decode_lineage(line)
        first = lineage.rounds[0]
        refused = first.round == 0 and first.fate is Fate.GATED
        texts = [] if refused else [(0, lineage.row.instruction)]
        texts += [(step.round, step.evolved or "") for step in lineage.rounds if _let_through(step)]
        for number, text in texts:
            for gate in gates:
                gate.remember(text, seed_id=lineage.row.id, round=number, context=context_of(lineage.row))


def _let_through(step: Round) -> bool:
    """Whether gates admitted a rewrite, even if its response was lost."""
    asked = step.round and step.evolved and step.finish_reasons[0] != FILTERED
    return bool(asked) and step.fate is not Fate.GATED


class _Filing(NamedTuple):
    """Rows per part, and how to forget the calls of a durable part."""

    part_rows: int
    forget: Forget | None


class _Stage:
    def __init__(
        self,
        work: RowPipeline,
        parts: Parts,
        demand: Demand,
        concurrency: int,
        on_case: OnCase | None,
        filing: _Filing,
    ) -> None:
        self._work = work
        self._parts = parts
        self._demand = demand
        self._part_rows, self._forget = filing
        self._slots = asyncio.Semaphore(concurrency)
        self._width = WINDOW * concurrency
        self._on_case = on_case
        self._complete = True
        self.enough = False

    async def run(self, source: RowSource) -> bool:
        """Make parts until there are enough rows, no more rows, or no budget left; False for the last."""
        rows = takewhile(lambda _: self._complete and not self.enough, self._tagged(source))
        part = self._writer()
        try:
            with dspy.context(trace=None, disable_history=True):
                async with aio.ordered(self._one, rows, self._width) as results:
                    async for placed, lineage in results:
                        if isinstance(lineage, _Halt):
                            self._complete &= lineage is not _Halt.BUDGET
                            self.enough |= lineage is _Halt.ENOUGH
                            continue
                        # Merging shards sorts by the record, which restores the order of the source.
                        line = {**encode_lineage(lineage), "record": placed.record}
                        part.add(line, placed.row.id, record=placed.record, dead=lineage.end is End.DEAD)
                        # Once the budget has cost a row, its part cannot be complete: all that follow are
                        # added to it, and it is sealed as open.
                        if part.rows >= self._part_rows and self._complete:
                            await self._seal(part, source)
                            part = self._writer()
                        if self._on_case:
                            self._on_case(case_of(lineage))
            if part.rows:
                await self._seal(part, source)
        finally:
            part.discard()
        return self._complete

    def _writer(self) -> PartWriter:
        return self._parts.writer(len(self._parts), stored=self._forget is None)

    async def _seal(self, part: PartWriter, source: RowSource) -> None:
        first = self._parts.rows
        # Before anything is sealed: rows of a changed file must not mix with those of the original.
        await asyncio.to_thread(confirm_source, source)
        await asyncio.to_thread(part.seal, open_part=not self._complete)
        if self._forget and self._complete:
            await asyncio.wrap_future(self._forget(self._tag(first)))

    def _tagged(self, source: RowSource) -> Iterator[tuple[str, PlacedRow]]:
        """The remaining rows, each with the tag of its future part."""
        first, size = self._parts.rows, self._part_rows
        rows = source.rows(self._parts.record, self._parts.take_ids())
        for count, placed in enumerate(rows):
            yield self._tag(first + count - count % size), placed

    def _tag(self, first: int) -> str:
        """The tag for the calls of a part in the call store."""
        # By rows and not by the part's number, since a run may be resumed with another part size.
        return f"rows-{first}-{first + self._part_rows}"

    async def _one(self, tagged: tuple[str, PlacedRow]) -> tuple[PlacedRow, Lineage | _Halt]:
        tag, placed = tagged
        async with self._slots:
            if not await self._demand.begin():
                return placed, _Halt.ENOUGH
            kept = False
            try:
                with in_scope("bulk", tag=tag):
                    lineage = await self._work.run(placed.row)
                kept = lineage.end is End.KEPT
                return placed, lineage
            except BudgetReached:
                return placed, _Halt.BUDGET
            finally:
                self._demand.end(kept=kept)
