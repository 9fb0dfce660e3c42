"""The comparison in the testbed: what is counted, ranked and said."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from autoevol.comparison.catalog import find_contestants
from autoevol.config import LoopConfig
from autoevol.core.records import Method
from autoevol.experiments import compare as experiment
from autoevol.experiments.reach import Reach, Walk, calls_to_reach, show_reach, total_share, walk
from autoevol.experiments.testbed import Testbed

WALK = Walk((10, 30, 50, 70, 90), (0.5, 0.4, 0.4, 0.45, 0.3), (False, True, False, False, True))


def test_equal_budgets_are_ranked_by_the_truth(tmp_path: Path) -> None:
    seeds, terms = (4, 5), experiment.Terms(150, 8)
    contestants = find_contestants("paper,opro,bootstrap")
    experiment.play_all(contestants, seeds, {terms: tmp_path})
    entries = experiment.finished(contestants, seeds, tmp_path)
    lines = experiment.summarise(entries, against="start")
    assert {line.contestant for line in lines} == {"paper", "opro", "start", "bootstrap"}
    assert lines[-1].contestant == "bootstrap"
    assert lines[-1].rank is None
    assert all(entry.calls <= 150 for entry in entries)
    by_name = {line.contestant: line for line in lines}
    testbeds = [Testbed(seed) for seed in seeds]
    assert by_name["start"].rates == tuple(testbed.true_rate(testbed.start) for testbed in testbeds)
    finals = [entry.method for entry in entries if entry.contestant == "paper"]
    assert by_name["paper"].rates == tuple(t.true_rate(m) for t, m in zip(testbeds, finals, strict=True))
    means = [line.mean for line in lines if line.rank]
    assert means == sorted(means)
    assert all(experiment.show(line).startswith("simulated  ") for line in lines)
    against = by_name["paper"].against
    assert against is not None
    assert against.difference == pytest.approx(by_name["paper"].mean - by_name["start"].mean)
    experiment.play_all(contestants, seeds, {terms: tmp_path})
    assert experiment.finished(contestants, seeds, tmp_path) == entries


def test_only_testbeds_that_everyone_has_played_are_in_the_table(tmp_path: Path) -> None:
    paper, both = find_contestants("paper"), find_contestants("paper,opro")
    experiment.play_all(paper, (4, 5), {experiment.Terms(60, 8): tmp_path})
    experiment.play_all(both, (5,), {experiment.Terms(60, 8): tmp_path})
    assert {entry.seed for entry in experiment.finished(both, (4, 5), tmp_path)} == {5}
    assert {entry.seed for entry in experiment.finished(paper, (4, 5), tmp_path)} == {4, 5}


def test_patience_cuts_a_walk_where_the_loop_would_have_stopped() -> None:
    assert WALK.patient(1) == Walk((10, 30, 50), (0.5, 0.4, 0.4), (False, True, False))
    assert WALK.patient(2) == Walk((10, 30, 50, 70), (0.5, 0.4, 0.4, 0.45), (False, True, False, False))
    assert WALK.patient(3) == WALK


@pytest.mark.parametrize(("rate", "calls"), [(0.6, 10), (0.4, 30), (0.35, 90), (0.1, None)])
def test_a_rate_is_reached_when_the_method_in_force_first_has_it(rate: float, calls: int | None) -> None:
    assert WALK.reaches(rate) == calls


def test_shares_count_what_was_not_reached_as_a_lower_bound() -> None:
    found = [Reach(0, "ten steps", 1000, 0.2, 300, 0.2), Reach(1, "ten steps", 3000, 0.3, None, 0.4)]
    assert [reach.share for reach in found] == [0.3, 1.0]
    share, low, high = total_share(found)
    assert (share, low, high) == (pytest.approx(0.825), pytest.approx(0.3), pytest.approx(1.0))
    lines = show_reach(found, "race")
    assert all(line.startswith("simulated  ") for line in lines)
    assert "after 300, 30%" in lines[0]
    assert "not within as many" in lines[1]
    assert "82% [30%, 100%]" in lines[2]
    assert "1 of 2 not reached" in lines[2]


def test_a_walk_is_the_loop_seen_from_the_truth(tmp_path: Path) -> None:
    testbed = Testbed(7)
    config = LoopConfig(seed=7, batch_size=3, m=2, steps=3, patience=3, dev_size=12)
    made = walk(testbed, "paper", config, tmp_path)
    assert len(made.calls) == 4
    assert list(made.calls) == sorted(made.calls)
    assert made.rates[0] == testbed.true_rate(testbed.start)
    # The rate changes only where the method in force does.
    for number in range(1, 4):
        assert made.improved[number] or made.rates[number] == made.rates[number - 1]
    cut = walk(testbed, "author", config, tmp_path, cap=made.calls[1])
    assert cut.calls[-1] <= made.calls[1]


@pytest.mark.slow
def test_the_whole_experiment_prints_nothing_without_its_label(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--seeds", "1", "--budget", "100", "--dev", "6", "--optimizers", "paper,copro"]
    words += ["--rule", "author", "--reach", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["compare", *words])
    experiment.main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 8
    assert all(line.startswith("simulated  ") for line in lines)
    record = json.loads((tmp_path / "100" / "comparison.json").read_text())
    assert record["label"] == "simulated"
    assert {reach["end"] for reach in record["reach"]} == {"ten steps", "patience 1"}
    assert "(simulated)" in (tmp_path / "100" / "curves.svg").read_text()


@pytest.mark.slow
def test_the_same_rule_reaches_its_own_end_at_its_own_price(tmp_path: Path) -> None:
    found = calls_to_reach(Testbed(3), "paper", tmp_path / "twice")
    assert all(reach.calls is not None for reach in found)
    # By then its method in force has the rate; later steps did not better it.
    assert all(0 < reach.share <= 1 for reach in found)


def test_a_method_keeps_its_true_rate_whatever_its_name() -> None:
    testbed = Testbed(0)
    assert testbed.true_rate(Method(testbed.start.text, name="x")) == testbed.true_rate(testbed.start)
