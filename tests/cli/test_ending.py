"""What the end of a command says: how many seeds gave what, why the others did not, and what to type next."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autoevol.reports import ending
from autoevol.reports.ending import example_rows
from autoevol.reports.folder import read_folder
from autoevol.store.sealed import write_sealed
from command_line import command, lines, seed_file
from commanding import Served, evolve, write_seeds
from report_folders import OLD
from servers import Answer, Endpoint, refuses, says


class Faulty(Served):
    """Tasks 1 and 2 meet a filter; what is made of tasks 3 to 5 comes back as it was."""

    def __call__(self, body: dict[str, Any]) -> Answer:
        text = body["messages"][-1]["content"]
        number = int(text.rpartition("Task ")[2].partition(":")[0])
        if number in (1, 2):
            return refuses(400, "no", code="content_filter")
        if number in (3, 4, 5) and "between these two tags" in text:
            task = text.rpartition("#Instruction#:\n")[2]
            return says(f"<final_instruction>\n{task}\n</final_instruction>")
        return super().__call__(body)


@pytest.fixture
def served() -> Faulty:
    return Faulty()


@pytest.fixture
def endpoint(served: Faulty) -> Iterator[Endpoint]:
    with Endpoint(served) as found:
        yield found


def table(text: str) -> dict[str, str]:
    """The rows of a table by their labels; of those without one, the value goes on."""
    rows: dict[str, str] = {}
    label = ""
    for line in text.splitlines():
        found, _, value = line.partition("  ")
        label = found or label
        rows[label] = f"{rows[label]}\n{value.strip()}" if label in rows else value.strip()
    return rows


def next_commands(error: str) -> list[list[str]]:
    """The commands that standard error proposes, as a shell reads them."""
    joined = error.replace("\\\n", " ")
    return [shlex.split(line) for line in joined.splitlines() if line.startswith("  autoevol ")]


def test_every_seed_is_told_once_with_its_reason(served: Faulty, endpoint: Endpoint, tmp_path: Path) -> None:
    seeds, out = write_seeds(tmp_path), tmp_path / "run"
    served.down = {0}
    evolve(seeds, endpoint, out)
    shown = table(command("show", out).stdout)
    assert shown["data set"] == f"6 lines in {out}/dataset.jsonl, from 6 of 12 seeds"
    assert shown["failed"] == "5 seeds: 3 came back unchanged, 2 stopped by the provider's filter"
    assert shown["lost"] == "1 seed, by errors: 1 refused by the endpoint"
    assert shown["per kept row"].startswith("3.0 calls, ")
    assert "seed: Task 6: describe" in shown["example"]
    assert "evolved: Task 6: describe" in shown["example"]
    for word in ("gated", "bad_request", "content_filter", "McNemar", "rounds "):
        assert word not in "".join(shown.values())


def test_what_is_proposed_next_runs_as_it_is_written(
    served: Faulty, endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds, out = write_seeds(tmp_path), tmp_path / "run"
    served.down = {0}
    evolve(seeds, endpoint, out)
    monkeypatch.chdir(tmp_path)
    proposed = next_commands(command("show", out).stderr)
    assert [words[1] for words in proposed] == ["report", "retry", "evolve", "export", "quality"]
    served.down.clear()
    for words in proposed:
        done = command(*words[1:])
        assert done.exit_code in (0, 1), done.output
        assert "No such option" not in done.stderr
    assert len(lines(out / "dataset.jsonl")) == 7, "the retry has taken up the lost one"
    again = Path(f"{out}-more")
    seen = {record["seed"] for record in lines(again / "rejected.jsonl")}
    assert {seed.partition(":")[0] for seed in seen} == {f"Task {number}" for number in range(1, 6)}
    assert len(lines(out / "train.jsonl")) == 7


def test_a_proof_is_proposed_where_there_are_rows_for_one(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    evolve(write_seeds(tmp_path), endpoint, out)
    assert "prove" not in command("show", out).stderr
    monkeypatch.setattr(ending, "_PROVABLE", 6)
    *_, last = next_commands(command("show", out).stderr)
    assert last == ["autoevol", "prove", str(out), "--out", f"{out}-proof", "--dry-run"]


def test_turned_away_by_a_check_is_no_failure(tmp_path: Path) -> None:
    """A seed that nearly repeats another one is refused before it is evolved."""
    told = "describe in detail how a bridge over the river is built by hand, and why it stands."
    texts = [f"Task {number}: {told}" for number in (6, 7)]
    seeds, out = seed_file(tmp_path, [*texts, "Task 8: name three sorts of apples."]), tmp_path / "run"
    with Endpoint(Faulty()) as endpoint:
        evolve(seeds, endpoint, out, "--clean", "--near", 0.6)
    shown = table(command("show", out).stdout)
    assert shown["turned away by clean"] == "1 text (1 nearly repeated); 1 seed gave nothing for it"
    assert "failed" not in shown


def test_calls_and_time_are_those_of_all_starts_and_the_sample_is_told_apart(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    seeds, out = write_seeds(tmp_path), tmp_path / "run"
    model = ("--evol-model", "served", "--api-base", endpoint.url)
    sampled = command("estimate", seeds, "--evolve", "--sample", 4, "--out", out, *model)
    assert sampled.exit_code == 0, sampled.output
    before = len(endpoint.seen)
    for most in (10, 1_000):
        evolve(seeds, endpoint, out, "--max-calls", most)
    told = json.loads((out / "summary.json").read_text())
    assert told["worked"]["starts"] == 2
    assert told["worked"]["seconds"] > told["seconds"]
    shown = table(command("show", out).stdout)
    assert shown["sample of estimate"] == f"{before} more calls"
    assert shown["time"].endswith("over 2 starts")
    assert shown["LM calls paid"].startswith(f"{told['ledger']['total']['calls']}")


def test_a_retry_keeps_what_the_run_was_to_keep_and_what_its_optimisation_found(
    served: Faulty, endpoint: Endpoint, tmp_path: Path
) -> None:
    seeds, out = write_seeds(tmp_path), tmp_path / "run"
    served.down = {6}
    evolve(seeds, endpoint, out, "--target-rows", 11)
    before = json.loads((out / "summary.json").read_text())
    assert before["evolution"]["target"] == 11
    # As a `run` leaves it, whose rows the retry takes up.
    optimised = read_folder(OLD / "run").summary
    assert optimised
    before["optimization"] = optimised.to_json()["optimization"]
    write_sealed(out / "summary.json", {key: part for key, part in before.items() if key != "check"})
    served.down.clear()
    done = command("retry", out)
    assert done.exit_code == 0, done.output
    after = json.loads((out / "summary.json").read_text())
    assert after["evolution"]["target"] == 11
    assert after["optimization"]["split"] == before["optimization"]["split"]
    assert after["metric"] == before["metric"]
    assert "11 were wanted, and there are no more seeds" in table(done.stdout)["data set"]


def test_the_example_is_short_and_steers_nothing(tmp_path: Path) -> None:
    enemy = "\x1b[2J\u202e " + "word " * 400
    pair = {"rounds": 1, "seed": enemy, "instruction": "x" * 5_000, "response": None}
    records = (json.dumps(record) + "\n" for record in ({**pair, "rounds": 0}, pair))
    (tmp_path / "dataset.jsonl").write_text("".join(records))
    shown = [text for _, text in example_rows(tmp_path)]
    assert shown[0].startswith("seed: \\x1b[2J\\u202e word word")
    assert shown[0].endswith("word …")
    assert all(len(text) <= 260 and text.isprintable() for text in shown)
