"""The first look of a run: is an optimisation worth its calls? Taken once, and kept in the folder."""

from __future__ import annotations

from collections.abc import Sequence

import dspy

from autoevol.commands.job import Job
from autoevol.config import LoopConfig, Settings
from autoevol.core import aio
from autoevol.core.errors import BudgetReached, StoreError
from autoevol.core.records import Method, Row
from autoevol.core.schema import Malformed
from autoevol.data.split import Split
from autoevol.optimization.first_look import ROWS, FirstLook, can_decline, look
from autoevol.optimization.plan import confirm_rows
from autoevol.optimization.rules import find_rule
from autoevol.optimization.scoreboard import Scoreboard
from autoevol.store.sealed import read_sealed, write_sealed

FILE = "look.json"


def look_rows(split: Split, loop: LoopConfig, selection: str) -> tuple[Row, ...]:
    """The rows of a first look: those that the steps will use, never those of the confirmation.

    Args:
        split: Of the run.
        loop: Its settings.
        selection: Name of its rule.
    """
    # Rows looked at would tell against the first method in a confirmation: where it failed many of them by
    # chance, the loop was begun for that, and only then is anything confirmed. So a look's calls count for
    # every step, and for the confirmation none.
    spare = len(split.reserve) - confirm_rows(loop, find_rule(selection), len(split.reserve))
    return (*split.dev, *split.reserve[:spare])[:ROWS]


def may_decline(settings: Settings, rows: Sequence[Row]) -> bool:
    """Whether a look at `rows` could decline the optimisation; otherwise none is taken.

    Under another objective there may be points to gain although nothing fails, so only failure rates count.
    """
    return settings.metrics.objective == "failure-rate" and settings.loop.steps > 0 and can_decline(len(rows))


def first_look(job: Job, method: Method, rows: Sequence[Row], board: Scoreboard) -> FirstLook | None:
    """Take the first look, or read the one in the folder.

    Args:
        job: Of the run.
        method: The first starting method.
        rows: As `look_rows` gives them.
        board: Scores methods as the loop will.

    Returns:
        None if no look is taken: too few rows to decline, another objective, a run already under way
        without one, or a budget that ended it.

    Raises:
        StoreError: If the folder's look is damaged.
    """
    if (known := known_look(job)) is not None:
        return known
    if not may_decline(job.settings, rows) or job.folder.journal().steps():
        return None
    job.listener.phase("first look", len(rows))
    try:
        with dspy.context(trace=None, disable_history=True):
            seen = aio.run_and_wait(look(method, rows, board.evaluate))
    except BudgetReached:
        return None
    if job.too_short():
        return None
    write_sealed(job.folder.path / FILE, seen.to_json())
    job.listener.note(str(seen))
    return seen


def known_look(job: Job) -> FirstLook | None:
    """The look recorded in a run's folder, if any. Raises StoreError if it is damaged."""
    path = job.folder.path / FILE
    known = read_sealed(path)
    if known is None:
        return None
    try:
        return FirstLook.from_json(known)
    except Malformed as error:
        raise StoreError(f"{path} is damaged: {error}") from error
