"""Splits of a handful of rows, by every command that splits: refused or warned about in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import Result

from autoevol.commands.few_rows import few_rows
from autoevol.commands.plan import plan_split
from autoevol.comparison.job import ModelBench, plan_heats
from autoevol.config import CompareConfig, LoopConfig, MethodConfig, SearchConfig, Settings
from autoevol.config.choices import Selection
from autoevol.core.errors import InputError
from autoevol.core.records import Row
from autoevol.hypersearch.job import plan
from autoevol.programs.evolver import Evolver
from autoevol.programs.methods import BUILT_IN
from command_line import at, command, seed_file
from servers import Endpoint
from task_world import TaskWorld

FEW = "so few can show no difference"
SIZES = st.one_of(st.none(), st.integers(1, 14))


class World(TaskWorld):
    """Every other answer asks for more."""

    def fails(self, number: int, text: str) -> bool:
        return number % 2 == 0


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(World()) as served:
        yield served


def tasks(count: int) -> list[Row]:
    return [Row(str(number), f"Task {number}: name a prime above {number}.") for number in range(count)]


def started(name: str, count: int, folder: Path, endpoint: Endpoint, *more: object) -> Result:
    seeds = seed_file(folder, [row.instruction for row in tasks(count)])
    inputs = ("initial", "weak", "--seeds", seeds) if name == "transfer" else (seeds,)
    return command(name, *inputs, "--out", folder / "out", *at(endpoint)[:-1], *more)


def or_sentence(split: Callable[[], Any]) -> Any:
    """What it gives, or why it is refused, in one line."""
    try:
        return split()
    except InputError as error:
        return " / ".join(str(error).splitlines())


@given(st.integers(0, 14), SIZES, SIZES, st.integers(1, 60), st.sampled_from(get_args(Selection)))
def test_every_split_is_whole_or_refused_in_a_sentence(
    count: int, dev: int | None, holdout: int | None, batch: int, rule: Selection
) -> None:
    loop = LoopConfig(batch_size=batch) if dev is None else LoopConfig(batch_size=batch, dev_size=dev)
    methods = MethodConfig(holdout_size=holdout, selection=rule)
    split = or_sentence(lambda: plan_split(tasks(count), loop, methods))
    if isinstance(split, str):
        assert split.startswith(f"{count} row")
        return
    parts = (split.train, split.dev, split.holdout, split.reserve)
    assert sorted(row.id for part in parts for row in part) == sorted(row.id for row in tasks(count))
    assert min(map(len, parts[:3])) >= 1
    space, base = plan(tasks(count), Settings(loop=loop, methods=methods), SearchConfig())
    assert space.baseline["batch_size"] <= len(split.train)
    assert base.methods.holdout_size == len(split.holdout)


@given(st.integers(0, 14), SIZES, SIZES)
def test_a_comparison_is_split_whole_or_refused_with_the_rows_of_the_file(
    count: int, dev: int | None, holdout: int | None
) -> None:
    config = CompareConfig(holdout_size=holdout, dev_size=dev or CompareConfig().dev_size)
    student, bench = Evolver(BUILT_IN["initial"]), ModelBench(Settings())
    planned = or_sentence(lambda: plan_heats(tasks(count), config, student, bench))
    if isinstance(planned, str):
        assert planned.startswith(f"{count} row")
        return
    heats, held_out = planned
    for heat in heats:
        assert heat.train
        assert heat.dev
        assert held_out
        assert len({*heat.train, *heat.dev, *held_out}) == count


def test_what_is_few() -> None:
    assert few_rows({"dev": 6, "holdout": 6}) == ""
    assert few_rows({"scored": 1}).startswith("1 scored row: so few")
    assert few_rows({"dev": 9, "holdout": 1}).startswith("9 dev and 1 holdout rows: so few")


@pytest.mark.parametrize("name", ["run", "optimize", "search", "compare", "headroom"])
def test_two_rows_are_refused_before_anything_is_paid(name: str, tmp_path: Path, endpoint: Endpoint) -> None:
    done = started(name, 2, tmp_path, endpoint)
    assert done.exit_code == 2
    assert "2 rows cannot be split into train, dev and holdout: give 3 or more" in " ".join(
        done.stderr.split()
    )
    assert not endpoint.seen


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("run", ("--steps", 1, "--m", 1, "--on-failure", "drop")),
        ("search", ("--trials", 1, "--steps", 1, "--m", 1)),
        ("compare", ("--optimizers", "paper,initial", "--budget", 30, "--seeds", 1)),
        ("headroom", ()),
        ("transfer", ()),
    ],
)
def test_a_handful_is_warned_about_in_a_sentence(
    name: str, more: tuple[object, ...], tmp_path: Path, endpoint: Endpoint
) -> None:
    done = started(name, 4, tmp_path, endpoint, *more)
    assert done.exit_code == 0, done.output
    assert " ".join(done.stderr.split()).count(FEW) == 1
    told = done.stdout.lower()
    assert "better" not in told.replace("not shown to be better", "").replace("no method was better", "")
    assert "nan" not in told.split()


def test_a_dry_run_warns_as_well(tmp_path: Path, endpoint: Endpoint) -> None:
    assert FEW in " ".join(started("run", 4, tmp_path, endpoint, "--dry-run").stdout.split())
    assert not endpoint.seen
