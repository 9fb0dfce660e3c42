"""The grid over worlds: it goes on where it was stopped, and compares testbed by testbed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autoevol.config import LoopConfig
from autoevol.experiments import worlds
from autoevol.experiments.climb import Arm
from autoevol.experiments.testbed import TestbedConfig
from autoevol.experiments.worlds import ARMS, WORLDS, Cell, Grid, Walks, World, grid_lines, main
from autoevol.optimization.adaptive import AdaptiveRace

TINY = LoopConfig(batch_size=3, m=2, steps=1, patience=1, dev_size=10, confirm_size=0)
DEFAULT, PAPER = Arm("the default", "adaptive", TINY), Arm("tiny paper", "paper", TINY, cap=200)
SMALL = Grid((250, 251), arms=(DEFAULT, PAPER), worlds=(World(0.1), World(misjudged=0.2)))


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Every loop that is really run: name of its arm, and testbed."""
    run, real = [], worlds.climb

    def climb(arm: Arm, seed: int, *others: object, **more: bool) -> object:
        run.append((arm.name, seed))
        return real(arm, seed, *others, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(worlds, "climb", climb)
    return run


def test_a_grid_goes_on_where_it_was_stopped(tmp_path: Path, runs: list[tuple[str, int]]) -> None:
    assert next(SMALL.run(Walks(tmp_path))) == 250
    assert len(runs) == 4
    kept = (tmp_path / "walks.jsonl").read_bytes()
    (tmp_path / "walks.jsonl").write_bytes(kept[:-30])  # killed in the middle of a line
    walks = Walks(tmp_path)
    assert all(not cell.early for cell in SMALL.reached(walks).values())
    assert list(SMALL.run(walks)) == [250, 251]
    assert len(runs) == 4 + 1 + 4
    assert (tmp_path / "walks.jsonl").read_bytes().startswith(kept)
    again = Walks(tmp_path)
    assert list(SMALL.run(again)) == [250, 251]
    assert len(runs) == 9
    assert SMALL.reached(again) == SMALL.reached(walks)
    assert all(len(cell.end) == 2 for cell in SMALL.reached(again).values())


def test_another_setting_is_another_loop(tmp_path: Path, runs: list[tuple[str, int]]) -> None:
    walks, world = Walks(tmp_path), World()
    stricter = DEFAULT._replace(rule=AdaptiveRace(failures=5))
    longer = DEFAULT._replace(config=replace(TINY, dev_size=12))
    for arm in (DEFAULT, stricter, longer, DEFAULT._replace(rule=AdaptiveRace())):
        walks.get(arm, world, 250, 0)
    # The last one is the first one under another name of the same thing.
    assert len(runs) == 3
    assert walks.get(DEFAULT, World(correlation=0.2), 250, 0, run=False) is None


def test_lines_tell_a_clear_difference_from_none() -> None:
    level = Cell([0.3, 0.32, 0.28, 0.31] * 3, [0.2, 0.21, 0.19, 0.2] * 3, [3000.0] * 12)
    early = [one + 0.2 + 0.01 * (number % 3) for number, one in enumerate(level.early)]
    worse = Cell(early, level.end[::-1], [6000.0] * 12)
    head, mine, its = grid_lines({(World(), "the default"): level, (World(), "other"): worse})
    assert "12 testbeds" in head
    assert mine.endswith("30.2% | 20.0% (3000)")
    *_, at_first, at_last = its.split(" | ")
    assert at_first.startswith("-21.0% [-")
    assert ", -" in at_first
    assert "[-" in at_last
    assert ", +" in at_last
    assert all(line.startswith("simulated  ") for line in (head, mine, its))


def test_worlds_are_told_apart_and_the_plain_one_is_the_testbed_as_it_is() -> None:
    assert len({str(world) for world in WORLDS}) == len(WORLDS)
    assert len({repr(world.config) for world in WORLDS}) == len(WORLDS)
    assert World().config == TestbedConfig()
    assert str(World(0.1, 0.2, 0.05)) == "start 10 %, correlation 0.2, judge errs 5 %"
    assert {arm.name for arm in ARMS} >= {"adaptive (the default)", "paper, fixed rows", "race"}


def test_the_command_shows_what_there_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--out", str(tmp_path), "--show"])
    assert capsys.readouterr().out.startswith("simulated  0 testbeds")
