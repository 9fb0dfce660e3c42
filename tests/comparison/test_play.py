"""Entries: resumed after a kill, stopped hard, played again with what is left."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from arena import simulated
from autoevol.comparison.catalog import find_contestants
from autoevol.comparison.entry import Entry
from autoevol.comparison.own import Fixed
from autoevol.comparison.play import play, run_entry
from autoevol.comparison.tracker import TrackedMetric
from autoevol.core.errors import AccessDenied, BudgetReached
from autoevol.core.records import Method
from autoevol.optimization.teleprompter import as_examples
from autoevol.programs.evolver import Evolver
from autoevol.reports.comparison import Finished, Group

OTHER = Method("Do something else with it.", name="other")


class Killed(AccessDenied):
    """Stands for whatever ends the process in the middle of a call."""


def outcome(entry: Finished) -> Finished:
    return replace(entry, seconds=0.0)


@pytest.mark.parametrize("name", ["paper", "copro", "mipro", "simba", "gepa", "opro", "ape", "bootstrap"])
@pytest.mark.parametrize("at", [3, 61])
def test_a_killed_entry_goes_on_and_finds_what_it_would_have_found(
    name: str, at: int, tmp_path: Path
) -> None:
    (contestant,) = find_contestants(name)
    heat, _ = simulated(2)
    whole = run_entry(contestant, heat, 100, tmp_path / "whole.json")

    first, before = simulated(2, fails_at=at, error=Killed("killed"))
    with pytest.raises(AccessDenied):
        run_entry(contestant, first, 100, tmp_path / "cut.json")
    assert not (tmp_path / "cut.json").exists()
    second, after = simulated(2)
    resumed = run_entry(contestant, second, 100, tmp_path / "cut.json")

    assert outcome(resumed) == outcome(whole)
    assert before.replied + after.replied == resumed.calls


def test_finished_entries_are_kept_and_only_the_interrupted_one_is_played(tmp_path: Path) -> None:
    contestants = find_contestants("paper,opro")
    heat, counted = simulated(0)
    (first,) = play(contestants[:1], [heat], 80, tmp_path)
    paid = counted.asked
    told: list[str] = []
    both = play(contestants, [heat], 80, tmp_path, lambda entry: told.append(entry.contestant))
    assert both[0] == first
    assert counted.asked == paid + both[1].calls
    assert told == ["paper", "opro"]
    assert play(contestants, [heat], 80, tmp_path) == both
    assert counted.asked == paid + both[1].calls


class Fake:
    """A contestant that does what a test wants."""

    name = "fake"
    group: Group = "rivals"
    traps: tuple[str, ...] = ()
    keeps_best = False

    def __init__(self, work: Callable[[Entry], Evolver]) -> None:
        self.work = work
        self.entries: list[Entry] = []

    def sizes(self, entry: Entry) -> Mapping[str, Any]:
        return {"budget": entry.budget}

    def compile(self, entry: Entry) -> Evolver:
        self.entries.append(entry)
        return self.work(entry)


def score_all(entry: Entry, method: Method) -> None:
    """Score `method` on the dev rows as a DSPy optimizer does."""
    metric, program = TrackedMetric(entry.metric, entry.tracker), entry.heat.student.with_method(method)
    for example in as_examples(entry.heat.dev):
        metric(example, program(**example.inputs()))


def test_who_swallows_the_stop_is_given_its_best_so_far_and_told(tmp_path: Path) -> None:
    def work(entry: Entry) -> Evolver:
        try:
            for number in range(100):
                score_all(entry, Method(f"Rewrite it in way {number}."))
        except BudgetReached:
            pass
        return entry.heat.student.with_method(OTHER)

    heat, counted = simulated()
    done = run_entry(Fake(work), heat, 60, tmp_path / "entry.json")
    assert done.calls == counted.asked == 60
    assert done.ending == "budget"
    assert done.method != OTHER
    assert done.notes == ("swallowed the budget stop and went on: its best so far counts",)


def test_an_error_ends_the_turn_and_the_best_so_far_counts(tmp_path: Path) -> None:
    def work(entry: Entry) -> Evolver:
        score_all(entry, Method(f"Rewrite it in way {entry.seed}."))
        raise ValueError("no\nmore")

    heat, _ = simulated(dev=4)
    fake = Fake(work)
    done = run_entry(fake, heat, 30, tmp_path / "entry.json")
    assert done.notes == ("ended by ValueError: no",)
    assert done.turns == len(fake.entries) > 1
    budgets = [entry.budget for entry in fake.entries]
    assert budgets[0] == 30
    assert budgets == sorted(set(budgets), reverse=True)
    assert len({entry.seed for entry in fake.entries}) == len(fake.entries)
    assert done.sizes == {"budget": 30}


def test_a_turn_that_pays_nothing_is_the_last(tmp_path: Path) -> None:
    heat, _ = simulated()
    fake = Fake(lambda entry: entry.heat.student.with_method(OTHER))
    done = run_entry(fake, heat, 1000, tmp_path / "entry.json")
    assert (done.turns, done.ending, done.method) == (1, "done", OTHER)


def test_what_is_printed_is_silenced_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def work(entry: Entry) -> Evolver:
        print("Scores so far")
        print("progress", file=sys.stderr)
        return entry.heat.student

    heat, _ = simulated()
    done = run_entry(Fake(work), heat, 10, tmp_path / "entry.json")
    assert capsys.readouterr() == ("", "")
    assert done.notes == ("wrote to standard output: silenced",)


def test_an_endpoint_that_is_lost_ends_the_whole_comparison(tmp_path: Path) -> None:
    heat, _ = simulated(fails_at=5, error=Killed("gone"))
    with pytest.raises(AccessDenied):
        play([Fixed(OTHER), *find_contestants("gepa,paper")], [heat], 50, tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.json")) == ["other-0.json"]
