"""All shards of `autoevol evolve` at once, on datatrove's executors: local, Slurm or Ray.

An executor calls a `ShardProcess` once per rank, which runs `autoevol evolve --shard` in a separate
process: whatever the executor does to its workers, no work is lost that is not on disk. The shards'
folders alone say whether the work is done, not the executor's completion marks.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from autoevol.config import LaunchConfig
from autoevol.core.errors import InputError, InUse, StoreError
from autoevol.data.shard import Shard
from autoevol.store.run import RunFolder


class _Executor(Protocol):
    def run(self) -> object: ...


@dataclass(frozen=True)
class ShardProcess:
    """One worker's task: evolve the shard of its rank, to the end.

    A process that is killed (out of memory, a lost node) is restarted, and resumes. One that exits by
    itself is not: a bad key or a spent budget would only fail again.

    Attributes:
        arguments: Arguments of `autoevol evolve`, without --shard.
        out: The --out among them.
        folder: Working directory, which relative paths refer to.
        strict: Raise if the shard stopped, so that a scheduler sees it. Off for an executor that ends
            all workers when one raises.
        restarts: How often a killed process is restarted.
    """

    arguments: tuple[str, ...]
    out: str
    folder: str
    strict: bool = False
    restarts: int = 3

    def __call__(self, data: object, rank: int, world_size: int) -> None:
        """Evolve shard `rank + 1` of `world_size`; `data`, the output of an earlier pipeline step, is unused.

        Raises:
            StoreError: If the shard could not be finished and the process is `strict`.
        """
        shard = Shard(rank + 1, world_size)
        logger = _logger()
        self._wait_for(shard, logger)
        code = self._run(shard, logger)
        for _ in range(self.restarts):
            if code >= 0:
                break
            logger.warning(f"shard {shard}: killed by signal {-code}; it is started again")
            code = self._run(shard, logger)
        if code and self.strict:
            raise StoreError(f"shard {shard} ended with exit code {code}; its log says why")

    def _wait_for(self, shard: Shard, logger: Any) -> None:  # noqa: ANN401 (loguru)
        """Wait until no other process works on the shard: a worker that died may have left one running."""
        path, logged = Path(self.folder, self.out, shard.folder), False
        while path.exists():
            try:
                RunFolder(path, claim=False).close()
                return
            except InUse:
                if not logged:
                    logger.info(f"shard {shard}: another process is at work on it; waiting for that")
                logged = True
                time.sleep(1)

    def _run(self, shard: Shard, logger: Any) -> int:  # noqa: ANN401 (loguru)
        command = [sys.executable, "-m", "autoevol", "evolve", *self.arguments, "--shard", str(shard)]
        with subprocess.Popen(
            command,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # the table; the summary is in the folder
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as process:
            assert process.stderr is not None
            for line in process.stderr:
                logger.info(f"shard {shard}: {line.rstrip()}")
        return process.returncode


def launch(arguments: tuple[str, ...], out: Path, config: LaunchConfig) -> bool:
    """Run all shards; returns whether they were run, False if they were only submitted.

    Args:
        arguments: Arguments of `autoevol evolve`, without --shard.
        out: The --out among them; logs go to its `launch/`.
        config: How many shards, and where they run.

    Raises:
        InputError: If the executor is not installed, or its settings are incomplete.
    """
    if config.executor == "slurm" and not (config.partition and config.time):
        raise InputError("--executor slurm needs --partition and --time")
    _need("datatrove", "scale")
    strange = {path.name for path in out.glob("shard-*-of-*")} - {
        Shard(number, config.shards).folder for number in range(1, config.shards + 1)
    }
    if strange:
        raise InputError(
            f"{out} holds {', '.join(sorted(strange)[:3])}: give --shards as before, or another --out"
        )
    # The local executor ends all workers when one raises.
    work = ShardProcess(arguments, str(out), os.getcwd(), strict=config.executor != "local")
    out.mkdir(parents=True, exist_ok=True)
    _EXECUTORS[config.executor](work, config, str((out / "launch").absolute())).run()
    return config.executor != "slurm"


def _local(work: ShardProcess, config: LaunchConfig, logs: str) -> _Executor:
    from datatrove.executor import LocalPipelineExecutor

    return LocalPipelineExecutor([work], workers=config.workers or -1, **_common(config, logs))


def _ray(work: ShardProcess, config: LaunchConfig, logs: str) -> _Executor:
    _need("ray", "ray")
    from datatrove.executor import RayPipelineExecutor

    return RayPipelineExecutor(
        [work], workers=config.workers or -1, mem_per_cpu_gb=config.memory, **_common(config, logs)
    )


def _slurm(work: ShardProcess, config: LaunchConfig, logs: str) -> _Executor:
    from datatrove.executor import SlurmPipelineExecutor

    activate = Path(sys.prefix, "bin", "activate")
    options: dict[str, Any] = {
        "workers": config.workers or -1,
        "partition": config.partition,
        "time": config.time,
        "mem_per_cpu_gb": config.memory,
        "job_name": "autoevol",
        "venv_path": str(activate) if activate.exists() else None,
        "sbatch_args": dict(option.split("=", 1) for option in config.sbatch),
    }
    return SlurmPipelineExecutor([work], **options, **_common(config, logs))


def _common(config: LaunchConfig, logs: str) -> dict[str, Any]:
    # Not skip_completed: datatrove marks a task complete that the budget stopped; the folders know better.
    return {"tasks": config.shards, "logging_dir": logs, "skip_completed": False}


_EXECUTORS: dict[str, Callable[[ShardProcess, LaunchConfig, str], _Executor]] = {
    "local": _local,
    "slurm": _slurm,
    "ray": _ray,
}


def _need(package: str, extra: str) -> None:
    try:
        importlib.import_module(package)
    except ImportError as error:
        raise InputError(f"this needs {package}: pip install 'autoevol[{extra}]' ({error})") from error


def _logger() -> Any:  # noqa: ANN401 (loguru)
    from datatrove.utils.logging import logger

    return logger
