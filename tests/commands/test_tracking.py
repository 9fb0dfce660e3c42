"""--track: what a service is told, in which order, and that nothing there ends a run."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import autoevol as ae
from autoevol.commands.trackers import RunTracker
from autoevol.commands.tracking import TrackedRun
from autoevol.core.errors import InputError
from autoevol.core.records import Candidate, Mark, Method, Outcome, Score, Step
from autoevol.core.status import CallStatus
from autoevol.store.tracked import FILE, TrackedFile
from command_line import command, seed_file
from servers import Endpoint, says
from tracking_services import Scripted, mlflow, wandb

EVOLVED = says("<final_instruction>\nName two rivers in Asia.\n</final_instruction>")


def optimized(seeds: Path, out: Path, endpoint: Endpoint, track: str | None = "mlflow", **more: Any) -> Any:
    """An optimisation without steps: the starting method is scored, and that is all."""
    options: dict[str, Any] = {"listener": ae.Silent(), "steps": 0, "track": track, **more}
    return ae.optimize(seeds, out, evol_model="m", api_base=endpoint.url, **options)


class Heard(ae.Silent):
    """Keeps notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    return seed_file(tmp_path, [f"Name river {n} of Asia." for n in range(8)])


def test_a_run_tells_its_parameters_steps_cost_methods_and_report(
    seeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[Any, ...]] = []
    monkeypatch.setitem(sys.modules, "mlflow", mlflow(said))
    with Endpoint([EVOLVED]) as endpoint:
        optimized(seeds, tmp_path / "run", endpoint, track_project="mine")
        first = list(said)
        optimized(seeds, tmp_path / "run", endpoint)
    assert [one[0] for one in first[:3]] == ["get_experiment_by_name", "create_experiment", "create_run"]
    assert first[1][1] == "mine"
    params = {one[2]: one[3] for one in first if one[0] == "log_param"}
    assert (params["loop.steps"], params["models.evol.model"]) == (0, "m")
    assert len(params["inputs.data_hash"]) > 8
    assert params["autoevol"]
    metrics = {one[2]: one[3] for one in first if one[0] == "log_metric"}
    assert metrics.keys() >= {"dev_failure_rate", "holdout_failure_rate", "calls", "tokens", "usd"}
    assert metrics["calls"] > 0
    texts = {one[3]: one[2] for one in first if one[0] == "log_text"}
    assert texts.keys() == {"methods/chosen.txt", "report/report.html"}
    assert texts["report/report.html"].startswith("<!doctype html>")
    assert [one[2] for one in first if one[0] == "log_artifact"] == [str(tmp_path / "run" / "summary.json")]
    assert first[-1] == ("set_terminated", "run-1", "FINISHED")
    again = said[len(first) :]
    assert again[0] == ("update_run", "run-1", "RUNNING"), "the same run is gone on with"
    assert not [one for one in again if one[0] in ("create_run", "log_param")]
    assert not [one for one in again if one[0] == "log_metric" and one[2].startswith("dev_")], "told before"


def test_steps_tell_rate_gain_cost_and_a_method_that_is_new(tmp_path: Path) -> None:
    said: list[tuple[Any, ...]] = []

    def mark(outcome: Outcome, points: float) -> Mark:
        return Mark(outcome, None, 1, 1, points)

    marks = {"a": mark(Outcome.PASSED, 0.75), "b": mark(Outcome.FAILED, 0.25)}
    new = Method("Make it rarer.")
    candidates = (Candidate(new, "old", "feedback"),)
    steps = [
        Step(0, (), (), (Score("old", marks),), "old", improved=False, note=""),
        Step(1, (), candidates, (Score(new.id, marks),), new.id, improved=True, note=""),
    ]
    tracker: Any = Scripted(said, metrics=None, text=None, finish=None)
    tracker.id = "x"
    run = TrackedRun(lambda: tracker, TrackedFile(tmp_path, "mlflow"), said.append)  # type: ignore[arg-type,return-value]
    for step in steps:
        run.step(step, CallStatus(10, 200, 0.5))
    run.say(lambda _: said.append(("end",)))
    run.close(tmp_path, "done", None)
    rate = {"dev_failure_rate": 0.5, "dev_unscored": 0.0, "dev_gain": 0.5}
    paid = {"calls": 10.0, "tokens": 200.0, "usd": 0.5}
    assert said[:4] == [
        ("metrics", rate | paid, 0),
        ("metrics", rate | paid, 1),
        ("text", "methods/step-1.txt", "Make it rarer."),
        ("end",),
    ]
    assert json.loads((tmp_path / FILE).read_text()) == {"mlflow": {"id": "x", "step": 1}}


def test_wandb_is_told_the_same(seeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[Any, ...]] = []
    monkeypatch.setitem(sys.modules, "wandb", wandb(said))
    with Endpoint([EVOLVED]) as endpoint:
        for _ in range(2):
            optimized(seeds, tmp_path / "run", endpoint, "wandb")
    first, second = (one[1] for one in said if one[0] == "init")
    assert (first["id"], first["project"], first["config"]["loop.steps"]) == (None, "autoevol", 0)
    assert (second["id"], second["resume"], second["config"]) == ("w1", "allow", None)
    assert first["settings"]["console"] == "off"
    logged = [one[1] for one in said if one[0] == "log"]
    assert logged[0].keys() >= {"dev_failure_rate", "step"}
    assert {one[1] for one in said if one[0] == "artifact"} == {
        "w1-methods-chosen.txt",
        "w1-summary.json",
        "w1-report-report.html",
    }
    assert ("finish", 0) in said


@pytest.mark.parametrize("broken", ["create_run", "log_metric", "log_text"])
def test_a_service_that_fails_ends_no_run_and_is_told_of_once(
    broken: str, seeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("503 at http://me:password-1234@host\nand more")

    monkeypatch.setitem(sys.modules, "mlflow", mlflow([], **{broken: fail}))
    heard = Heard()
    with Endpoint([EVOLVED]) as endpoint:
        done = optimized(seeds, tmp_path / "run", endpoint, listener=heard)
    assert done.stopped_by is None
    told = [note for note in heard.notes if note.startswith("--track")]
    assert told[0] == "--track: RuntimeError: 503 at http://***@host; the run goes on"
    assert len(told) == 1 or (len(told) == 2 and "were not kept there; the run itself is whole" in told[1])


def test_a_service_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    answered, warned = threading.Event(), list[str]()

    def never() -> RunTracker:
        answered.wait()
        raise OSError("too late")

    run = TrackedRun(never, TrackedFile(tmp_path, "mlflow"), warned.append, patience=0.0)
    run.close(tmp_path, "done", None)
    assert warned == ["--track: not all was said, the service does not answer; the run itself is whole"]
    answered.set()


class _Stuck:
    """A thread that never ends; notes how long it was waited for."""

    def __init__(self, waits: list[float]) -> None:
        self.waits = waits

    def is_alive(self) -> bool:
        return True

    def join(self, seconds: float) -> None:
        self.waits.append(seconds)


def test_the_end_waits_for_one_thing_that_is_not_said_and_no_longer(tmp_path: Path) -> None:
    answered, warned, waits = threading.Event(), list[str](), list[float]()

    def never() -> RunTracker:
        answered.wait()
        raise OSError("too late")

    run = TrackedRun(never, TrackedFile(tmp_path, "mlflow"), warned.append)
    run._thread = _Stuck(waits)  # type: ignore[assignment]
    run.close(tmp_path, "done", None)
    answered.set()
    assert len(waits) == len(warned) == 1
    assert waits[0] <= 5


@pytest.mark.parametrize("kind", ["mlflow", "wandb"])
def test_a_missing_package_is_told_with_its_extra_before_anything_is_paid(
    kind: str, seeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, kind, None)
    with Endpoint([EVOLVED]) as endpoint:
        done = command(
            "run", seeds, "--out", tmp_path / "run", "--api-base", endpoint.url, "--evol-model", "m",
            "--track", kind,
        )  # fmt: skip
        assert not endpoint.seen
    assert done.exit_code == 2
    assert f"pip install 'autoevol[{kind}]'" in done.stderr


@pytest.mark.parametrize("name", ["run", "optimize", "evolve", "search", "compare"])
def test_every_command_that_finds_something_can_be_tracked(name: str) -> None:
    shown = command(name, "--help", COLUMNS="80").stdout
    assert "--track " in shown
    assert "--track-project" in shown


def test_nothing_is_imported_without_it(seeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("mlflow", "wandb"):
        monkeypatch.setitem(sys.modules, kind, None)  # importing it would be an error
    with Endpoint([EVOLVED]) as endpoint:
        ae.optimize(
            seeds, tmp_path / "run", evol_model="m", api_base=endpoint.url, steps=0, listener=ae.Silent()
        )
    assert not (tmp_path / "run" / FILE).exists()


@pytest.mark.parametrize("damage", ["", "[]", '{"mlflow": 3}', '{"mlflow": {"id": 3, "step": "x"}}'])
def test_a_damaged_file_of_the_id_costs_a_second_run_and_nothing_else(damage: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(damage)
    file = TrackedFile(tmp_path, "mlflow")
    assert (file.id, file.step) == ("", -1)
    file.begun("new")


def test_a_word_that_is_no_service_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean mlflow"):
        ae.Settings.of(track="mlflw")


def test_mlflow_itself_keeps_a_run(seeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow", reason="mlflow-skinny is not installed: the extra `mlflow`")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    heard = Heard()
    with Endpoint([EVOLVED]) as endpoint:
        for _ in range(2):
            optimized(seeds, tmp_path / "run", endpoint, listener=heard)
    assert not [note for note in heard.notes if "--track" in note]
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("autoevol")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params["models.evol.model"] == "m"
    assert run.data.metrics["calls"] > 0
    assert len(client.get_metric_history(run.info.run_id, "dev_failure_rate")) == 1
    assert {one.path for one in client.list_artifacts(run.info.run_id)} == {
        "methods",
        "report",
        "summary.json",
    }


def test_wandb_itself_keeps_a_run(seeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb", reason="wandb is not installed: the extra `wandb`")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    heard = Heard()
    with Endpoint([EVOLVED]) as endpoint:
        optimized(seeds, tmp_path / "run", endpoint, "wandb", listener=heard)
    assert not [note for note in heard.notes if "--track" in note]
    assert list((tmp_path / "wandb").glob("offline-run-*/run-*.wandb"))
