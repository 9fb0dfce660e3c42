"""Memory and time of the bulk stage by the number of rows, on a model that answers at once.

    python -m autoevol.experiments.bench.rows ROWS [--folder DIR] [--detector NAME] [--concurrency N]

Everything but the model is real: reader, programs, call store, judge, parts, files. The *simulated*
model adds a sentence. Prints one line of JSON: microseconds per row, resident memory after
the imports, at 10,000 rows and at its highest, in MB, and the seconds from the start of a process
that resumes to its first new row. With --keep-calls the call store keeps every call, 4 kB each.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import dspy
from dspy.lm15 import Request

from autoevol.config import DataConfig, PipelineConfig
from autoevol.core.records import Case
from autoevol.data.scan import fingerprint, scan
from autoevol.evolution.policy import Choice, Policy
from autoevol.evolution.rounds import RowPipeline
from autoevol.evolution.source import FileRows
from autoevol.evolution.stage import evolve_rows
from autoevol.lm.session import Session
from autoevol.lm.transport import Reply
from autoevol.metrics.catalog import make_detector
from autoevol.metrics.failure import FailureMetric
from autoevol.programs.methods import WEAK
from autoevol.store.calls import CallStore

_EARLY = 10_000


class _AtOnce:
    """A simulated model without latency and without a memory."""

    identity = "simulated"
    seeded = False

    async def send(self, request: Request) -> Reply:
        text = request.messages[-1].text or ""
        _, marked, instruction = text.rpartition("#Instruction#:\n")
        if not marked:
            return Reply(f"Here is what was asked for, step by step. {text[:80]}", "stop", 60, 20)
        harder = f"{instruction} Also name two rivers nearby and explain how each got its name."
        return Reply(f"<final_instruction>\n{harder}\n</final_instruction>", "stop", 200, 40)

    async def aclose(self) -> None:
        pass


def resident(field: str = "VmRSS") -> float:
    """Resident memory of this process in MB; `VmHWM` is its highest."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


def write_seeds(path: Path, rows: int) -> None:
    """Distinct seeds of the length of Alpaca's."""
    with path.open("w") as file:
        for number in range(rows):
            text = f"Describe the town number {number} on the map, its history, its trade and its people."
            file.write(json.dumps({"instruction": text, "output": "A town."}) + "\n")


def main(argv: Sequence[str] | None = None) -> None:
    """See the module."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", type=int)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--detector", default="text")
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--keep-calls", action="store_true")
    given = parser.parse_args(argv)
    if given.folder is not None:
        given.folder.mkdir(parents=True, exist_ok=True)
        print(json.dumps(measure(given.rows, given.folder, given)))
        return
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(given.rows, Path(folder), given)))


def measure(rows: int, folder: Path, given: argparse.Namespace) -> dict[str, float | int]:
    """Run the stage over `rows` rows in `folder`, or go on where it was stopped."""
    began = time.monotonic()
    seeds = folder / "seeds.jsonl"
    if not seeds.exists():
        write_seeds(seeds, rows)
    data = DataConfig()
    started = time.monotonic()
    fingerprint(str(seeds), data)
    hashed = time.monotonic()
    known = folder / "scanned"
    if not known.exists():
        found = scan(str(seeds), data, lambda reject: None)
        assert found.rows == rows, f"{seeds} has {found.rows} rows, not {rows}"
        known.touch()
    scanned = time.monotonic()
    first: list[float] = []
    done = 0
    memory = {"imports": resident()}

    def on_case(case: Case) -> None:
        nonlocal done
        done += 1
        if not first:
            first.append(time.monotonic())
        if done == _EARLY:
            memory["early"] = resident()

    config = PipelineConfig(forget_calls=not given.keep_calls)
    store = CallStore(folder / "calls.sqlite", power_safe=False)
    with Session(store, concurrency=given.concurrency) as session:
        lm = session.lm("simulated/model", transport=_AtOnce(), temperature=0.0, max_tokens=500)
        metric = FailureMetric(make_detector(given.detector))
        work = RowPipeline(Policy((Choice("weak", WEAK, 1.0),)), metric, "simulated/model")
        with dspy.context(lm=lm):
            tally = evolve_rows(
                work,
                FileRows(str(seeds), data),
                folder,
                config,
                concurrency=given.concurrency,
                on_case=on_case,
                forget=store.forget if config.forget_calls else None,
            )
    ended = time.monotonic()
    return {
        "rows": tally.rows,
        "kept": tally.written,
        "rows_now": done,
        "us_per_row": round(1e6 * (ended - scanned) / max(1, done)),
        "hash_s": round(hashed - started, 2),
        "scan_s": round(scanned - hashed, 2),
        "first_row_after_s": round((first[0] if first else ended) - scanned + hashed - began, 2),
        "mb_imports": round(memory["imports"]),
        "mb_at_10000": round(memory.get("early", 0)),
        "mb_highest": round(resident("VmHWM")),
    }


if __name__ == "__main__":
    main()
