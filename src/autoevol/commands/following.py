"""The status of a running job, kept in its folder: what `autoevol show` reads from another process."""

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
    """Receives the events of a run, from background threads too; its methods must return quickly."""

    def phase(self, name: str, rows: int | None, *, at_most: bool = False, before: int = 0) -> None:
        """A phase begins.

        Args:
            name: Of the phase.
            rows: Number of cases, `before` included; None if unknown.
            at_most: Whether the phase may end before all of them are done.
            before: Rows that an earlier process finished.
        """
        ...

    def at(self, step: StepStatus) -> None:
        """The optimisation has reached another part of a step, or another method."""
        ...

    def case(self, case: Case) -> None:
        """A row was run and judged."""
        ...

    def step(self, step: Step, methods: int) -> None:
        """An optimisation step is done, in which `methods` methods could be scored."""
        ...

    def note(self, text: str) -> None:
        """A message to show while nothing else happens, such as the state of a batch."""
        ...


class StatusKeeper:
    """A listener that passes every event on, and keeps the run's status file.

    Args:
        listener: Receives every event.
        file: The status file in the run folder.
        tracked: The run at a tracking service, which is sent the steps and the end; None if untracked.
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
        """Write that the run is under way again."""
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
        """The call counts at the end of a session."""
        self._write(calls=calls)

    def ends_with(self, stop: BaseException | None) -> None:
        """Set why the command will end although nothing is raised: a budget that is reached."""
        self._stop = stop

    def close(self, stop: BaseException | None = None) -> None:
        """Write how the run ended."""
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
    """Keep the status file of a folder inside the block, and write the outcome at its end.

    Args:
        folder: A locked run folder.
        listener: Receives the events that the keeper is given. If it is a keeper itself, that one is used,
            and the outer block writes.
        tracked: The run at a tracking service.
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
    """The outcome of a command that ends with `stop`."""
    if stop is None:
        return "done"
    if isinstance(stop, KeyboardInterrupt):
        return "interrupted"
    if isinstance(stop, BudgetReached):
        return "budget"
    return "refused" if isinstance(stop, AutoEvolError) else "stopped"
