"""The first look in the simulated world: it declines where there is nothing to gain, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoevol.experiments.headroom import lines, main, take_look, world_of


def test_a_start_with_all_its_cures_is_declined(tmp_path: Path) -> None:
    looks = [take_look(world_of(seed, 0.02, "spread"), tmp_path) for seed in range(700, 703)]
    assert sum(not one.look.worth for one in looks) >= 2
    assert all(0.01 < one.true < 0.03 for one in looks)


def test_one_with_much_to_cure_is_tried_after_a_few_rows(tmp_path: Path) -> None:
    looks = [take_look(world_of(seed, 0.4, "spread"), tmp_path) for seed in range(700, 703)]
    assert all(one.look.worth for one in looks)
    assert all(one.look.scored <= 100 for one in looks)


def test_where_one_kind_fails_the_rate_is_that_of_the_others() -> None:
    single = world_of(700, 0.2, "single")
    kinds = single.true_kinds(single.start)
    assert single.true_rate(single.start) == pytest.approx(0.2, abs=0.006)
    assert sum(rate > 1e-9 for rate in kinds.values()) == 1


def test_every_figure_is_marked_as_simulated(capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = lines([world_of(seed, 0.4, "incurable") for seed in range(700, 702)])
    assert line.startswith("simulated  start ")
    assert "declined 0 of 2" in line
    main(["--seeds", "1", "--rate", "0.5"])
    assert capsys.readouterr().out.startswith("simulated  start 5")
