"""All shards of `autoevol evolve` at once, by the executors of datatrove: here, on Slurm, on Ray.

An executor calls a `ShardProcess` once for each rank; that runs `autoevol evolve --shard` in a process
of its own, so that an executor, whatever it does with its workers, never holds work that is
not on disk. Whether the work is done is told by the shards' folders alone, not by the
executor's own marks.
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
    """What one worker does: evolve the shard of its rank, to the end.

    A process that is killed (out of memory, a node that is taken away) is started again, and goes on
    where it was. One that stops by itself is not: a bad key or a spent budget stays one.

    Attributes:
        arguments: What `autoevol evolve` is given, without --shard.
        out: What it is given as --out.
        folder: Working directory, in which relative paths mean something.
        strict: Raise where the shard stopped, so that a scheduler sees it. An executor that ends
            all workers with the first that raises must not be told.
        restarts: Times that a killed process is started again.
    """

    arguments: tuple[str, ...]
    out: str
    folder: str
    strict: bool = False
    restarts: int = 3

    def __call__(self, data: object, rank: int, world_size: int) -> None:
        """Evolve shard `rank + 1` of `world_size`; `data` is what a step before yielded, and not used.

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
        """A worker that died may have left its process at work: that is waited for, not disturbed."""
        path, told = Path(self.folder, self.out, shard.folder), False
        while path.exists():
            try:
                RunFolder(path, claim=False).close()
                return
            except InUse:
                if not told:
                    logger.info(f"shard {shard}: another process is at work on it; waiting for that")
                told = True
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
    """Run all shards; returns whether they have been worked on, False if they were only submitted.

    Args:
        arguments: What `autoevol evolve` is given, without --shard.
        out: What it is given as --out; logs go to `launch/` in it.
        config: How many, where.

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
    # Local ends all workers with the first that raises.
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
    # The shards' folders say what is done: a budget may have stopped one that came to its end.
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
