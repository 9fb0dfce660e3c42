"""What a tracking service is told of a search: its trials, and at the end its result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from autoevol.commands.following import Listener, outcome_of
from autoevol.commands.job import tracked_run
from autoevol.config import Settings
from autoevol.hypersearch.trial import Measured
from autoevol.store.study import WorkerFolder

if TYPE_CHECKING:
    from autoevol.commands.tracking import TrackedRun


class TrialsTold:
    """One tracked run for each worker process, whichever places it takes. Without `--track`, nothing.

    Args:
        settings: Whether there is a service, and which.
        listener: Told of failures there.
    """

    def __init__(self, settings: Settings, listener: Listener) -> None:
        self._settings, self._listener = settings, listener
        self._tracked: TrackedRun | None = None

    def at(self, place: WorkerFolder) -> None:
        """A place was taken; the first keeps the run's id. Raises InputError if a package is missing."""
        if self._tracked is None:
            self._tracked = tracked_run(place, self._settings, self._listener)

    def trial(self, number: int, measured: Measured) -> None:
        """A trial has come to its end."""
        if self._tracked is None:
            return
        counts = {"trial_loss": measured.loss, "trial_calls": float(measured.calls)}
        text, name = measured.best.method.text, f"methods/trial-{number}.txt"
        self._tracked.figures({**counts, "trial_seconds": measured.seconds}, number)
        self._tracked.say(lambda tracker: tracker.text(name, text))

    def close(self, folder: Path, stop: BaseException | None) -> None:
        """The search has ended, for this worker, with `stop`."""
        if self._tracked is not None:
            self._tracked.close(folder, outcome_of(stop), None)
