"""Runs entries, each with its own session and a hard budget, and resumes those that were killed."""

from __future__ import annotations

import contextlib
import io
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dspy

from autoevol.comparison.entry import Contestant, Entry, Heat
from autoevol.comparison.tracker import Tracker
from autoevol.core.context import in_scope
from autoevol.core.errors import BudgetReached
from autoevol.core.records import Method
from autoevol.lm.budget import Caps
from autoevol.lm.meter import DistinctCalls
from autoevol.lm.session import Session
from autoevol.programs.respond import answering_with
from autoevol.reports.comparison import Ending, Finished, Point
from autoevol.reports.folder import read_report
from autoevol.store.sealed import write_sealed

_MOST_TURNS = 20
_APART = 1000  # seeds of the turns of one entry; seeds of entries are consecutive


def play(
    contestants: Sequence[Contestant],
    heats: Sequence[Heat],
    budget: int,
    folder: Path,
    on_entry: Callable[[Finished], None] = lambda entry: None,
) -> list[Finished]:
    """Play all entries, heat by heat; those that an earlier run finished are read from `folder`.

    Args:
        contestants: Names must differ.
        heats: Seeds must differ.
        budget: Paid calls per entry.
        folder: Holds one JSON file and one call store per entry.
        on_entry: Called with every entry, those of an earlier run included.

    Raises:
        StopRun: If access, the endpoint or the disk fails. Reaching the budget ends only the entry.
    """
    folder.mkdir(parents=True, exist_ok=True)
    finished: list[Finished] = []
    for heat in heats:
        for contestant in contestants:
            path = folder / f"{contestant.name}-{heat.seed}.json"
            entry = read_report(path, Finished) or run_entry(contestant, heat, budget, path)
            finished.append(entry)
            on_entry(entry)
    return finished


def run_entry(contestant: Contestant, heat: Heat, budget: int, path: Path) -> Finished:
    """Play one entry; its calls go to a store beside `path`, its record to `path` when it is done.

    An optimizer that ends before the cap, normally or by its own error, plays again from the start with
    the rest of the budget, sized for it and with another seed, as long as that pays for a score on all
    dev rows; the best of all its turns on the dev rows counts.

    An entry that was killed finds its calls in the store and pays only for the rest. Optimizers that call
    from several threads may then get their samples in another order; the cap holds over both processes.
    """
    started, bench = time.monotonic(), heat.bench
    with bench.session(path.with_suffix(".sqlite"), Caps(calls=budget)) as session:
        paid = DistinctCalls()  # those of an interrupted run that is replayed count as well
        tracker = Tracker(heat.student.method, heat.dev, lambda: len(paid))
        metric = bench.metric(session)
        row_calls = heat.student.rounds + 1 + metric.detector.calls
        entry = Entry(heat, heat.seed, budget, metric, bench.prompt_lm(session), tracker, row_calls)
        with (
            session.watched(paid),
            dspy.context(lm=bench.task_lm(session), disable_history=True, max_errors=10**9),
            answering_with(bench.respond_lm(session)),
            _quiet() as said,
        ):
            turns = _all_turns(contestant, entry, session, paid)
    ledger = session.ledger()
    by_role = {line.role: line.paid.calls for line in ledger}
    calls, curve = sum(by_role.values()), tracker.curve()
    method = turns[0].method if len(turns) == 1 and turns[0].method else tracker.best
    notes = [note for turn in turns for note in turn.notes]
    if said.getvalue().strip():
        notes.append("wrote to standard output: silenced")
    done = Finished(
        contestant=contestant.name,
        group=contestant.group,
        seed=heat.seed,
        method=method,
        curve=curve if curve[-1].method == method else (*curve, Point(calls, method)),
        calls=calls,
        tokens=sum(line.paid.tokens for line in ledger),
        by_role=by_role,
        ending=turns[-1].ending,
        turns=len(turns),
        notes=tuple(dict.fromkeys(notes)),
        sizes=turns[0].sizes,
        seconds=round(time.monotonic() - started, 3),
    )
    write_sealed(path, done.to_json())
    return done


@dataclass(frozen=True)
class _Turn:
    """One compile: its settings, its result (None if it was cut off), and how it ended."""

    sizes: Mapping[str, Any]
    method: Method | None
    ending: Ending
    notes: tuple[str, ...] = ()


def _all_turns(contestant: Contestant, entry: Entry, session: Session, paid: DistinctCalls) -> list[_Turn]:
    turns: list[_Turn] = []
    while len(turns) < _MOST_TURNS:
        before = len(paid)
        left = entry.budget - before
        if turns and (contestant.keeps_best or left < entry.row_calls * len(entry.heat.dev)):
            break
        again = replace(entry, budget=left, seed=entry.heat.seed + _APART * len(turns))
        turns.append(_turn(contestant, again, session))
        if turns[-1].ending == "budget" or len(paid) == before:
            break
    return turns


def _turn(contestant: Contestant, entry: Entry, session: Session) -> _Turn:
    sizes = dict(contestant.sizes(entry))
    try:
        # The scope differs by seed, so optimizers without a seed of their own get different samples too.
        with in_scope(f"seed-{entry.seed}"):
            method = contestant.compile(entry).method
    except BudgetReached:
        return _Turn(sizes, None, "budget")
    except Exception as error:  # noqa: BLE001 (whatever a foreign optimizer dies of is a result)
        line = str(error).strip().partition("\n")[0]
        return _Turn(sizes, None, "failed", (f"ended by {type(error).__name__}: {line[:200]}",))
    if not session.recorder.refused:
        return _Turn(sizes, method, "done")
    if contestant.keeps_best:
        return _Turn(sizes, method, "budget")
    # After the stop the optimizer only saw zeros for calls that were never made.
    return _Turn(sizes, None, "budget", ("swallowed the budget stop and went on: its best so far counts",))


@contextlib.contextmanager
def _quiet() -> Iterator[io.StringIO]:
    """Silence what optimizers print and log; yields the captured standard output."""
    said = io.StringIO()
    logger = logging.getLogger("dspy")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
            yield said
    finally:
        logger.setLevel(level)
