"""Runs entries: one session and one budget each, stopped hard, resumed where a run was killed."""

from __future__ import annotations

import contextlib
import io
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import dspy

from autoevol.compare.entry import Contestant, Entry, Heat
from autoevol.compare.results import Ending, Finished, Point, decode_finished, encode_finished
from autoevol.compare.tracker import Tracker
from autoevol.context import in_scope
from autoevol.errors import BudgetReached
from autoevol.lm.budget import Caps
from autoevol.records import Method
from autoevol.store.run import read_json, write_json


def play(
    contestants: Sequence[Contestant],
    heats: Sequence[Heat],
    budget: int,
    folder: Path,
    on_entry: Callable[[Finished], None] = lambda entry: None,
) -> list[Finished]:
    """All entries, heat by heat; those that an earlier run has finished are read from `folder`.

    Args:
        contestants: Names must differ.
        heats: Seeds must differ.
        budget: Calls that each entry may pay.
        folder: Holds one JSON file and one call store per entry.
        on_entry: Called with every entry, those of an earlier run included.

    Raises:
        StopRun: If access, endpoint or disk fail. A budget that is reached ends its entry only.
    """
    folder.mkdir(parents=True, exist_ok=True)
    finished: list[Finished] = []
    for heat in heats:
        for contestant in contestants:
            path = folder / f"{contestant.name}-{heat.seed}.json"
            known = read_json(path)
            entry = decode_finished(known) if known else run_entry(contestant, heat, budget, path)
            finished.append(entry)
            on_entry(entry)
    return finished


def run_entry(contestant: Contestant, heat: Heat, budget: int, path: Path) -> Finished:
    """One entry; its calls go to a store beside `path`, its record to `path` when it is done.

    An entry that was killed finds its calls in the store and pays for the rest only. Optimizers
    that ask from several threads may then be given their samples in another order; the cap
    holds over both processes.
    """
    started, bench = time.monotonic(), heat.bench
    with bench.session(path.with_suffix(".sqlite"), Caps(calls=budget)) as session:
        meter = session.meter
        tracker = Tracker(heat.student.method, heat.dev, lambda: meter.reached)
        metric = bench.metric(session)
        row_calls = heat.student.rounds + 1 + metric.detector.calls
        entry = Entry(heat, budget, metric, bench.prompt_lm(session), tracker, row_calls)
        sizes = dict(contestant.sizes(entry))
        with dspy.context(lm=bench.task_lm(session), disable_history=True, max_errors=10**9), _quiet() as said:
            ended = _compile(contestant, entry)
    method, ending, notes = ended
    if ending == "done" and meter.refused and not contestant.keeps_best:
        # What it went on with after the stop were zeros for calls that were never made.
        method, ending = None, "budget"
        notes.append("swallowed the budget stop and went on: its best so far counts")
    if ending == "done" and meter.refused:
        ending = "budget"
    if said.getvalue().strip():
        notes.append(f"printed {len(said.getvalue().splitlines())} lines to standard output, silenced")
    ledger = session.ledger()
    paid = {line.role: line.paid.calls for line in ledger}
    calls = sum(paid.values())
    method = method or tracker.best
    curve = tracker.curve()
    done = Finished(
        contestant=contestant.name,
        group=contestant.group,
        seed=heat.seed,
        method=method,
        curve=curve if curve[-1].method == method else (*curve, Point(calls, method)),
        calls=calls,
        tokens=sum(line.paid.tokens for line in ledger),
        by_role=paid,
        ending=ending,
        notes=tuple(notes),
        sizes=sizes,
        seconds=round(time.monotonic() - started, 3),
    )
    write_json(path, encode_finished(done))
    return done


def _compile(contestant: Contestant, entry: Entry) -> tuple[Method | None, Ending, list[str]]:
    """What the contestant gave back, None if it was stopped; how it ended; and what is to be said."""
    try:
        # Samples of optimizers without a seed differ between seeds all the same.
        with in_scope(f"seed-{entry.heat.seed}"):
            return contestant.compile(entry).method, "done", []
    except BudgetReached:
        return None, "budget", []
    except Exception as error:  # noqa: BLE001 (whatever a foreign optimizer dies of is a result)
        line = str(error).strip().partition("\n")[0]
        return None, "failed", [f"ended by {type(error).__name__}: {line[:200]}"]


@contextlib.contextmanager
def _quiet() -> Iterator[io.StringIO]:
    """Keep what optimizers print and log from the user; standard output is returned."""
    said = io.StringIO()
    logger = logging.getLogger("dspy")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
            yield said
    finally:
        logger.setLevel(level)
