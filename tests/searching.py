"""Searches on the command line, in the synthetic world behind a loopback endpoint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState
from typer.testing import CliRunner, Result

from autoevol.cli import app
from autoevol.store.calls import CallStore
from autoevol.store.sealed import read_sealed
from served_world import Served
from synthetic import START, rows

DEV, HOLDOUT = 10, 10
SETTINGS = {"batch-size": 2, "m": 2, "steps": 2, "patience": 9, "dev-size": DEV, "holdout-size": HOLDOUT}
SPACE = ("batch-size=2:4", "m=1:3", "steps=1:4")


def arguments(served: Served, folder: Path, *more: object, trials: int = 8) -> list[str]:
    """The words of one search; `folder` is made to hold its inputs."""
    folder.mkdir(exist_ok=True)
    seeds, start = folder / "seeds.jsonl", folder / "start.txt"
    if not seeds.exists():
        seeds.write_text("".join(json.dumps({"instruction": row.instruction}) + "\n" for row in rows(40)))
        start.write_text(START.text)
    words = ["search", seeds, "--out", folder / "s", "--trials", trials, "--json"]
    words += [
        "--start",
        start,
        "--detector",
        "paper",
        "--selection",
        "paper",
        "--evol-model",
        "world",
        "--api-base",
        served.url,
    ]
    words += [word for name, value in SETTINGS.items() for word in (f"--{name}", value)]
    words += [word for text in SPACE for word in ("--space", text)]
    return [str(word) for word in (*words, *more)]


def command(words: list[str]) -> Result:
    """Run it in this process."""
    return CliRunner().invoke(app, words)


def process(words: list[str]) -> subprocess.Popen[bytes]:
    """Start it in a process of its own."""
    path = Path(__file__).parents[1] / "src"
    return subprocess.Popen(
        [sys.executable, "-m", "autoevol", *words],
        env={**os.environ, "PYTHONPATH": str(path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def result(folder: Path) -> dict[str, Any]:
    """The result of a search that has ended."""
    return read_sealed(folder / "s" / "search.json") or {}


def study_of(folder: Path) -> optuna.Study:
    """The study, opened as anybody would open it."""
    storage = JournalStorage(JournalFileBackend(str(folder / "s" / "study.journal")))
    names = optuna.get_all_study_names(storage)
    if not names:
        return optuna.create_study()
    (name,) = names
    return optuna.load_study(study_name=name, storage=storage)


def finished(folder: Path) -> list[FrozenTrial]:
    """Trials that ran to their end or were pruned."""
    states = (TrialState.COMPLETE, TrialState.PRUNED)
    return [trial for trial in study_of(folder).trials if trial.state in states]


def told(folder: Path) -> list[tuple[object, ...]]:
    """What every finished trial found, without what depends on when and by whom it was run."""
    return [
        (
            trial.params,
            trial.state,
            trial.values,
            trial.user_attrs.get("method_id"),
            trial.user_attrs["curve"],
        )
        for trial in finished(folder)
    ]


def stored(folder: Path) -> list[str]:
    """The request of every call in the store."""
    store = CallStore(folder / "s" / "calls.sqlite")
    try:
        with store._reader_lock:
            return [request for (request,) in store._reader.execute("SELECT request FROM calls")]
    finally:
        store.close()


def booked(folder: Path) -> int:
    """Calls that were on their way when a process was killed, booked by the one that took its place."""
    store = CallStore(folder / "s" / "calls.sqlite")
    try:
        with store._reader_lock:
            [(calls,)] = store._reader.execute("SELECT coalesce(sum(calls), 0) FROM wasted")
            return calls
    finally:
        store.close()
