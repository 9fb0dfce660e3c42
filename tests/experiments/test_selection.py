"""The simulation of selection rules: what it draws and counts, and what it says of the race."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from autoevol.experiments.selection import NEVER_BETTER, PAPER, RACE, Setting, Table, in_a_row, main, once
from autoevol.metrics.paired import PairedTest


def failures(table: Table, rate: float) -> list[bool]:
    score = asyncio.run(table.evaluate(table.add(rate), table.rows))
    return [mark.kind is not None for mark in score.marks.values()]


def test_outcomes_have_the_rate_and_share_the_difficulty_of_the_rows() -> None:
    linked = {}
    for rho in (0.0, 0.6):
        table = Table(Setting(dev=20_000, reserve=0, rho=rho), seed=1)
        first, second = failures(table, 0.1), failures(table, 0.3)
        assert np.mean(first) == pytest.approx(0.1, abs=0.01)
        assert np.mean(second) == pytest.approx(0.3, abs=0.015)
        linked[rho] = np.corrcoef(first, second)[0, 1]
    assert abs(linked[0.0]) < 0.03
    assert linked[0.6] > 0.25


def test_a_row_is_counted_once_and_the_incumbents_dev_rows_never() -> None:
    table = Table(Setting(), seed=1)
    incumbent = asyncio.run(table.start())
    asyncio.run(table.evaluate(incumbent, table.rows[:60]))
    assert table.evaluations == 10
    asyncio.run(table.evaluate(incumbent, table.rows[:60]))
    assert table.evaluations == 10


def test_simulated_a_race_costs_half_and_chooses_no_worse() -> None:
    setting = Setting(rho=0.5)
    paper, race = (once(rival, setting, reps=300) for rival in (PAPER, RACE))
    assert set(paper.evaluations) == {250}
    assert np.mean(race.evaluations) <= 125
    assert PairedTest.of(paper.regrets, race.regrets).low <= 0
    assert PairedTest.of(paper.worse, race.worse).low <= 0


def test_simulated_a_run_of_races_costs_less_where_nothing_is_better() -> None:
    setting = replace(NEVER_BETTER, steps=3)
    paper, race = (in_a_row(rival, setting, reps=60) for rival in (PAPER, RACE))
    assert set(paper.evaluations) == {750}
    assert np.mean(race.evaluations) < 0.6 * 750
    assert min(race.rates) >= setting.incumbent


def test_every_line_is_labelled(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(sys, "argv", ["selection", "--reps", "3", "--rho", "0.3"])
    main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 + 1 + 4
    assert all(line.startswith("simulated | ") for line in lines)
