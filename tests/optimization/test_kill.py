"""`kill -9` at random moments: the run ends as if nothing had happened, and pays for nothing twice."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autoevol.optimization.plan import planned_calls
from optimise_once import CONFIG
from served_world import Served, request_key, serving

pytestmark = pytest.mark.slow

KILLS = 20
LATENCY = 0.02
_TESTS = Path(__file__).parents[1]


def start(url: str, folder: Path) -> subprocess.Popen[bytes]:
    path = os.pathsep.join([str(_TESTS.parent / "src"), str(_TESTS)])
    return subprocess.Popen(
        [sys.executable, str(_TESTS / "optimise_once.py"), url, str(folder)],
        env={**os.environ, "PYTHONPATH": path},
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[bytes]) -> None:
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors.decode()


def stored(folder: Path) -> set[str]:
    """Requests whose replies are in the call store of a process that lives no more."""
    path = folder / "calls.sqlite"
    if not path.exists():
        return set()
    connection = sqlite3.connect(path)
    try:
        found = connection.execute("SELECT request FROM calls").fetchall()
    except sqlite3.OperationalError:  # killed before the table was made
        found = []
    finally:
        connection.close()
    return {request_key(json.loads(request)) for (request,) in found}


def kill_at(served: Served, process: subprocess.Popen[bytes], arrivals: int, delay: float) -> None:
    """Kill `process` `delay` seconds after the server has seen `arrivals` requests in all."""
    served.hold_from = arrivals + 3 * CONFIG.concurrency
    while served.arrivals < arrivals and process.poll() is None:
        time.sleep(0.001)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    served.hold_from = None


def asked_again(served: Served, known: dict[str, int]) -> list[str]:
    """Requests that came once more although their reply was in the store."""
    return [key for key, times in known.items() if served.asked[key] > times]


def test_a_run_killed_at_twenty_random_moments_ends_as_an_uninterrupted_one(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    with serving(LATENCY) as served:
        began = time.monotonic()
        finish(start(served.url, whole))
        lasted = time.monotonic() - began
        needed = served.arrivals
        assert max(served.asked.values()) == 1
    plan = planned_calls(CONFIG, rounds=2, dev=CONFIG.dev_size, batch=CONFIG.batch_size)
    assert 0.8 * sum(plan.values()) < needed <= sum(plan.values())

    draw = random.Random(11)
    # Spread over the run; the first two fall before the first request, into the start itself.
    moments = [0, 0, *sorted(draw.sample(range(1, needed - 3 * CONFIG.concurrency), KILLS - 2))]
    known: dict[str, int] = {}  # stored requests, and how often the server had seen each by then
    with serving(LATENCY) as served:
        for number, moment in enumerate(moments):
            process = start(served.url, killed)
            startup = draw.uniform(0.0, lasted / 2) if number < 2 else 0.0
            kill_at(served, process, moment, startup + draw.uniform(0.0, LATENCY))
            assert process.returncode == -signal.SIGKILL, "it ended by itself"
            assert asked_again(served, known) == [], f"after kill {number}"
            safe = stored(killed)
            assert safe <= served.asked.keys()
            known = {key: served.asked[key] for key in safe}
        finish(start(served.url, killed))
        assert asked_again(served, known) == []
        assert len(served.asked) == needed
        assert served.arrivals <= needed + KILLS * CONFIG.concurrency

    for name in ("journal.jsonl", "method.json"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes()
    assert stored(killed) == stored(whole)
