"""Seeds that change under a run: what was read is what was promised, or nothing is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from command_line import at, command, lines, seed_file, summary
from commanding import SEEDS, Served, evolve, write_seeds
from servers import Answer, Endpoint

OTHERS = [f"Task {number}: say how a tunnel is dug below a sea." for number in range(30)]


class Replacing(Served):
    """Replaces the seed file when it has answered `after` requests."""

    def __init__(self, folder: Path, after: int) -> None:
        super().__init__()
        self._folder, self._after = folder, after

    def __call__(self, body: dict[str, Any]) -> Answer:
        self._after -= 1
        if self._after == 0:
            seed_file(self._folder, OTHERS)
        return super().__call__(body)


@pytest.mark.parametrize("after", [1, 9, 24])
def test_seeds_replaced_while_they_are_evolved_end_the_run(tmp_path: Path, after: int) -> None:
    seeds, out = write_seeds(tmp_path), tmp_path / "out"
    with Endpoint(Replacing(tmp_path, after)) as endpoint:
        done = evolve(seeds, endpoint, out, "--part-rows", 3, "--concurrency", 1)
    assert done.exit_code != 0
    assert f"{seeds} has changed since this run read it first" in done.stderr
    assert not (out / "dataset.jsonl").exists()
    assert not (out / "summary.json").exists()
    write_seeds(tmp_path)
    with Endpoint(Served()) as endpoint:
        assert summary(evolve(seeds, endpoint, out, "--part-rows", 3))["evolution"]["complete"]
    assert [pair["seed"] for pair in lines(out / "dataset.jsonl")] == SEEDS


def test_seeds_replaced_during_the_optimisation_are_not_evolved(tmp_path: Path) -> None:
    seeds, out = write_seeds(tmp_path), tmp_path / "out"
    with Endpoint(Replacing(tmp_path, 5)) as endpoint:
        sizes = ("--dev-size", 4, "--holdout-size", 3, "--steps", 0)
        done = command("run", seeds, "--out", out, *at(endpoint), *sizes)
        assert not any("below a sea" in json.dumps(seen.body) for seen in endpoint.seen)
    assert done.exit_code != 0
    assert f"{seeds} has changed" in done.stderr
    assert not (out / "dataset.jsonl").exists()
