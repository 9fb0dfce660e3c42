"""Several processes on one search, and processes that are killed."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from searching import arguments, booked, command, finished, process, result, stored, study_of, told
from served_world import Served, request_key, serving

pytestmark = pytest.mark.slow

LATENCY = 0.01


def ended(worker: subprocess.Popen[bytes]) -> dict[str, Any]:
    out, errors = worker.communicate(timeout=600)
    assert worker.returncode == 0, errors.decode()
    return json.loads(out.splitlines()[-1])


def kill_at(served: Served, worker: subprocess.Popen[bytes], arrivals: int) -> None:
    """Kill `worker` once the server has seen `arrivals` requests in all."""
    served.hold_from = arrivals + 4
    while served.arrivals < arrivals and worker.poll() is None:
        time.sleep(0.001)
    worker.send_signal(signal.SIGKILL)
    worker.communicate()
    served.hold_from = None
    assert worker.returncode == -signal.SIGKILL, "it ended by itself"


def test_two_workers_share_a_search(tmp_path: Path) -> None:
    with serving(LATENCY) as served:
        words = arguments(served, tmp_path, "--workers", 2, "--no-pruning", trials=10)
        served.hold_from = 1  # until both have a trial, or one might do them all
        workers = [process(words), process(words)]
        wait_for_trials(tmp_path, 2)
        served.hold_from = None
        outcomes = [ended(worker) for worker in workers]
        arrivals = served.arrivals
        third = command(words)
        assert third.exit_code == 0, third.stderr
        assert served.arrivals == arrivals

    trials = study_of(tmp_path).trials
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 10
    assert Counter(trial.user_attrs["worker"] for trial in trials).keys() == {1, 2}
    assert len({json.dumps(trial.params, sort_keys=True) for trial in trials}) == 10
    # Exactly one of them was the last, and compared.
    assert sorted(outcome["others_at_work"] for outcome in outcomes) == [False, True]
    found = result(tmp_path)
    assert [trial["trial"] for trial in found["trials"]] == list(range(10))
    assert found["ledger"]["total"]["calls"] == arrivals == len(stored(tmp_path))
    assert found["holdout"]


def test_more_processes_than_places_are_refused(tmp_path: Path) -> None:
    with serving(LATENCY) as served:
        words = arguments(served, tmp_path, trials=3)
        served.hold_from = 5
        worker = process(words)
        while served.arrivals < 5:
            time.sleep(0.01)
        second = command(words)
        served.hold_from = None
        assert second.exit_code == 2
        assert "all 1 places are taken" in second.stderr
        ended(worker)


def test_a_search_that_is_killed_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    """Also within the second loop of a configuration, whose figures are means over both."""
    loops = ("--loop-seeds", 2)
    with serving(LATENCY) as served:
        ended(process(arguments(served, tmp_path / "whole", *loops, trials=4)))
        needed = served.arrivals
    draw = random.Random(3)
    moments = [1, *sorted(draw.sample(range(20, needed - 5), 4))]
    with serving(LATENCY) as served:
        words = arguments(served, tmp_path / "killed", *loops, trials=4)
        known: dict[str, int] = {}
        for moment in moments:
            kill_at(served, process(words), moment)
            assert all(served.asked[key] == times for key, times in known.items())
            known = {key: served.asked[key] for key in keys(tmp_path / "killed")}
        ended(process(words))
        assert all(served.asked[key] == times for key, times in known.items())
        assert len(served.asked) == needed

    assert told(tmp_path / "killed") == told(tmp_path / "whole")
    states = Counter(trial.state for trial in study_of(tmp_path / "killed").trials)
    assert states[TrialState.FAIL] > 0
    assert states.keys() <= {TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL}
    whole, killed = result(tmp_path / "whole"), result(tmp_path / "killed")
    for one, other in zip(killed["trials"], whole["trials"], strict=True):
        for name in ("params", "losses", "calls", "tokens", "row_cost", "steps", "method_id"):
            assert one.get(name) == other.get(name), name
    assert killed["best"]["settings"] == {
        **whole["best"]["settings"], "start": killed["best"]["settings"]["start"],
    }  # fmt: skip
    assert [line["failure"] for line in killed["holdout"]] == [line["failure"] for line in whole["holdout"]]


def test_a_worker_that_lives_keeps_its_trial_when_another_is_killed(tmp_path: Path) -> None:
    with serving(LATENCY) as served:
        words = arguments(served, tmp_path, "--workers", 2, trials=8)
        served.hold_from = 1
        first, second = process(words), process(words)
        # Both have begun, and nothing is in the store yet that would make a trial end at once.
        wait_for_trials(tmp_path, 2)
        kill_at(served, first, 0)
        ended(second)
        ended(process(words))
    trials = finished(tmp_path)
    assert len(trials) == 8
    assert len({json.dumps(trial.params, sort_keys=True) for trial in trials}) == 8
    failed = [trial for trial in study_of(tmp_path).trials if trial.state is TrialState.FAIL]
    assert len(failed) == 1
    assert failed[0].params in [trial.params for trial in trials]
    assert result(tmp_path)["ledger"]["total"]["calls"] == len(stored(tmp_path)) + booked(tmp_path)


def wait_for_trials(folder: Path, count: int) -> None:
    """Until so many workers have begun a trial."""
    while not (folder / "s" / "study.journal").exists() or len(running(folder)) < count:
        time.sleep(0.01)


def running(folder: Path) -> set[int]:
    """Places at which a trial is under way."""
    trials = study_of(folder).get_trials(states=[TrialState.RUNNING])
    return {trial.user_attrs["worker"] for trial in trials if "worker" in trial.user_attrs}


def keys(folder: Path) -> set[str]:
    """Stored requests as the server knows them."""
    return {request_key(json.loads(request)) for request in stored(folder)}
