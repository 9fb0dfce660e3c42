"""Where a run stands, kept in its folder while it goes on: what `autoevol show` tells in another process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from autoevol.commands.pulse import Alive
from autoevol.core.errors import AutoEvolError, BudgetReached
from autoevol.core.masking import Mask
from autoevol.core.progress import PhaseCounts
from autoevol.core.records import Case, Step
from autoevol.core.status import CallStatus, RunOutcome, RunStatus, StepStatus
from autoevol.store.status import StatusFile, this_process

if TYPE_CHECKING:
    from autoevol.commands.tracking import TrackedRun

EVERY = 2.0
"""Seconds between two writes."""


class Listener(Alive, Protocol):
    """Is told what happens. Told from background threads, so it must be quick."""

    def phase(self, name: str, rows: int | None, *, at_most: bool = False, before: int = 0) -> None:
        """A phase begins.

        Args:
            name: What it is called.
            rows: How many cases there will be, `before` included; None where that is not known.
            at_most: Whether it may well end before it has had them all.
            before: Rows that an earlier process has finished.
        """
        ...

    def at(self, step: StepStatus) -> None:
        """The optimisation has come to another part of a step, or to another method."""
        ...

    def case(self, case: Case) -> None:
        """A row was run and judged."""
        ...

    def step(self, step: Step, methods: int) -> None:
        """An optimisation step is done; `methods` is how many could be scored at it."""
        ...

    def note(self, text: str) -> None:
        """A line worth seeing while nothing else happens: how a batch stands."""
        ...


class StatusKeeper:
    """A listener that passes on what it hears, and writes down where the run stands.

    Args:
        listener: Is told everything.
        file: In the folder of the run.
        tracked: Tells a service of steps and of the end; None for none.
        clock: Seconds, for speed and intervals.
    """

    def __init__(
        self,
        listener: Listener,
        file: StatusFile,
        tracked: TrackedRun | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tracked = tracked
        self._listener = listener
        self._file = file
        self._clock = clock
        pid, host, born = this_process()
        self._status = RunStatus(pid, host, born, began=time.time(), wrote=time.time())
        self._counts = PhaseCounts("", None, clock())
        self._named = False
        self._due = clock()
        self._stop: BaseException | None = None
        self._writing = threading.Lock()

    def begin(self) -> None:
        """Write that there is something under way again."""
        self._write()

    def phase(self, name: str, rows: int | None, *, at_most: bool = False, before: int = 0) -> None:
        """See `Listener`."""
        self._counts = PhaseCounts(name, rows, self._clock(), at_most=at_most, before=before)
        self._named = True
        self._write()
        self._listener.phase(name, rows, at_most=at_most, before=before)

    def at(self, step: StepStatus) -> None:
        """See `Listener`."""
        self._counts.step = step
        self._listener.at(step)

    def case(self, case: Case) -> None:
        """See `Listener`."""
        self._counts.add(case, self._clock())
        self._listener.case(case)

    def step(self, step: Step, methods: int) -> None:
        """See `Listener`."""
        if self.tracked:
            self.tracked.step(step, self._status.calls)
        self._listener.step(step, methods)

    def note(self, text: str) -> None:
        """See `Listener`."""
        self._write(note=text)
        self._listener.note(text)

    def pulse(self, status: Callable[[], CallStatus]) -> None:
        """See `Listener`."""
        calls = status()
        if self._clock() >= self._due:
            self._write(calls=calls)
        self._listener.pulse(lambda: calls)

    def asked(self, calls: CallStatus) -> None:
        """How the calls stand at the end of a session."""
        self._write(calls=calls)

    def ends_with(self, stop: BaseException | None) -> None:
        """What the command will end with, though nothing is raised: a budget that is reached."""
        self._stop = stop

    def close(self, stop: BaseException | None = None) -> None:
        """Write down how it has ended."""
        stop = stop or self._stop
        self._write(outcome=outcome_of(stop), why="" if stop is None else Mask()(str(stop)))
        if self.tracked:
            self.tracked.close(self._file.folder, outcome_of(stop), self._status.calls)

    def _write(self, **changes: Any) -> None:  # noqa: ANN401 (fields of a status)
        with self._writing:
            self._due = self._clock() + EVERY
            phase = self._counts.status(self._clock()) if self._named else None
            self._status = replace(self._status, wrote=time.time(), phase=phase, **changes)
            self._file.write(self._status)


@contextmanager
def following(folder: Path, listener: Listener, tracked: TrackedRun | None = None) -> Iterator[StatusKeeper]:
    """Inside, the folder says where the run stands; afterwards, how it has ended.

    Args:
        folder: A run folder, locked.
        listener: Is told through what is given; where that is one of these already, the outer block tells.
        tracked: Tells a service of it.
    """
    if isinstance(listener, StatusKeeper):
        yield listener
        return
    keeper = StatusKeeper(listener, StatusFile(folder), tracked)
    keeper.begin()
    try:
        yield keeper
    except BaseException as error:
        keeper.close(error)
        raise
    keeper.close()


def outcome_of(stop: BaseException | None) -> RunOutcome:
    """How a command has ended that ends with `stop`."""
    if stop is None:
        return "done"
    if isinstance(stop, KeyboardInterrupt):
        return "interrupted"
    if isinstance(stop, BudgetReached):
        return "budget"
    return "refused" if isinstance(stop, AutoEvolError) else "stopped"
