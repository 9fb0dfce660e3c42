"""MLflow and Weights & Biases behind one small interface; imported only when used."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from autoevol.core.errors import InputError
from autoevol.core.status import RunOutcome


@dataclass(frozen=True)
class TrackedAs:
    """Under which name a run is tracked.

    Attributes:
        project: Of wandb, or the experiment of mlflow.
        name: Of the run.
        id: Of a run that is resumed; '' for a new one.
        params: The settings that decide its results.
    """

    project: str
    name: str
    id: str
    params: Mapping[str, Any]


class RunTracker(Protocol):
    """A run at a tracking service. Every method may be slow and may raise anything; see `TrackedRun`.

    Attributes:
        id: Identifies the run when it is resumed.
    """

    id: str

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Figures of a step or a trial; with step -1, of the whole run."""
        ...

    def text(self, name: str, text: str) -> None:
        """An artifact that is a text; `name` may hold one slash."""
        ...

    def file(self, path: Path) -> None:
        """An artifact that is a file."""
        ...

    def finish(self, outcome: RunOutcome) -> None:
        """The command has ended; it may be resumed under the same id."""
        ...


class MlflowTracker:
    """Runs of MLflow, through its client: nothing global is set. `MLFLOW_TRACKING_URI` says where.

    Args:
        mlflow: The module.
        run: What to open.
    """

    _STATES: Mapping[RunOutcome, str] = {"done": "FINISHED", "budget": "FINISHED", "interrupted": "KILLED"}

    def __init__(self, mlflow: Any, run: TrackedAs) -> None:  # noqa: ANN401 (a module)
        self._client = mlflow.MlflowClient()
        if run.id:
            self.id = run.id
            self._client.update_run(run.id, status="RUNNING")
            return
        known = self._client.get_experiment_by_name(run.project)
        experiment = known.experiment_id if known else self._client.create_experiment(run.project)
        self.id = self._client.create_run(experiment, run_name=run.name).info.run_id
        for name, value in run.params.items():
            self._client.log_param(self.id, name, value)

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """See `RunTracker`."""
        for name, value in values.items():
            self._client.log_metric(self.id, name, value, step=max(0, step))

    def text(self, name: str, text: str) -> None:
        """See `RunTracker`."""
        self._client.log_text(self.id, text, name)

    def file(self, path: Path) -> None:
        """See `RunTracker`."""
        self._client.log_artifact(self.id, str(path))

    def finish(self, outcome: RunOutcome) -> None:
        """See `RunTracker`."""
        self._client.set_terminated(self.id, status=self._STATES.get(outcome, "FAILED"))


class WandbTracker:
    """Runs of Weights & Biases. `WANDB_MODE=offline` keeps them on this machine, in `WANDB_DIR`.

    Args:
        wandb: The module.
        run: What to open.
    """

    def __init__(self, wandb: Any, run: TrackedAs) -> None:  # noqa: ANN401 (a module)
        self._wandb = wandb
        self._run = wandb.init(
            project=run.project,
            name=run.name,
            id=run.id or None,
            resume="allow",
            config=dict(run.params) if not run.id else None,
            # It would take over standard output, print on it, and ask for a key without an end.
            settings=wandb.Settings(console="off", silent=True, login_timeout=30),
        )
        self.id = self._run.id
        # A resume may repeat earlier steps, and wandb drops steps that go back unless it has its own axis.
        self._run.define_metric("step")
        self._run.define_metric("*", step_metric="step")

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """See `RunTracker`."""
        if step < 0:
            self._run.summary.update(dict(values))
        else:
            self._run.log({**values, "step": step})

    def text(self, name: str, text: str) -> None:
        """See `RunTracker`."""
        artifact = self._wandb.Artifact(_artifact_name(self.id, name), type=name.partition("/")[0])
        with artifact.new_file(name.rpartition("/")[2], mode="w", encoding="utf-8") as file:
            file.write(text)
        self._run.log_artifact(artifact)

    def file(self, path: Path) -> None:
        """See `RunTracker`."""
        artifact = self._wandb.Artifact(_artifact_name(self.id, path.name), type="file")
        artifact.add_file(str(path))
        self._run.log_artifact(artifact)

    def finish(self, outcome: RunOutcome) -> None:
        """See `RunTracker`."""
        self._run.finish(exit_code=0 if outcome in ("done", "budget") else 1)


TRACKERS = {"mlflow": MlflowTracker, "wandb": WandbTracker}
"""By the word that `--track` takes, which is also the module and the extra."""


def tracker_module(kind: str) -> Any:  # noqa: ANN401 (a module)
    """The module of a tracker.

    Raises:
        InputError: If it is not installed; the message names the extra.
    """
    try:
        return importlib.import_module(kind)
    except ImportError as error:
        told = f"--track {kind} needs the extra: pip install 'autoevol[{kind}]' ({error})"
        raise InputError(told) from error


def _artifact_name(run_id: str, name: str) -> str:
    return f"{run_id}-{name.replace('/', '-')}"
