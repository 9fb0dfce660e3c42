"""Progress of work started from Python: one line at a time, to the log or to standard error."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace

from autoevol.core.records import Case, Outcome, Step
from autoevol.core.status import CallStatus, PhaseStatus, StepStatus, in_a_line, sentences_of
from autoevol.core.text import printable

LOGGER = logging.getLogger("autoevol")
_LIVE_EVERY = 1.0


def in_notebook() -> bool:
    """Whether this process is a notebook kernel, where a line can be overwritten."""
    return "ipykernel" in sys.modules


def is_heard() -> bool:
    """Whether the user of the library has set up logging."""
    return LOGGER.hasHandlers()


def say(text: str) -> None:
    """Log `text` at level INFO, or write it to standard error where logging is not set up.

    `logging` itself does the same with a warning that nobody handles. A library must not configure logging
    for its users, and hours of silence would be worse than lines on standard error, which users can
    redirect with `logging.basicConfig()` or `logging.getLogger("autoevol")`.
    """
    text = printable(text)
    if is_heard():
        LOGGER.info(text)
    else:
        sys.stderr.write(f"{text}\n")


def step_line(step: Step, methods: int) -> str:
    """The outcome of an optimisation step; `methods` is the number of methods it scored."""
    unusable = [candidate.problem for candidate in step.candidates if candidate.problem]
    refused = f", {len(unusable)} of {len(step.candidates)} rewrites unusable" if unusable else ""
    name = "starting methods" if step.number == 0 else f"step {step.number}"
    return f"{name}: {methods} scored{refused}; {'new method' if step.improved else 'kept'}: {step.note}"


class PhaseCounts:
    """Counts the rows of a phase and measures their pace. Thread-safe.

    Args:
        name: Of the phase; '' before the first.
        rows: Rows it will have; None if unknown.
        now: Seconds on the listener's clock.
        at_most: Whether the phase may end before all its rows are done.
        before: Rows that an earlier process finished.
    """

    # The pace is that of the last marks, at least a second apart, so that a pause, or a burst of rows whose
    # calls were stored, is soon forgotten.
    _MARKS = 120
    _FEWEST = 3

    def __init__(
        self, name: str, rows: int | None, now: float, *, at_most: bool = False, before: int = 0
    ) -> None:
        self._start = PhaseStatus(name, rows, at_most, before)
        self._outcomes: Counter[Outcome] = Counter()
        self._kinds: Counter[str] = Counter()
        self._marks = deque([(now, 0)], self._MARKS)
        self._counting = threading.Lock()
        self.step: StepStatus | None = None

    def add(self, case: Case, now: float) -> None:
        """Count a row."""
        with self._counting:
            self._outcomes[case.verdict.outcome] += 1
            self._kinds.update(str(kind) for kind in case.verdict.kinds[:1])
            if now - self._marks[-1][0] >= 1:
                self._marks.append((now, self._outcomes.total()))

    @property
    def complete(self) -> bool:
        """Whether the number of rows is known and all are done."""
        return self._start.before + self._outcomes.total() == self._start.rows

    def status(self, now: float) -> PhaseStatus:
        """The current status."""
        with self._counting:
            return self._status(now)

    def _status(self, now: float) -> PhaseStatus:
        often = self._kinds.most_common(1)[0] if self._kinds else ("", 0)
        pace, done, rows = self._pace(now), self._start.before + self._outcomes.total(), self._start.rows
        # The first rows finish in a burst, one per concurrent call, so they say little about the pace.
        known = pace is not None and rows is not None and self._outcomes.total() >= self._FEWEST
        return replace(
            self._start,
            passed=self._outcomes[Outcome.PASSED],
            failed=self._outcomes[Outcome.FAILED],
            unscored=self._outcomes[Outcome.UNSCORED],
            reason=often[0],
            of_reason=often[1],
            per_second=pace,
            left=(rows - done) / pace if known and rows > done else None,  # type: ignore[operator]
            step=self.step,
        )

    def _pace(self, now: float) -> float | None:
        """Rows per second; None while too little is known."""
        since, done = self._marks[0]
        new = self._outcomes.total() - done
        return new / (now - since) if new and now - since >= 1 else None


class Intervals:
    """When the next line is due: every 15 seconds at first, later every minute.

    Args:
        now: Seconds on the listener's clock.
    """

    # `due` is asked once a second, so the actual silence is up to a second longer.
    _STEPS = (14.0, 14.0, 14.0, 29.0, 29.0, 59.0)

    def __init__(self, now: float) -> None:
        self._said, self._lines = now, 0

    def due(self, now: float) -> bool:
        """Whether the silence has lasted long enough."""
        return now - self._said > self._STEPS[min(self._lines, len(self._STEPS) - 1)]

    def said(self, now: float, *, anew: bool = False) -> None:
        """Note that a line was said; `anew` starts over with short intervals."""
        self._said = now
        self._lines = 0 if anew else self._lines + 1


class Progress:
    """A listener that says a line at every phase and step, and from time to time in between.

    In a notebook the counts are one line that is overwritten every second.

    Args:
        clock: Seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts = PhaseCounts("", None, clock())
        self._calls: CallStatus | None = None
        self._intervals = Intervals(clock())
        self._live = in_notebook() and not is_heard()
        self._written = clock()
        self._open = False

    def phase(self, name: str, rows: int | None, *, at_most: bool = False, before: int = 0) -> None:
        """A phase begins.

        Args:
            name: Of the phase.
            rows: How many cases there will be, `before` included; None if unknown.
            at_most: Whether the phase may end before all its rows are done.
            before: Rows that an earlier process finished.
        """
        self._counts = PhaseCounts(name, rows, self._clock(), at_most=at_most, before=before)
        self._intervals.said(self._clock(), anew=True)
        self._announce(self._counts.status(self._clock()).heading)

    def at(self, step: StepStatus) -> None:
        """The optimisation has reached another part of a step, or another method."""
        self._counts.step = step

    def case(self, case: Case) -> None:
        """A row was run and judged."""
        self._counts.add(case, self._clock())
        if self._due() or (self._live and self._counts.complete):
            self._tell()

    def step(self, step: Step, methods: int) -> None:
        """An optimisation step is done; `methods` is the number of methods it scored."""
        self._say(step_line(step, methods))

    def pulse(self, status: Callable[[], CallStatus]) -> None:
        """Called every second; reports rows and calls if nothing else was said for a while."""
        self._calls = status()
        if self._due():
            self._tell()

    def note(self, text: str) -> None:
        """Say a line at once."""
        self._intervals.said(self._clock())
        self._say(text)

    def sentences(self) -> list[str]:
        """The current state of rows and calls."""
        phase = self._counts.status(self._clock())
        return sentences_of(phase if phase.name else None, self._calls)

    def _due(self) -> bool:
        now = self._clock()
        return now - self._written > _LIVE_EVERY if self._live else self._intervals.due(now)

    def _tell(self) -> None:
        self._written = self._clock()
        self._intervals.said(self._written)
        text = in_a_line(self.sentences())
        self._write_over(text) if self._live else self._say(text)

    def _announce(self, heading: str) -> None:
        self._say(heading)

    def _say(self, text: str) -> None:
        if self._open:
            sys.stderr.write("\n")
            self._open = False
        say(text)

    def _write_over(self, text: str) -> None:
        sys.stderr.write(f"\r{text:<79}")
        sys.stderr.flush()
        self._open = True


class Silent:
    """A listener that ignores everything."""

    def phase(self, name: str, rows: int | None, *, at_most: bool = False, before: int = 0) -> None:
        """See `Progress`."""

    def at(self, step: StepStatus) -> None:
        """See `Progress`."""

    def case(self, case: Case) -> None:
        """See `Progress`."""

    def step(self, step: Step, methods: int) -> None:
        """See `Progress`."""

    def note(self, text: str) -> None:
        """See `Progress`."""

    def pulse(self, status: Callable[[], CallStatus]) -> None:
        """See `Progress`."""
