"""Progress of work that was started from Python: one line each, to the log or to standard error."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from collections.abc import Callable

from autoevol.core.records import Case, Outcome, Step

LOGGER = logging.getLogger("autoevol")
# With a look every second, no silence is longer than 15 seconds.
_EVERY = 14.0
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


def counts_line(seen: Counter[Outcome]) -> str:
    """`3 failed, 1 lost`."""
    lost = seen[Outcome.UNSCORED]
    return f"{seen[Outcome.FAILED]} failed" + (f", {lost} lost" if lost else "")


class Progress:
    """A listener that says a line at every phase and step, and every 15 seconds in between.

    In a notebook the counts stand in one line that is written over every second.

    Args:
        clock: Seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._name, self._rows = "", None
        self._seen: Counter[Outcome] = Counter()
        self._said = self._clock()
        self._live = in_notebook() and not LOGGER.hasHandlers()
        self._open = False

    def phase(self, name: str, rows: int | None) -> None:
        """A phase begins; `rows` is how many cases it will run, if that is known."""
        self._name, self._rows, self._seen = name, rows, Counter()
        self._said = self._clock()
        self._say(f"{name}: {rows} rows" if rows else f"{name}:")

    def case(self, case: Case) -> None:
        """A row was run and judged."""
        self._seen[case.verdict.outcome] += 1
        if self._due() or (self._live and self._seen.total() == self._rows):
            self._said = self._clock()
            text = progress_line(self._name, self._rows, self._seen)
            self._write_over(text) if self._live else say(text)

    def step(self, step: Step, methods: int) -> None:
        """An optimisation step is done; `methods` is how many could be scored at it."""
        self._say(step_line(step, methods))

    def pulse(self, status: Callable[[], str]) -> None:
        """A second has passed; says how the calls stand if nothing else was said for a while."""
        if self._due():
            self._said = self._clock()
            rows = [progress_line(self._name, self._rows, self._seen)] if self._name else []
            text = "; ".join([*rows, status()])
            self._write_over(text) if self._live else say(text)

    def _due(self) -> bool:
        return self._clock() - self._said > (_LIVE_EVERY if self._live else _EVERY)

    def note(self, text: str) -> None:
        """A line worth seeing while nothing else happens."""
        self._said = self._clock()
        self._say(text)

    def _say(self, text: str) -> None:
        if self._open:
            sys.stderr.write("\n")
            self._open = False
        say(text)

    def _write_over(self, text: str) -> None:
        sys.stderr.write(f"\r{text:<79}")
        sys.stderr.flush()
        self._open = True


def progress_line(name: str, rows: int | None, seen: Counter[Outcome]) -> str:
    """`evolve: 40 of 900 rows, 3 failed, 1 lost`."""
    total = f" of {rows}" if rows else ""
    return f"{name}: {seen.total()}{total} rows, {counts_line(seen)}"


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
