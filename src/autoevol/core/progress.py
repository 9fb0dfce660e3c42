"""Progress of work that was started from Python: one line each, to the log or to standard error."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from collections.abc import Callable

from autoevol.core.records import Case, Outcome, Step

LOGGER = logging.getLogger("autoevol")
_LIVE_EVERY = 1.0


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook, where one line can be written over."""
    return "ipykernel" in sys.modules


def say(text: str) -> None:
    """Log `text` at level INFO; where nobody has set up logging, write it to standard error.

    That is what `logging` itself does with a warning that nobody handles. A library may not set up
    logging for its users, and hours of work without a word would be worse than a line on standard
    error, which `logging.basicConfig()` or `logging.getLogger("autoevol")` turn into what they want.
    """
    if LOGGER.hasHandlers():
        LOGGER.info(text)
    else:
        sys.stderr.write(f"{text}\n")


def step_line(step: Step, methods: int) -> str:
    """What a step of the optimisation came to; `methods` is how many were scored at it."""
    unusable = [candidate.problem for candidate in step.candidates if candidate.problem]
    refused = f", {len(unusable)} of {len(step.candidates)} rewrites unusable" if unusable else ""
    name = "starting methods" if step.number == 0 else f"step {step.number}"
    return f"{name}: {methods} scored{refused}; {'new method' if step.improved else 'kept'}: {step.note}"


class PhaseCounts:
    """What is known of a phase: how many rows it has, how they came out, and how quickly.

    Args:
        name: Of the phase; '' before the first.
        rows: Rows it will run; None where nobody knows.
        now: Seconds on the listener's clock.
    """

    def __init__(self, name: str, rows: int | None, now: float) -> None:
        self.name, self.rows, self._began = name, rows, now
        self._step: int | None = None
        self._outcomes: Counter[Outcome] = Counter()
        self._kinds: Counter[str] = Counter()

    def add(self, case: Case) -> None:
        """Count a row."""
        self._outcomes[case.verdict.outcome] += 1
        self._kinds.update(str(kind) for kind in case.verdict.kinds[:1])

    def stepped(self, number: int) -> None:
        """An optimisation step is done; 0 is the scoring of the methods to start from."""
        self._step = number

    @property
    def title(self) -> str:
        """`optimize in at most 20 steps, 3 done`."""
        return self.name if self._step is None else f"{self.name}, {self._step} done"

    @property
    def done(self) -> int:
        """Rows so far."""
        return self._outcomes.total()

    @property
    def complete(self) -> bool:
        """Whether all rows of a known number are done."""
        return self.done == self.rows

    def outcomes(self) -> str:
        """`38 passed, 3 failed (mostly stagnant), 1 not scored`."""
        failed, lost = self._outcomes[Outcome.FAILED], self._outcomes[Outcome.UNSCORED]
        # One reason among one is no tendency.
        often = self._kinds.most_common(1)[0] if self._kinds else ("", 0)
        why = f" (mostly {often[0].replace('_', ' ')})" if failed > 1 and 2 * often[1] > failed else ""
        told = f"{self._outcomes[Outcome.PASSED]} passed, {failed} failed{why}"
        return f"{told}, {lost} not scored" if lost else told

    def speed(self, now: float) -> str:
        """`2.1 rows/s, 7 min left`; '' while there is nothing to tell."""
        took = now - self._began
        if not self.done or took < 1:
            return ""
        pace = self.done / took
        shown = f"{pace:.1f} rows/s" if pace >= 1 else f"{60 * pace:.1f} rows/min"
        left = None if self.rows is None else (self.rows - self.done) / pace
        return f"{shown}, {duration(left)} left" if left else shown

    def line(self, now: float) -> str:
        """`evolve: 42 of 900 rows, 38 passed, 4 failed (mostly stagnant); 2.1 rows/s, 7 min left`."""
        tried = f"{self.done} row{'' if self.done == 1 else 's'} tried so far"
        rows = f"{self.done} of {self.rows} rows" if self.rows else tried
        head = f"{self.title}: {rows}, {self.outcomes()}"
        return "; ".join(part for part in (head, self.speed(now)) if part)


def duration(seconds: float) -> str:
    """`40 s`, `7 min`, `3 h 20 min`."""
    if seconds < 90:
        return f"{round(seconds)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


class Intervals:
    """When the next line is due: after 15 seconds at first, later after up to a minute.

    Args:
        now: Seconds on the listener's clock.
    """

    # With a look every second, a silence is a second longer than these.
    _STEPS = (14.0, 14.0, 14.0, 29.0, 29.0, 59.0)

    def __init__(self, now: float) -> None:
        self._said, self._lines = now, 0

    def due(self, now: float) -> bool:
        """Whether it has been silent for long enough."""
        return now - self._said > self._STEPS[min(self._lines, len(self._STEPS) - 1)]

    def said(self, now: float, *, anew: bool = False) -> None:
        """A line was said; `anew` begins with short intervals again."""
        self._said = now
        self._lines = 0 if anew else self._lines + 1


class Progress:
    """A listener that says a line at every phase and step, and now and then in between.

    In a notebook the counts stand in one line that is written over every second.

    Args:
        clock: Seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts = PhaseCounts("", None, clock())
        self._intervals = Intervals(clock())
        self._live = in_notebook() and not LOGGER.hasHandlers()
        self._written = clock()
        self._open = False

    def phase(self, name: str, rows: int | None) -> None:
        """A phase begins; `rows` is how many cases it will run, if that is known."""
        self._counts = PhaseCounts(name, rows, self._clock())
        self._intervals.said(self._clock(), anew=True)
        self._say(f"{name}: {rows} rows" if rows else f"{name}:")

    def case(self, case: Case) -> None:
        """A row was run and judged."""
        self._counts.add(case)
        if self._due() or (self._live and self._counts.complete):
            self._tell(self._counts.line(self._clock()))

    def step(self, step: Step, methods: int) -> None:
        """An optimisation step is done; `methods` is how many could be scored at it."""
        self._counts.stepped(step.number)
        self._say(step_line(step, methods))

    def pulse(self, status: Callable[[], str]) -> None:
        """A second has passed; says how the calls stand if nothing else was said for a while."""
        if self._due():
            rows = [self._counts.line(self._clock())] if self._counts.name else []
            self._tell("; ".join([*rows, status()]))

    def note(self, text: str) -> None:
        """A line worth seeing while nothing else happens."""
        self._intervals.said(self._clock())
        self._say(text)

    def _due(self) -> bool:
        now = self._clock()
        return now - self._written > _LIVE_EVERY if self._live else self._intervals.due(now)

    def _tell(self, text: str) -> None:
        self._written = self._clock()
        self._intervals.said(self._written)
        self._write_over(text) if self._live else say(text)

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
    """A listener that hears of nothing."""

    def phase(self, name: str, rows: int | None) -> None:
        """See `Progress`."""

    def case(self, case: Case) -> None:
        """See `Progress`."""

    def step(self, step: Step, methods: int) -> None:
        """See `Progress`."""

    def note(self, text: str) -> None:
        """See `Progress`."""

    def pulse(self, status: Callable[[], str]) -> None:
        """See `Progress`."""
