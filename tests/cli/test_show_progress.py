"""`show` of a run in another process: where it stands, how it ended, and nothing written or waited for."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import autoevol as ae
from autoevol.cli import watching
from autoevol.core.status import CallStatus, PhaseStatus, RunOutcome, RunStatus, time_of_day
from autoevol.reports.following import Followed, follow, followed
from autoevol.store.run import RunFolder
from autoevol.store.status import FILE, StatusFile, read_status, this_process
from command_line import at, command, seed_file
from servers import Endpoint, says

EVOLVED = says("<final_instruction>\nName two rivers in Asia.\n</final_instruction>")
HOSTILE = "\x1b[2J[red]\u202e\ud800"


def status(folder: Path, **changes: Any) -> RunStatus:
    """What this process would say of a run in `folder`, with some of it changed, written there."""
    pid, host, born = this_process()
    phase = PhaseStatus("evolve", 900, before=800, passed=40, failed=2, reason="stagnant", of_reason=2)
    calls = CallStatus(340, 1000, max_calls=2000, in_flight=12, window=16)
    made = RunStatus(pid, host, born, time.time() - 60, time.time(), phase, calls)
    made = replace(made, **changes)
    with RunFolder(folder):
        StatusFile(folder).write(made)
    return made


def gone() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


@contextmanager
def evolving(tmp_path: Path, run: Path) -> Iterator[threading.Event]:
    """A run under way in a thread, which waits for its endpoint until the event is set."""
    go_on = threading.Event()
    with Endpoint(lambda _: EVOLVED.once(go_on.is_set)) as endpoint:
        seeds = seed_file(tmp_path, ["Name a river.", "Name a lake."])
        call = partial(ae.evolve, seeds, run, evol_model="m", api_base=endpoint.url, listener=ae.Silent())
        thread = threading.Thread(target=call)
        thread.start()
        try:
            until(lambda: bool(endpoint.seen) and read_status(run) is not None)
            yield go_on
        finally:
            go_on.set()
            thread.join(60)


def until(so: Callable[[], bool]) -> None:
    """Wait for a condition, however long the machine takes for it."""
    end = time.monotonic() + 120
    while not so():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_run_under_way_is_told_and_its_end_too(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with evolving(tmp_path, run):
        until(lambda: "in flight" in command("show", run).stdout)
        shown = command("show", run).stdout
        assert "evolve: 0 of 2 rows" in shown
        assert "0 calls paid" in shown
        assert "under way since " in shown
        (process,) = json.loads(command("show", run, "--json").stdout)["progress"]
        assert (process["life"], process["status"]["phase"]["rows"]) == ("alive", 2)
    left = read_status(run)
    assert left is not None
    assert left.outcome == "done"
    assert left.calls is not None
    assert left.calls.calls == 3, "the same response is paid once"
    assert "under way" not in command("show", run).stdout


def test_watching_follows_a_run_to_its_end_and_leaves_its_folder_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    with evolving(tmp_path, run) as go_on:
        looks: list[float] = []

        def wait(seconds: float) -> None:
            looks.append(seconds)
            go_on.set()
            time.sleep(0.01)

        monkeypatch.setattr(watching, "follow", partial(follow, wait=wait))
        done = command("show", run, "--watch")
    assert done.exit_code == 0, done.output
    assert "evolve: 0 of 2 rows" in done.stderr
    assert "kept" in done.stdout or "passed" in done.stdout
    assert set(looks) == {1.0}
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    assert command("show", run, "--watch").exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


ENDINGS: list[tuple[RunOutcome, int, str]] = [
    ("done", 0, "done at "),
    ("budget", 3, "budget reached after 3 calls paid at "),
    ("stopped", 1, "; the same command goes on"),
    ("refused", 2, "ended at "),
    ("interrupted", 130, "interrupted at "),
]


@pytest.mark.parametrize(("outcome", "code", "told"), ENDINGS)
def test_watching_ends_with_the_exit_code_of_the_run(
    outcome: RunOutcome, code: int, told: str, tmp_path: Path
) -> None:
    status(tmp_path, outcome=outcome, why="budget reached after 3 calls paid" if outcome == "budget" else "")
    done = command("show", tmp_path, "--watch")
    assert done.exit_code == code, done.output
    assert told in done.stdout
    assert "evolve: 842 of 900 rows, 40 passed, 2 failed (mostly no harder)" in done.stdout
    assert "in flight" not in done.stdout, "nothing is any more"
    assert command("show", tmp_path).exit_code == 0


def test_a_run_that_was_killed_is_told(tmp_path: Path) -> None:
    made = status(tmp_path, pid=gone())
    shown = command("show", tmp_path)
    assert f"killed or lost at {time_of_day(made.wrote)}; the same command goes on" in shown.stdout
    assert command("show", tmp_path, "--watch").exit_code == 1


def test_a_process_that_has_the_number_of_a_killed_one_is_another(tmp_path: Path) -> None:
    _, _, born = this_process()
    if not born:
        pytest.skip("this system does not say when a process began")
    status(tmp_path, born=f"{born.partition('/')[0]}/1")
    assert [process.life for process in followed(tmp_path)] == ["lost"]


@pytest.mark.parametrize(("age", "told"), [(5, "under way since "), (600, "nothing was heard of it since ")])
def test_of_a_process_elsewhere_only_its_silence_is_known(age: float, told: str, tmp_path: Path) -> None:
    status(tmp_path, host="elsewhere", pid=gone(), wrote=time.time() - age)
    assert told in command("show", tmp_path).stdout


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b'{"schema": "autoevol.progress/1", "pid":',
        b"[]",
        b'{"schema": "autoevol.progress/9"}',
        b'{"schema": "autoevol.progress/1", "pid": "x"}',
        b"\xff\xfe",
    ],
)
def test_a_status_that_cannot_be_read_is_none(damage: bytes, tmp_path: Path) -> None:
    status(tmp_path)
    (tmp_path / FILE).write_bytes(damage)
    assert "no summary" in command("show", tmp_path).stdout
    followed_it = command("show", tmp_path, "--watch")
    assert followed_it.exit_code == 2
    assert "says nothing of a run under way" in followed_it.stderr


@pytest.mark.parametrize("number", [-1, 0, 2**80])
def test_numbers_that_cannot_be_do_no_harm(number: int, tmp_path: Path) -> None:
    made = status(tmp_path, host="elsewhere")
    content = made.to_json() | {"pid": number % 2**60, "wrote": float(number), "began": 1e300}
    (tmp_path / FILE).write_text(json.dumps(content))
    assert command("show", tmp_path).exit_code == 0
    (tmp_path / FILE).write_text(json.dumps(content | {"host": made.host, "born": ""}))
    assert command("show", tmp_path).exit_code == 0


def test_a_copy_of_a_folder_is_read_and_nothing_is_written_there(tmp_path: Path) -> None:
    run, copy = tmp_path / "run", tmp_path / "copy"
    with evolving(tmp_path, run):
        shutil.copytree(run, copy)
        copy.chmod(0o555)
        assert "evolve: 0 of 2 rows" in command("show", copy).stdout
        copy.chmod(0o755)


def test_workers_are_told_one_by_one(tmp_path: Path) -> None:
    with RunFolder(tmp_path):
        pass
    status(tmp_path / "worker-1", outcome="done")
    status(tmp_path / "worker-2", pid=gone())
    status(tmp_path / "notes", pid=gone())
    shown = command("show", tmp_path).stdout.splitlines()
    assert [line for line in shown if line.endswith(":")] == ["worker-1:", "worker-2:"]
    assert command("show", tmp_path, "--watch").exit_code == 1, "the worst of them"


def test_foreign_text_in_a_status_steers_no_terminal(tmp_path: Path) -> None:
    made = status(tmp_path, host=HOSTILE, pid=gone())
    status(tmp_path, host=HOSTILE, note=HOSTILE, phase=PhaseStatus(HOSTILE, 3, reason=HOSTILE), pid=made.pid)
    for words in (["show", tmp_path], ["show", tmp_path, "--json"]):
        shown = command(*words)
        assert shown.exit_code == 0
        assert "\x1b" not in shown.output
        assert "\u202e" not in shown.output


def test_an_interrupt_ends_the_watching_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status(tmp_path)

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(watching, "follow", partial(follow, wait=interrupt))
    done = command("show", tmp_path, "--watch")
    assert done.exit_code == 130
    assert done.stderr.splitlines()[-1] == "no longer watching; what was watched goes on"
    assert read_status(tmp_path) is not None


def test_a_full_disk_of_the_status_ends_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    file = StatusFile(tmp_path)
    made = status(tmp_path)
    monkeypatch.setattr(Path, "replace", full)
    file.write(made)


@pytest.mark.slow
def test_a_killed_process_is_told_by_another_and_the_same_command_goes_on(tmp_path: Path) -> None:
    run, go_on = tmp_path / "run", threading.Event()
    seeds = seed_file(tmp_path, ["Name a river.", "Name a lake."])
    with Endpoint(lambda _: EVOLVED.once(go_on.is_set)) as endpoint:
        words = ["evolve", seeds, "--out", run, *at(endpoint)]
        process = subprocess.Popen(
            [sys.executable, "-m", "autoevol", *map(str, words)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OPENAI_API_KEY": "none"},
        )
        try:
            until(lambda: bool(endpoint.seen) and read_status(run) is not None)
            assert [one.life for one in followed(run)] == ["alive"]
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert "killed or lost at " in command("show", run).stdout
        go_on.set()
        assert command(*words).exit_code == 0
    assert [one.ending for one in followed(run)] == ["done"]


def test_a_followed_process_reads_back_from_json(tmp_path: Path) -> None:
    status(tmp_path)
    (process,) = followed(tmp_path)
    assert Followed.from_json(json.loads(json.dumps(process.to_json()))) == process
