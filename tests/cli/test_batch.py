"""`--batch` by the command line: what goes through batches, and who is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from batch_server import BatchProvider
from command_line import command, lines, seed_file, summary
from commanding import SEEDS, Served


@pytest.fixture
def provider() -> Iterator[BatchProvider]:
    with BatchProvider(Served()) as running:
        yield running


def evolve(provider: BatchProvider, folder: Path, *more: object) -> list[object]:
    folder.mkdir(exist_ok=True)
    words: list[object] = ["evolve", seed_file(folder, SEEDS), "--out", folder / "run", "--method", "weak"]
    words += ["--evol-model", "served", "--api-base", provider.url, "--json"]
    return [*words, *more]


def test_a_stage_by_batches_says_how_they_stand_and_resumes_without_them(
    provider: BatchProvider, tmp_path: Path
) -> None:
    done = command(*evolve(provider, tmp_path, "--batch", "--batch-poll", "0.05"))
    assert summary(done)["evolution"]["passed"] == len(SEEDS)
    batches = len(provider.jobs)
    assert sum(len(provider.requests(job)) for job in provider.jobs) == 2 * len(SEEDS)
    assert re.search(r"(\d+) of \1 done \(completed\)", done.stderr)
    again = summary(command(*evolve(provider, tmp_path)))
    assert again["ledger"]["total"]["calls"] == 2 * len(SEEDS)
    assert len(provider.jobs) == batches


def test_lost_rows_are_retried_by_batches(provider: BatchProvider, tmp_path: Path) -> None:
    served = provider.script
    assert isinstance(served, Served)
    served.down = {2, 5}
    first = summary(command(*evolve(provider, tmp_path, "--batch", "--batch-poll", "0.05")))
    assert first["evolution"]["unscored"] == 2
    assert len(lines(tmp_path / "run" / "dead.jsonl")) == 2
    served.down = set()
    words = ("--api-base", provider.url, "--json", "--batch", "--batch-poll", "0.05")
    healed = summary(command("retry", tmp_path / "run", *words))
    assert healed["evolution"]["passed"] == len(SEEDS)


def test_the_first_answers_of_a_batch_say_nothing_of_the_others(
    provider: BatchProvider, tmp_path: Path
) -> None:
    served = provider.script
    assert isinstance(served, Served)
    served.down = {0, 1, 2}
    told = summary(command(*evolve(provider, tmp_path, "--batch", "--batch-poll", "0.05")))["evolution"]
    assert (told["passed"], told["unscored"]) == (9, 3)
    served.down = set(range(12))
    done = command(*evolve(provider, tmp_path / "all", "--batch", "--batch-poll", "0.05"))
    assert done.exit_code == 1
    assert "SECRET" in done.stderr.splitlines()[-1]


def test_a_model_without_such_an_endpoint_has_no_batches(tmp_path: Path) -> None:
    seeds = seed_file(tmp_path, SEEDS)
    done = command("evolve", seeds, "--out", tmp_path / "r", "--evol-model", "local/smollm2", "--batch")
    assert done.exit_code == 2
    assert "--batch needs an OpenAI-compatible endpoint" in done.stderr
