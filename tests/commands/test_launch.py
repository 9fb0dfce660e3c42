"""All shards at once: on this machine, on a stand-in for Slurm, on Ray; and workers that are killed."""

from __future__ import annotations

import importlib.util
import os
import signal
import stat
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoevol.commands.launch import ShardProcess, launch
from autoevol.config import LaunchConfig
from autoevol.config.choices import Executor
from autoevol.core.errors import InputError, StoreError
from autoevol.store.run import RunFolder
from command_line import command, lines, summary
from commanding import SEEDS, Served, write_seeds
from servers import Answer, Endpoint

pytest.importorskip("datatrove", reason="datatrove is not installed: pip install 'autoevol[scale]'")
needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="ray is not installed: pip install 'autoevol[ray]'"
)


class Gated(Served):
    """Answers the first calls at once, and holds the others until the gate is open."""

    def __init__(self, free: int) -> None:
        super().__init__()
        self.open = threading.Event()
        self._free = free

    def __call__(self, body: dict) -> Answer:
        self._free -= 1
        answer = super().__call__(body)
        return answer if self._free >= 0 else answer.once(self.open.is_set)


@pytest.fixture
def ray_ends() -> Iterator[None]:
    """Ray's processes end with the test."""
    yield
    if "ray" in sys.modules:
        sys.modules["ray"].shutdown()


@pytest.fixture
def served() -> Gated:
    return Gated(free=10)


@pytest.fixture
def endpoint(served: Gated) -> Iterator[Endpoint]:
    with Endpoint(served) as running:
        yield running


@pytest.fixture
def arguments(endpoint: Endpoint, tmp_path: Path) -> tuple[str, ...]:
    """What `autoevol evolve` is given, the folder first."""
    seeds = write_seeds(tmp_path)
    at = ("--evol-model", "served", "--api-base", endpoint.url, "--concurrency", "2")
    return ("--out", str(tmp_path / "out"), str(seeds), "--method", "weak", *at)


def processes(*words: str) -> list[int]:
    """The processes whose command lines have all these words, without those that they forked."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().decode().replace("\0", " ").split()
            parent = (path.parent / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:  # it has just ended
            continue
        if set(words) <= set(line):
            found[int(path.parent.name)] = int(parent)
    return [pid for pid, parent in found.items() if parent not in found]


class Killer(threading.Thread):
    """Kills a process with these words as soon as the free calls are used up, then opens the gate."""

    def __init__(self, endpoint: Endpoint, served: Gated, *words: str) -> None:
        super().__init__(daemon=True)
        self.killed: list[int] = []
        self._endpoint, self._served, self._words = endpoint, served, words

    def run(self) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and len(self._endpoint.seen) < 12:
            time.sleep(0.02)
        self.killed = processes(*self._words)[:1]
        for pid in self.killed:
            os.kill(pid, signal.SIGKILL)
        self._served.open.set()


def finished(out: Path, endpoint: Endpoint, wasted: int) -> None:
    """All rows are there once and in order, and no more than `wasted` calls were made again."""
    told = summary(command("merge", out, "--json"))
    assert told["evolution"]["passed"] == told["evolution"]["rows"] == len(SEEDS)
    assert [record["seed"] for record in lines(out / "dataset.jsonl")] == SEEDS
    assert 2 * len(SEEDS) <= len(endpoint.seen) <= 2 * len(SEEDS) + wasted
    assert not processes(str(out), "evolve")


@pytest.mark.slow
@pytest.mark.usefixtures("ray_ends")
@pytest.mark.parametrize("executor", ["local", pytest.param("ray", marks=needs_ray)])
def test_a_killed_worker_is_started_again_and_pays_nothing_twice(
    executor: Executor, arguments: tuple[str, ...], served: Gated, endpoint: Endpoint, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    killer = Killer(endpoint, served, "evolve", str(out), "1/2")
    killer.start()
    assert launch(arguments, out, LaunchConfig(executor=executor, shards=2))
    killer.join()
    assert len(killer.killed) == 1
    # Gated calls of both shards hang; those of the killed one are asked again.
    finished(out, endpoint, wasted=2)
    assert "killed by signal 9" in "".join(
        path.read_text() for path in (out / "launch" / "logs").glob("task_*.log")
    )


@needs_ray
@pytest.mark.slow
@pytest.mark.usefixtures("ray_ends")
def test_an_actor_of_ray_that_is_killed_is_replaced_and_its_process_waited_for(
    arguments: tuple[str, ...], served: Gated, endpoint: Endpoint, tmp_path: Path
) -> None:
    killer = Killer(endpoint, served, "ray::RankWorker.run_for_rank")
    killer.start()
    assert launch(arguments, tmp_path / "out", LaunchConfig(executor="ray", shards=2))
    killer.join()
    assert len(killer.killed) == 1
    finished(tmp_path / "out", endpoint, wasted=0)


@pytest.mark.slow
def test_a_launch_that_stopped_goes_on_and_merges(
    arguments: tuple[str, ...], served: Gated, endpoint: Endpoint, tmp_path: Path
) -> None:
    served.open.set()
    out = tmp_path / "out"
    stopped = command("launch", "--", *arguments, "--max-calls", 12)
    assert stopped.exit_code == 2
    assert "shard 1/2 has finished 0 of 11 rows" in stopped.stderr
    assert len(endpoint.seen) <= 12
    assert summary(command("launch", "--json", "--", *arguments))["shards"] == 2
    assert [record["seed"] for record in lines(out / "dataset.jsonl")] == SEEDS
    assert len(endpoint.seen) == 2 * len(SEEDS)
    for _ in range(2):
        done = summary(command("launch", "--json", "--", *arguments))
        assert done["evolution"]["passed"] == done["ledger"]["total"]["calls"] // 2 == len(SEEDS)
    other = command("launch", "--", *arguments, "--temperature", "0.5")
    assert other.exit_code == 2
    assert "temperature" in other.stderr
    assert len(endpoint.seen) == 2 * len(SEEDS), "there is nothing left to do"


@pytest.mark.slow
def test_slurm_gets_a_job_array_with_the_shards(
    arguments: tuple[str, ...],
    served: Gated,
    endpoint: Endpoint,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Against stand-ins for `sbatch` and `srun` that run the array on the spot."""
    served.open.set()
    folder = tmp_path / "bin"
    folder.mkdir()
    script(folder / "srun", 'while [ "${1#-}" != "$1" ]; do [ "$1" = -n ] && shift; shift; done; exec "$@"')
    script(folder / "scontrol", "echo localhost")
    script(
        folder / "sbatch",
        'for script in "$@"; do :; done; cat "$script" >> "$0.script"\n'
        "export SLURM_NODELIST=localhost SLURM_CPUS_PER_TASK=1 SLURM_MEM_PER_CPU=2048\n"
        'last=$(sed -n "s/^#SBATCH --array=0-\\([0-9]*\\).*/\\1/p" "$script")\n'
        'for task in $(seq 0 "${last:-0}"); do\n'
        '  SLURM_ARRAY_TASK_ID=$task bash "$script" >> "$0.out" 2>&1; done\n'
        'echo "Submitted batch job 7"',
    )
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    at = ("--executor", "slurm", "--partition", "cpu", "--time", "1:00:00", "--sbatch", "account=mine")
    done = command("launch", *at, "--", *arguments)
    assert done.exit_code == 0, done.output
    assert f"autoevol merge {tmp_path / 'out'}" in done.stdout
    assert "#SBATCH --account=mine\n" in (folder / "sbatch.script").read_text()
    finished(tmp_path / "out", endpoint, wasted=0)


def script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/bash\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.mark.slow
def test_a_worker_waits_for_the_process_that_a_dead_one_left(
    arguments: tuple[str, ...], served: Gated, endpoint: Endpoint, tmp_path: Path
) -> None:
    served.open.set()
    held = RunFolder(tmp_path / "out" / "shard-1-of-1", claim=False)
    work = ShardProcess(arguments, str(tmp_path / "out"), str(tmp_path), strict=True)
    worker = threading.Thread(target=work, args=(None, 0, 1))
    worker.start()
    worker.join(timeout=1.5)
    assert worker.is_alive()
    assert endpoint.seen == []
    held.close()
    worker.join()
    finished(tmp_path / "out", endpoint, wasted=0)


@pytest.mark.slow
def test_a_shard_that_stops_by_itself_is_told_to_the_scheduler_and_not_tried_again(
    arguments: tuple[str, ...], served: Gated, endpoint: Endpoint, tmp_path: Path
) -> None:
    served.open.set()
    work = ShardProcess((*arguments, "--max-calls", "3"), str(tmp_path / "out"), str(tmp_path), strict=True)
    with pytest.raises(StoreError, match="shard 1/1 ended with exit code 3"):
        work(None, 0, 1)
    assert len(endpoint.seen) == 3


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--executor", "cloud"], "cloud"),
        (["--executor", "slurm"], "--partition"),
        (["--sbatch", "account"], "NAME=VALUE"),
        (["--shards", "0"], "--shards"),
        (["--workers", "0"], "--workers"),
    ],
)
def test_settings_that_cannot_be_used_end_before_a_process(
    given: list[str], told: str, arguments: tuple[str, ...], endpoint: Endpoint
) -> None:
    done = command("launch", *given, "--", *arguments)
    assert done.exit_code == 2
    assert told in done.stderr


@pytest.mark.parametrize(
    ("more", "told"),
    [(["--shard", "1/2"], "--shard"), (["--dry-run"], "--dry-run"), (["--sideways", "3"], "--sideways")],
)
def test_arguments_of_evolve_are_checked_before_a_process(
    more: list[str], told: str, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    done = command("launch", "--", *arguments, *more)
    assert done.exit_code == 2
    assert told in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_password_is_not_written_where_an_executor_remembers_arguments(
    arguments: tuple[str, ...], endpoint: Endpoint, tmp_path: Path
) -> None:
    secret = [word.replace("http://", "http://user:secret-word@") for word in arguments]
    done = command("launch", "--", *secret)
    assert done.exit_code == 2
    assert "--api-key-env" in done.stderr
    assert "secret-word" not in done.stderr
    assert not (tmp_path / "out").exists()
    assert endpoint.seen == []


def test_shards_of_another_number_are_not_begun_anew(arguments: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "out" / "shard-1-of-3").mkdir(parents=True)
    done = command("launch", "--shards", 2, "--", *arguments)
    assert done.exit_code == 2
    assert "shard-1-of-3" in done.stderr


def test_a_missing_extra_is_named(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "datatrove", None)
    with pytest.raises(InputError, match=r"autoevol\[scale\]"):
        launch(arguments, tmp_path / "out", LaunchConfig())
