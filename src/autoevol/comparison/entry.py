"""What a contestant is given, and what it must be able to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import dspy

from autoevol.comparison.tracker import Tracker
from autoevol.core.records import Row
from autoevol.lm.budget import Caps
from autoevol.lm.session import Session
from autoevol.metrics.failure import FailureMetric
from autoevol.programs.evolver import Evolver
from autoevol.reports.comparison import Group


class Bench(Protocol):
    """Makes what entries run on. All contestants of a heat run on the same bench."""

    concurrency: int
    """Most rows under way at once; foreign optimizers get as many threads."""

    def session(self, path: Path, caps: Caps) -> Session:
        """A session with a call store of its own at `path`."""
        ...

    def task_lm(self, session: Session) -> dspy.LM:
        """The LM that evolves, and responds unless there is another for that."""
        ...

    def respond_lm(self, session: Session) -> dspy.LM | None:
        """The LM that responds, None where it is the task LM."""
        ...

    def prompt_lm(self, session: Session) -> dspy.LM:
        """The LM that optimizers ask for analyses and methods."""
        ...

    def metric(self, session: Session) -> FailureMetric:
        """The measure; what its judge asks is paid from the entry's budget."""
        ...


@dataclass(frozen=True)
class Heat:
    """What all contestants share under one seed.

    Attributes:
        seed: Seed of all entries of the heat.
        bench: Where it runs.
        student: The program to compile, with the starting method.
        train: Rows for mini-batches and examples.
        dev: Rows that methods are selected on.
    """

    seed: int
    bench: Bench
    student: Evolver
    train: tuple[Row, ...]
    dev: tuple[Row, ...]


@dataclass(frozen=True)
class Entry:
    """One contestant's turn. The task LM is the one in `dspy.context`.

    Attributes:
        heat: Student and rows.
        seed: What to give to an optimizer that takes a seed.
        budget: Calls that may be paid in this turn; the session stops the one after.
        metric: Judges.
        prompt_lm: Writes methods.
        tracker: Wants to know every score (`TrackedMetric`) or every step (`StepWatch`).
        row_calls: Calls for one row under one method: rounds, response, judgements.
    """

    heat: Heat
    seed: int
    budget: int
    metric: FailureMetric
    prompt_lm: dspy.LM
    tracker: Tracker
    row_calls: int


class Contestant(Protocol):
    """One optimizer (or fixed method), sized by the budget.

    Attributes:
        name: As given on the command line.
        group: Where it is listed; `demos` is reported apart.
        traps: What is known to go wrong with it and how that is handled, for the result.
        keeps_best: It goes on until the budget (or until nothing fails any more), ends in order
            and gives its own best back. The others are stopped in the middle, and the
            tracker's best counts.
    """

    name: str
    group: Group
    traps: tuple[str, ...]
    keeps_best: bool

    def sizes(self, entry: Entry) -> Mapping[str, Any]:
        """The settings that the budget buys."""
        ...

    def compile(self, entry: Entry) -> Evolver:
        """Optimise the student; any error that it raises ends the entry and is noted."""
        ...
