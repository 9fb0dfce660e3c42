"""The first look in the simulated world: it declines where there is nothing to gain, and only there."""

from __future__ import annotations

from pathlib import Path

from autoevol.experiments.headroom import lines, take_look, world_of


def test_a_start_with_all_its_cures_is_declined(tmp_path: Path) -> None:
    looks = [take_look(seed, world_of(0.02), tmp_path) for seed in range(700, 706)]
    assert sum(not one.look.worth for one in looks) >= 5
    assert all(0.01 < one.true < 0.03 for one in looks)


def test_one_with_much_to_cure_is_tried_after_a_few_rows(tmp_path: Path) -> None:
    looks = [take_look(seed, world_of(0.4), tmp_path) for seed in range(700, 706)]
    assert all(one.look.worth for one in looks)
    assert all(one.look.scored <= 30 for one in looks)


def test_every_figure_is_marked_as_simulated() -> None:
    (line,) = lines(range(700, 702), [0.4], 0.4)
    assert line.startswith("simulated  start ")
    assert "declined 0 of 2" in line
