"""Infers from the rows that the optimisation runs which part of a step it has reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from autoevol.commands.following import Listener
from autoevol.config import LoopConfig
from autoevol.core.records import Case, Row, Step
from autoevol.core.status import StepStatus
from autoevol.data.split import Split
from autoevol.optimization.dev_rows import find_dev_rows
from autoevol.optimization.plan import Extra, Rule, planned_calls
from autoevol.store.journal import StepJournal


class LoopWatch:
    """Passes rows and steps to a listener, with the part of the step that each row belongs to.

    A step begins with the rows of its mini-batch, which are train rows; the rows after them score methods.
    A step that begins with other rows is the confirmation.

    Args:
        listener: Receives rows and steps.
        config: Of the loop.
        train: The rows that mini-batches are drawn from; None if they may be scoring rows too, so that only
            the step is known.
        starts: Methods that compete before step 1.
    """

    def __init__(
        self, listener: Listener, config: LoopConfig, train: Sequence[Row] | None, starts: int
    ) -> None:
        self.starts = starts
        self._listener = listener
        self._config = config
        self._train = None if train is None else {row.id for row in train}
        self._begin(0)

    def row(self, method_id: str, case: Case) -> None:
        """A row was run and judged."""
        self._tell(self._after(method_id, case.row_id))
        self._listener.case(case)

    def step(self, step: Step) -> None:
        """A step is done, in an earlier process or now."""
        self._listener.step(step, len(step.scores))
        self._begin(step.number + 1)
        self._listener.at(self._now)

    def _begin(self, number: int) -> None:
        self._batch = 0
        self._scored: list[str] = []
        methods = self._config.m + 1 if number else self.starts
        # After the last step comes the confirmation, which its rows reveal.
        step = min(number, self._config.steps)
        self._now = StepStatus(step, self._config.steps, methods=methods)

    def _after(self, method_id: str, row_id: str) -> StepStatus:
        """The status once this row is done."""
        if self._train is None:
            return self._now
        if self._now.step and row_id in self._train:
            self._batch += 1
            whole = self._batch >= min(self._config.batch_size, len(self._train))
            return replace(self._now, at="rewrite" if whole else "batch")
        if self._now.step and not self._batch:
            return replace(self._now, at="confirm")
        if method_id not in self._scored:
            self._scored.append(method_id)
        return replace(self._now, at="score", method=self._scored.index(method_id) + 1)

    def _tell(self, now: StepStatus) -> None:
        self._now = now
        self._listener.at(now)


def rows_left(config: LoopConfig, rule: Rule, split: Split, starts: int, journal: StepJournal) -> int:
    """Rows that an optimisation may still run; those of the steps in the journal are done."""
    steps = list(journal.steps())
    left = replace(config, steps=max(0, config.steps - len(steps) + 1)) if steps else config
    extra = Extra.of(config, rule, find_dev_rows(config.dev_rows or rule.dev_rows), len(split.reserve))
    batch = min(config.batch_size, len(split.train))
    starts = 0 if steps else starts
    return planned_calls(left, rounds=1, dev=len(split.dev), batch=batch, starts=starts, extra=extra)[
        "respond"
    ]
