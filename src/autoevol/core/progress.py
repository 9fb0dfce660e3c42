"""Progress of work that was started from Python: one line each, to the log or to standard error."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter

from autoevol.core.records import Case, Outcome, Step

LOGGER = logging.getLogger("autoevol")
_EVERY = 15.0


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
    """A listener that says a line at every phase and step, and at most every 15 seconds in between."""

    def __init__(self) -> None:
        self._name, self._rows = "", None
        self._seen: Counter[Outcome] = Counter()
        self._said = time.monotonic()

    def phase(self, name: str, rows: int | None) -> None:
        """A phase begins; `rows` is how many cases it will run, if that is known."""
        self._name, self._rows, self._seen = name, rows, Counter()
        self._said = time.monotonic()
        say(f"{name}: {rows} rows" if rows else f"{name}:")

    def case(self, case: Case) -> None:
        """A row was run and judged."""
        self._seen[case.verdict.outcome] += 1
        if time.monotonic() - self._said > _EVERY:
            self._said = time.monotonic()
            total = f" of {self._rows}" if self._rows else ""
            say(f"{self._name}: {sum(self._seen.values())}{total} rows, {counts_line(self._seen)}")

    def step(self, step: Step, methods: int) -> None:
        """An optimisation step is done; `methods` is how many could be scored at it."""
        say(step_line(step, methods))

    def note(self, text: str) -> None:
        """A line worth seeing while nothing else happens."""
        self._said = time.monotonic()
        say(text)


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
