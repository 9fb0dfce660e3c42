"""`--batch` over many rows, killed while batches are pending: nothing twice, nothing lost, half the price."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from batch_server import BatchProvider
from command_line import lines, seed_file
from servers import Answer, says

ROWS, ROUNDS, KILLS = 2_000, 2, 3


def evolves(body: dict[str, Any]) -> Answer:
    """A rewrite that is harder by one demand, and a response that fits."""
    text = body["messages"][-1]["content"]
    if "between these two tags" not in text:
        return says("The bridge is built in four steps, and each of them costs time and money, as follows.")
    task = text.rpartition("#Instruction#:\n")[2].partition("\n\n")[0]
    more = "Explain every step and its cost." if "cost" not in task else "Compare it with a tunnel as well."
    return says(f"<final_instruction>\n{task} {more}\n</final_instruction>")


def command(folder: Path, url: str) -> list[str]:
    words: list[object] = ["evolve", folder / "seeds.jsonl", "--out", folder / "run", "--json"]
    words += ["--method", "weak", "--rounds", ROUNDS, "--part-rows", 500, "--batch", "--batch-poll", 0.2]
    words += ["--evol-model", "served", "--api-base", url, "--price", "served=1000000,1000000"]
    return [sys.executable, "-m", "autoevol", *map(str, words)]


@pytest.mark.slow
def test_a_run_by_batches_survives_kills(tmp_path: Path) -> None:
    seed_file(tmp_path, [f"Task {n}: describe how a bridge over a river is built." for n in range(ROWS)])
    with BatchProvider(evolves, looks_needed=1) as provider:
        for _ in range(KILLS):
            provider.held.set()
            provider.looked_at.clear()
            process = subprocess.Popen(command(tmp_path, provider.url), stderr=subprocess.PIPE)
            assert provider.looked_at.wait(300), "a batch is pending, and was looked at"
            process.send_signal(signal.SIGKILL)
            _, errors = process.communicate(timeout=60)
            assert process.returncode == -signal.SIGKILL, errors.decode()
            # Their answers are there for the next process, which is killed at the batches after them.
            for job in provider.jobs:
                provider.release(job)
        provider.held.clear()
        done = subprocess.run(
            command(tmp_path, provider.url), capture_output=True, text=True, check=False, timeout=600
        )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    kept = lines(tmp_path / "run" / "dataset.jsonl")
    assert Counter(row["seed"] for row in kept) == Counter(
        f"Task {n}: describe how a bridge over a river is built." for n in range(ROWS)
    )
    assert {row["rounds"] for row in kept} == {ROUNDS}
    # How many batches a stage takes depends on how fast its rows ask; what is in them does not.
    sent = Counter(request["custom_id"] for job in provider.jobs for request in provider.requests(job))
    assert sent.total() == len(sent) == 2 * ROUNDS * ROWS, "in one batch each, whatever was killed"
    waves = [job.metadata["autoevol_wave"] for job in provider.jobs]
    assert len(set(waves)) == len(waves)
    calls = 2 * ROUNDS * ROWS
    assert sum(provider.asked.values()) == calls
    assert report["ledger"]["total"]["calls"] == calls
    assert report["ledger"]["total"]["usd"] == pytest.approx(0.5 * calls * (7 + 3))
