"""A capped run does what `--dry-run` and `estimate` said: caps on calls, tokens and money."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autoevol.store.journal import FileJournal
from command_line import at, command, printed
from servers import Answer, Endpoint, says
from task_world import COUNT, TaskWorld

LOOP = ("--batch-size", 2, "--m", 1, "--steps", 40, "--patience", 40, "--confirm-size", 0)
COMMON = (*LOOP, "--on-failure", "drop", "--concurrency", 4)
STEP, FIRST, HOLDOUT = 126, 186, 120
"""Of calls: 2 and 2 x 30 rows and a rewrite; 30 rows more with step 0; 2 x 30 rows. A row takes 2."""
KINDS = [
    ("--max-tokens", 10, ()),
    pytest.param("--max-usd", 1e-5, ("--price", "served=1,1"), marks=pytest.mark.slow),
]
"""Caps with what a call takes of them: it has 7 tokens in and 3 out."""


class World(TaskWorld):
    """Every third answer asks for more; each rewrite differs, and none is better.

    Rows evolve into texts that name the rewrite, so that no two methods share a response.
    """

    rewrites = 0

    def fails(self, number: int, text: str) -> bool:
        return number % 3 == 0

    def demand(self, body: dict[str, Any]) -> str:
        _, _, way = body["messages"][-1]["content"].partition("in way ")
        return f"Prove it, and list {way.partition('.')[0] or 'no'} more primes."

    def __call__(self, body: dict[str, Any]) -> Answer:
        if "<improved_method>" not in body["messages"][-1]["content"]:
            return super().__call__(body)
        self.asked += 1
        self.rewrites += 1
        return says(f"<improved_method>\nRewrite the instruction in way {self.rewrites}.\n</improved_method>")


@pytest.fixture
def world() -> World:
    return World()


def told(name: str, seeds: Path, endpoint: Endpoint, *more: object) -> dict[str, Any]:
    """What a command says of a run, as JSON."""
    out = seeds.parent / ("run" if name == "run" else "told")
    done = command(name, seeds, "--out", out, *at(endpoint), *COMMON, *more)
    assert done.exit_code in (0, 3), done.output
    return {**printed(done), "stderr": " ".join(done.stderr.split())}


def printed_plan(seeds: Path, endpoint: Endpoint, *caps: object) -> str:
    """What `--dry-run` prints, in one line."""
    words = (*at(endpoint)[:-1], *COMMON, *caps, "--dry-run")
    return " ".join(command("run", seeds, "--out", seeds.parent / "x", *words).stdout.split())


def steps(seeds: Path) -> int:
    journal = FileJournal(seeds.parent / "run" / "journal.jsonl").steps()
    return len(journal) - 1 if journal else 0


@pytest.mark.parametrize("cap", [FIRST + HOLDOUT + 2 * COUNT, 1000])
def test_a_cap_on_calls_allows_the_steps_that_a_dry_run_names(
    cap: int, endpoint: Endpoint, world: World, seeds: Path
) -> None:
    plan = told("run", seeds, endpoint, "--max-calls", cap, "--dry-run")
    assert world.asked == 0
    share = plan["share"]
    assert share["before_bulk"]["calls"] == cap - 2 * COUNT
    assert share["loop_calls"] == cap - 2 * COUNT - HOLDOUT
    assert share["steps_surely"] == 1 + (share["loop_calls"] - FIRST) // STEP
    assert share["steps_surely"] <= share["steps_likely"]["mid"] <= share["steps_likely"]["high"] <= 40
    assert plan["likely_calls"]["high"] <= cap
    done = told("run", seeds, endpoint, "--max-calls", cap)
    assert share["steps_surely"] <= steps(seeds)
    assert share["steps_likely"]["low"] <= steps(seeds) <= share["steps_likely"]["high"]
    assert done["optimization"]["stopped"] == "share"
    assert done["optimization"]["holdout_after"]
    assert world.asked <= cap


def test_a_cap_that_ends_the_rows_is_said_to(endpoint: Endpoint, world: World, seeds: Path) -> None:
    caps = ("--max-calls", 400, "--optimize-share", 0.9)
    plan = told("run", seeds, endpoint, *caps, "--dry-run")
    assert plan["likely_calls"]["high"] <= 400
    words = printed_plan(seeds, endpoint, *caps)
    assert "at most 360 calls before the bulk stage, 240 of the calls for look and steps" in words
    assert "which is enough for 1 of 40 steps, whatever they ask for" in words
    assert "are likely" in words
    assert "of the bulk stage is reached" in words
    assert "at most 400 " in words
    done = told("run", seeds, endpoint, *caps)
    reached = done["evolution"]["rows"] / COUNT
    assert plan["bulk_reached"]["low"] <= reached <= plan["bulk_reached"]["high"]
    assert world.asked <= 400


def test_too_small_a_cap_is_named_by_the_dry_run_and_by_the_run(endpoint: Endpoint, seeds: Path) -> None:
    caps = ("--max-calls", FIRST + HOLDOUT + 2 * COUNT - 1)
    sentence = told("run", seeds, endpoint, *caps, "--dry-run")["share"]["too_small"]
    done = told("run", seeds, endpoint, *caps)
    assert sentence in done["stderr"]
    assert done["optimization"]["stopped"] == "no full step"


@pytest.mark.parametrize(("flag", "each", "price"), KINDS)
def test_caps_on_tokens_and_money_are_told_by_an_estimate(
    flag: str, each: float, price: tuple[str, ...], endpoint: Endpoint, seeds: Path
) -> None:
    caps = (flag, 2500 * each, *price)
    assert "not known before one is made" in printed_plan(seeds, endpoint, *caps)
    share = told("estimate", seeds, endpoint, *caps)["share"]
    assert share["too_small"] is None
    done = told("run", seeds, endpoint, *caps)
    assert done["optimization"]["stopped"] == "share"
    assert 1 <= share["steps_likely"]["low"] <= steps(seeds) <= share["steps_likely"]["high"] < 40
    assert done["ledger"]["total"]["calls"] <= 2500


@pytest.mark.parametrize(("flag", "each", "price"), KINDS)
def test_too_small_a_share_of_tokens_or_money_is_told_alike(
    flag: str, each: float, price: tuple[str, ...], endpoint: Endpoint, seeds: Path
) -> None:
    caps = (flag, 900 * each, *price)
    share = told("estimate", seeds, endpoint, *caps)["share"]
    assert (share["steps_surely"], share["steps_likely"]["high"]) == (None, 0)
    done = told("run", seeds, endpoint, *caps)
    assert share["too_small"] in done["stderr"]
    assert done["optimization"]["stopped"] == "no full step"
