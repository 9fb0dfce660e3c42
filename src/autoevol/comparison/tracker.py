"""Follows which method an optimizer would return at any moment, inferred from its scores."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import dspy

from autoevol.core.records import Method, Row, Step
from autoevol.metrics.failure import FailureMetric
from autoevol.reports.comparison import Point

ENOUGH = 0.9
"""Share of the dev rows that a method must be scored on when the optimizer moves on."""


@dataclass
class _Tally:
    method: Method
    rows: dict[str, tuple[float, int]] = field(default_factory=dict)

    def add(self, row_id: str, score: float) -> None:
        total, count = self.rows.get(row_id, (0.0, 0))
        self.rows[row_id] = (total + score, count + 1)

    @property
    def mean(self) -> float:
        return sum(total / count for total, count in self.rows.values()) / len(self.rows)


class Tracker:
    """Keeps the best method so far, and from which call on it has been the best.

    The best so far is the method with the highest mean score on the dev rows, among the
    methods scored on all of them; once the optimizer has gone on to score another method, nine
    tenths are enough, as rows may be lost to the network. A row scored several times counts with its
    mean, and of two equal methods the earlier is kept. Until a method has been scored on enough rows, the
    start is the best. Scores on train rows and an optimizer's own scores do not count: their scales
    differ.

    If an optimizer states its current method (`chose`), that is used instead.

    Args:
        start: The current method before anything was scored.
        dev: The dev rows.
        reached: Returns the number of calls paid so far.
    """

    def __init__(self, start: Method, dev: Sequence[Row], reached: Callable[[], int]) -> None:
        self._enough = math.ceil(ENOUGH * len(dev))
        self._dev = {row.id for row in dev}
        self._reached = reached
        self._tallies: dict[str, _Tally] = {}
        self._points = [Point(0, start)]
        self._means: dict[str, float] = {}
        self._current = ""
        self._lock = Lock()  # foreign optimizers score in threads

    @property
    def best(self) -> Method:
        """The best method so far."""
        return self._points[-1].method

    def curve(self) -> tuple[Point, ...]:
        """Every change of the best method, in order; the first point is the start at 0 calls."""
        with self._lock:
            return tuple(self._points)

    def saw(self, method: Method, row_id: str, score: float) -> None:
        """Note the score of `method` on one row, 0..1, higher is better."""
        if row_id not in self._dev:
            return
        with self._lock:
            if method.id != self._current and self._current in self._tallies:
                self._settle(self._tallies[self._current], self._enough)
            self._current = method.id
            tally = self._tallies.setdefault(method.id, _Tally(method))
            tally.add(row_id, score)
            self._settle(tally, len(self._dev))

    def chose(self, method: Method) -> None:
        """The optimizer states that `method` is the current one from now on."""
        with self._lock:
            self._put(method)

    def _settle(self, tally: _Tally, enough: int) -> None:
        if len(tally.rows) < enough:
            return
        self._means[tally.method.id] = tally.mean
        leader = max(self._means, key=lambda name: self._means[name])
        if self._means[leader] > self._means.get(self.best.id, -math.inf):
            self._put(self._tallies[leader].method)

    def _put(self, method: Method) -> None:
        if method != self.best:
            self._points.append(Point(self._reached(), method))


class StepWatch:
    """Passes the current method to a tracker after every step of a teleprompter that has steps.

    Args:
        tracker: Receives the method.
        starts: Methods that the teleprompter starts with.
    """

    def __init__(self, tracker: Tracker, *starts: Method) -> None:
        self._tracker = tracker
        self._methods = {method.id: method for method in starts}

    def __call__(self, step: Step) -> None:
        """Take one finished step."""
        self._methods.update({c.method.id: c.method for c in step.candidates if c.method})
        self._tracker.chose(self._methods[step.chosen_id])


class TrackedMetric:
    """The failure metric as foreign optimizers call it; every score is passed to the tracker.

    Args:
        metric: The failure metric.
        tracker: Receives the method, row and score of every call.
        feedback: Return a score with feedback to every caller, for optimizers that read feedback but do not
            ask for it by name (SIMBA).
    """

    def __init__(self, metric: FailureMetric, tracker: Tracker, *, feedback: bool = False) -> None:
        self._metric = metric
        self._tracker = tracker
        self._feedback = feedback

    def __call__(
        self,
        gold: dspy.Example,
        pred: dspy.Prediction | None,
        trace: Any = None,  # noqa: ANN401 (DSPy's own metric contract)
        pred_name: str | None = None,
        pred_trace: Any = None,  # noqa: ANN401
    ) -> float | dspy.Prediction:
        """See `FailureMetric`."""
        asked = "evolve.predict" if self._feedback else pred_name
        given = self._metric(gold, pred, trace, asked, pred_trace)
        method = getattr(pred, "method", None)
        # A call with a predictor's name asks for feedback on a case that was already scored.
        if pred_name is None and isinstance(method, Method):
            score = given.score if isinstance(given, dspy.Prediction) else given
            self._tracker.saw(method, gold.id, float(score))
        return given
