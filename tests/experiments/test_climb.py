"""The study of how low the loop gets: its arms, its ratio, and the world without better rewrites."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoevol.config import LoopConfig
from autoevol.experiments.climb import NULL, SCHEDULES, Arm, climb, never_better_lines, ratio, world_lines
from autoevol.experiments.testbed import TestbedConfig
from autoevol.experiments.testbed.truth import Truth
from autoevol.optimization.adaptive import AdaptiveRace

TINY = LoopConfig(batch_size=3, m=2, steps=2, patience=2, dev_size=10, confirm_size=0)


def test_a_ratio_is_one_of_means_with_an_interval_over_testbeds() -> None:
    assert ratio([0.2, 0.4], [0.4, 0.8]) == pytest.approx((0.5, 0.5, 0.5))
    value, low, high = ratio([0.1, 0.4, 0.2, 0.3], [0.4, 0.4, 0.4, 0.4])
    assert value == pytest.approx(0.625)
    assert low < value < high


def test_one_climb_is_told_step_by_step(tmp_path: Path) -> None:
    walk = climb(Arm("tiny", "adaptive", TINY), 250, TestbedConfig(), tmp_path)
    assert len(walk.calls) == len(walk.rates) == 3
    assert walk.calls[0] > 0
    assert list(walk.calls) == sorted(walk.calls)


def test_every_figure_is_marked_as_simulated() -> None:
    arms = [Arm("tiny", "adaptive", TINY), Arm("tiny paper", "paper", TINY, cap=300)]
    lines = [*world_lines([250], TestbedConfig(), arms), *never_better_lines([250], arms[:1])]
    assert len(lines) == 6
    assert all(line.startswith("simulated  ") for line in lines)


def test_no_sentence_of_the_null_world_is_a_cure() -> None:
    assert NULL.insight == NULL.dropping == NULL.blind[0] == 0
    start = sum(Truth(250, NULL).by_kind(Truth(250, NULL).start_text).values())
    assert 0.08 < start < 0.12


def test_loops_of_one_testbed_see_other_rows_and_count_as_one(tmp_path: Path) -> None:
    arm = Arm("tiny", "adaptive", TINY)
    walks = [climb(arm, 250, TestbedConfig(), tmp_path, loop) for loop in (0, 1)]
    assert walks[0].rates[0] == walks[1].rates[0]
    assert walks[0].calls != walks[1].calls or walks[0].rates != walks[1].rates
    *_, share = world_lines([250], TestbedConfig(), [arm, arm._replace(name="again")], loops=2)
    # One testbed, however many loops, is one pair: the interval is a point.
    assert share.endswith("1.00 [1.00, 1.00]")


def test_where_nothing_helps_a_line_says_how_many_steps_its_arm_makes() -> None:
    (line,) = never_better_lines([250], [Arm("race, patience 1", "race", TINY)])
    assert "race, ten steps" in line
    assert "patience" not in line


def test_every_schedule_differs_from_the_default_in_what_its_name_says() -> None:
    default, *others = SCHEDULES
    assert len({arm.name for arm in SCHEDULES}) == len(SCHEDULES)
    assert all(arm.config != default.config or arm.rule != default.rule for arm in others)
    until = {arm.name: vars(arm.rule) for arm in others if isinstance(arm.rule, AdaptiveRace)}
    assert until["until 6 + 0.3 a step"]["failures"] == 6
    assert until["until 6 + 0.3 a step"]["growth"] == 0.3
