"""The bulk stage: evolve every row with one method, and sort the results into files."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

import dspy

from autoevol import aio
from autoevol.context import in_scope
from autoevol.errors import BudgetReached
from autoevol.evaluate import Metric, run_row
from autoevol.programs.evolver import Evolver
from autoevol.records import Case, Outcome, Row
from autoevol.store.run import replacing

# Rows under way, finished but waiting for an earlier one, or waiting to begin, per concurrent
# call: enough that one slow row does not starve the rest, and all that is ever in memory.
_WINDOW = 8


@dataclass
class Tally:
    """What the bulk stage has done so far.

    Attributes:
        total: Rows asked for.
        outcomes: Rows by outcome.
        kinds: Failed rows by their worst kind.
        complete: False if the budget ended before the rows did.
    """

    total: int
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    complete: bool = True


def evolve_rows(
    program: Evolver,
    rows: Iterable[Row],
    total: int,
    metric: Metric,
    folder: Path,
    *,
    model: str,
    concurrency: int = 16,
    on_case: Callable[[Case], None] | None = None,
) -> Tally:
    """Evolve `rows`, in order, into `folder/dataset.jsonl` and `folder/rejected.jsonl`.

    Every row ends in exactly one of the two files. The files appear when the stage ends; a
    run that is killed before writes them anew from the call store, without paying again. If
    the budget is reached, they hold the rows that were finished. A row makes one call after
    another, so at most `concurrency` rows are begun and not finished: a spent budget has been
    spent on pairs, not on evolutions that nobody has answered.
    """
    return aio.run(_evolve(program, rows, Tally(total), metric, folder, model, concurrency, on_case))


async def _evolve(
    program: Evolver,
    rows: Iterable[Row],
    tally: Tally,
    metric: Metric,
    folder: Path,
    model: str,
    concurrency: int,
    on_case: Callable[[Case], None] | None,
) -> Tally:
    slots = asyncio.Semaphore(concurrency)

    async def one(row: Row) -> tuple[Row, Case | None]:
        async with slots:
            try:
                # A scope per row: two rows may evolve into the same text; which asks first is chance.
                with in_scope(f"bulk:{row.id}"):
                    return row, await run_row(program, row, metric)
            except BudgetReached:
                return row, None

    wanted = takewhile(lambda row: tally.complete, rows)
    with (
        dspy.context(trace=None, disable_history=True),
        replacing(folder / "dataset.jsonl") as kept,
        replacing(folder / "rejected.jsonl") as dropped,
    ):
        async for row, case in aio.ordered(one, wanted, _WINDOW * concurrency):
            if case is None:
                tally.complete = False
                continue
            tally.outcomes[case.verdict.outcome] += 1
            tally.kinds.update(kind.value for kind in case.verdict.kinds[:1])
            if case.verdict.outcome is Outcome.PASSED:
                kept.add(_pair(row, case, program, model))
            else:
                dropped.add(_reject(row, case, program, model))
            if on_case:
                on_case(case)
    return tally


def _pair(row: Row, case: Case, program: Evolver, model: str) -> dict[str, Any]:
    assert case.trajectory is not None, "a case that passed has a trajectory"
    return {
        "id": row.id,
        "instruction": case.trajectory.evolved,
        "response": case.trajectory.response,
        "seed": row.instruction,
        "stages": list(case.trajectory.stages),
        "rounds": len(case.trajectory.evolutions),
        "method_id": program.method.id,
        "model": model,
    }


def _reject(row: Row, case: Case, program: Evolver, model: str) -> dict[str, Any]:
    trajectory = case.trajectory
    return {
        "id": row.id,
        "seed": row.instruction,
        "outcome": case.verdict.outcome,
        "kinds": list(case.verdict.kinds),
        "reason": case.verdict.reason,
        "instruction": trajectory.evolved if trajectory else None,
        "response": trajectory.response if trajectory else None,
        "reply": trajectory.evolutions[-1].reply if trajectory else None,
        "method_id": program.method.id,
        "model": model,
    }
