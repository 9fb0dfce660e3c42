"""`autoevol benchmarks` as a function: hand a model to the harnesses, and read their results."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from autoevol.commands.result import Result
from autoevol.config import BenchmarksConfig
from autoevol.config.options import decisive
from autoevol.dataset.benchmarks import benchmark_texts
from autoevol.harnesses.catalog import BENCHMARKS, find_benchmark
from autoevol.harnesses.chat import alpaca_readings, mt_bench_readings
from autoevol.harnesses.code import code_readings
from autoevol.harnesses.contamination import contaminations, parse_items
from autoevol.harnesses.jobs import RESULTS, Handoff, HarnessJob, jobs_of
from autoevol.harnesses.lm_eval import lm_eval_readings
from autoevol.harnesses.measured import Reading
from autoevol.reports.benchmarks import FILE, TABLE, BenchmarksReport
from autoevol.reports.rates import Ledger
from autoevol.store.files import replace_text
from autoevol.store.run import RunFolder, read_run
from autoevol.store.sealed import write_sealed

SCRIPT = "run.sh"
FAILED = "failed"
"""Begins the reason of a benchmark whose harness failed."""
_HEAD = """\
#!/bin/sh
# The benchmarks of {model}, one a line: each may be a job of its own.
# Afterwards: autoevol benchmarks {quoted} --out . --collect
cd "$(dirname "$0")" || exit 1
"""
_STDERR = 2
Run = Callable[[HarnessJob, Path], str]
"""Runs a job in the folder of the hand-off; returns why it failed, blank if it succeeded."""


def benchmarks(
    model: str,
    out: str | Path,
    *,
    config: BenchmarksConfig | None = None,
    collect: bool = False,
    tell: Callable[[str], None] = lambda _: None,
    run: Run | None = None,
) -> Result[BenchmarksReport]:
    """Write the commands of every benchmark, run those that can run here, and read all results.

    A benchmark with a result is not run again, so the same call resumes.

    Args:
        model: A Hugging Face name or a folder.
        out: Folder of the hand-off; put results from elsewhere into its `results/`.
        config: What is measured, and how.
        collect: Run nothing.
        tell: Called with what is run, and what cannot be.
        run: Runs a job; by default in a process of its own.

    Raises:
        InputError: If a name is unknown, a result cannot be read or is another model's, or `out` holds
            another model's.
        StoreError: If `out` is in use.
    """
    config = config or BenchmarksConfig()
    names = tuple(find_benchmark(name).name for name in config.only) or tuple(BENCHMARKS)
    files = parse_items(config.items)
    folder = Path(out).absolute()
    model = _full_name(model, folder)
    with RunFolder(folder, {"benchmarks": {"model": model, **decisive(config)}}):
        jobs = jobs_of(names, Handoff(model, folder, config.backend, config.code))
        _write(folder, model, jobs)
        readings = _readings(folder / RESULTS, model)
        left: dict[str, str] = {}
        for job in jobs:
            if job.benchmark not in readings:
                reason = "no result yet" if collect else _tried(job, folder, config, tell, run or run_job)
                left[job.benchmark] = reason
        if not collect:
            readings = _readings(folder / RESULTS, model)
        report = _report(model, names, readings, left, config.training, files)
        write_sealed(folder / FILE, report.to_json())
        replace_text(folder / TABLE, report.markdown())
    return Result(report, Path(out))


def _full_name(model: str, folder: Path) -> str:
    """The absolute path of a model that is, or was at the hand-off, a folder; otherwise its name."""
    path, known = str(Path(model).absolute()), (read_run(folder) or {}).get("settings", {})
    return path if Path(model).is_dir() or known.get("benchmarks", {}).get("model") == path else model


def run_job(job: HarnessJob, out: Path) -> str:
    """Run the commands of a job one after the other, up to the first that fails.

    Their output goes to standard error, where a long run can be watched.

    Returns:
        Why the job failed; blank if it succeeded.
    """
    folder = out / job.folder
    folder.mkdir(parents=True, exist_ok=True)
    for words in job.commands:
        try:
            done = subprocess.run(
                words,
                cwd=folder,
                env={**os.environ, **job.environment},
                input=b"\n",  # FastChat waits for Enter before it judges
                stdout=_STDERR,
                check=False,
            )
        except OSError as error:
            return f"{words[0]} cannot be started: {error}"
        if done.returncode:
            return f"{words[0]} ended with {done.returncode}; what it said is above"
    return ""


def _tried(
    job: HarnessJob, folder: Path, config: BenchmarksConfig, tell: Callable[[str], None], run: Run
) -> str:
    """Run a job if possible; returns the reason to report if it leaves no result."""
    if reason := job.lacking(folder, os.environ, config.allow_code):
        return f"not run here: it {reason}"
    tell(f"{job.benchmark}: {job.harness} runs")
    if failure := run(job, folder):
        tell(f"{job.benchmark}: {failure}")
        return f"{FAILED}: {failure}"
    return f"the harness has ended, and left no result in {RESULTS}/"


def _write(folder: Path, model: str, jobs: Iterable[HarnessJob]) -> None:
    lines = [_HEAD.format(model=model, quoted=shlex.quote(model))]
    for job in jobs:
        for name, text in job.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            replace_text(folder / name, text)
        keys = f" Set {', '.join(job.keys)}." if job.keys else ""
        code = " It executes what the model writes: use a container." if job.runs_code else ""
        lines.append(f"\n# {BENCHMARKS[job.benchmark].label}, for {job.harness}: {job.needs}.{keys}{code}\n")
        lines += [f"{line}\n" for line in job.lines]
    (folder / RESULTS).mkdir(exist_ok=True)
    replace_text(folder / SCRIPT, "".join(lines))
    (folder / SCRIPT).chmod(0o755)


def _readings(results: Path, model: str) -> dict[str, Reading]:
    if not results.is_dir():
        return {}
    readers = (lm_eval_readings, code_readings, alpaca_readings, mt_bench_readings)
    every = (reading for reader in readers for reading in reader(results, model))
    return {reading.measured.benchmark: reading for reading in every}


def _report(
    model: str,
    names: tuple[str, ...],
    readings: Mapping[str, Reading],
    left: Mapping[str, str],
    training: str | None,
    files: Mapping[str, str],
) -> BenchmarksReport:
    shared = {}
    if training is not None:
        known = {name: list(benchmark_texts(file)) for name, file in files.items()}
        sources = dict(files)
        for name, reading in readings.items():
            if name not in known and reading.texts:
                known[name], sources[name] = list(reading.texts), reading.measured.file
        shared = contaminations(training, known, sources)
    return BenchmarksReport(
        model=model,
        asked=tuple(name for name in BENCHMARKS if name in names),
        measured=tuple(readings[name].measured for name in BENCHMARKS if name in readings and name in names),
        open={name: reason for name, reason in left.items() if name not in readings},
        training=training or "",
        contamination=shared,
        ledger=Ledger({}),
    )
