"""The first look inside `run`: what it answers, that it is kept, and that the loop finds its calls."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import Result

from autoevol.commands.first_look import look_rows
from autoevol.commands.plan import plan_split
from autoevol.config import LoopConfig, MethodConfig
from autoevol.config.choices import Selection
from autoevol.core.records import Row
from autoevol.optimization.plan import confirm_rows
from autoevol.optimization.rules import find_rule
from autoevol.store.journal import FileJournal
from autoevol.store.sealed import read_sealed
from command_line import at, command, printed
from servers import Endpoint
from task_world import COUNT, TaskWorld

LOOP = ("--batch-size", "2", "--m", "1", "--steps", "1")


class World(TaskWorld):
    """One answer in `every` asks for more; none where it is 0."""

    every = 0

    def fails(self, number: int, text: str) -> bool:
        return bool(self.every) and number % self.every == 0


@pytest.fixture
def world() -> World:
    return World()


def run(seeds: Path, endpoint: Endpoint, *more: object, name: str = "run") -> Result:
    done = command("run", seeds, "--out", seeds.parent / name, *at(endpoint), *LOOP, *more)
    assert done.exit_code == 0, done.stderr
    return done


def test_nothing_to_gain_evolves_at_once(endpoint: Endpoint, world: World, seeds: Path) -> None:
    done = run(seeds, endpoint)
    assert world.asked == 2 * COUNT  # at temperature 0 the rows looked at are not paid again
    assert printed(done)["optimization"]["look"]["failed"] == 0
    out = seeds.parent / "run"
    shown = " ".join(command("show", out).stdout.split())
    assert "An optimisation was not worth it: the first method failed 0 of 30 rows" in shown
    assert not FileJournal(out / "journal.jsonl").steps()
    assert len((out / "dataset.jsonl").read_text().splitlines()) == COUNT


def test_a_resume_gives_the_same_answer_without_a_call(endpoint: Endpoint, world: World, seeds: Path) -> None:
    first = run(seeds, endpoint, "--json").stdout
    asked, world.every = world.asked, 2  # what the world does now must not matter
    again = run(seeds, endpoint, "--json").stdout
    assert world.asked == asked
    assert '"stopped":"not worth it"' in first.replace(": ", ":")
    assert '"stopped":"not worth it"' in again.replace(": ", ":")


def test_a_loop_that_is_worth_it_finds_the_calls_of_the_look(
    endpoint: Endpoint, world: World, seeds: Path
) -> None:
    world.every = 3
    whole = ("--selection", "race")  # whose first step asks for all dev rows, so for those of the look
    run(seeds, endpoint, "--optimize", "always", *whole, name="always")
    always = world.asked
    run(seeds, endpoint, *whole, name="auto")
    assert world.asked == 2 * always
    steps = [FileJournal(seeds.parent / name / "journal.jsonl").steps() for name in ("always", "auto")]
    assert steps[0] == steps[1]
    assert (read_sealed(seeds.parent / "auto" / "look.json") or {})["failed"] >= 2


@pytest.mark.parametrize("temperature", [0, 0.7])
def test_look_and_loop_together_pay_for_no_row_twice(
    temperature: float, endpoint: Endpoint, world: World, seeds: Path
) -> None:
    """What a look adds are the rows that the loop never asks the first method for, whatever the sampling."""
    world.every = 3
    told, calls = {}, {}
    for when in ("always", "auto"):
        before = world.asked
        more = ("--optimize", when, "--temperature", temperature, "--on-failure", "drop")
        told[when] = printed(run(seeds, endpoint, *more, name=when))
        calls[when] = world.asked - before
        assert told[when]["ledger"]["total"]["calls"] == calls[when]
    steps = {when: FileJournal(seeds.parent / when / "journal.jsonl").steps() for when in told}
    decided = {when: [(step.chosen_id, step.scores) for step in steps[when]] for when in steps}
    assert decided["auto"] == decided["always"]
    first = told["auto"]["optimization"]["before"]["id"]
    scored = [score.marks for step in steps["auto"] for score in step.scores if score.method_id == first]
    looked = told["auto"]["optimization"]["look"]["scored"]
    # Both take the rows in one order.
    beyond = max(0, looked - len({row for marks in scored for row in marks}))
    assert beyond < looked
    if temperature:
        assert calls["auto"] == calls["always"] + 2 * beyond
    else:  # the responses to rows that two methods evolve into the same text are one call
        assert calls["always"] <= calls["auto"] <= calls["always"] + 2 * beyond


@given(st.integers(4, 900), st.sampled_from(get_args(Selection)), st.integers(1, 60), st.integers(0, 200))
def test_no_row_of_a_confirmation_is_looked_at(rows: int, rule: Selection, dev: int, confirm: int) -> None:
    loop = LoopConfig(dev_size=min(dev, rows // 4), confirm_size=confirm)
    seeds = [Row(str(number), f"Task {number}") for number in range(rows)]
    split = plan_split(seeds, loop, MethodConfig(selection=rule))
    kept = confirm_rows(loop, find_rule(rule), len(split.reserve))
    looked = look_rows(split, loop, rule)
    assert not {*looked} & {*split.reserve[len(split.reserve) - kept :], *split.holdout}
    assert looked[: len(split.dev)] == split.dev[: len(looked)]


def test_never_asks_nothing_but_the_rows(endpoint: Endpoint, world: World, seeds: Path) -> None:
    done = run(seeds, endpoint, "--optimize", "never")
    assert world.asked == 2 * COUNT
    assert printed(done)["optimization"]["stopped"] == "never"
    assert "No optimisation was asked for" in command("show", seeds.parent / "run").stdout


def test_a_run_that_began_without_a_look_goes_on_without(
    endpoint: Endpoint, world: World, seeds: Path
) -> None:
    world.every = 3
    run(seeds, endpoint)
    out, asked = seeds.parent / "run", world.asked
    # As autoevol 0.2 left it.
    (out / "look.json").unlink()
    run(seeds, endpoint)
    assert world.asked == asked
    assert not (out / "look.json").exists()


def test_the_optimize_command_always_optimises(endpoint: Endpoint, seeds: Path) -> None:
    out = seeds.parent / "found"
    done = command("optimize", seeds, "--out", out, *at(endpoint), *LOOP)
    assert done.exit_code == 0, done.stderr
    assert FileJournal(out / "journal.jsonl").steps()


def test_a_split_that_can_show_nothing_says_so(endpoint: Endpoint, seeds: Path) -> None:
    told = " ".join(run(seeds, endpoint, "--limit", "4").stderr.split())
    assert "1 dev and 1 holdout rows: so few can show no difference" in told
    assert "can show no difference" not in run(seeds, endpoint, name="whole").stderr


def test_plans_say_it(endpoint: Endpoint, world: World, seeds: Path) -> None:
    assert printed(run(seeds, endpoint, "--dry-run"))["first_look"] == 30
    never = printed(run(seeds, endpoint, "--dry-run", "--optimize", "never", "--on-failure", "again"))
    assert never["first_look"] == 0
    assert never["calls"]["total"] == 2 * COUNT
    assert world.asked == 0
