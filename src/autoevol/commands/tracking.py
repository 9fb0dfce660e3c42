"""--track: send a run's figures to MLflow or Weights & Biases; no failure there ends the run."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from autoevol.commands.report import html_report
from autoevol.commands.trackers import TRACKERS, RunTracker, TrackedAs, tracker_module
from autoevol.config import Settings
from autoevol.config.options import options_of
from autoevol.core.masking import Mask
from autoevol.core.records import Step
from autoevol.core.status import CallStatus, RunOutcome
from autoevol.pages.folder_page import page_of
from autoevol.reports.folder import FolderReport, read_folder
from autoevol.reports.rates import RateReport
from autoevol.store.run import RunFolder
from autoevol.store.tracked import TrackedFile

Work = Callable[[RunTracker], None]
_PATIENCE = 120.0


class TrackedRun:
    """Sends everything from a thread of its own, since a service may be slow, or down.

    Args:
        open_tracker: Opens the run at the service.
        file: Keeps its id for the next command in the folder, and the last step sent.
        warn: Called with the first failure, and at the end with their number.
        patience: Seconds that `close` waits for what is still queued.
    """

    def __init__(
        self,
        open_tracker: Callable[[], RunTracker],
        file: TrackedFile,
        warn: Callable[[str], None],
        patience: float = _PATIENCE,
    ) -> None:
        self._open, self._file, self._warn, self._patience = open_tracker, file, warn, patience
        self._failures = 0
        self._waiting: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="autoevol-track", daemon=True)
        self._thread.start()

    def step(self, step: Step, calls: CallStatus | None) -> None:
        """Send a finished step of the optimisation: rate, gain, cost so far, and the method if new."""
        if step.number <= self._file.step:
            return  # sent by an earlier process
        score = step.chosen_score
        values = rate_of("dev", RateReport.maybe(score)) | cost_of(calls)
        methods = [one.method for one in step.candidates if one.method and one.method.id == step.chosen_id]
        self.figures(values, step.number)
        self.say(lambda _: self._file.told(step.number))
        for method in methods if step.improved else []:
            self.say(lambda tracker, text=method.text: tracker.text(f"methods/step-{step.number}.txt", text))

    def figures(self, values: Mapping[str, float], step: int) -> None:
        """Send figures of anything else that is numbered: a trial, an entry of a comparison."""
        self.say(lambda tracker: tracker.metrics(values, step))

    def close(self, folder: Path, outcome: RunOutcome, calls: CallStatus | None) -> None:
        """Send the figures and artifacts of a folder, and how its command ended."""
        self.say(lambda tracker: tracker.metrics(cost_of(calls), -1))
        self.say(lambda tracker: _leave(tracker, folder))
        self.say(lambda tracker: tracker.finish(outcome))
        self._waiting.put(None)
        self._thread.join(self._patience)
        if self._thread.is_alive():
            self._warn("--track: not all was said, the service does not answer; the run itself is whole")
        elif self._failures > 1:
            self._warn(f"--track: {self._failures} things were not kept there; the run itself is whole")

    def say(self, work: Work) -> None:
        """Queue work for the tracker."""
        self._waiting.put(work)

    def _work(self) -> None:
        tracker: RunTracker | None = None
        try:
            tracker = self._open()
            self._file.begun(tracker.id)
        except Exception as error:  # noqa: BLE001 (a third-party client must not end a paid run)
            self._failed(error)
        while (work := self._waiting.get()) is not None:
            try:
                if tracker is not None:
                    work(tracker)
            except Exception as error:  # noqa: BLE001 (the same)
                self._failed(error)

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        if self._failures == 1:
            told = Mask()(f"{type(error).__name__}: {error}").strip().partition("\n")[0][:200]
            self._warn(f"--track: {told}; the run goes on")


def track(folder: RunFolder, settings: Settings, warn: Callable[[str], None]) -> TrackedRun | None:
    """The tracked run of a folder, new or resumed; None without `--track`.

    Raises:
        InputError: If the package is missing.
    """
    kind = settings.tracking.track
    if kind is None:
        return None
    module, file = tracker_module(kind), TrackedFile(folder.path, kind)
    name = folder.path.resolve().name
    run = TrackedAs(settings.tracking.track_project, name, file.id, params_of(folder, settings))
    return TrackedRun(lambda: TRACKERS[kind](module, run), file, warn)


def params_of(folder: RunFolder, settings: Settings) -> dict[str, Any]:
    """What one may search a run by: all its settings, hashes of its data, versions."""
    undecided = {
        ".".join(option.path): option.value_in(settings)
        for option in options_of(Settings)
        if not option.decides and option.path[0] in ("requests", "budget", "batch")
    }
    decided = dict(_flat(folder.settings))
    made = {"autoevol": version("autoevol"), "dspy": version("dspy"), "run_id": folder.run_id}
    return {name: _short(value) for name, value in (undecided | decided | made).items()}


def rate_of(name: str, rate: RateReport | None) -> dict[str, float]:
    """A failure rate, and the gain if the objective counts points; empty if nothing was scored."""
    if rate is None or rate.rate is None:
        return {}
    counted = {f"{name}_failure_rate": rate.rate, f"{name}_unscored": float(rate.unscored)}
    return counted | ({} if rate.points is None else {f"{name}_gain": rate.points})


def cost_of(calls: CallStatus | None) -> dict[str, float]:
    """What was paid."""
    if calls is None:
        return {}
    return {"calls": float(calls.calls), "tokens": float(calls.tokens), "usd": calls.usd}


def tracked_figures(report: FolderReport) -> dict[str, float]:
    """The figures of a folder by which runs are compared."""
    found: dict[str, float] = {}
    summary, search, comparison = report.summary, report.search, report.comparison
    if summary and (tuned := summary.optimization):
        found |= rate_of("holdout_before", tuned.holdout_before) | rate_of("holdout", tuned.holdout_after)
        if tuned.change:
            found["holdout_change"] = tuned.change.difference
    if summary and (evolved := summary.evolution):
        counts = {"rows": evolved.rows, "rows_kept": evolved.passed, "rows_failed": evolved.failed}
        found |= {name: float(count) for name, count in counts.items()}
    if search and search.best is not None:
        found["trials"] = float(len(search.trials))
        best = next(trial for trial in search.trials if trial.trial == search.best.trial)
        found |= rate_of("best", best.dev)
    if comparison:
        found |= {f"loss_{one.contestant}": one.rate for one in comparison.standings}
    if priced := summary or search:
        total = priced.ledger.total
        found |= {"calls": float(total.calls), "usd": total.usd}
        found["tokens"] = float(total.input_tokens + total.output_tokens)
    return found


def _leave(tracker: RunTracker, folder: Path) -> None:
    """Figures, method and page of a folder."""
    report = read_folder(folder)
    if figures := tracked_figures(report):
        tracker.metrics(figures, -1)
    if report.method:
        tracker.text("methods/chosen.txt", str(report.method["text"]))
    if report.report:
        for name in ("summary.json", "search.json", "comparison.json"):
            if (folder / name).exists():
                tracker.file(folder / name)
        tracker.text("report/report.html", html_report(page_of(folder)))


def _flat(tree: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def _short(value: Any) -> Any:  # noqa: ANN401 (a setting of any type)
    return value if isinstance(value, bool | int | float) else str(value)[:500]
