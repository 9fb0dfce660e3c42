"""The interface of a contestant, and what it is given."""

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
    """Makes the session, LMs and metric of an entry. All contestants of a heat run on the same bench."""

    concurrency: int
    """Maximum rows under way at once; foreign optimizers get as many threads."""

    def session(self, path: Path, caps: Caps) -> Session:
        """A session with a separate call store at `path`."""
        ...

    def task_lm(self, session: Session) -> dspy.LM:
        """The LM that evolves, and also responds unless there is another for that."""
        ...

    def respond_lm(self, session: Session) -> dspy.LM | None:
        """The LM that responds; None if it is the task LM."""
        ...

    def prompt_lm(self, session: Session) -> dspy.LM:
        """The LM that writes optimizers' analyses and methods."""
        ...

    def metric(self, session: Session) -> FailureMetric:
        """The metric; its judge's calls are paid from the entry's budget."""
        ...


@dataclass(frozen=True)
class Heat:
    """What all contestants share for one seed.

    Attributes:
        seed: Seed of all entries of the heat.
        bench: What its entries run on.
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
        seed: For optimizers that take a seed.
        budget: Paid calls allowed in this turn; the session refuses further ones.
        metric: The failure metric.
        prompt_lm: Writes methods.
        tracker: Must be given every score (`TrackedMetric`) or every step (`StepWatch`).
        row_calls: Calls for one row with one method: rounds, response, judgements.
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
        group: Where it is listed; `demos` is reported separately.
        traps: Known pitfalls and how they are handled, for the result.
        keeps_best: Whether it runs until the budget (or until nothing fails), ends normally and returns its
            own best. The others are interrupted, and the tracker's best counts.
    """

    name: str
    group: Group
    traps: tuple[str, ...]
    keeps_best: bool

    def sizes(self, entry: Entry) -> Mapping[str, Any]:
        """The settings that the budget allows."""
        ...

    def compile(self, entry: Entry) -> Evolver:
        """Optimise the student; an error ends the entry and is recorded."""
        ...
