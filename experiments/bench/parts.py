"""What single parts cost, beside what they were built to cost. Figures are printed, and nothing asserted.

    python -m autoevol.experiments.bench.parts [--quick] [--only NAME]

CPU time where the part computes, wall clock where it waits. `make bench` runs it after the clients.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from autoevol.experiments.bench.server import Behaviour, counts, serving


@dataclass(frozen=True)
class Measured:
    """One figure.

    Attributes:
        goal: What the part was built for, on an idle machine with two cores, in the same unit.
    """

    value: float
    unit: str
    goal: str


def detectors(quick: bool) -> Measured:
    """Pairs a second that the text detectors judge: the best round of several over the shipped pairs."""
    from autoevol.metrics.ensemble import default_text_ensemble
    from autoevol.metrics.labels import load_labelled
    from autoevol.metrics.textual import view

    pairs = [pair.trajectory for pair in load_labelled(str(files("autoevol.samples") / "labelled.jsonl"))]
    ensemble, rounds = default_text_ensemble(), []
    for _ in range(2 if quick else 30):
        view.cache_clear()
        began = time.thread_time()
        for trajectory in pairs:
            ensemble.judge(trajectory)
        rounds.append(time.thread_time() - began)
    return Measured(len(pairs) / min(rounds), "pairs/s", "5,000")


def megabyte_judged(quick: bool) -> Measured:
    """Milliseconds for a megabyte of a pattern that regular expressions stumble over."""
    from autoevol.core.records import Evolution, Trajectory
    from autoevol.metrics.ensemble import default_text_ensemble

    size = 10_000 if quick else 1_000_000
    ensemble, worst = default_text_ensemble(), 0.0
    for pattern in ("a", "1 ", "[a ", "? ", "first, add ", "at most 1 ", "e.g. (", "half "):
        text = (pattern * (size // len(pattern)))[:size]
        evolved = Evolution(text[: size // 2], text, text, "stop")
        trajectory = Trajectory((evolved,), f"{text} = 3.")
        began = time.process_time()
        ensemble.judge(trajectory)
        worst = max(worst, time.process_time() - began)
    return Measured(1000 * worst, "ms", "100 a detector")


def megabyte_read(quick: bool) -> Measured:
    """Milliseconds to find the marked result in a megabyte of marks that are never closed."""
    from autoevol.programs.tags import read_marked

    size, worst = 10_000 if quick else 1_000_000, 0.0
    for pattern in ("<final_instruction>", "#x#\n", "Step 1\n", "#Final Instruction#\n"):
        reply = pattern * (size // len(pattern))
        began = time.process_time()
        read_marked(reply, "final_instruction", complete=True, renamed=True)
        worst = max(worst, time.process_time() - began)
    return Measured(1000 * worst, "ms", "100")


def refusals(quick: bool) -> Measured:
    """Refused requests on the way to 1,000 replies of a server that takes 20 at once, 256 being allowed."""
    from autoevol.experiments.bench.contenders import TEXT
    from autoevol.experiments.bench.contenders import autoevol as client

    calls = 100 if quick else 1000
    with serving(Behaviour(latency=0.03, most=20, text=TEXT)) as url:
        client(url, calls, 256)
        return Measured(counts(url).refused * 1000 / calls, "per 1,000 calls", "at most 50")


def first_help(quick: bool) -> Measured:
    """Seconds until `autoevol --help` is there, the best of three."""
    took = []
    for _ in range(1 if quick else 3):
        began = time.monotonic()
        subprocess.run([sys.executable, "-m", "autoevol", "--help"], capture_output=True, check=True)
        took.append(time.monotonic() - began)
    return Measured(min(took), "s", "0.5")


def resumed_rows(quick: bool) -> Measured:
    """Seconds to skip the finished rows of a file of 200,000."""
    from autoevol.config import DataConfig
    from autoevol.evolution.source import FileRows
    from autoevol.experiments.bench.rows import write_seeds

    rows = 2000 if quick else 200_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "seeds.jsonl"
        write_seeds(path, rows)
        ids = [int(placed.row.id, 16) for placed in FileRows(str(path), DataConfig()).rows(-1, iter(()))]
        began = time.process_time()
        left = sum(1 for _ in FileRows(str(path), DataConfig()).rows(rows - 11, iter(ids[:-10])))
        assert left == 10
        return Measured(time.process_time() - began, "s", "3")


PARTS: dict[str, Callable[[bool], Measured]] = {
    "text detectors": detectors,
    "a megabyte, judged": megabyte_judged,
    "a megabyte, read": megabyte_read,
    "refusals": refusals,
    "--help": first_help,
    "resume, 200,000 rows": resumed_rows,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print. Returns 0."""
    parser = argparse.ArgumentParser(prog="python -m autoevol.experiments.bench.parts")
    parser.add_argument("--quick", action="store_true", help="small inputs, to see that it works")
    parser.add_argument("--only", action="append", choices=list(PARTS), help="repeatable; default all")
    options = parser.parse_args(argv)
    print(f"\n{'':26}{'measured':>12} {'':16} built for")
    for name in options.only or PARTS:
        measured = PARTS[name](options.quick)
        print(f"{name:26}{measured.value:12,.4g} {measured.unit:16} {measured.goal}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
