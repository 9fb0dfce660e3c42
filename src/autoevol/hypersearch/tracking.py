"""A search at a tracking service: its trials, and at the end its result."""

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


class TrackedTrials:
    """One tracked run per worker process, whatever worker numbers it takes. Does nothing without `--track`.

    Args:
        settings: Name the service, if any.
        listener: Called with failures of the service.
    """

    def __init__(self, settings: Settings, listener: Listener) -> None:
        self._settings, self._listener = settings, listener
        self._tracked: TrackedRun | None = None

    def at(self, place: WorkerFolder) -> None:
        """Begin the run in the first worker's folder. Raises InputError if a package is missing."""
        if self._tracked is None:
            self._tracked = tracked_run(place, self._settings, self._listener)

    def trial(self, number: int, measured: Measured) -> None:
        """Send a completed trial."""
        if self._tracked is None:
            return
        counts = {"trial_loss": measured.loss, "trial_calls": float(measured.calls)}
        text, name = measured.best.method.text, f"methods/trial-{number}.txt"
        self._tracked.figures({**counts, "trial_seconds": measured.seconds}, number)
        self._tracked.say(lambda tracker: tracker.text(name, text))

    def close(self, folder: Path, stop: BaseException | None) -> None:
        """End the tracked run; `stop` is the error that ended the search, if any."""
        if self._tracked is not None:
            self._tracked.close(folder, outcome_of(stop), None)
