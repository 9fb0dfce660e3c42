"""`kill -9` at random moments of the bulk stage: every row once, in order, and little paid twice."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

import evolve_once
from evolving import numbered

ROWS, KILLS, PART_ROWS = 5_000, 20, 250


def size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def kill(process: Any) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert process.exitcode == -signal.SIGKILL, "it ended by itself"


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], Any]:
    """Starts a run. The server that it is forked from has imported everything; it looks there."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["evolve_once"])

    def launch(most_calls: int | None) -> Any:
        arguments = (str(tmp_path / "run"), str(tmp_path / "calls"), ROWS, PART_ROWS, most_calls)
        process = context.Process(target=evolve_once.main, args=arguments)
        process.start()
        return process

    return launch


@pytest.mark.slow
def test_twenty_kills_lose_no_row_and_waste_what_was_in_flight(
    tmp_path: Path, start: Callable[[int | None], Any]
) -> None:
    log, draw = tmp_path / "calls", random.Random(5)
    needed = 2 * ROWS
    # The first two fall into the start; the last is near the end, when files are assembled.
    moments = [0, 0, *sorted(draw.sample(range(1, needed - 100), KILLS - 2))]
    for moment in moments:
        process = start(min(moment + 200, needed - 1))
        while size(log) < moment and process.is_alive():
            time.sleep(0.001)
        time.sleep(draw.uniform(0.0, 0.02))
        kill(process)
    process = start(None)
    process.join()
    assert process.exitcode == 0

    expected = numbered(ROWS)
    with (tmp_path / "run" / "dataset.jsonl").open("rb") as file:
        written = [orjson.loads(line) for line in file]
    assert [record["seed_id"] for record in written] == [row.id for row in expected]
    assert all(record["instruction"] == f"harder {record['seed']}" for record in written)
    for name in ("rejected.jsonl", "dead.jsonl"):
        assert (tmp_path / "run" / name).read_bytes() == b""
    assert size(log) <= needed + KILLS * evolve_once.CONCURRENCY
