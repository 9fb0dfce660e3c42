"""Progress of work that was started from Python: one line each, to the log or to standard error."""

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
    """Whether this process is the kernel of a notebook, where one line can be written over."""
    return "ipykernel" in sys.modules


def is_heard() -> bool:
    """Whether the user of the library has set up logging."""
    return LOGGER.hasHandlers()


def say(text: str) -> None:
    """Log `text` at level INFO; where nobody has set up logging, write it to standard error.

    That is what `logging` itself does with a warning that nobody handles. A library may not set up
    logging for its users, and hours of work without a word would be worse than a line on standard
    error, which `logging.basicConfig()` or `logging.getLogger("autoevol")` turn into what they want.
    """
    text = printable(text)
    if is_heard():
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
    """Counts the rows of a phase, and knows how quickly they come; counted and asked by any thread.

    Args:
        name: Of the phase; '' before the first.
        rows: Rows it will have; None where nobody knows.
        now: Seconds on the listener's clock.
        at_most: Whether it may well end before it has had them all.
        before: Rows that an earlier process has finished.
    """

    # Speed is that of the last marks, a second apart at least: a pause, or rows whose calls were stored,
    # are not told for ever.
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
        """Whether all rows of a known number are done."""
        return self._start.before + self._outcomes.total() == self._start.rows

    def status(self, now: float) -> PhaseStatus:
        """What is known now."""
        with self._counting:
            return self._status(now)

    def _status(self, now: float) -> PhaseStatus:
        often = self._kinds.most_common(1)[0] if self._kinds else ("", 0)
        pace, done, rows = self._pace(now), self._start.before + self._outcomes.total(), self._start.rows
        # The first rows come in a burst, as many as are under way.
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
        """Rows in a second; None while there is nothing to tell."""
        since, done = self._marks[0]
        new = self._outcomes.total() - done
        return new / (now - since) if new and now - since >= 1 else None


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
        self._calls: CallStatus | None = None
        self._intervals = Intervals(clock())
        self._live = in_notebook() and not is_heard()
        self._written = clock()
        self._open = False

    def phase(self, name: str, rows: int | None, *, at_most: bool = False, before: int = 0) -> None:
        """A phase begins.

        Args:
            name: What it is called.
            rows: How many cases there will be, `before` included; None where that is not known.
            at_most: Whether it may well end before it has had them all.
            before: Rows that an earlier process has finished.
        """
        self._counts = PhaseCounts(name, rows, self._clock(), at_most=at_most, before=before)
        self._intervals.said(self._clock(), anew=True)
        self._announce(self._counts.status(self._clock()).heading)

    def at(self, step: StepStatus) -> None:
        """The optimisation has come to another part of a step, or to another method."""
        self._counts.step = step

    def case(self, case: Case) -> None:
        """A row was run and judged."""
        self._counts.add(case, self._clock())
        if self._due() or (self._live and self._counts.complete):
            self._tell()

    def step(self, step: Step, methods: int) -> None:
        """An optimisation step is done; `methods` is how many could be scored at it."""
        self._say(step_line(step, methods))

    def pulse(self, status: Callable[[], CallStatus]) -> None:
        """A second has passed; says how rows and calls stand if nothing else was said for a while."""
        self._calls = status()
        if self._due():
            self._tell()

    def note(self, text: str) -> None:
        """A line worth seeing while nothing else happens."""
        self._intervals.said(self._clock())
        self._say(text)

    def sentences(self) -> list[str]:
        """How rows and calls stand now."""
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
    """A listener that hears of nothing."""

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
