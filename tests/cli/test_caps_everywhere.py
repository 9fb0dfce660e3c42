"""Every command that takes caps keeps them: the server itself counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

import autoevol
from command_line import command, seed_file
from commanding import SEEDS, Served, evolve, write_seeds
from every_command import ASKS, ASKS_NOBODY, commands
from servers import Endpoint

LABELLED = Path(autoevol.__file__).parent / "samples" / "labelled.jsonl"
LOOP = ("--dev-size", 3, "--holdout-size", 3, "--batch-size", 2, "--m", 2, "--steps", 3)
CAP = 7
COMMANDS = (
    "run", "optimize", "evolve", "retry", "again", "transfer", "calibrate", "estimate", "search", "headroom",
    "judge-answers", "quality", "prove",
)  # fmt: skip
ELSEWHERE = {
    "compare": "test_an_entry_of_a_comparison_pays_for_its_budget_and_no_more",
    "doctor": "tests/commands/test_doctor.py: at most six calls for each endpoint",
}
PRICES = ("--price", "served=1000,1000", "--price", "judging=1000,1000")


def finished(folder: Path, *, lost: bool) -> Path:
    """A run folder, with eight lost rows if wanted."""
    served = Served()
    served.down = set(range(4, 12)) if lost else set()
    with Endpoint(served) as endpoint:
        done = evolve(write_seeds(folder), endpoint, folder / "before", "--method", "weak")
        assert done.exit_code == 0, done.output
    return folder / "before"


def words_of(name: str, folder: Path) -> Sequence[object]:
    """The command without its endpoint and its caps."""
    seeds = write_seeds(folder)
    out = ("--out", folder / "run")
    match name:
        case "run" | "optimize":
            return (seeds, *out, *LOOP)
        case "evolve":
            return (seeds, *out)
        case "retry":
            return (finished(folder, lost=True),)
        case "again":
            return (finished(folder, lost=False), *out, "--judge-model", "judging")
        case "transfer":
            return ("initial", "weak", "--seeds", seeds, *out)
        case "calibrate":
            store = ("--store", folder / "calls.sqlite")
            return (LABELLED, "--limit", 9, "--judge-model", "judging", *store)
        case "headroom":
            return (seeds, *out, *LOOP, "--rows", 4)
        case "judge-answers":
            answers = folder / "answers.jsonl"
            answers.write_text(
                "".join(json.dumps({"instruction": text, "output": "No."}) + "\n" for text in SEEDS)
            )
            return (seeds, "served", answers, *out, "--judge-model", "judging")
        case "quality":
            return (finished(folder, lost=False), "--tags", "--store", folder / "calls.sqlite")
        case "prove":
            made = ("--against", "ops", "--recipe", "trl", "--heldout", 2)
            return (finished(folder, lost=False), *out, *made, "--store", folder / "other.sqlite")
        case "estimate":
            return (seeds, "--sample", 8, "--store", folder / "calls.sqlite")
        case _:
            return (seeds, *out, *LOOP, "--trials", 3)


def model_of(name: str) -> Sequence[object]:
    return () if name in ("retry", "again", "prove") else ("--evol-model", "served")


def test_every_command_is_here_or_asks_nobody() -> None:
    assert {*COMMANDS, *ELSEWHERE} == ASKS
    assert commands() == {*ASKS, *ASKS_NOBODY}
    assert not ASKS & ASKS_NOBODY.keys()


def tokens(endpoint: Endpoint) -> int:
    """What the server has counted: 7 tokens in and 3 out for every reply (see `servers.says`)."""
    return 10 * len(endpoint.seen)


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_makes_more_calls_than_its_cap(name: str, tmp_path: Path) -> None:
    words = words_of(name, tmp_path)
    with Endpoint(Served()) as endpoint:
        where = (*model_of(name), "--api-base", endpoint.url, "--concurrency", 4)
        cap = CAP + (8 if name == "retry" else 0)  # what its run has paid counts
        done = command(name, *words, *where, "--max-calls", cap)
        assert done.exit_code == 3, done.output
        assert len(endpoint.seen) == CAP
        again = command(name, *words, *where, "--max-calls", cap)
        assert again.exit_code == 3, again.output
        assert len(endpoint.seen) == CAP, "what was paid before counts"


@pytest.mark.parametrize("cap", ["tokens", "usd"])
@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_uses_more_than_its_cap_and_what_was_reserved(name: str, cap: str, tmp_path: Path) -> None:
    """A reply takes 10 tokens, for which some hundreds are set aside; so it stops short of the cap."""
    words, most = words_of(name, tmp_path), 1200
    caps = ("--max-tokens", most) if cap == "tokens" else ("--max-usd", most / 1000, *PRICES)
    with Endpoint(Served()) as endpoint:
        where = (*model_of(name), "--api-base", endpoint.url, "--concurrency", 4)
        done = command(name, *words, *where, *caps, "--reply-tokens", 200)
        assert done.exit_code in (0, 3), done.output
        assert tokens(endpoint) <= most


def test_an_entry_of_a_comparison_pays_for_its_budget_and_no_more(tmp_path: Path) -> None:
    seeds = seed_file(tmp_path, SEEDS)
    with Endpoint(Served()) as endpoint:
        done = command(
            "compare", seeds, "--out", tmp_path / "run", "--evol-model", "served", "--api-base", endpoint.url,
            "--optimizers", "autoevol", "--budget", 9, "--seeds", 1, "--holdout-size", 2, "--dev-size", 2,
            "--curve-methods", 2, "--concurrency", 4,
        )  # fmt: skip
        assert done.exit_code == 0, done.output
    entries = json.loads((tmp_path / "run" / "comparison.json").read_text())
    assert entries["entries"]
    assert all(entry["calls"] <= 9 for entry in entries["entries"])
