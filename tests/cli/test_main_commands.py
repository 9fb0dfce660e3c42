"""The command line against a loopback endpoint: results, exit codes, resume, budget, interruption."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from command_line import at, command, lines, printed, seed_file
from servers import Answer, Endpoint, refuses, says

SEEDS = [f"Task {number}: name a prime above {number}." for number in range(24)]
LOOP = {"dev-size": 6, "holdout-size": 6, "batch-size": 2, "m": 2, "steps": 2, "concurrency": 8}
FLAGS = [word for name, value in LOOP.items() for word in (f"--{name}", str(value))]


def reply(body: dict[str, Any]) -> Answer:
    """An LM that evolves well, except that responses to every fourth task ask for more."""
    text = body["messages"][-1]["content"]
    if "#Cases#:" in text:
        return says("Case 1 lost its question.")
    if "<improved_method>" in text:
        seed = body["seed"]
        return says(f"<improved_method>\nRewrite the instruction, way {seed}.\n</improved_method>")
    if "#Instruction#:\n" in text:
        task = text.rpartition("#Instruction#:\n")[2]
        harder = f"{task} Also prove that it is prime and list two primes below it."
        return says(f"Step 1.\n<final_instruction>\n{harder}\n</final_instruction>")
    number = int(re.findall(r"Task (\d+)", text)[0])
    return says(
        "Please provide more details?" if number % 4 == 0 else f"The prime {number + 3}, with a proof."
    )


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(reply) as served:
        yield served


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    return seed_file(tmp_path, SEEDS)


def test_a_run_leaves_dataset_method_and_record(endpoint: Endpoint, seeds: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = command("run", seeds, "--out", out, *at(endpoint), *FLAGS)
    assert done.exit_code == 0, done.stderr
    told = printed(done)
    kept, dropped = lines(out / "dataset.jsonl"), lines(out / "rejected.jsonl")
    assert len(kept) == 18
    assert len(dropped) == 6
    assert all("asks_for_more" in row["kinds"] for row in dropped)
    assert [row["seed"] for row in kept] == [seed for n, seed in enumerate(SEEDS) if n % 4]
    assert told["ledger"]["total"]["calls"] == len(endpoint.seen)
    assert told["evolution"]["passed"] == 18
    assert json.loads((out / "method.json").read_text())["text"]

    shown = command("show", out)
    assert shown.exit_code == 0
    assert "holdout after" in shown.stdout
    assert command("show", out, "--json").exit_code == 0


def test_the_same_command_again_pays_nothing(endpoint: Endpoint, seeds: Path, tmp_path: Path) -> None:
    arguments = ["run", seeds, "--out", tmp_path / "run", *at(endpoint), *FLAGS]
    first = printed(command(*arguments))
    paid = len(endpoint.seen)
    second = printed(command(*arguments))
    assert len(endpoint.seen) == paid
    assert second["optimization"] == first["optimization"]


def test_other_settings_in_the_same_folder_are_refused(
    endpoint: Endpoint, seeds: Path, tmp_path: Path
) -> None:
    arguments = ["run", seeds, "--out", tmp_path / "run", *at(endpoint), *FLAGS]
    command(*arguments)
    other = command(*arguments, "--seed", 5)
    assert other.exit_code == 2
    assert "seed: 0 then, 5 now" in other.stderr


def test_evolve_takes_the_method_of_a_run(endpoint: Endpoint, seeds: Path, tmp_path: Path) -> None:
    optimized = command("optimize", seeds, "--out", tmp_path / "optimized", *at(endpoint), *FLAGS)
    assert optimized.exit_code == 0, optimized.stderr
    assert not (tmp_path / "optimized" / "dataset.jsonl").exists()
    evolved = command(
        "evolve",
        seeds,
        "--method",
        tmp_path / "optimized",
        "--out",
        tmp_path / "e",
        *at(endpoint),
        "--rounds",
        2,
    )
    assert evolved.exit_code == 0, evolved.stderr
    kept = lines(tmp_path / "e" / "dataset.jsonl")
    assert {row["rounds"] for row in kept} == {2}
    assert {len(row["stages"]) for row in kept} == {3}


def test_budget_ends_with_3_and_a_larger_one_goes_on(endpoint: Endpoint, seeds: Path, tmp_path: Path) -> None:
    arguments = ["run", seeds, "--out", tmp_path / "run", *at(endpoint), *FLAGS]
    capped = command(*arguments, "--max-calls", 30)
    assert capped.exit_code == 3
    assert len(endpoint.seen) == 30
    assert printed(capped)["optimization"]["stopped"] == "no full step"
    assert capped.stderr.splitlines()[-1].startswith("autoevol: budget reached")
    whole = command(*arguments)
    assert whole.exit_code == 0
    assert printed(whole)["ledger"]["total"]["calls"] == len(endpoint.seen)


def test_budget_that_ends_in_the_bulk_stage_keeps_what_is_done(
    endpoint: Endpoint, seeds: Path, tmp_path: Path
) -> None:
    done = command(
        "evolve", seeds, "--method", "weak", "--out", tmp_path / "e", *at(endpoint), "--max-calls", 20,
        "--concurrency", 1,
    )  # fmt: skip
    assert done.exit_code == 3
    told = printed(done)["evolution"]
    assert told["complete"] is False
    written = lines(tmp_path / "e" / "dataset.jsonl") + lines(tmp_path / "e" / "rejected.jsonl")
    assert len(written) == told["passed"] + told["failed"] > 0


def test_a_bad_key_is_one_line(seeds: Path, tmp_path: Path) -> None:
    with Endpoint([refuses(401, "Incorrect API key provided")]) as refusing:
        done = command(
            "run", seeds, "--out", tmp_path / "run", *at(refusing), *FLAGS, OPENAI_API_KEY="sk-not-shown"
        )
    assert done.exit_code == 1
    assert [line for line in done.stderr.splitlines() if line.startswith("autoevol:")] == [
        done.stderr.splitlines()[-1]
    ]
    assert "check the API key" in done.stderr
    assert "Traceback" not in done.stderr
    assert "sk-not-shown" not in done.stderr + done.stdout
    assert len(refusing.seen) <= 8


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "missing.jsonl", "--out", "x"], "missing.jsonl"),
        (["run", "SEEDS", "--out", "x", "--start", "nowhere"], "nowhere"),
        (["run", "SEEDS", "--out", "x", "--selection", "best"], "best"),
        (["run", "SEEDS", "--out", "x", "--dev-size", "500"], "500 dev"),
        (["run", "SEEDS", "--out", "x", "--m", "0"], "m must be at least 1"),
        (["run", "SEEDS", "--out", "x", "--evol-model", "openai/x", "--max-usd", "1"], "--price"),
        (["run", "SEEDS", "--out", "x", "--evol-model", "nobody/knows"], "nobody"),
        (["run", "SEEDS", "--out", "SEEDS"], "not a folder"),
        (["run", "SEEDS"], "--out"),
        (["show", "nowhere"], "not a run folder"),
    ],
)
def test_bad_input_ends_with_2_and_says_what(
    arguments: list[str], told: str, seeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [str(seeds) if word == "SEEDS" else word for word in arguments]
    done = command(*given, OPENAI_API_KEY="x")
    assert done.exit_code == 2, done.output
    assert told in done.stderr


def test_a_judge_reads_all_that_is_no_fact(seeds: Path, tmp_path: Path) -> None:
    def with_judge(body: dict[str, Any]) -> Answer:
        if body["model"] != "judge":
            return reply(body)
        fields = {"reason": "No harder.", "kinds": "stagnant", "severity": "1"}
        return says("".join(f"[[ ## {name} ## ]]\n{value}\n\n" for name, value in fields.items()))

    with Endpoint(with_judge) as served:
        done = command(
            "evolve", seeds, "--method", "weak", "--out", tmp_path / "e", *at(served),
            "--judge-model", "judge", "--objective", "usable-yield",
        )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    told = printed(done)
    # The text rules fail 6 of 24 for what is no fact: those are judged like the others.
    assert told["ledger"]["roles"]["judge"]["calls"] == 24
    assert told["evolution"]["kinds"]["stagnant"] == 24
    assert told["metric"]["judge"] == "judge"
    assert told["metric"]["calibration"] is None


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_interruption_ends_with_130_and_resumes(seeds: Path, tmp_path: Path, signum: signal.Signals) -> None:
    signalled = threading.Event()

    def held(body: dict[str, Any]) -> Answer:
        answer = reply(body)
        return answer if len(slow.seen) <= 20 else answer.once(signalled.is_set)

    with Endpoint(held) as slow:
        arguments = ["run", seeds, "--out", tmp_path / "run", *at(slow), *FLAGS]
        process = subprocess.Popen(
            [sys.executable, "-m", "autoevol", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # A shell that runs the tests in the background has its children ignore SIGINT.
            preexec_fn=lambda: signal.signal(signum, signal.SIG_DFL),
        )
        while len(slow.seen) <= 20:
            time.sleep(0.02)
        process.send_signal(signum)
        signalled.set()
        _, told = process.communicate(timeout=600)
        assert process.returncode == 130, told.decode()
        assert b"interrupted" in told
        before = len(slow.seen)
        done = command(*arguments)
        assert done.exit_code == 0, done.stderr
        assert printed(done)["ledger"]["total"]["calls"] == len(slow.seen)
        assert before >= 20


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    assert imported_by("autoevol.cli", ("dspy", "datasets", "openai", "numpy", "yaml", *EXTRAS)) == "[]\n"


# What only an extra, a trainer or a harness brings.
EXTRAS = (
    "torch", "transformers", "peft", "accelerate", "gguf", "trl", "axolotl", "llamafactory", "unsloth",
    "lm_eval", "evalplus", "alpaca_eval", "fastchat", "xllamacpp", "datatrove", "model2vec",
)  # fmt: skip


def test_a_command_imports_no_extra_before_it_needs_one() -> None:
    parts = ("commands.benchmarks", "commands.datasets", "commands.job", "proof.job", "reports.folder")
    assert imported_by(", ".join(f"autoevol.{part}" for part in parts), EXTRAS) == "[]\n"


def imported_by(modules: str, names: tuple[str, ...]) -> str:
    """Which of these are loaded with `modules`, in a process of its own."""
    code = f"import sys, {modules}; print([name for name in {names!r} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
