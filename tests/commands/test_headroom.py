"""`autoevol headroom`: what it samples, what it says, and that a later run finds it paid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from autoevol.pages.folder_page import page_of
from command_line import at, command, printed
from servers import Endpoint
from task_world import TaskWorld

ROWS = 30


class World(TaskWorld):
    """Tasks from `easy` on are not answered, nor what the `weak` method made of any."""

    easy = 1000

    def demand(self, body: dict[str, Any]) -> str:
        worse = "Keep it short." if "Step 1" not in str(body["messages"]) else "Prove it."
        return f"{worse} List two more."

    def fails(self, number: int, text: str) -> bool:
        return number >= self.easy or "Keep it short" in text


@pytest.fixture
def world() -> World:
    return World()


def headroom(seeds: Path, endpoint: Endpoint, *more: object) -> Result:
    words = ("--out", seeds.parent / "look", "--store", seeds.parent / "calls.sqlite", *at(endpoint))
    return command("headroom", seeds, *words, "--rows", ROWS, "--temperature", "0.7", *more)


def test_a_start_that_never_fails_has_no_headroom(endpoint: Endpoint, seeds: Path) -> None:
    done = headroom(seeds, endpoint)
    assert done.exit_code == 0, done.stderr
    told = printed(done)
    assert told["look"]["failed"] == 0
    assert told["look"]["at_most"] < told["look"]["bar"]
    assert [one["method"]["name"] for one in told["methods"]] == ["initial", "weak", "compact"]
    assert told["methods"][1]["rate"]["failed"] == ROWS
    assert told["methods"][1]["difference"]["difference"] == 1.0
    assert told["variances"]["methods"] > 0.1
    assert told["variances"]["sampling"] == 0
    assert told["always_failed"] == 0


def test_what_it_shows_fits_a_terminal_and_says_what_follows(endpoint: Endpoint, seeds: Path) -> None:
    headroom(seeds, endpoint)
    shown = command("show", seeds.parent / "look").stdout
    assert "run evolves with it at once" in " ".join(shown.split())
    page = page_of(seeds.parent / "look")
    assert page.verdict.endswith("run evolves with it at once.")
    assert page.sections[0].id == "found"


def test_rows_that_always_fail_are_counted(endpoint: Endpoint, world: World, seeds: Path) -> None:
    world.easy = 0
    told = printed(headroom(seeds, endpoint))
    assert told["always_failed"] == ROWS
    assert told["look"]["at_most"] == 1.0
    assert told["variances"]["methods"] == 0


def test_the_same_again_pays_nothing(endpoint: Endpoint, world: World, seeds: Path) -> None:
    first = printed(headroom(seeds, endpoint))
    asked = world.asked
    again = printed(headroom(seeds, endpoint))
    assert world.asked == asked
    assert {**again, "seconds": 0, "ledger": 0} == {**first, "seconds": 0, "ledger": 0}


def test_a_run_with_the_same_store_finds_its_look_paid(endpoint: Endpoint, world: World, seeds: Path) -> None:
    headroom(seeds, endpoint)
    asked = world.asked
    words = ("--out", seeds.parent / "run", "--store", seeds.parent / "calls.sqlite", *at(endpoint))
    done = command("run", seeds, *words, "--temperature", "0.7")
    assert done.exit_code == 0, done.stderr
    assert printed(done)["optimization"]["stopped"] == "not worth it"
    assert world.asked - asked == 2 * 120  # the bulk stage alone


def test_a_budget_ends_it_and_a_larger_one_goes_on(endpoint: Endpoint, world: World, seeds: Path) -> None:
    short = headroom(seeds, endpoint, "--max-calls", 20)
    assert short.exit_code == 3
    assert world.asked == 20
    assert headroom(seeds, endpoint, "--max-calls", 2000).exit_code == 0
    whole = 3 * ROWS * 2 * 2
    assert world.asked == whole
