"""`autoevol compare` from a file to its record, against an endpoint on loopback that counts for itself."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from autoevol.store.sealed import read_sealed
from autoevol.store.status import read_status
from command_line import command, seed_file
from servers import Answer, Endpoint, says
from tracking_services import mlflow

SEEDS = [f"Task {number}: name a prime above {number}." for number in range(40)]
BUDGET = 60


def reply(body: dict[str, Any]) -> Answer:
    """A better method is one that is longer: its evolutions pass for more tasks."""
    text = body["messages"][-1]["content"]
    if "#Cases#:" in text:
        return says("Case 1 asked for more.")
    for tag in ("improved_method", "better_method", "method", "new_method", "variant", "variation"):
        if f"<{tag}>" in text:
            return says(f"<{tag}>\nRewrite the instruction with care, way {body['seed']}.\n</{tag}>")
    if "#Instruction#:\n" in text:
        task = text.rpartition("#Instruction#:\n")[2]
        careful = "Prove it twice." if "with care" in text else "Prove it."
        return says(
            f"<final_instruction>\n{task} Also list two primes below it. {careful}\n</final_instruction>"
        )
    number = int(re.findall(r"Task (\d+)", text)[0])
    bad = number % 4 == 0 or ("twice" not in text and number % 2 == 0)
    return says("Please provide more details?" if bad else f"The prime {number + 3}, with a proof.")


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(reply) as served:
        yield served


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    return seed_file(tmp_path, SEEDS)


def compare(seeds: Path, out: Path, endpoint: Endpoint, *more: object) -> Result:
    words = ["compare", seeds, "--out", out, "--optimizers", "paper,opro,weak", "--budget", BUDGET]
    words += ["--seeds", 2, "--dev-size", 6, "--evol-model", "served", "--api-base", endpoint.url, *more]
    return command(*words)


def test_the_server_counts_what_the_ledgers_say(endpoint: Endpoint, seeds: Path, tmp_path: Path) -> None:
    done = compare(seeds, tmp_path / "out", endpoint, "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert read_sealed(tmp_path / "out" / "comparison.json") == found
    entries = found["entries"]
    assert sorted((e["contestant"], e["seed"]) for e in entries) == [
        (name, seed) for name in ("opro", "paper", "weak") for seed in (0, 1)
    ]
    assert all(entry["calls"] <= BUDGET for entry in entries)
    assert max(entry["calls"] for entry in entries) == BUDGET
    assert len(endpoint.seen) == sum(entry["calls"] for entry in entries) + found["referee_calls"]
    assert found["holdout"] == 10
    assert done.stderr.startswith("at most 240 calls")
    assert "paper, seed 1" in done.stderr

    again = compare(seeds, tmp_path / "out", endpoint)
    assert again.exit_code == 0, again.stderr
    assert len(endpoint.seen) == sum(entry["calls"] for entry in entries) + found["referee_calls"]
    table = again.stdout.splitlines()
    assert table[0].startswith("60 calls per entry, 2 seeds, 10 holdout rows")
    assert {line.split()[0] for line in table[2:5]} == {"paper", "opro", "weak"}
    assert [" beside the best: " in line for line in table[5:7]] == [True, True]
    assert table[7].startswith("paper takes ")
    assert any(line.startswith("measured by detector text") for line in table)
    assert table[-1].endswith("curves.svg")


def test_show_gives_the_rate_of_every_contestant(endpoint: Endpoint, seeds: Path, tmp_path: Path) -> None:
    done = compare(seeds, tmp_path / "out", endpoint, "--optimizers", "initial,weak", "--seeds", 1)
    assert done.exit_code == 0, done.output
    shown = command("show", tmp_path / "out")
    assert {line.split()[0] for line in shown.stdout.splitlines()} == {"contestant", "initial", "weak"}


def test_a_comparison_says_which_entry_is_played_and_tells_a_service(
    endpoint: Endpoint, seeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[Any, ...]] = []
    monkeypatch.setitem(sys.modules, "mlflow", mlflow(said))
    words = ["--optimizers", "initial,weak", "--seeds", 1, "--track", "mlflow"]
    done = compare(seeds, tmp_path / "out", endpoint, *words)
    assert done.exit_code == 0, done.output
    phases = [line for line in done.stderr.splitlines() if line in ("initial-0", "weak-0", "referee")]
    assert phases == ["initial-0", "weak-0", "referee"]
    metrics = {(one[2], one[4]) for one in said if one[0] == "log_metric"}
    assert {("entry_calls", 0), ("entry_calls", 1), ("loss_initial", 0), ("loss_weak", 0)} <= metrics
    assert "report/report.html" in [one[3] for one in said if one[0] == "log_text"]
    assert said[-1] == ("set_terminated", "run-1", "FINISHED")
    status = read_status(tmp_path / "out")
    assert status is not None
    assert status.outcome == "done"


def test_rows_of_the_holdout_are_met_by_the_referee_alone(
    endpoint: Endpoint, seeds: Path, tmp_path: Path
) -> None:
    done = compare(seeds, tmp_path / "out", endpoint, "--json")
    found = json.loads(done.stdout)
    before = sum(entry["calls"] for entry in found["entries"])

    def tasks(requests: list[Any]) -> set[str]:
        return {task for seen in requests for task in re.findall(r"Task \d+:", json.dumps(seen.body))}

    assert len(tasks(endpoint.seen[before:])) == 10
    assert not tasks(endpoint.seen[:before]) & tasks(endpoint.seen[before:])


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--optimizers", "nobody"], "nobody is no contestant"),
        (["--budget", "0"], "budget must be at least 1"),
        (["--dev-size", "39"], "rows given"),
        (["--start", "no-such-file"], "no evolving method"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_asked(
    more: list[str], told: str, endpoint: Endpoint, seeds: Path, tmp_path: Path
) -> None:
    done = compare(seeds, tmp_path / "out", endpoint, *more)
    assert done.exit_code == 2, done.output
    assert told in done.stderr
    assert endpoint.seen == []


def test_a_folder_of_another_comparison_is_refused(endpoint: Endpoint, seeds: Path, tmp_path: Path) -> None:
    assert compare(seeds, tmp_path / "out", endpoint, "--optimizers", "weak").exit_code == 0
    done = compare(seeds, tmp_path / "out", endpoint, "--optimizers", "weak", "--budget", 61)
    assert done.exit_code == 2
    assert "budget: 60 then, 61 now" in done.stderr
