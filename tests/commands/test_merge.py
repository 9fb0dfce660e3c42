"""Shards by the command line: together they are the run that one process would have made."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autoevol.store.parts import Parts
from autoevol.store.run import RunFolder
from command_line import command, lines, summary
from commanding import SEEDS, Served, evolve, write_seeds
from servers import Endpoint

FILES = ("dataset.jsonl", "rejected.jsonl", "dead.jsonl", "methods.json")
OPTIONS = ("--rounds", 2, "--keep", "all", "--mix", "weak=1,deepen=1", "--part-rows", 3)


@pytest.fixture
def served() -> Served:
    return Served()


@pytest.fixture
def endpoint(served: Served) -> Iterator[Endpoint]:
    with Endpoint(served) as running:
        yield running


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    return write_seeds(tmp_path)


@pytest.fixture
def shard(endpoint: Endpoint, seeds: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Runs one shard into `tmp_path / "out"`."""

    def run(text: str, *more: object) -> dict[str, Any]:
        return summary(evolve(seeds, endpoint, tmp_path / "out", *OPTIONS, "--shard", text, *more))

    return run


def test_three_shards_are_the_run_of_one_process(
    served: Served, endpoint: Endpoint, seeds: Path, shard: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    served.down = {3, 8}
    out, alone = tmp_path / "out", tmp_path / "alone"
    told = [shard(f"{number}/3") for number in random.Random(0).sample([1, 2, 3], 3)]
    assert sum(one["seeds"]["owned"] for one in told) == len(SEEDS) == told[0]["seeds"]["rows"]
    paid = len(endpoint.seen)
    merged = summary(command("merge", out, "--json"))
    assert len(endpoint.seen) == paid
    assert merged["shards"] == 3
    assert merged["ledger"]["total"]["calls"] == sum(one["ledger"]["total"]["calls"] for one in told)
    assert merged["evolution"]["unscored"] == 2

    whole = summary(evolve(seeds, endpoint, alone, *OPTIONS))
    assert merged["evolution"] == whole["evolution"]
    for name in FILES:
        assert (out / name).read_bytes() == (alone / name).read_bytes()

    served.down = set()
    again = summary(command("retry", out, "--api-base", endpoint.url, "--json"))["evolution"]
    assert (again["passed"], again["unscored"], again["complete"]) == (12, 0, True)
    assert command("show", out).exit_code == 0
    paid = len(endpoint.seen)
    assert summary(evolve(seeds, endpoint, out, *OPTIONS))["evolution"]["passed"] == 12
    assert len(endpoint.seen) == paid, "the run without shards finds everything done"


def test_what_cannot_be_merged_is_named(
    endpoint: Endpoint, seeds: Path, shard: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert "holds no shards" in command("merge", out).stderr
    shard("1/3")
    refused = command("merge", out)
    assert refused.exit_code == 2
    assert "shard 2/3 is missing; shard 3/3 is missing" in refused.stderr

    shard("3/3")
    stopped = evolve(seeds, endpoint, out, *OPTIONS, "--shard", "2/3", "--max-calls", 9)
    assert stopped.exit_code == 3
    refused = command("merge", out)
    assert "shard 2/3 has finished" in refused.stderr
    assert "shard 1/3" not in refused.stderr
    assert not (out / "dataset.jsonl").exists()

    shard("2/3")
    assert summary(command("merge", out, "--json"))["evolution"]["passed"] == 12
    twice = command("merge", out)
    assert twice.exit_code == 2
    assert "holds a dataset already" in twice.stderr


def test_shards_of_different_runs_are_not_mixed(
    endpoint: Endpoint, seeds: Path, shard: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shard("1/2")
    summary(evolve(seeds, endpoint, out, *OPTIONS, "--temperature", "0.5", "--shard", "2/2"))
    assert "shard 2/2 was made with other settings" in command("merge", out).stderr
    shutil.rmtree(out / "shard-2-of-2")
    with seeds.open("a") as file:
        file.write(json.dumps({"instruction": "Task 99: build a dam."}) + "\n")
    shard("2/2")
    assert "shard 2/2 was made with other settings" in command("merge", out).stderr
    shutil.rmtree(out / "shard-2-of-2")
    shutil.copytree(out / "shard-1-of-2", out / "copy")
    assert "a shard is there twice" in command("merge", out).stderr


def test_rows_in_the_wrong_shard_or_there_twice_are_found(
    shard: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    for number in (1, 2):
        shard(f"{number}/2", "--part-rows", 1000)
    one, two = (out / f"shard-{number}-of-2" / "parts" for number in (1, 2))
    ours, theirs = (lines(parts / "part-000000.jsonl") for parts in (one, two))
    seal(one, [theirs[0], *ours[1:]])
    assert "is not of shard 1/2" in command("merge", out).stderr
    seal(one, [*ours[:-1], ours[0]])
    assert "is there twice" in command("merge", out).stderr
    seal(one, ours)
    written = (one / "part-000000.jsonl").read_text()
    (one / "part-000000.jsonl").write_text(written.partition("\n")[2])
    assert "is damaged" in command("merge", out).stderr
    (one / "part-000000.jsonl").write_text(written)
    assert summary(command("merge", out, "--json"))["evolution"]["rows"] == 12, (
        "a merge that failed is done again"
    )


def seal(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Write the first part of a shard anew, with what the manifest says of it."""
    with Parts(folder, None).writer(0) as part:
        for row in rows:
            part.add(row, row["seed_id"], record=row["record"])
        part.seal()


def test_a_shard_at_work_is_not_merged(shard: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    shard("1/1")
    with RunFolder(tmp_path / "out" / "shard-1-of-1"):
        refused = command("merge", tmp_path / "out")
    assert refused.exit_code == 2
    assert "in use by another autoevol process" in refused.stderr


def test_every_shard_has_its_part_of_the_budget(endpoint: Endpoint, seeds: Path, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        done = evolve(
            seeds, endpoint, tmp_path / "out", *OPTIONS, "--shard", f"{number}/3", "--max-calls", 10
        )
        assert done.exit_code == 3
        assert len(endpoint.seen) == 3 * number


def test_a_dry_run_of_a_shard_plans_its_rows_and_its_budget(
    endpoint: Endpoint, seeds: Path, tmp_path: Path
) -> None:
    def plan(*more: object) -> dict[str, Any]:
        return summary(evolve(seeds, endpoint, tmp_path / "out", *OPTIONS, *more, "--dry-run"))

    parts = [plan("--shard", f"{number}/3")["calls"]["total"] for number in (1, 2, 3)]
    assert sum(parts) == plan()["calls"]["total"] == 4 * len(SEEDS)
    model = ("--evol-model", "served", "--api-base", endpoint.url)
    told = command("evolve", seeds, "--out", "o", *model, "--max-calls", 30, "--shard", "1/3", "--dry-run")
    assert "10 " in told.stdout.rpartition("--max-calls")[2]


def test_no_shard_at_all_is_one_line(endpoint: Endpoint, seeds: Path, tmp_path: Path) -> None:
    done = evolve(seeds, endpoint, tmp_path / "out", "--shard", "0/3")
    assert done.exit_code == 2
    assert "counted from 1/3" in done.stderr
    assert endpoint.seen == []


def test_kept_rows_of_shards_stand_in_the_order_of_the_seeds(
    shard: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    for number in range(1, 6):
        shard(f"{number}/5")
    summary(command("merge", tmp_path / "out", "--json"))
    seen = dict.fromkeys(record["seed"] for record in lines(tmp_path / "out" / "dataset.jsonl"))
    assert list(seen) == SEEDS


def test_what_gates_refused_adds_up_and_their_settings_do_not(
    shard: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    exam = tmp_path / "exam.jsonl"
    exam.write_text("".join(json.dumps({"question": SEEDS[number]}) + "\n" for number in (2, 9)))
    told = [shard(f"{number}/2", "--decontaminate", exam) for number in (1, 2)]
    merged = summary(command("merge", tmp_path / "out", "--json"))
    assert merged["evolution"]["refused"] == {"clean": {"in a benchmark": 2}}
    assert merged["gates"] == told[0]["gates"] == told[1]["gates"]
    assert merged["gates"]["clean"]["overlap"] == 13


def test_the_rounds_of_a_merged_run_are_chosen_anew(
    shard: Callable[..., dict[str, Any]], endpoint: Endpoint, tmp_path: Path
) -> None:
    for number in (1, 2):
        shard(f"{number}/2")
    summary(command("merge", tmp_path / "out", "--json"))
    paid = len(endpoint.seen)
    summary(command("again", tmp_path / "out", "--keep", 1, "--out", tmp_path / "first", "--json"))
    assert [record["seed"] for record in lines(tmp_path / "first" / "dataset.jsonl")] == SEEDS
    assert len(endpoint.seen) == paid


def test_a_retry_of_a_merged_run_knows_what_its_shards_have_cost(
    served: Served, endpoint: Endpoint, shard: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    served.down = {3}
    out = tmp_path / "out"
    for number in (1, 2):
        shard(f"{number}/2")
    before = summary(command("merge", out, "--json"))["ledger"]
    served.down = set()
    at = ("retry", out, "--api-base", endpoint.url, "--json")
    assert command(*at, "--max-calls", before["total"]["calls"]).exit_code == 3
    after = summary(command(*at))["ledger"]
    assert after["roles"]["respond"]["calls"] == before["roles"]["respond"]["calls"] + 2
    assert after["total"]["calls"] == len(endpoint.seen) - 1, "all but the one refused"


def test_rows_of_a_run_without_shards_are_not_mixed_in(
    endpoint: Endpoint, seeds: Path, shard: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    summary(evolve(seeds, endpoint, out, *OPTIONS))
    for name in ("dataset.jsonl", "rejected.jsonl", "dead.jsonl", "summary.json"):
        (out / name).unlink()  # as if it had been killed after its last part
    for number in (1, 2):
        shard(f"{number}/2")
    refused = command("merge", out)
    assert refused.exit_code == 2
    assert "rows of another run" in refused.stderr
    assert summary(evolve(seeds, endpoint, out, *OPTIONS))["evolution"]["rows"] == len(SEEDS)


def test_a_merge_that_was_killed_before_its_summary_is_done_again(
    shard: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    for number in (1, 2):
        shard(f"{number}/2")
    told = summary(command("merge", out, "--json"))
    before = (out / "dataset.jsonl").read_bytes()
    (out / "summary.json").unlink()
    assert summary(command("merge", out, "--json")) == told
    assert (out / "dataset.jsonl").read_bytes() == before
