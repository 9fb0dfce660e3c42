"""What an optimisation may spend of a budget: the bulk stage comes first, and resumes are told apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import Result

from autoevol.commands.shares import Share
from autoevol.lm.budget import Caps, StageCaps
from autoevol.store.calls import Spent
from autoevol.store.journal import FileJournal
from command_line import at, command, printed
from servers import Answer, Endpoint, refuses, says
from task_world import COUNT, TaskWorld

LOOP = ("--batch-size", "2", "--m", "1", "--steps", "400", "--patience", "400", "--confirm-size", "0")
STEP = 186  # step 0: 30 rows; step 1: 2 and 2 x 30 rows, and 2 calls for the rewrite; 2 calls a row
HOLDOUT = 120  # 30 rows, both methods


class World(TaskWorld):
    """Every third answer asks for more, or four of five; each rewrite differs; `alive` calls are answered."""

    alive: int | None = None
    often = False
    rewrites = 0

    def fails(self, number: int, text: str) -> bool:
        return number % 5 > 0 if self.often else number % 3 == 0

    def __call__(self, body: dict[str, Any]) -> Answer:
        if self.asked == self.alive:
            return refuses(401, "no access")
        if "<improved_method>" in body["messages"][-1]["content"]:
            self.asked += 1
            self.rewrites += 1
            return says(
                f"<improved_method>\nRewrite the instruction in way {self.rewrites}.\n</improved_method>"
            )
        return super().__call__(body)


@pytest.fixture
def world() -> World:
    return World()


def run(seeds: Path, endpoint: Endpoint, *more: object, code: int = 0) -> Result:
    caps = ("--on-failure", "again", "--concurrency", 4)
    done = command("run", seeds, "--out", seeds.parent / "run", *at(endpoint), *LOOP, *caps, *more)
    assert done.exit_code == code, done.output
    return done


def steps(seeds: Path) -> int:
    return len(FileJournal(seeds.parent / "run" / "journal.jsonl").steps())


def test_the_bulk_stage_is_reserved_and_the_holdout_still_scored(
    endpoint: Endpoint, world: World, seeds: Path
) -> None:
    done = run(seeds, endpoint, "--max-calls", 600)
    # All but the 240 calls that the bulk stage can need, which is more than 0.3 of them.
    optimization = printed(done)["optimization"]
    assert optimization["stopped"] == "share"
    assert optimization["holdout_before"]
    assert optimization["holdout_after"]
    assert printed(done)["evolution"]["rows"] == COUNT
    assert "its share of the budget is used up" in " ".join(done.stderr.split())
    assert world.asked <= 600
    assert "ended by its share of the budget" in command("show", seeds.parent / "run").stdout


def test_larger_caps_of_a_resume_pay_for_rows_alone_once_there_are_rows(
    endpoint: Endpoint, world: World, seeds: Path
) -> None:
    first = run(seeds, endpoint, "--max-calls", 340, "--optimize-share", 0.95, code=3)
    assert printed(first)["optimization"]["stopped"] == "share"
    made, asked, rows = steps(seeds), world.asked, printed(first)["evolution"]["rows"]
    assert rows < COUNT
    again = run(seeds, endpoint, "--max-calls", 340, "--optimize-share", 0.95, code=3)
    assert (steps(seeds), world.asked) == (made, asked)
    assert printed(again)["optimization"] == printed(first)["optimization"]
    for caps in (("--max-calls", 5000), ()):
        done = run(seeds, endpoint, *caps)
        assert printed(done)["optimization"] == printed(first)["optimization"]
        assert printed(done)["evolution"]["rows"] == COUNT
        assert steps(seeds) == made
    assert world.asked <= asked + 2 * (COUNT - rows)


def test_larger_caps_of_a_resume_go_on_with_the_loop_before_there_are_rows(
    endpoint: Endpoint, world: World, seeds: Path
) -> None:
    world.alive = 200  # within the loop
    run(seeds, endpoint, "--max-calls", 600, code=1)
    assert world.asked == 200
    cut, world.alive = steps(seeds), None
    done = run(seeds, endpoint, "--max-calls", 900)
    assert printed(done)["optimization"]["stopped"] == "share"
    assert steps(seeds) > cut
    assert 600 < world.asked <= 900


@pytest.mark.slow
def test_what_the_loop_keeps_back_is_for_the_confirmation(
    endpoint: Endpoint, world: World, seeds: Path
) -> None:
    world.often = True
    sizes = ("--dev-size", 4, "--holdout-size", 6, "--confirm-size", 200, "--optimize", "always")
    caps = ("--max-calls", 700, "--optimize-share", 0.9)
    done = run(seeds, endpoint, *sizes, *caps)
    last = FileJournal(seeds.parent / "run" / "journal.jsonl").steps()[-1]
    assert "not confirmed, so back to the first method" in last.note
    told = printed(done)["optimization"]
    assert (told["stopped"], told["chosen"]["name"]) == ("share", "initial")
    assert told["holdout_after"]
    asked = world.asked
    again = run(seeds, endpoint, *sizes, *caps)
    assert printed(again)["optimization"] == told
    assert world.asked == asked


@pytest.mark.slow
@pytest.mark.parametrize("alive", [100, 330, 400])
def test_a_run_that_was_cut_off_ends_as_one_that_was_not(
    alive: int, endpoint: Endpoint, world: World, seeds: Path
) -> None:
    """Cut in the first look, at the end of the loop or in the holdout, and among the rows."""
    world.alive = alive
    run(seeds, endpoint, "--max-calls", 600, code=1)
    world.alive = None
    done = run(seeds, endpoint, "--max-calls", 600)
    assert printed(done)["optimization"]["stopped"] == "share"
    assert printed(done)["evolution"]["rows"] == COUNT
    assert world.asked <= 600
    assert printed(run(seeds, endpoint, "--max-calls", 600))["optimization"] == printed(done)["optimization"]


def test_too_small_a_share_says_what_it_would_take_before_anything_is_paid(
    endpoint: Endpoint, world: World, seeds: Path
) -> None:
    needed = STEP + HOLDOUT + 2 * COUNT
    sentence = f"--max-calls {needed - 1} leaves {STEP + HOLDOUT - 1} calls for an optimisation"
    refused = run(seeds, endpoint, "--max-calls", needed - 1, "--optimize", "always", code=2)
    told = " ".join(refused.stderr.split())
    assert sentence in told
    assert f"that needs --max-calls {needed}" in told
    assert world.asked == 0
    plan = command(
        "run", seeds, "--out", seeds.parent / "x", *at(endpoint)[:-1], *LOOP, "--on-failure", "again",
        "--max-calls", needed - 1, "--dry-run",
    )  # fmt: skip
    assert f"that needs --max-calls {needed}" in " ".join(plan.stdout.split())
    done = run(seeds, endpoint, "--max-calls", needed - 1)
    assert sentence in " ".join(done.stderr.split())
    assert world.asked == 2 * COUNT
    assert printed(done)["optimization"]["stopped"] == "no full step"
    assert "allowed no full step" in command("show", seeds.parent / "run").stdout
    again = run(seeds, endpoint, "--max-calls", 5000)
    assert printed(again)["optimization"] == printed(done)["optimization"]
    assert world.asked == 2 * COUNT


def test_the_number_that_it_would_take_suffices(endpoint: Endpoint, seeds: Path) -> None:
    done = run(seeds, endpoint, "--max-calls", STEP + HOLDOUT + 2 * COUNT, "--optimize", "always")
    assert printed(done)["optimization"]["steps"] >= 1


def test_a_share_of_the_tokens_is_held_against_a_step_after_the_look(
    endpoint: Endpoint, world: World, seeds: Path
) -> None:
    """10 tokens a call: 306 calls are 3,060 tokens."""
    caps = ("--max-tokens", 9000, "--reply-tokens", 50)
    done = run(seeds, endpoint, *caps)
    told = " ".join(done.stderr.split())
    assert "--max-tokens 9000 leaves 2700 tokens" in told
    assert "that needs --max-tokens 10200" in told
    assert printed(done)["optimization"]["stopped"] == "no full step"
    assert world.rewrites == 0


@pytest.mark.slow
def test_a_whole_share_reserves_nothing(endpoint: Endpoint, world: World, seeds: Path) -> None:
    done = run(seeds, endpoint, "--max-calls", 250, "--optimize-share", 1, code=3)
    assert printed(done)["optimization"]["stopped"] == "budget"
    assert world.asked == 250
    made = steps(seeds)
    run(seeds, endpoint, "--max-calls", 400, "--optimize-share", 1, code=3)
    assert steps(seeds) > made


def test_a_share_is_above_0_and_at_most_1(endpoint: Endpoint, seeds: Path) -> None:
    for share in (0, 1.5):
        assert "--optimize-share must be" in run(seeds, endpoint, "--optimize-share", share, code=2).stderr


CALLS = st.integers(1, 2000)


@given(CALLS, CALLS, CALLS, CALLS, st.integers(0, 10_000), st.floats(0.01, 0.99))
def test_the_number_named_is_the_least_that_suffices(
    first: int, confirm: int, holdout: int, bulk: int, cap: int, share: float
) -> None:
    def of(cap: int) -> Share:
        part = Caps(max(int(cap * share), cap - bulk))
        return Share(share, Caps(cap), part, first, first, confirm, holdout, bulk)

    why = of(cap).why_too_small()
    if why is None:
        limits = of(cap).loop.limits(Spent()).calls or 0
        assert limits <= (of(cap).caps.calls or 0)
        assert min(limits, first) >= min(first, (first + holdout) // 2)
        return
    least = int(why.rpartition(" ")[2])
    assert least > cap
    assert of(least).why_too_small() is None
    assert of(least - 1).why_too_small() is not None


@given(CALLS, CALLS, CALLS, st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 500))
def test_a_look_leaves_a_full_step(
    step: int, confirm: int, holdout: int, more: int, dev: int, rows: int
) -> None:
    first = 2 * dev + step
    part = Caps(first + holdout + more)
    share = Share(0.5, part, part, first, step, confirm, holdout, 1)
    looked = share.look(rows, dev, 2)
    # Step 0 finds the dev rows among those looked at.
    beyond = 2 * max(0, looked - dev)
    assert share.loop_calls is not None
    assert beyond + first <= share.loop_calls
    assert share.full_steps(10_000) == 1 + (share.loop_calls - first) // step
    assert share.full_steps(1) == 1


def test_what_a_part_keeps_back_costs_what_calls_have_cost() -> None:
    part = StageCaps(Caps(100, 1000, 2.0), keep=20)
    assert part.limits(Spent()) == Caps(80, 1000, 2.0)
    assert part.limits(Spent(10, 90, 10, 0.1)) == Caps(80, 800, 1.8)
    assert part.limits(Spent(10, 900, 100, 1.0)) == Caps(80, 500, 1.0)
    assert StageCaps(Caps(), 20).limits(Spent(1, 1, 1, 1.0)) == Caps()
