"""One configuration, run and measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import dspy

from autoevol.commands.following import Listener
from autoevol.commands.loop_watch import LoopWatch
from autoevol.commands.methods import find_method
from autoevol.config import ModelConfig
from autoevol.core.errors import BudgetReached
from autoevol.core.records import Method, Row, Score, Step
from autoevol.data.split import Split, split_rows
from autoevol.hypersearch.pruning import TrialPoint
from autoevol.hypersearch.space import Configuration
from autoevol.lm.meter import DistinctCalls, Uses
from autoevol.lm.session import Session
from autoevol.metrics.failure import FailureMetric
from autoevol.optimization.compiling import steps_made
from autoevol.optimization.rules import find_rule
from autoevol.optimization.scoreboard import Scoreboard
from autoevol.optimization.teleprompter import AutoEvol
from autoevol.programs.evolver import Evolver
from autoevol.reports.costs import RowCost
from autoevol.store.calls import Spent


@dataclass(frozen=True)
class TrialBench:
    """Shared by the trials of one worker: data, models, metric. Closing it closes its session.

    Attributes:
        session: Opened on the worker's folder. Its store answers whatever earlier trials paid for.
        rows: All rows. The holdout is the same in every split, and a smaller dev set is a subset of a larger.
        holdout: Size of the holdout.
        dev: Size of the largest dev set that a trial may have; all trials are measured on it.
        asking: A context in which programs evolve and respond with the models of given settings.
        optimizer: The LM that analyses and rewrites.
    """

    session: Session
    metric: FailureMetric
    rows: Sequence[Row]
    holdout: int
    dev: int
    seed: int
    asking: Callable[[ModelConfig], AbstractContextManager[None]]
    optimizer: dspy.LM
    listener: Listener

    def __enter__(self) -> TrialBench:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def split(self, dev: int) -> Split:
        """Train, dev and holdout, with `dev` dev rows."""
        return split_rows(self.rows, dev=dev, holdout=self.holdout, seed=self.seed)

    @cached_property
    def common(self) -> Split:
        """The split with the dev set that all trials are measured on, and the holdout."""
        return self.split(self.dev)

    def paid(self) -> Spent:
        """The cost of this worker so far, resumes included."""
        return sum((line.paid for line in self.session.ledger()), Spent())

    def score(self, configuration: Configuration, method: Method, rows: Sequence[Row], scope: str) -> Score:
        """Score `method` on `rows`, with the rounds and the temperature of `configuration`."""
        student = Evolver(method, rounds=configuration.methods.rounds, system=configuration.models.system)
        board = Scoreboard(
            student,
            self.metric,
            concurrency=configuration.loop.concurrency,
            on_row=lambda _, case: self.listener.case(case),
        )

        with self.asking(configuration.models):
            return board.score(method, rows, scope)


@dataclass(frozen=True)
class LoopRun:
    """One loop of a trial.

    Attributes:
        method: The chosen method.
        score: Its score on the common dev rows.
        calls: Distinct LM calls of the loop, paid or from the store: its cost if it had run alone. Scoring on
            the common dev rows is not included.
        tokens: Of these calls.
        usd: Of these calls; None if a model has no price.
        steps: Steps made.
        stopped: Why it ended: steps, patience or solved.
        row_cost: Cost of a usable dev row with the method; None if none is usable.
    """

    method: Method
    score: Score
    calls: int
    tokens: int
    usd: float | None
    steps: int
    stopped: str
    row_cost: RowCost | None


@dataclass(frozen=True)
class Measured:
    """A completed trial.

    Attributes:
        loops: One per seed.
        paid: What was actually paid while it ran.
        seconds: How long it took.
    """

    loops: tuple[LoopRun, ...]
    paid: Spent
    seconds: float

    @property
    def best(self) -> LoopRun:
        """The loop with the lowest loss on dev, the earlier of equals; its method is the trial's."""
        return min(self.loops, key=lambda loop: loop.score.loss)

    @property
    def loss(self) -> float:
        """Mean loss on the common dev rows, 0..1."""
        return sum(loop.score.loss for loop in self.loops) / len(self.loops)

    @property
    def calls(self) -> int:
        """Mean calls per loop, rounded up."""
        return -(-sum(loop.calls for loop in self.loops) // len(self.loops))

    @property
    def tokens(self) -> int:
        """Mean tokens per loop."""
        return round(sum(loop.tokens for loop in self.loops) / len(self.loops))

    @property
    def usd(self) -> float | None:
        """Mean dollars per loop; None if a model has no price."""
        prices = [loop.usd for loop in self.loops if loop.usd is not None]
        return sum(prices) / len(prices) if len(prices) == len(self.loops) else None


def run_trial(
    bench: TrialBench,
    configuration: Configuration,
    on_point: Callable[[TrialPoint], None],
    loops: int = 1,
) -> Measured:
    """Optimise with `configuration`, once per seed, and measure the chosen methods.

    Trials keep no journal: an interrupted trial runs again from the start, and the store answers the calls
    that were already paid.

    Args:
        bench: What it runs on.
        configuration: Its settings; its seed is that of the first loop.
        on_point: Called after every step of the first loop, from the background loop's thread; whatever it
            raises ends the trial.
        loops: Number of loops; each takes the next seed.

    Raises:
        BudgetReached: If the budget ends before the trial does.
    """
    started, paid_before = time.monotonic(), bench.paid()
    first = configuration.loop.seed
    runs = tuple(
        _run_loop(
            bench,
            replace(configuration, loop=replace(configuration.loop, seed=seed)),
            on_point if seed == first else lambda point: None,
        )
        for seed in range(first, first + loops)
    )
    return Measured(runs, bench.paid() - paid_before, time.monotonic() - started)


def _run_loop(
    bench: TrialBench, configuration: Configuration, on_point: Callable[[TrialPoint], None]
) -> LoopRun:
    calls = DistinctCalls()
    starts = [find_method(name) for name in configuration.methods.start]
    split = bench.split(configuration.loop.dev_size)

    watch = LoopWatch(bench.listener, configuration.loop, None, len({start.id for start in starts}))

    def step_done(step: Step) -> None:
        watch.step(step)
        score = step.chosen_score
        rate = score.loss if score else 1.0
        on_point(TrialPoint(step.number, len(calls), rate))

    teleprompter = AutoEvol(
        bench.metric,
        config=configuration.loop,
        optimizer_lm=bench.optimizer,
        selection=find_rule(configuration.methods.selection)(),
        starts=starts[1:],
        on_step=step_done,
        on_row=watch.row,
        verbose=False,
    )
    student = Evolver(starts[0], rounds=configuration.methods.rounds, system=configuration.models.system)
    with bench.session.watched(calls), bench.asking(configuration.models):
        best: Any = teleprompter.compile(student, trainset=split.train, valset=split.dev)
    if best.stopped == "budget":
        raise BudgetReached(f"budget reached after {bench.paid().calls} calls paid by this worker")
    with bench.session.watched(uses := Uses()):
        score = bench.score(configuration, best.method, bench.common.dev, "dev")
    return LoopRun(
        best.method,
        score,
        len(calls),
        calls.tokens,
        calls.usd,
        steps_made(best.trial_logs.values()),
        best.stopped,
        RowCost.of(uses, score),
    )
